"""hallway.hub(), with and without an event loop, against the hub of the command."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import hallway

from _support import DEADLINE, InOwnDirectory

HALLWAY = os.path.join(os.environ['BUILD_DIR'], 'bin', 'hallway')
# Its own runtime of a sanitizer does not go together with the one that is loaded into Python.
OF_THE_COMMAND = {name: value for name, value in os.environ.items() if name != 'LD_PRELOAD'}
if not os.path.exists(HALLWAY):
    print('skipped: the command hallway is not built')
    sys.exit(77)


class WithHub(InOwnDirectory):
    def setUp(self):
        super().setUp()
        self.hub = None
        self.start()
        self.addCleanup(self.stop)

    def start(self):
        self.hub = subprocess.Popen([HALLWAY, 'hub', 'h'], stderr=subprocess.DEVNULL, env=OF_THE_COMMAND)
        hallway.connect('h', retry_for=DEADLINE).close()

    def stop(self):
        if self.hub is not None:
            self.hub.kill()
            self.hub.wait()
        self.hub = None

    def run_loop(self, main):
        return asyncio.run(asyncio.wait_for(main, DEADLINE))


class OnAsyncio(WithHub):
    def test_messages(self):
        async def main():
            async with hallway.hub('h', name='test') as hub:
                async with hub.subscribe('a.*') as subscription:
                    await hub.publish('a.b', 'text', reply='r', header={'Name': 'value'})
                    await hub.publish('a.c', b'', header=[('N', '1'), ('N', '2')])
                    message = await subscription.receive()
                    self.assertEqual((message.subject, message.reply, message.payload, bytes(message),
                                      message.header, len(message)),
                                     ('a.b', 'r', b'text', b'text', {'Name': 'value'}, 4))
                    message = await subscription.receive()
                    self.assertEqual((message.payload, message.header, message.fields),
                                     (b'', {'N': '1'}, [('N', '1'), ('N', '2')]))
                    self.assertIsNone(subscription.try_receive())
                    with self.assertRaises(TimeoutError):
                        await subscription.receive(0.01)
                self.assertIsNone(await subscription.receive())
                self.assertEqual(hub.counters['messages_published'], 2)
        self.run_loop(main())

    def test_batches(self):
        async def main():
            async with hallway.hub('h') as hub, hub.subscribe('n') as numbers:
                for i in range(1000):
                    await hub.publish('n', str(i))
                got = []
                async for batch in numbers.batches():
                    got.extend(int(message.payload) for message in batch)
                    if len(got) == 1000:
                        break
                self.assertEqual(got, list(range(1000)))
        self.run_loop(main())

    def test_an_iteration_ends_after_max_messages(self):
        async def main():
            async with hallway.hub('h') as hub:
                numbers = hub.subscribe('n', max=3)
                for i in range(5):
                    await hub.publish('n', str(i))
                self.assertEqual([m.payload async for m in numbers], [b'0', b'1', b'2'])
                self.assertEqual(await numbers.receive_many(), [])
        self.run_loop(main())

    def test_requests(self):
        async def serve(hub):
            async with hub.subscribe('upper', queue='workers') as requests:
                async for request in requests:
                    await hub.publish(request.reply, request.payload.upper())

        async def main():
            async with hallway.hub('h') as hub, hallway.hub('h') as other:
                serving = asyncio.create_task(serve(hub))
                while True:
                    try:
                        answer = await other.request('upper', 'text', timeout=DEADLINE)
                        break
                    except hallway.NoResponders:
                        await asyncio.sleep(0.005)
                self.assertEqual(answer.payload, b'TEXT')
                serving.cancel()
                async with hub.subscribe('silent'):
                    await hub.flush()
                    with self.assertRaises(TimeoutError):
                        await other.request('silent', timeout=0.02)
                self.assertGreaterEqual((await other.statistics())['messages_in'], 2)
        self.run_loop(main())

    def test_a_hub_that_comes_back(self):
        events = []

        async def main():
            async with hallway.hub('h', on_event=events.append) as hub, hub.subscribe('a') as sub:
                await hub.flush()
                self.stop()
                while not events:
                    await asyncio.sleep(0.005)
                self.assertFalse(hub.connected)
                await asyncio.get_running_loop().run_in_executor(None, self.start)
                while len(events) < 2:
                    await asyncio.sleep(0.005)
                await hub.publish('a', 'again')
                self.assertEqual((await sub.receive()).payload, b'again')
        self.run_loop(main())
        self.assertEqual([event.kind for event in events], ['disconnected', 'reconnected'])

    def test_a_client_that_gives_up(self):
        async def main():
            async with hallway.hub('h', max_reconnects=0) as hub, hub.subscribe('a') as sub:
                await hub.flush()
                self.stop()
                with self.assertRaises(ConnectionResetError):
                    await sub.receive()
        self.run_loop(main())

    def test_cancelling_loses_no_message(self):
        async def main():
            async with hallway.hub('h') as hub, hub.subscribe('a') as sub:
                for i in range(20):
                    receiving = asyncio.create_task(self.receive_one(sub))
                    await hub.publish('a', str(i))
                    await asyncio.sleep(0.0001 * i)
                    receiving.cancel()
                    try:
                        message = await receiving
                    except asyncio.CancelledError:
                        message = await sub.receive()
                    self.assertEqual(message.payload, b'%d' % i)
        self.run_loop(main())

    async def receive_one(self, subscription):
        return await subscription.receive()

    def test_the_timeout_of_a_cancelled_receive_is_not_that_of_the_next(self):
        async def main():
            async with hallway.hub('h') as hub, hub.subscribe('n') as subscription:
                receiving = subscription.receive(0.001)
                future = receiving.send(None)
                while not future.done():
                    await asyncio.sleep(0)
                receiving.close()
                await hub.publish('n', b'late')
                self.assertEqual((await subscription.receive()).payload, b'late')
        self.run_loop(main())

    def test_a_full_inbox_follows_its_policy(self):
        async def main():
            async with hallway.hub('h') as hub, hallway.hub('h') as other:
                newest = hub.subscribe('n', inbox=10_000, full='drop_newest')
                oldest = hub.subscribe('n', inbox=10_000, full='drop_oldest')
                await hub.flush()
                for i in range(1000):
                    await other.publish('n', b'%d' % i + b'.' * 100)
                await other.flush()
                await hub.flush()
                first = [int(bytes(m).split(b'.')[0]) for m in await newest.receive_many()]
                last = [int(bytes(m).split(b'.')[0]) for m in await oldest.receive_many()]
                self.assertEqual(first, list(range(len(first))))
                self.assertEqual(last, list(range(1000 - len(last), 1000)))
                self.assertEqual(newest.dropped, 1000 - len(first))
                self.assertEqual(oldest.dropped, 1000 - len(last))
        self.run_loop(main())

    def test_draining(self):
        async def main():
            async with hallway.hub('h') as hub, hallway.hub('h') as other:
                sub = hub.subscribe('a')
                await hub.flush()
                await other.publish('a', '1')
                await other.flush()
                draining = asyncio.ensure_future(hub.drain())
                self.assertEqual([m.payload async for m in sub], [b'1'])
                await draining
        self.run_loop(main())

    def test_wrong_use(self):
        async def main():
            with self.assertRaises(FileNotFoundError):
                await hallway.hub('nobody')
            hub = await hallway.hub('h')
            with self.assertRaises(OSError):
                await hub.publish('two words', 'x')
            with self.assertRaises(OSError):
                hub.subscribe('a..b')
            for call in (lambda: hub.publish(7), lambda: hub.publish('a', 7),
                         lambda: hub.publish('a', 'x', header=7),
                         lambda: hub.publish('a', 'x', header={'a': 7}),
                         lambda: hub.subscribe(7), lambda: hub.request(7)):
                with self.assertRaises(TypeError):
                    call()
            with self.assertRaises(ValueError):
                hub.subscribe('a', full='latest_only')
            sub = hub.subscribe('a')
            hub.close()
            hub.close()
            with self.assertRaises(hallway.Closed):
                await hub.publish('a', 'x')
            with self.assertRaises(hallway.Closed):
                await sub.receive()
            self.assertEqual([m async for m in sub], [])
            with self.assertRaises(ValueError):
                hallway.hub('h', full='disconnect').__await__()
        self.run_loop(main())


class Blocking(WithHub):
    def test_messages(self):
        with hallway.hub('h') as hub:
            with hub.subscribe('a.>', queue='q') as subscription:
                hub.publish('a.b', 'one', header={'Name': 'value'})
                message = subscription.receive(timeout=DEADLINE)
                self.assertEqual((message.payload, message.header), (b'one', {'Name': 'value'}))
                for i in range(3):
                    hub.publish('a.c', str(i))
                hub.flush()
                self.assertEqual([m.payload for m in subscription.receive_many()],
                                 [b'0', b'1', b'2'])
                with self.assertRaises(TimeoutError):
                    subscription.receive(timeout=0.01)
            self.assertIsNone(subscription.receive())
            with self.assertRaises(hallway.NoResponders):
                hub.request('nobody', 'x')
            self.assertEqual(hub.statistics()['connections'], 1)

    def test_it_is_found_by_the_environment(self):
        self.addCleanup(os.environ.pop, 'HALLWAY_HUB')
        os.environ['HALLWAY_HUB'] = self.path('h')
        with hallway.hub() as hub:
            self.assertEqual(hub.address, f'unix:{self.path("h")}')

    def test_it_is_found_in_the_directory_of_the_user(self):
        self.addCleanup(os.environ.pop, 'XDG_RUNTIME_DIR')
        os.environ['XDG_RUNTIME_DIR'] = self.path('runtime')
        os.makedirs('runtime/hallway')
        os.symlink(self.path('h'), 'runtime/hallway/hub')
        with hallway.hub() as hub:
            self.assertEqual(hub.address, f'unix:{self.path("runtime/hallway/hub")}')

    def test_ctrl_c_ends_a_receive(self):
        with hallway.hub('h') as hub, hub.subscribe('a') as sub:
            sent = []
            timer = threading.Timer(0.05, lambda: (sent.append(time.monotonic()),
                                                   os.kill(os.getpid(), signal.SIGINT)))
            timer.start()
            with self.assertRaises(KeyboardInterrupt):
                sub.receive()
            self.assertLess(time.monotonic() - sent[0], 1)
            hub.publish('a', 'afterwards')
            self.assertEqual(sub.receive(timeout=DEADLINE).payload, b'afterwards')

    def test_with_a_subscriber_in_a_shell(self):
        shell = subprocess.Popen([HALLWAY, 'subscribe', 'news.*', '--raw', '--at', self.path('h')], env=OF_THE_COMMAND,
                                 stdout=subprocess.PIPE)
        try:
            with hallway.hub('h') as hub:
                end = time.monotonic() + DEADLINE
                # One is for the answers to these requests.
                while hub.statistics()['subscriptions'] < 2 and time.monotonic() < end:
                    time.sleep(0.01)
                hub.publish('news.today', 'hello')
                self.assertIn(b'hello', shell.stdout.readline())
        finally:
            shell.kill()
            shell.wait()
            shell.stdout.close()


if __name__ == '__main__':
    unittest.main()
