"""What is used wrongly raises an exception that says so, and nothing crashes or leaks."""

import asyncio
import gc
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
import unittest

import hallway
from hallway import _core
from hallway import _core

from _support import DEADLINE, InOwnDirectory, eventually


async def echo(peer):
    async for message in peer:
        await peer.send(message)


def echo_without_a_loop(client):
    for message in client:
        client.send(message)


def run(main):
    return asyncio.run(asyncio.wait_for(main, DEADLINE))


class Arguments(InOwnDirectory):
    def raises(self, kind, words, call, *arguments, **named):
        with self.assertRaisesRegex(kind, words):
            call(*arguments, **named)

    def test_options_are_named_when_they_are_wrong(self):
        for words, kind, options in (
                ("unexpected keyword argument 'zeal'", TypeError, {'zeal': 1}),
                ('framing must be str', TypeError, {'framing': 7}),
                ('framing: ', ValueError, {'framing': 'bananas'}),
                ('timeout must be a number', TypeError, {'timeout': 'soon'}),
                ('timeout must not be negative', ValueError, {'timeout': -1}),
                ('timeout must not be negative', ValueError, {'timeout': float('nan')}),
                ('timeout is too large', ValueError, {'timeout': 10**400}),
                ('max_message must be int', TypeError, {'max_message': 1.5}),
                ('max_message must be between', ValueError, {'max_message': -1}),
                ('max_message must be between', ValueError, {'max_message': 1 << 70}),
                ('descriptors must be between', ValueError, {'descriptors': 254}),
                ('type: ', ValueError, {'type': 'carrier pigeon'}),
                ("type must be 'stream' or 'seqpacket'", ValueError, {'type': 'datagram'}),
                ('server_uid must be', ValueError, {'server_uid': 1 << 40}),
                ('overflow must be one of', ValueError, {'overflow': 'fail'})):
            with self.subTest(words):
                self.raises(kind, words, hallway.connect, 's', **options)
        for words, kind, options in (
                ('mode must be between', ValueError, {'mode': 0o10000}),
                ('mode must be int', TypeError, {'mode': '0600'}),
                ('owner must be', TypeError, {'owner': 1.5}),
                ('allow: ', ValueError, {'allow': ['everybody']}),
                ('allow must not contain NUL', ValueError, {'allow': ['any\0']}),
                ('allow must be an iterable', TypeError, {'allow': 'any'}),
                ('allow must be an iterable', TypeError, {'allow': 7}),
                ('takeover must be bool', TypeError, {'takeover': 1}),
                ('on_path_lost must be one of', ValueError, {'on_path_lost': 'cry'})):
            with self.subTest(words):
                self.raises(kind, words, hallway.serve('s', print, **options).__enter__)

    def test_addresses(self):
        self.raises(TypeError, 'address must be', hallway.connect, 7)
        self.raises(OSError, 'address: the path is empty', hallway.connect, '')
        self.raises(OSError, 'address', hallway.connect, 'a\0b')
        self.raises(FileNotFoundError, 'connect', hallway.connect, b'bytes')

    def test_messages(self):
        one, other = socket.socketpair()
        with other, hallway.Client.adopt(one.detach()) as client:
            for wrong in (7, None, ['a'], 1.5):
                self.raises(TypeError, 'message must be', client.send, wrong)
                self.raises(TypeError, 'message must be', client.request, wrong)
            self.raises(TypeError, 'missing required', client.send)
            self.raises(TypeError, 'at most', client.send, 1, 2, 3, 4)
            self.raises(TypeError, 'unexpected keyword', client.send, b'x', wrong=1)
            self.raises(TypeError, 'multiple values', client.send, b'x', message=b'y')
            self.raises(BufferError, 'message must be contiguous', client.send,
                        memoryview(b'abcd')[::2])
            self.raises(UnicodeEncodeError, '', client.send, '\ud800')
            self.raises(TypeError, 'descriptors must be', client.send, b'x', descriptors=7)
            self.raises(TypeError, 'descriptors must be', client.send, b'x', descriptors=['a'])
            for number in (-1, 1 << 40, 1 << 100):
                self.raises(ValueError, 'descriptors', client.send, b'x', descriptors=[number])
            self.raises(OSError, 'send descriptor 1048576', client.send, b'x',
                        descriptors=[1 << 20])
            self.raises(ValueError, 'at most 253', client.send, b'x', descriptors=[0] * 254)
            self.raises(TypeError, 'buffer must be', client.receive_into, b'read only')
            self.raises(TypeError, 'buffer must be', client.receive_into,
                        memoryview(bytearray(9))[::2])
            for named in ({}, {'receive': 'raw'}, {'send': 'raw'}):
                self.raises(TypeError, 'set_framing', client.set_framing, **named)
            self.raises(TypeError, 'send must be str', client.set_framing, receive='raw', send=7)
            self.raises(TypeError, 'timeout must be', client.receive, 'soon')
            other.sendall(b'unharmed\n')
            self.assertEqual(client.receive(), b'unharmed')
            other.sendall(b'too long\n')
            self.raises(hallway.Truncated, 'buffer is smaller', client.receive_into, bytearray(3))

    def test_sockets_that_are_adopted(self):
        for wrong, kind in (('1', TypeError), (1.5, TypeError), (True, TypeError), (None, TypeError),
                            (-1, ValueError), (1 << 40, ValueError), (1 << 100, ValueError)):
            self.raises(kind, 'descriptor', hallway.Client.adopt, wrong)
        self.raises(OSError, 'adopt descriptor', hallway.Client.adopt, 1 << 20)

    def test_handlers_and_events(self):
        self.raises(TypeError, 'handler must be callable', hallway.serve, 's', None)
        self.raises(TypeError, 'on_event must be callable', hallway.serve, 's', print, on_event=7)
        self.raises(TypeError, 'on_event must be callable', hallway.hub, 's', on_event=7)

    def test_children_and_signals(self):
        async def main():
            for kind, words, command in ((TypeError, 'command must be an iterable', 'sort'),
                                         (TypeError, 'command must be an iterable', 7),
                                         (TypeError, 'command must be str', [7]),
                                         (ValueError, 'command must not be empty', []),
                                         (ValueError, 'command must not contain NUL', ['a\0b'])):
                self.raises(kind, words, hallway.spawn, command)
            for name in ('', 'A=B'):
                self.raises(ValueError, 'environment', hallway.spawn, ['true'],
                            environment={name: 'x'})
            self.raises(ValueError, 'environment', hallway.spawn, ['true'],
                        environment={'A': 'x\0y'})
            async with hallway.serve('s', echo) as server:
                for kind, names in ((ValueError, ('SIGNAL',)), (TypeError, 'SIGINT')):
                    with self.assertRaisesRegex(kind, 'drain_on'):
                        await server.run(drain_on=names)
        run(main())

    def test_types_are_made_by_their_functions(self):
        for kind in (hallway.Client, hallway.Connection, _core.Server, hallway.Hub,
                     hallway.HubMessage, hallway.Subscription, hallway.Child,
                     hallway.AsyncDatagramSocket, _core.AcceptedSocket, _core._Receive,
                     _core._Future, _core._Operation, _core._Done, _core._MessageView):
            self.raises(TypeError, 'cannot make', kind)

    def test_asyncio_objects_need_a_loop(self):
        self.raises(RuntimeError, 'no running event loop', hallway.pair)
        self.raises(RuntimeError, 'no running event loop', hallway.spawn, ['true'])
        self.raises(RuntimeError, 'no running event loop',
                    hallway.AsyncDatagramSocket.bind, 's')

    def test_a_server_is_used_as_its_handler_is(self):
        async def with_a_function():
            async with hallway.serve('s', print):
                pass
        with self.assertRaisesRegex(TypeError, 'async function'):
            run(with_a_function())
        self.raises(RuntimeError, 'not open', hallway.serve('s', print).set_allow, [])


