"""Connections, servers, datagrams and children on asyncio's loop, and on uvloop where it is installed."""

import asyncio
import contextvars
import errno
import gc
import os
import signal
import socket
import time
import unittest

import hallway

from _support import DEADLINE, InOwnDirectory, connect, read_exactly, read_to_end

try:
    import uvloop
except ImportError:
    uvloop = None


async def echo(peer):
    async for message in peer:
        await peer.send(message)


class OnAsyncio(InOwnDirectory):
    """Each test is a coroutine: it gets a loop of its own."""

    new_loop = staticmethod(asyncio.new_event_loop)

    def run(self, result=None):
        name = self._testMethodName
        method = getattr(self, name)
        if asyncio.iscoroutinefunction(method):
            setattr(self, name, lambda: self.run_loop(method()))
        return super().run(result)

    def run_loop(self, main):
        self.reported = []

        async def watched():
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, context: self.reported.append(context))
            return await asyncio.wait_for(main, DEADLINE)

        loop = self.new_loop()
        try:
            return loop.run_until_complete(watched())
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def in_thread(self, function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


class Connections(OnAsyncio):
    async def test_an_echo(self):
        async with hallway.serve('s', echo, mode=0o640) as server:
            self.assertEqual(server.address, 'unix:s')
            self.assertEqual(os.stat('s').st_mode & 0o777, 0o640)
            async with hallway.open('s') as peer:
                self.assertEqual(await peer.request('one'), b'one')
                for i in range(100):
                    await peer.send(b'%d' % i)
                got = []
                async for message in peer:
                    got.append(message)
                    if len(got) == 100:
                        break
                self.assertEqual(got, [b'%d' % i for i in range(100)])
                self.assertEqual(server.connections, 1)
                self.assertEqual(peer.peer.uid, os.geteuid())
        self.assertFalse(os.path.exists('s'))
        self.assertEqual(self.reported, [])

    async def test_with_plain_sockets(self):
        async with hallway.serve('s', echo):
            with connect('s') as plain:
                plain.sendall(b'one\ntwo\n')
                self.assertEqual(await self.in_thread(read_exactly, plain, 8), b'one\ntwo\n')

    async def test_with_a_client_that_blocks(self):
        async with hallway.serve('s', echo, type='seqpacket'):
            def use():
                with hallway.connect('s', type='seqpacket') as client:
                    return client.request(b'pac\nket', timeout=DEADLINE)
            self.assertEqual(await self.in_thread(use), b'pac\nket')

    async def test_batches(self):
        got = []

        async def take(peer):
            async for batch in peer.batches():
                got.extend(batch)

        async with hallway.serve('s', take) as server:
            async with hallway.open('s') as peer:
                for i in range(1000):
                    await peer.send(b'%d' % i)
            await server.drain()
        self.assertEqual(got, [b'%d' % i for i in range(1000)])

    async def test_many_are_sent_at_once(self):
        one, other = hallway.pair(outbound_soft=10_000)
        sent = [b'%d' % i for i in range(5000)]
        sending = asyncio.ensure_future(one.send_many(iter(sent)))
        got = []
        while len(got) < len(sent):
            got += await other.receive_many(DEADLINE)
        self.assertEqual(got, sent)
        await sending
        await one.send_many([])
        await one.send_many(('text', bytearray(b'array'), memoryview(b'view')))
        self.assertEqual(await other.receive_many(DEADLINE), [b'text', b'array', b'view'])
        for wrong in (b'bytes', 'text', 5, None):
            with self.assertRaisesRegex(TypeError, 'messages must be a list'):
                one.send_many(wrong)
        with self.assertRaisesRegex(TypeError, 'messages must be bytes'):
            one.send_many([b'before', 5])
        self.assertEqual(await other.receive(DEADLINE), b'before')
        one.close()
        with self.assertRaises(hallway.Closed):
            one.send_many([b'x'])
        other.close()

    async def test_what_is_sent_while_many_wait_may_fail(self):
        one, other = hallway.pair(outbound_soft=10_000)
        sending = asyncio.ensure_future(one.send_many([b'x' * 1000] * 2000))
        await asyncio.sleep(0)
        one.close()
        with self.assertRaises(hallway.Closed):
            await sending
        other.close()

    async def test_a_batch_is_limited(self):
        one, other = hallway.pair()
        await one.send_many([b'x'] * 10_000)
        one.half_close()
        sizes = []
        async for batch in other.batches():
            sizes.append(len(batch))
        self.assertEqual(sum(sizes), 10_000)
        self.assertGreater(max(sizes), 64)
        self.assertLess(max(sizes), 2000)
        one.close()
        other.close()

    async def test_a_woken_task_sees_its_own_context(self):
        variable = contextvars.ContextVar('variable', default='outer')
        one, other = hallway.pair()

        async def answer():
            variable.set('inner')
            await one.receive()
            self.assertIs(asyncio.current_task(), task)
            await one.send(variable.get())

        task = asyncio.create_task(answer())
        self.assertEqual(await other.request(b'x'), b'inner')
        self.assertEqual(variable.get(), 'outer')
        await task
        one.close()
        other.close()

    async def test_a_woken_task_may_end_another_that_wakes(self):
        pairs = [hallway.pair() for _ in range(4)]
        tasks = []

        async def end_others(peer):
            await peer.receive()
            for task in tasks:
                if task is not asyncio.current_task():
                    task.cancel()

        for one, _ in pairs:
            tasks.append(asyncio.create_task(end_others(one)))
        await asyncio.sleep(0)
        for _, other in pairs:
            await other.send(b'x')
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self.assertEqual(sum(result is None for result in results), 1)
        for one, other in pairs:
            one.close()
            other.close()

    def test_a_woken_task_may_end_the_loop(self):
        ended = []

        async def wait(peer, exits):
            try:
                await peer.receive()
                if exits:
                    raise SystemExit(7)
                await peer.receive()
            finally:
                ended.append(exits)
                peer.close()

        async def main():
            pairs = [hallway.pair() for _ in range(4)]
            tasks = [asyncio.create_task(wait(one, at == 1)) for at, (one, _) in enumerate(pairs)]
            await asyncio.sleep(0)
            for _, other in pairs:
                await other.send(b'x')
            try:
                await asyncio.wait(tasks)
            finally:
                tasks[1].exception()
                for _, other in pairs:
                    other.close()

        loop = self.new_loop()
        with self.assertRaises(SystemExit):
            loop.run_until_complete(main())
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()
        self.assertEqual(sorted(ended), [False, False, False, True])

    async def test_the_end_of_the_stream(self):
        one, other = hallway.pair()
        await one.send(b'last')
        one.close()
        self.assertEqual(await other.receive(), b'last')
        self.assertIsNone(await other.receive())
        self.assertEqual(await other.receive_many(), [])
        self.assertEqual([message async for message in other], [])
        with self.assertRaises(BrokenPipeError):
            other.set_framing(receive='lines', send='lines')
            other.half_close()
            await other._receive_answer()
        other.close()

    async def test_try(self):
        one, other = hallway.pair()
        self.assertIsNone(other.try_receive())
        self.assertTrue(one.try_send(b'x'))
        await one.flush()
        self.assertEqual(await other.receive(), b'x')
        while one.try_send(b'y' * 100_000):
            pass
        self.assertFalse(one.try_send(b'y' * 100_000))
        one.abort()
        other.close()

    async def test_timeouts(self):
        one, other = hallway.pair()
        for call in (one.receive, one.receive_many, one.receive_with_descriptors):
            with self.assertRaises(TimeoutError):
                await call(timeout=0.01)
        with self.assertRaises(TimeoutError):
            await one.request(b'x', timeout=0.01)
        with self.assertRaises(TimeoutError):
            await one.receive_into(bytearray(1), 0.01)
        with self.assertRaises(TimeoutError):
            await one.confirm(0.01)
        await other.send(b'now')
        self.assertEqual(await one.receive(DEADLINE), b'now')
        one.close()
        other.close()

    async def test_the_timeout_of_a_cancelled_receive_is_not_that_of_the_next(self):
        async def time_out_and_cancel(receiving):
            future = receiving.send(None)
            while not future.done():
                await asyncio.sleep(0)
            with self.assertRaises(asyncio.CancelledError):
                receiving.throw(asyncio.CancelledError)

        one, other = hallway.pair()
        await time_out_and_cancel(one.receive(0.001))
        await other.send(b'late')
        self.assertEqual(await one.receive(), b'late')
        await time_out_and_cancel(one.receive(0.001))
        self.assertIsNone(one.try_receive())
        one.close()
        other.close()
        async with hallway.AsyncDatagramSocket.bind('d') as datagrams:
            await time_out_and_cancel(datagrams.receive(0.001))
            await datagrams.send_to('d', b'late')
            self.assertEqual((await datagrams.receive())[0], b'late')

    async def test_cancelling_ends_the_wait_and_loses_no_message(self):
        one, other = hallway.pair()
        for i in range(20):
            receiving = asyncio.create_task(self.receive_one(one))
            await asyncio.sleep(0)
            if i % 2:
                await other.send(b'%d' % i)  # it arrives in the iteration in which it is cancelled
                for _ in range(i // 4):
                    await asyncio.sleep(0)
            receiving.cancel()
            try:
                await receiving
            except asyncio.CancelledError:
                if i % 2:
                    self.assertEqual(await one.receive(DEADLINE), b'%d' % i)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.receive_one(one), 0.01)
        await other.send(b'after')
        self.assertEqual(await one.receive(), b'after')
        one.close()
        other.close()

    async def receive_one(self, peer):
        return await peer.receive()

    async def test_one_task_at_a_time_receives(self):
        one, other = hallway.pair()
        first = asyncio.create_task(self.receive_one(one))
        await asyncio.sleep(0)
        with self.assertRaisesRegex(RuntimeError, 'another task'):
            await one.receive()
        await other.send(b'x')
        self.assertEqual(await first, b'x')
        one.close()
        other.close()

    async def test_back_pressure(self):
        one, other = hallway.pair(outbound_soft=10_000)
        sent = 0

        async def fill():
            nonlocal sent
            for _ in range(2000):
                await one.send(b'x' * 1000)
                sent += 1

        filling = asyncio.create_task(fill())
        await asyncio.sleep(0.1)
        self.assertLess(sent, 2000)
        got = 0
        while got < 2000:
            got += len(await other.receive_many())
        await filling
        one.close()
        other.close()

    async def test_a_send_that_is_cancelled(self):
        one, other = hallway.pair(outbound_soft=1000)
        sent = 0
        with self.assertRaises(asyncio.TimeoutError):
            while True:
                await asyncio.wait_for(one.send(b'%d' % sent + b'x' * 5000), 0.05)
                sent += 1
        one.half_close()
        got = [message async for message in other]
        self.assertEqual([message.rstrip(b'x') for message in got], [b'%d' % i for i in range(sent)])
        one.close()
        other.close()

    async def test_descriptors_both_ways(self):
        one, other = hallway.pair(descriptors=2)
        read, write = os.pipe()
        await one.send(b'take', descriptors=[write])
        os.close(write)
        data, (number,) = await other.receive_with_descriptors()
        self.assertEqual(data, b'take')
        os.write(number, b'x')
        self.assertEqual(os.read(read, 10), b'x')
        await other.send(b'back', [number, read])
        os.close(number)
        os.close(read)
        data, numbers = await one.receive_with_descriptors()
        os.write(numbers[0], b'y')
        self.assertEqual(os.read(numbers[1], 10), b'y')
        for number in numbers:
            os.close(number)
        one.close()
        other.close()

    async def test_receive_into(self):
        one, other = hallway.pair()
        room = bytearray(4)
        await one.send(b'abc')
        self.assertEqual(await other.receive_into(room), 3)
        self.assertEqual(room, b'abc\0')
        await one.send(b'abcdef')
        with self.assertRaises(hallway.Truncated) as raised:
            await other.receive_into(room)
        self.assertEqual(raised.exception.data, b'abcdef')
        one.close()
        self.assertIsNone(await other.receive_into(room))
        other.close()

    async def test_confirm(self):
        one, other = hallway.pair()
        await one.send(b'x')
        confirming = asyncio.ensure_future(one.confirm())
        self.assertEqual(await other.receive(), b'x')
        await confirming
        one.close()
        other.close()

    async def test_closing_ends_what_waits(self):
        one, other = hallway.pair()
        receiving = asyncio.create_task(self.receive_one(one))
        await asyncio.sleep(0)
        one.close()
        with self.assertRaises(hallway.Closed):
            await receiving
        self.assertTrue(one.closed)
        self.assertEqual(one.fileno(), -1)
        for call in (one.receive, one.flush, one.confirm, lambda: one.send(b'x'),
                     lambda: one.request(b'x')):
            with self.assertRaises(hallway.Closed):
                await call()
        self.assertEqual([message async for message in one], [])
        one.close()
        other.close()

    async def test_connecting(self):
        with self.assertRaises(FileNotFoundError) as raised:
            await hallway.open('nobody')
        self.assertIn(f'hint: {raised.exception.hint}', raised.exception.__notes__)

        async def later():
            await asyncio.sleep(0.05)
            server = hallway.serve('s', echo)
            return await server.__aenter__()

        starting = asyncio.create_task(later())
        async with hallway.open('s', retry_for=DEADLINE) as peer:
            self.assertEqual(await peer.request(b'x'), b'x')
        await (await starting).aclose()

    async def test_adopting_a_socket(self):
        one, other = socket.socketpair()
        async with hallway.adopt(one.detach()) as peer:
            other.sendall(b'x\n')
            self.assertEqual(await peer.receive(), b'x')
        self.assertEqual(read_to_end(other), b'')
        other.close()

    async def test_a_fast_sender_leaves_other_tasks_their_turn(self):
        turns = 0

        async def others():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def flood(peer):
            while True:
                await peer.send(b'x' * 64)

        async with hallway.serve('s', flood), hallway.open('s') as peer:
            task = asyncio.create_task(others())
            count = 0
            async for _ in peer:
                count += 1
                if count == 100_000:
                    break
            task.cancel()
        self.assertGreater(turns, 10)


class Servers(OnAsyncio):
    async def test_a_broadcast(self):
        joined = asyncio.Semaphore(0)

        async def join(peer):
            joined.release()
            async for message in peer:
                await peer.broadcast(message)

        async with hallway.serve('s', join) as server:
            async with hallway.open('s') as one, hallway.open('s') as other:
                await joined.acquire()
                await joined.acquire()
                await one.send(b'to the other')
                self.assertEqual(await other.receive(), b'to the other')
                await server.broadcast(b'to all')
                self.assertEqual(await one.receive(), b'to all')
                self.assertEqual(await other.receive(), b'to all')

    async def test_draining_serves_what_has_arrived(self):
        async def slowly(peer):
            async for message in peer:
                await asyncio.sleep(0.02)
                await peer.send(message)

        async with hallway.serve('s', slowly) as server:
            with connect('s') as client:
                client.sendall(b'1\n2\n3\n')
                reading = asyncio.create_task(self.in_thread(read_to_end, client))
                self.assertTrue(await server.drain())
                self.assertEqual(await reading, b'1\n2\n3\n')
        self.assertFalse(os.path.exists('s'))

    async def test_a_drain_has_an_end(self):
        async def stuck(peer):
            await asyncio.sleep(1000)

        async with hallway.serve('s', stuck) as server:
            with connect('s') as client:
                self.assertFalse(await server.drain(within=0.05))
                self.assertEqual(read_to_end(client), b'')

    async def test_signals_drain(self):
        async with hallway.serve('s', echo) as server:
            async with hallway.open('s') as peer:
                self.assertEqual(await peer.request(b'x'), b'x')
                running = asyncio.create_task(server.run(drain_on=('SIGTERM',)))
                await asyncio.sleep(0.01)
                os.kill(os.getpid(), signal.SIGTERM)
                await running
                self.assertIsNone(await peer.receive())

    async def test_a_handler_that_raises(self):
        async def bad(peer):
            await peer.receive()
            raise ValueError('on purpose')

        async with hallway.serve('s', bad):
            with connect('s') as client:
                client.sendall(b'x\n')
                self.assertEqual(await self.in_thread(read_to_end, client), b'')
        self.assertEqual([str(context['exception']) for context in self.reported], ['on purpose'])

    async def test_closing_cancels_handlers(self):
        ended = []

        async def wait(peer):
            try:
                await peer.receive()
            except (hallway.Closed, asyncio.CancelledError) as end:
                ended.append(type(end))
                raise

        async with hallway.serve('s', wait) as server:
            client = connect('s')
            while server.connections == 0 or not server._tasks:
                await asyncio.sleep(0.001)
        self.assertEqual(len(ended), 1)
        self.assertEqual(read_to_end(client), b'')
        client.close()

    async def test_events(self):
        events = []
        async with hallway.serve('s', echo, on_event=events.append) as server:
            async with hallway.open('s') as peer:
                await peer.request(b'x')
            await server.drain()
        kinds = [event.kind for event in events]
        self.assertEqual(kinds, ['connected', 'closed'])
        self.assertEqual(events[0].peer.pid, os.getpid())
        self.assertEqual(events[1].counters['messages_received'], 1)

    async def test_a_lost_path(self):
        lost = asyncio.Event()
        async with hallway.serve('s', echo, on_event=lambda event: lost.set()) as server:
            self.assertIsNone(server.lost)
            os.remove('s')
            await lost.wait()
            self.assertIn('gone', server.lost)

    async def test_a_live_name_is_not_taken(self):
        async with hallway.serve('s', echo):
            with self.assertRaises(OSError) as raised:
                await hallway.serve('s', echo).__aenter__()
        self.assertEqual(raised.exception.errno, errno.EADDRINUSE)

    async def test_rules_can_change(self):
        async with hallway.serve('s', echo, allow=[f'uid:{os.geteuid() + 1}']) as server:
            with connect('s') as client:
                self.assertEqual(await self.in_thread(read_to_end, client), b'')
            server.set_allow(['same-uid'])
            async with hallway.open('s') as peer:
                self.assertEqual(await peer.request(b'x'), b'x')

    async def test_a_takeover(self):
        async with hallway.serve('s', echo, takeover=True) as old:
            def successor():
                with hallway.serve('s', lambda client: client.send(b'successor'), takeover=True):
                    with hallway.connect('s') as client:
                        return client.receive(timeout=DEADLINE)
            self.assertEqual(await self.in_thread(successor), b'successor')
            await old.drain()


class Datagrams(OnAsyncio):
    async def test_both_ways(self):
        async with hallway.AsyncDatagramSocket.bind('a', descriptors=1) as a, \
                hallway.AsyncDatagramSocket.bind('b') as b:
            await b.send_to('a', b'question')
            received = await a.receive_full()
            self.assertEqual((received.data, received.sender, received.descriptors),
                             (b'question', 'unix:b', []))
            self.assertEqual(received.peer.pid, os.getpid())
            await a.answer_to(received, b'answer')
            self.assertEqual(await b.receive(), (b'answer', 'unix:a'))
            with self.assertRaises(TimeoutError):
                await b.receive(0.01)
            with self.assertRaises(FileNotFoundError):
                await b.send_to('nobody', b'x')
        self.assertFalse(os.path.exists('a'))

    async def test_with_plain_sockets(self):
        async with hallway.AsyncDatagramSocket.bind('a', descriptors=1, max_message=5) as a:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
                plain.sendto(b'', 'a')
                plain.sendto(b'plain', 'a')
                plain.sendto(b'too long', 'a')
                plain.connect('a')
                socket.send_fds(plain, [b'fd'], [plain.fileno()])
            datagrams = aiter(a)
            self.assertEqual(await anext(datagrams), (b'', None))
            self.assertEqual(await anext(datagrams), (b'plain', None))
            with self.assertRaises(hallway.Truncated) as raised:
                await anext(datagrams)
            self.assertEqual((raised.exception.data, raised.exception.size), (b'too l', 8))
            received = await a.receive_full()
            os.close(received.descriptors[0])

    async def test_connected(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
            plain.bind('p')
            plain.settimeout(DEADLINE)
            async with hallway.AsyncDatagramSocket.connect('p') as client:
                await client.send(b'question')
                data, name = plain.recvfrom(100)
                self.assertEqual(data, b'question')
                plain.sendto(b'answer', name)
                self.assertEqual((await client.receive())[0], b'answer')

    async def test_closing_ends_the_iteration(self):
        socket = hallway.AsyncDatagramSocket.bind('a')

        async def take():
            return [data async for data, _ in socket]

        taking = asyncio.create_task(take())
        await asyncio.sleep(0)
        socket.close()
        self.assertEqual(await taking, [])
        with self.assertRaises(hallway.Closed):
            await socket.receive()


class Children(OnAsyncio):
    async def test_a_filter(self):
        async with hallway.spawn(['sort']) as child:
            for word in ('c', 'a', 'b'):
                await child.connection.send(word)
            child.connection.half_close()
            self.assertEqual([line async for line in child.connection], [b'a', b'b', b'c'])
            self.assertEqual(await child.wait(), 0)

    async def test_how_it_ended(self):
        child = hallway.spawn(['sh', '-c', 'echo $WORD; exit 3'], environment={'WORD': 'x'})
        self.assertEqual(await child.connection.receive(), b'x')
        self.assertEqual(await child.wait(), 3)
        child = hallway.spawn(['cat'], own_group=True)
        child.kill(signal.SIGKILL)
        self.assertEqual(await child.wait(), -signal.SIGKILL)
        with self.assertRaises(FileNotFoundError):
            hallway.spawn(['no-such-program'])
        with self.assertRaises(ValueError):
            hallway.spawn([])


async def shout(peer):
    async for message in peer:
        await peer.send(message.upper())


class Spinning(OnAsyncio):
    """A turn that goes on while traffic flows."""

    async def test_what_the_loop_has_to_call_is_not_held_up(self):
        # A client in a thread, which answers at once: the connection always has something.
        def ask():
            with hallway.connect('s') as client:
                while not over:
                    client.request(b'x')

        over = []
        async with hallway.serve('s', echo):
            asking = asyncio.create_task(self.in_thread(ask))
            late = []
            for _ in range(50):
                due = time.monotonic() + 0.002
                await asyncio.sleep(0.002)
                late.append(time.monotonic() - due)
            over.append(True)
            await asking
        self.assertLess(sorted(late)[25], 0.1)

    async def test_a_task_that_another_wakes_comes_first(self):
        # Each message is answered by a task that a queue wakes. If a turn held that task up until it
        # had polled for the next message, a round trip would take longer than it polls.
        hallway.set_spin(1.0)
        questions = asyncio.Queue()

        async def ask_another(peer):
            async for message in peer:
                questions.put_nowait((peer, message))

        async def answer():
            while True:
                peer, message = await questions.get()
                await peer.send(message)

        answering = asyncio.create_task(answer())
        async with hallway.serve('s', ask_another), hallway.open('s') as client:
            began = time.monotonic()
            for _ in range(20):
                self.assertEqual(await client.request(b'x'), b'x')
            self.assertLess(time.monotonic() - began, 10)
        answering.cancel()

    async def test_it_is_chosen_before_anything_is_open(self):
        for spin in (0, 0.00001, None):
            hallway.set_spin(spin)
        async with hallway.serve('s', shout), hallway.open('s') as peer:
            self.assertEqual(await peer.request(b'x'), b'X')
            with self.assertRaisesRegex(RuntimeError, 'before anything is opened'):
                hallway.set_spin(0)

    async def test_what_is_no_time(self):
        with self.assertRaisesRegex(TypeError, "seconds must be a number or None, not <class 'str'>"):
            hallway.set_spin('soon')
        for spin in (-1, float('nan')):
            with self.assertRaisesRegex(ValueError, 'seconds must not be negative'):
                hallway.set_spin(spin)


class Loops(OnAsyncio):
    def test_one_after_the_other(self):
        async def main():
            async with hallway.serve('s', echo), hallway.open('s') as peer:
                return await peer.request(b'x')

        for _ in range(3):
            self.assertEqual(self.run_loop(main()), b'x')

    async def test_the_guest_ends_with_its_last_object(self):
        loop = asyncio.get_running_loop()
        one, other = hallway.pair()
        guest = loop._hallway_guest
        descriptor = guest.fileno()
        one.close()
        other.close()
        del one, other
        gc.collect()
        while not guest.closed:
            await asyncio.sleep(0)
        self.assertFalse(loop.remove_reader(descriptor))
        async with hallway.serve('s', echo), hallway.open('s') as peer:
            self.assertEqual(await peer.request(b'x'), b'x')

    def test_objects_that_are_left_open(self):
        left = []

        async def main():
            server = hallway.serve('s', echo)
            await server.__aenter__()
            peer = await hallway.open('s')
            self.assertEqual(await peer.request(b'x'), b'x')
            left.extend((server, peer, asyncio.create_task(self.receive_one(peer))))
            await asyncio.sleep(0)

        self.run_loop(main())
        peer = left[1]
        with self.assertRaises(RuntimeError):
            peer.send(b'x')
        left.clear()
        del peer
        gc.collect()

    async def receive_one(self, peer):
        return await peer.receive()


if uvloop is not None:
    for kind in (Connections, Servers, Datagrams, Children, Loops):
        name = f'{kind.__name__}OnUvloop'
        globals()[name] = type(name, (kind,), {'new_loop': staticmethod(uvloop.new_event_loop)})
    del kind


if __name__ == '__main__':
    unittest.main()
