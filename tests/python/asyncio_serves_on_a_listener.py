"""hallway.asyncio, with asyncio's own loop and with uvloop's."""

import contextlib
import fcntl
import gc
import os
import socket
import stat
import subprocess
import sys
import unittest

from _support import DEADLINE, InOwnDirectory

from hallway import asyncio

try:
    import uvloop
except ImportError:
    uvloop = None

# A server in a process of its own: it prints a line when it serves, and ends with its stdin.
SERVER = '''
import sys
from hallway import asyncio
async def main():
    await asyncio.start_unix_server(lambda reader, writer: None, sys.argv[1])
    print('serving', flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
'''


# Looks at the socket file without rest and prints each mode it had. It looks once after the end.
WATCHER = '''
import os, stat, sys
path, end = sys.argv[1] + '/s', sys.argv[1] + '/end'
print('watching', flush=True)
seen, ended = set(), False
while not ended:
    ended = os.path.exists(end)
    try:
        seen.add(oct(stat.S_IMODE(os.stat(path).st_mode)))
    except FileNotFoundError:
        pass
print(*seen)
'''


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def answer_to(path, line=b'hello\n'):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    try:
        return await asyncio.wait_for(reader.readline(), DEADLINE)
    finally:
        writer.close()


def dead_socket(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)