class Use(InOwnDirectory):
    def pair_of_client(self):
        one, other = socket.socketpair()
        self.addCleanup(other.close)
        return hallway.Client.adopt(one.detach()), other

    def test_after_close(self):
        client, _ = self.pair_of_client()
        client.close()
        client.close()
        for call in (client.receive, client.receive_many, client.receive_view, client.try_receive,
                     client.half_close, client.confirm, lambda: client.send(b'x'),
                     lambda: client.request(b'x'), lambda: next(client),
                     lambda: client.receive_into(bytearray(1)),
                     lambda: client.set_framing(receive='raw', send='raw')):
            with self.assertRaisesRegex(hallway.Closed, 'closed'):
                call()
        self.assertEqual(client.fileno(), -1)
        self.assertTrue(client.closed)
        self.assertEqual(client.counters['messages_sent'], 0)
        for ask in (client.peer.groups, client.peer.pidfd):
            with self.assertRaisesRegex(hallway.Closed, 'closed'):
                ask()

    def test_a_peer_is_that_of_its_own_connection(self):
        client, other = self.pair_of_client()
        peer = client.peer
        self.assertEqual(sorted(peer.groups()), sorted(os.getgroups()))
        self.assertEqual(peer, client.peer)
        number = client.fileno()
        client.close()
        another, _ = self.pair_of_client()
        self.assertEqual(another.fileno(), number)
        with self.assertRaises(hallway.Closed):
            peer.groups()

        async def main():
            one, other = hallway.pair()
            self.assertEqual(sorted(one.peer.groups()), sorted(os.getgroups()))
            one.close()
            with self.assertRaises(hallway.Closed):
                one.peer.groups()
            async with hallway.AsyncDatagramSocket.bind('d') as datagrams:
                await datagrams.send_to('d', b'x')
                with self.assertRaisesRegex(ValueError, 'only its ids'):
                    (await datagrams.receive_full()).peer.groups()
            other.close()
        run(main())

    def test_two_threads_with_one_client(self):
        client, other = self.pair_of_client()
        ended = []

        def wait():
            try:
                client.receive()
            except hallway.Closed as closed:
                ended.append(closed)

        thread = threading.Thread(target=wait)
        thread.start()
        seen = None
        while seen is None:
            try:
                client.try_receive()
            except RuntimeError as error:
                seen = error
        self.assertIn('in use', str(seen))
        with self.assertRaisesRegex(RuntimeError, 'in use'):
            client.send(b'x')
        client.close()
        thread.join(DEADLINE)
        self.assertEqual(len(ended), 1)

    def test_a_server_that_its_handler_closes(self):
        answers = []

        def handle(client):
            client.receive()
            server.close()
            try:
                client.send(b'x')
            except hallway.Closed as closed:
                answers.append(closed)

        with hallway.serve('s', handle) as server:
            with hallway.connect('s') as client:
                client.send(b'close')
                self.assertIsNone(client.receive(DEADLINE))
            server.wait()
        eventually(lambda: answers, 'the handler ends')
        self.assertFalse(os.path.exists('s'))

    def test_a_server_that_its_event_closes(self):
        with hallway.serve('s', echo_without_a_loop, on_event=lambda _: server.close()) as server:
            with hallway.connect('s') as client:
                self.assertIsNone(client.receive(DEADLINE))
            server.wait()
        self.assertFalse(os.path.exists('s'))

    def test_a_server_whose_handler_uses_a_view_closes(self):
        taken = threading.Event()
        closed = threading.Event()
        ended = []

        def handle(client):
            with client.receive_view() as view:
                taken.set()
                closed.wait(DEADLINE)
                ended.append(bytes(view))
            ended.append(client.receive())

        with hallway.serve('s', handle) as server, hallway.connect('s') as client:
            client.send(b'message')
            self.assertTrue(taken.wait(DEADLINE))
            closing = threading.Thread(target=server.close)
            closing.start()
            self.assertIsNone(client.receive(DEADLINE))
            closed.set()
            closing.join(DEADLINE)
        self.assertEqual(ended, [b'message', None])

    def test_a_server_is_entered_once(self):
        with hallway.serve('s', echo_without_a_loop) as server:
            with self.assertRaisesRegex(RuntimeError, 'used once'):
                server.__enter__()
            with hallway.connect('s') as client:
                self.assertEqual(client.request(b'x'), b'x')
        with self.assertRaisesRegex(RuntimeError, 'used once'):
            server.__enter__()
        self.assertFalse(os.path.exists('s'))

    def test_two_threads_close_a_server(self):
        for _ in range(20):
            with hallway.serve('s', echo_without_a_loop) as server, hallway.connect('s'):
                threads = [threading.Thread(target=server.close) for _ in range(3)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(DEADLINE)
            server.wait()

    def test_a_client_may_move_to_another_thread(self):
        client, other = self.pair_of_client()
        other.sendall(b'x\n')
        got = []
        thread = threading.Thread(target=lambda: got.append(client.receive()))
        thread.start()
        thread.join()
        self.assertEqual(got, [b'x'])

    def test_loop_objects_from_another_thread(self):
        async def main():
            async with hallway.serve('s', echo) as server:
                async with hallway.open('s') as peer, \
                        hallway.AsyncDatagramSocket.bind('d') as datagrams:
                    calls = (lambda: peer.send(b'x'), lambda: peer.try_send(b'x'),
                             lambda: peer.send_many([b'x']),
                             lambda: peer.receive().send(None), peer.try_receive, peer.flush,
                             peer.half_close, peer.close, peer.abort,
                             lambda: datagrams.send_to('d', b'x'), datagrams.close,
                             lambda: server._core.broadcast(b'x'), server._core.close,
                             peer._guest.turn)
                    refused = []

                    def misuse():
                        for call in calls:
                            try:
                                call()
                            except RuntimeError as error:
                                refused.append('belongs to the thread' in str(error))

                    thread = threading.Thread(target=misuse)
                    thread.start()
                    thread.join()
                    self.assertEqual(refused, [True] * len(calls))
                    self.assertEqual(await peer.request(b'x'), b'x')
        run(main())

    def test_loop_objects_that_another_thread_drops(self):
        async def main():
            one, other = hallway.pair()
            box = [one]
            del one
            thread = threading.Thread(target=box.clear)
            thread.start()
            thread.join()
            self.assertIsNone(await other.receive())
            other.close()
        run(main())

    def forked(self, child):
        """Runs it in a forked child and gives what it returns, or the exception that it raises."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                words = repr(child())
            except BaseException as exception:
                words = f'{type(exception).__name__}: {exception}'
            os.write(write, words.encode())
            os._exit(0)
        os.close(write)
        with open(read) as answer:
            words = answer.read()
        _, status = os.waitpid(pid, 0)
        self.assertEqual(status, 0)
        return words

    def test_after_a_fork(self):
        client, other = self.pair_of_client()
        client.send(b'before')
        for call in (lambda: client.send(b'x'), client.receive, client.half_close):
            self.assertIn('RuntimeError: this object belongs to the process', self.forked(call))
        self.assertEqual(self.forked(client.close), 'None')

        def drop():
            nonlocal client
            client = None
            gc.collect()

        self.assertEqual(self.forked(drop), 'None')
        client.send(b'after')
        other.settimeout(DEADLINE)
        self.assertEqual(other.makefile('rb').read(13), b'before\nafter\n')

    def test_loop_objects_after_a_fork(self):
        async def main():
            async with hallway.serve('s', echo) as server, hallway.open('s') as peer:
                for call in (lambda: peer.send(b'x'), lambda: peer.receive().send(None),
                             peer.half_close, server._core.drain, peer._guest.turn):
                    self.assertIn('RuntimeError: this object belongs to the process',
                                  self.forked(call))
                self.assertEqual(self.forked(peer.close), 'None')

                def drop():
                    nonlocal peer
                    peer = None
                    gc.collect()

                self.assertEqual(self.forked(drop), 'None')
                self.assertTrue(os.path.exists('s'))
                self.assertEqual(await peer.request(b'x'), b'x')
        run(main())

    def test_a_child_connects_for_itself(self):
        with hallway.serve('s', lambda client: client.send(b'hello')):
            self.assertEqual(self.forked(lambda: hallway.connect('s').receive()), "b'hello'")

    def test_awaitables_by_hand(self):
        async def main():
            one, other = hallway.pair()
            receiving = one.receive()
            future = receiving.send(None)
            receiving.close()
            self.assertFalse(future.done())
            del receiving, future
            self.assertEqual(list(one.send(b'x')), [])
            self.assertEqual(await other.receive(), b'x')
            operation = one.flush()
            await operation
            with self.assertRaisesRegex(RuntimeError, 'already awaited'):
                await operation
            receiving = other.receive()
            with self.assertRaises(ValueError):
                receiving.throw(ValueError)
            with self.assertRaises(KeyError):
                receiving.throw(KeyError('x'))
            with self.assertRaises(TypeError):
                receiving.throw(7)
            one.receive()  # never awaited
            del receiving
            one.close()
            other.close()
        run(main())

    def test_a_buffer_that_is_received_into_stays_locked(self):
        async def main():
            one, other = hallway.pair()
            room = bytearray(10)
            receiving = asyncio.ensure_future(one.receive_into(room))
            await asyncio.sleep(0)
            with self.assertRaises(BufferError):
                room.extend(b'x' * 100_000)
            await other.send(b'abc')
            self.assertEqual(await receiving, 3)
            one.close()
            other.close()
        run(main())


class Exits(InOwnDirectory):
    """The interpreter ends while objects are open, waited for, or in use by a callback."""

    def ends(self, program, status=0, words=''):
        environment = {**os.environ, 'PYTHONFAULTHANDLER': '1'}
        run = subprocess.run([sys.executable, '-c', PRELUDE + textwrap.dedent(program)],
                             capture_output=True, text=True, timeout=DEADLINE, env=environment)
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertNotIn('Fatal', run.stderr)
        if words is not None:
            self.assertEqual(run.stderr, words)
        return run

    def test_with_objects_that_are_open(self):
        self.ends('''
            server = hallway.serve('s', echo); server.__enter__()
            client = hallway.connect('s')
            client.send(b'x'); client.receive()
            client.send(b'view'); view = client.receive_view()
            datagrams = hallway.DatagramSocket.bind('d')
        ''')
        self.assertFalse(os.path.exists('d') or os.path.exists('s'))

    def test_with_a_loop_that_never_ended(self):
        self.ends('''
            async def main():
                global server, peer, waiting
                server = hallway.serve('s', aecho); await server.__aenter__()
                peer = await hallway.open('s')
                waiting = asyncio.ensure_future(peer.receive())
                await asyncio.sleep(0.01)
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
        ''', words=None)

    def test_in_a_handler(self):
        self.ends('''
            async def leave(peer):
                await peer.receive()
                sys.exit(7)
            async def main():
                async with hallway.serve('s', leave), hallway.open('s') as peer:
                    await peer.send(b'x')
                    await peer.receive()
            asyncio.run(main())
        ''', status=7, words=None)

    def test_in_an_event(self):
        self.ends('''
            async def main():
                async with hallway.serve('s', aecho, on_event=lambda event: sys.exit(7)):
                    async with hallway.open('s') as peer:
                        await peer.request(b'x')
            asyncio.run(main())
        ''', status=7, words=None)

    def test_while_a_thread_waits(self):
        self.ends('''
            one, other = socket.socketpair()
            client = hallway.Client.adopt(one.detach())
            threading.Thread(target=client.receive, daemon=True).start()
            datagrams = []
            def wait():
                datagrams.append(hallway.DatagramSocket.bind('d'))
                datagrams[0].receive()
            threading.Thread(target=wait, daemon=True).start()
            while not datagrams: time.sleep(0.001)
            time.sleep(0.05)
        ''')

    def test_in_a_module_that_is_torn_down(self):
        self.ends('''
            class Holder:
                def __init__(self): self.client = hallway.connect('s')
                def __del__(self): self.client.send(b'bye'); self.client.close()
            server = hallway.serve('s', echo); server.__enter__()
            holder = Holder()
            holder.me = holder
        ''', words=None)


PRELUDE = '''
import asyncio, hallway, os, socket, sys, threading, time
def echo(client):
    for message in client: client.send(message)
async def aecho(peer):
    async for message in peer: await peer.send(message)
'''


class Leaks(InOwnDirectory):
    """Memory and descriptors are what they were, after the same again."""

    def steady(self, once):
        def measure(times):
            for _ in range(times):
                once()
            gc.collect()
            sys._clear_type_cache()  # it keeps names that were looked up

        # Not gettotalrefcount(): a debug build does not see what an extension for every build counts.
        shared = [None, True, False, 0, 1, b'', '', (), type, bytes, str, OSError,
                  *[value for value in vars(_core).values() if isinstance(value, type)]]

        def references():
            return sum(map(sys.getrefcount, shared))

        measure(3)
        descriptors = len(os.listdir('/proc/self/fd'))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        measure(3)
        before, counted = tracemalloc.get_traced_memory()[0], references()
        measure(20)
        grown = tracemalloc.get_traced_memory()[0] - before
        counted = references() - counted
        tracemalloc.stop()
        # The standard library itself keeps some 50 bytes each time, for names of threads and tasks.
        self.assertLess(grown, 20 * 200, 'bytes')
        self.assertLess(counted, 20, 'references')
        # Descriptors that came with messages are closed on a thread of the library.
        until = time.monotonic() + DEADLINE
        while len(os.listdir('/proc/self/fd')) > descriptors and time.monotonic() < until:
            time.sleep(0.01)
        self.assertLessEqual(len(os.listdir('/proc/self/fd')), descriptors)

    def test_clients(self):
        def once():
            one, other = socket.socketpair()
            with other, hallway.Client.adopt(one.detach(), descriptors=1) as client:
                other.sendall(b'a\nb\nc\n')
                client.receive()
                client.receive_many()
                client.send(b'x', descriptors=[0])
                other.sendall(b'view\n')
                client.receive_view().release()
                try:
                    client.receive(timeout=0)
                except TimeoutError:
                    pass
                try:
                    client.send(7)
                except TypeError:
                    pass
                client.peer, client.counters, client.address
        self.steady(once)

    def test_connecting_in_vain(self):
        def once():
            try:
                hallway.connect('nobody')
            except FileNotFoundError:
                pass
        self.steady(once)

    def test_loops(self):
        async def main():
            async with hallway.serve('s', echo) as server, hallway.open('s') as peer:
                await peer.request(b'x')
                for _ in range(10):
                    await peer.send(b'x')
                await peer.receive_many()
                await peer.confirm()
                await server.broadcast(b'all')
                await peer.receive()
                try:
                    await asyncio.wait_for(peer.receive(), 0.001)
                except asyncio.TimeoutError:
                    pass
                try:
                    await peer.receive(timeout=0.001)
                except TimeoutError:
                    pass
            one, other = hallway.pair(descriptors=1)
            await one.send(b'x', descriptors=[0])
            _, (number,) = await other.receive_with_descriptors()
            os.close(number)
            one.close()
            other.close()
            async with hallway.AsyncDatagramSocket.bind('d') as datagrams:
                await datagrams.send_to('d', b'x')
                await datagrams.receive_full()
            async with hallway.spawn(['true']) as child:
                await child.wait()
        self.steady(lambda: asyncio.run(main()))

    def test_blocking_servers(self):
        def once():
            with hallway.serve('s', lambda client: client.send(b'x')):
                with hallway.connect('s') as client:
                    client.receive()
        self.steady(once)


if __name__ == '__main__':
    unittest.main()