class WithAsyncio(InOwnDirectory):
    new_loop = staticmethod(asyncio.SelectorEventLoop)

    def run_in_loop(self, main):
        with asyncio.Runner(loop_factory=self.new_loop) as runner:
            return runner.run(asyncio.wait_for(main, 2 * DEADLINE))

    def setUp(self):
        super().setUp()
        self.address = self.path('s')

    # Names ----------------------------------------------------------------------------------------

    def test_a_live_server_keeps_its_path(self):
        async def main():
            async with await asyncio.start_unix_server(echo, self.address):
                with self.assertRaises(OSError) as refused:
                    await asyncio.start_unix_server(echo, self.address)
                self.assertRegex(str(refused.exception), f'in use by pid {os.getpid()} ')
                self.assertEqual(refused.exception.operation, 'bind')
                self.assertEqual(refused.exception.subject, f'unix:{self.address}')
                self.assertIn(refused.exception.hint, refused.exception.__notes__[0])
                self.assertEqual(await answer_to(self.address), b'hello\n')

        self.run_in_loop(main())

    def test_a_live_server_of_another_process_keeps_its_path(self):
        with subprocess.Popen([sys.executable, '-c', SERVER, self.address], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as server:
            self.assertEqual(server.stdout.readline(), b'serving\n')

            async def refused():
                await asyncio.start_unix_server(echo, self.address)

            with self.assertRaisesRegex(OSError, f'in use by pid {server.pid} '):
                self.run_in_loop(refused())
            server.kill()
            server.wait(DEADLINE)

        async def replaced():  # it was killed: its socket file and its lock are still there
            self.assertTrue(os.path.exists(self.address))
            async with await asyncio.start_unix_server(echo, self.address):
                self.assertEqual(await answer_to(self.address), b'hello\n')

        self.run_in_loop(replaced())

    def test_a_listener_that_is_not_ours_keeps_its_path(self):
        async def main():
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(self.address)
                with self.assertRaisesRegex(OSError, 'not started listening'):
                    await asyncio.start_unix_server(echo, self.address)
                other.listen()
                with self.assertRaisesRegex(OSError, 'in use'):
                    await asyncio.start_unix_server(echo, self.address)

        self.run_in_loop(main())

    def test_a_dead_socket_is_replaced(self):
        async def main():
            dead_socket(self.address)
            async with await asyncio.start_unix_server(echo, self.address):
                self.assertEqual(await answer_to(self.address), b'hello\n')
            self.assertEqual(os.listdir(), [])

        self.run_in_loop(main())

    def test_other_files_are_left_alone(self):
        async def main():
            os.mkdir('directory')
            with open('file', 'w') as file:
                file.write('mine')
            dead_socket('dead')
            os.symlink('dead', 'link')
            os.symlink('nowhere', 'broken')
            for name in ('directory', 'file', 'link', 'broken'):
                before = os.lstat(name)
                with self.assertRaises(FileExistsError, msg=name):
                    await asyncio.start_unix_server(echo, name)
                self.assertEqual(os.lstat(name), before)
            with self.assertRaises(FileNotFoundError):
                await asyncio.start_unix_server(echo, 'none/s')
            with self.assertRaises(NotADirectoryError):
                await asyncio.start_unix_server(echo, 'file/s')
            self.assertEqual(sorted(os.listdir()), ['broken', 'dead', 'directory', 'file', 'link'])

        self.run_in_loop(main())

    def test_one_server_after_another_at_once(self):
        async def main():
            for _ in range(3):
                server = await asyncio.start_unix_server(echo, self.address)
                self.assertEqual(await answer_to(self.address), b'hello\n')
                server.close()
                self.assertEqual(os.listdir(), [])
            await server.wait_closed()
            server.close()

        self.run_in_loop(main())

    def test_one_loop_after_another(self):
        async def main():
            await asyncio.start_unix_server(echo, self.address)

        self.run_in_loop(main())
        gc.collect()
        self.run_in_loop(main())

    def test_what_took_the_place_of_ours_stays(self):
        async def main():
            server = await asyncio.start_unix_server(echo, self.address)
            self.assertIsNone(server.lost())
            os.unlink(self.address)
            self.assertEqual(server.lost(), 'the socket file is gone')
            with open(self.address, 'w'):
                pass
            server.close()
            self.assertIsNone(server.lost())
            self.assertTrue(stat.S_ISREG(os.stat(self.address).st_mode))

        self.run_in_loop(main())

    def test_cancelling_serve_forever_removes_the_path(self):
        async def main():
            server = await asyncio.start_unix_server(echo, self.address)
            serving = asyncio.ensure_future(server.serve_forever())
            self.assertEqual(await answer_to(self.address), b'hello\n')
            serving.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await serving
            while os.listdir():
                await asyncio.sleep(0)

        self.run_in_loop(main())

    def test_a_socket_that_was_passed_keeps_its_name(self):
        async def main():
            with socket.socket(socket.AF_UNIX) as passed:
                passed.bind(self.address)
                passed.listen()
                server = await asyncio.start_unix_server(echo, sock=passed)
                self.assertIsNone(server.address)
                self.assertIsNone(server.lost())
                self.assertEqual(await answer_to(self.address), b'hello\n')
                server.close()
                await server.wait_closed()
            self.assertEqual(os.listdir(), ['s'])

        self.run_in_loop(main())

    def test_paths_of_every_kind(self):
        async def main():
            long = os.path.join(self.directory, 'd' * 100, 'e' * 100)
            os.makedirs(long)
            for path, where in (
                ('name', 'unix:name'),
                (b'bytes', 'unix:bytes'),
                (b'\xff', 'unix:\udcff'),
                ('@file', 'unix:@file'),
                ('fd:3', 'unix:fd:3'),
                ('unix:x', 'unix:unix:x'),
                (os.path.join(long, 'f' * 200), f'unix:{long}/{"f" * 200}'),
                (f'\0hallway test {os.getpid()}', f'abstract:hallway test {os.getpid()}'),
                (b'\0\xfe\0' + str(os.getpid()).encode(), f'abstract:\udcfe\0{os.getpid()}'),
            ):
                async with await asyncio.start_unix_server(echo, path) as server:
                    self.assertEqual(server.address, where)
                    self.assertEqual(await answer_to(path), b'hello\n')
                if server.address.startswith('unix'):
                    self.assertFalse(os.path.exists(path))

        self.run_in_loop(main())

    # Permissions ----------------------------------------------------------------------------------

    def test_the_mode_whatever_the_umask(self):
        async def main():
            for umask in (0o000, 0o022, 0o777):
                for mode in (0o600, 0o660, 0o666, 0o000):
                    before = os.umask(umask)
                    try:
                        server = await asyncio.start_unix_server(echo, self.address, mode=mode)
                    finally:
                        os.umask(before)
                    self.assertEqual(stat.S_IMODE(os.stat(self.address).st_mode), mode)
                    server.close()
            async with await asyncio.start_unix_server(echo, self.address):
                self.assertEqual(stat.S_IMODE(os.stat(self.address).st_mode), 0o600)

        self.run_in_loop(main())

    def test_no_moment_with_more_rights(self):
        async def main():
            with subprocess.Popen(
                [sys.executable, '-c', WATCHER, self.directory], stdout=subprocess.PIPE, text=True
            ) as watcher:
                self.addCleanup(watcher.kill)
                self.assertEqual(watcher.stdout.readline(), 'watching\n')
                before = os.umask(0)
                try:
                    for _ in range(200):
                        server = await asyncio.start_unix_server(echo, self.address, mode=0o600)
                        server.close()
                    server = await asyncio.start_unix_server(echo, self.address, mode=0o600)
                finally:
                    os.umask(before)
                with open('end', 'w'):
                    pass
                modes = watcher.communicate(timeout=DEADLINE)[0].split()
                server.close()
            self.assertEqual(set(modes), {'0o600'})

        self.run_in_loop(main())

    def test_the_owner_and_group(self):
        async def main():
            group = os.getgid()
            async with await asyncio.start_unix_server(echo, self.address, group=group, mode=0o660):
                self.assertEqual(os.stat(self.address).st_gid, group)
            if os.geteuid() == 0:
                async with await asyncio.start_unix_server(echo, self.address, owner=4711,
                                                           group='daemon'):
                    self.assertEqual(os.stat(self.address).st_uid, 4711)
            with self.assertRaisesRegex(OSError, 'no such user'):
                await asyncio.start_unix_server(echo, self.address, owner='no-user-of-this-name')
            for bad in (1.5, True, [], b'root'):
                with self.assertRaisesRegex(TypeError, 'owner and group'):
                    await asyncio.start_unix_server(echo, self.address, owner=bad)
            for bad in (-1, 0o10000):
                with self.assertRaisesRegex(ValueError, 'mode'):
                    await asyncio.start_unix_server(echo, self.address, mode=bad)
            with self.assertRaises(TypeError):
                await asyncio.start_unix_server(echo, 7)
            self.assertEqual(os.listdir(), [])
            with socket.socket(socket.AF_UNIX) as passed:
                for options in ({'mode': 0o600}, {'owner': 0}, {'group': 0}):
                    with self.assertRaisesRegex(ValueError, 'only meaningful with path'):
                        await asyncio.start_unix_server(echo, sock=passed, **options)

        self.run_in_loop(main())

    # Serving --------------------------------------------------------------------------------------

    def test_peercred_on_both_sides(self):
        ids = (os.getpid(), os.getuid(), os.getgid())

        async def main():
            seen = asyncio.get_running_loop().create_future()

            def connected(reader, writer):
                seen.set_result(writer)

            async with await asyncio.start_unix_server(connected, self.address):
                _, writer = await asyncio.open_unix_connection(self.address)
                of_client = await seen
                self.assertEqual(writer.get_extra_info('peercred'), ids)
                self.assertEqual(of_client.get_extra_info('peercred'), ids)
                self.assertEqual(of_client.get_extra_info('peercred').uid, os.getuid())
                self.assertEqual(asyncio.peer_credentials(of_client.transport), ids)
                self.assertEqual(of_client.get_extra_info('sockname'), self.address)
                self.assertEqual(of_client.get_extra_info('nothing', 7), 7)
                for end in (writer, of_client):
                    end.close()
                    await end.wait_closed()
                self.assertEqual(of_client.get_extra_info('peercred'), ids)
                with self.assertRaisesRegex(OSError, 'closed'):
                    asyncio.peer_credentials(of_client.transport)

        self.run_in_loop(main())

    def test_protocols(self):
        ids = (os.getpid(), os.getuid(), os.getgid())

        async def main():
            seen = asyncio.get_running_loop().create_future()

            class Accepted(asyncio.Protocol):
                def connection_made(self, transport):
                    seen.set_result(asyncio.peer_credentials(transport))
                    transport.close()

            server = await asyncio.create_unix_server(Accepted, self.address, mode=0o660)
            self.assertEqual(stat.S_IMODE(os.stat(self.address).st_mode), 0o660)
            _, writer = await asyncio.open_unix_connection(self.address)
            self.assertEqual(await seen, ids)
            writer.close()
            server.close()
            self.assertEqual(os.listdir(), [])

        self.run_in_loop(main())

    def test_clients_wait_until_the_server_serves(self):
        async def main():
            server = await asyncio.start_unix_server(echo, self.address, start_serving=False)
            self.assertFalse(server.is_serving())
            answer = asyncio.ensure_future(answer_to(self.address))
            await asyncio.sleep(0)
            await server.start_serving()
            self.assertTrue(server.is_serving())
            self.assertEqual(await answer, b'hello\n')
            server.close()

        self.run_in_loop(main())

    def test_a_client_waits_for_room_in_the_queue(self):
        async def main():
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(self.address)
            listening.listen(0)
            first = await asyncio.open_unix_connection(self.address)
            second = asyncio.ensure_future(asyncio.open_unix_connection(self.address))
            done, _ = await asyncio.wait([second], timeout=0.1)
            self.assertFalse(done)
            with listening.accept()[0], contextlib.closing(first[1]):
                writer = (await asyncio.wait_for(second, DEADLINE))[1]
                writer.write(b'x')
                with listening.accept()[0] as accepted:
                    accepted.setblocking(False)
                    received = asyncio.get_running_loop().sock_recv(accepted, 1)
                    self.assertEqual(await asyncio.wait_for(received, DEADLINE), b'x')
                writer.close()
            third = asyncio.ensure_future(asyncio.open_unix_connection(self.address))
            listening.close()
            with self.assertRaises(OSError):
                (await asyncio.wait_for(third, DEADLINE))[1].close()
                await asyncio.open_unix_connection(self.address)

        self.run_in_loop(main())

    def test_refused_arguments_leave_nothing(self):
        async def main():
            with socket.socket() as other:
                for refused in ({'ssl': True}, {'ssl_handshake_timeout': 1}, {'sock': other}):
                    with self.assertRaises((TypeError, ValueError)):
                        await asyncio.start_unix_server(echo, self.address, **refused)
            with self.assertRaises(ValueError):
                await asyncio.start_unix_server(echo)
            self.assertEqual(os.listdir(), [])

        self.run_in_loop(main())

    def test_descriptors_are_not_inherited_and_not_left(self):
        def descriptors():
            return set(os.listdir('/proc/self/fd'))

        async def main():
            left = []
            for _ in range(2):  # the first time, the loop opens descriptors of its own
                before = descriptors()
                server = await asyncio.start_unix_server(echo, self.address)
                for number in descriptors() - before:
                    with contextlib.suppress(OSError):  # the one that listed them is closed by now
                        self.assertTrue(fcntl.fcntl(int(number), fcntl.F_GETFD) & fcntl.FD_CLOEXEC)
                server.close()
                await server.wait_closed()
                for _ in range(10):
                    await asyncio.sleep(0)
                left.append(len(descriptors()))
            self.assertEqual(left[1], left[0])
            self.assertIs(server.get_loop(), asyncio.get_running_loop())

        self.run_in_loop(main())

    def test_the_rest_is_asyncio(self):
        import asyncio as original
        for name in ('run', 'sleep', 'Queue', 'subprocess', 'StreamReader'):
            self.assertIs(getattr(asyncio, name), getattr(original, name))
        with self.assertRaises(AttributeError):
            asyncio.no_such_name


@unittest.skipUnless(uvloop, 'uvloop is not installed')
class WithUvloop(WithAsyncio):
    new_loop = staticmethod(uvloop.new_event_loop) if uvloop else None


if __name__ == '__main__':
    unittest.main()
