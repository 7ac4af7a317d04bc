"""hallway.connect() and hallway.serve() without an event loop."""

import array
import errno
import os
import signal
import socket
import threading
import time
import unittest

import hallway

from _support import DEADLINE, InOwnDirectory, connect, eventually, read_exactly, read_to_end


def echo(client):
    for message in client:
        client.send(message)


class Listening(InOwnDirectory):
    """A plain socket that listens, for clients, and what it has accepted."""

    def listen(self, kind=socket.SOCK_STREAM):
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.settimeout(DEADLINE)
        listener.bind('s')
        listener.listen()
        self.addCleanup(listener.close)
        return listener

    def connected(self, **options):
        """(client, the plain socket at its other end)"""
        listener = self.listen()
        client = hallway.connect('s', **options)
        self.addCleanup(client.close)
        accepted, _ = listener.accept()
        accepted.settimeout(DEADLINE)
        self.addCleanup(accepted.close)
        return client, accepted


class Clients(Listening):
    def test_messages_are_lines_by_default(self):
        client, other = self.connected()
        client.send(b'one')
        client.send('två')
        client.send(bytearray(b'three'))
        client.send(memoryview(b'four'))
        client.send(array.array('b', b'five'))
        client.send(b'')
        self.assertEqual(read_exactly(other, 26), 'one\ntvå\nthree\nfour\nfive\n\n'.encode())
        other.sendall(b'a\r\n\nb\n')
        self.assertEqual([client.receive() for _ in range(3)], [b'a', b'', b'b'])

    def test_every_framing(self):
        for framing, wire in (('null', b'x\0'), ('len32be', b'\0\0\0\1x'), ('len32le', b'\1\0\0\0x'),
                              ('raw', b'x')):
            with self.subTest(framing):
                client, other = self.connected(framing=framing)
                client.send(b'x')
                self.assertEqual(read_exactly(other, len(wire)), wire)
                other.sendall(wire)
                self.assertEqual(client.receive(), b'x')
                os.remove('s')

    def test_framing_can_change(self):
        client, other = self.connected()
        client.set_framing(receive='len32be', send='null')
        client.send(b'x')
        self.assertEqual(read_exactly(other, 2), b'x\0')
        other.sendall(b'\0\0\0\1y')
        self.assertEqual(client.receive(), b'y')

    def test_seqpacket(self):
        listener = self.listen(socket.SOCK_SEQPACKET)
        with hallway.connect('s', type='seqpacket') as client:
            accepted, _ = listener.accept()
            with accepted:
                client.send(b'one\ntwo')
                self.assertEqual(accepted.recv(100), b'one\ntwo')
                accepted.send(b'packet')
                self.assertEqual(client.receive(), b'packet')
                self.assertEqual(client.type, 'seqpacket')

    def test_messages_that_came_together_are_received_together(self):
        client, other = self.connected()
        other.sendall(b''.join(b'%d\n' % i for i in range(500)))
        got = []
        while len(got) < 500:
            got += client.receive_many()
        self.assertEqual(got, [b'%d' % i for i in range(500)])
        other.sendall(b'last')
        other.close()
        self.assertEqual(list(client.batches()), [[b'last']])
        self.assertEqual(client.receive_many(), [])

    def test_the_end_of_the_stream(self):
        client, other = self.connected()
        other.sendall(b'one\ntwo\n')
        other.shutdown(socket.SHUT_WR)
        self.assertEqual(list(client), [b'one', b'two'])
        self.assertIsNone(client.receive())
        with self.assertRaises(EOFError):
            client.try_receive()
        client.send(b'still')
        self.assertEqual(read_exactly(other, 6), b'still\n')

    def test_half_close(self):
        client, other = self.connected()
        client.send(b'x')
        client.half_close()
        self.assertEqual(read_to_end(other), b'x\n')
        other.sendall(b'answer\n')
        self.assertEqual(client.receive(), b'answer')

    def test_timeouts(self):
        client, other = self.connected()
        for call in (client.receive, client.receive_many, client.receive_with_descriptors,
                     client.receive_view):
            with self.assertRaises(TimeoutError) as raised:
                call(timeout=0.01)
            self.assertEqual(raised.exception.errno, errno.ETIMEDOUT)
            self.assertEqual(raised.exception.operation, 'receive from')
        with self.assertRaises(TimeoutError):
            client.request(b'x', timeout=0.01)
        with self.assertRaises(TimeoutError):
            client.receive_into(bytearray(1), 0)
        self.assertIsNone(client.try_receive())
        other.sendall(b'now\n')
        self.assertEqual(client.receive(timeout=DEADLINE), b'now')
        with self.assertRaises(TimeoutError):
            while True:
                client.send(b'x' * 100_000, timeout=0.05)

    def test_a_large_message_without_a_copy(self):
        client, other = self.connected(framing='len32be', max_message=1 << 24)
        size = 1 << 20
        threading.Thread(target=other.sendall, args=(size.to_bytes(4, 'big') + b'x' * size,)).start()
        with client.receive_view() as view:
            self.assertEqual(len(view), size)
            self.assertTrue(view.readonly)
            for call in (client.receive, client.try_receive, client.receive_many, client.close):
                with self.assertRaises(BufferError):
                    call()
            part = view[:10]
            self.assertEqual(part, b'x' * 10)
            part.release()
        other.sendall(b'\0\0\0\3abc')
        room = bytearray(5)
        self.assertEqual(client.receive_into(room), 3)
        self.assertEqual(room, b'abc\0\0')
        other.sendall(b'\0\0\0\6abcdef')
        with self.assertRaises(hallway.Truncated) as raised:
            client.receive_into(room)
        self.assertEqual((raised.exception.data, raised.exception.size), (b'abcdef', 6))

    def test_a_view_outlives_its_client(self):
        client, other = self.connected()
        other.sendall(b'kept\n')
        view = client.receive_view()
        del client
        self.assertEqual(bytes(view), b'kept')
        view.release()

    def test_descriptors_both_ways(self):
        client, other = self.connected(descriptors=4)
        read, write = os.pipe()
        client.send(b'take', descriptors=[write])
        os.close(write)
        data, taken, _, _ = socket.recv_fds(other, 100, 4)
        self.assertEqual(data, b'take\n')
        os.write(taken[0], b'through the pipe')
        self.assertEqual(os.read(read, 100), b'through the pipe')
        with open(os.devnull) as file:
            socket.send_fds(other, [b'give\n'], [file.fileno(), taken[0]])
        os.close(taken[0])
        data, given = client.receive_with_descriptors()
        self.assertEqual((data, len(given)), (b'give', 2))
        os.write(given[1], b'back')
        self.assertEqual(os.read(read, 100), b'back')
        for number in given:
            self.assertFalse(os.get_inheritable(number))
            os.close(number)
        # Those that are not asked for are closed: the pipe ends.
        socket.send_fds(other, [b'a\nb\n'], [read])
        os.close(read)
        self.assertEqual([client.receive(), client.receive()], [b'a', b'b'])

    def test_too_many_descriptors_are_lost_and_the_message_is_not(self):
        client, other = self.connected(descriptors=1)
        with open(os.devnull) as file:
            socket.send_fds(other, [b'x\n'], [file.fileno()] * 3)
        self.assertEqual(client.receive_with_descriptors(), (b'x', None))

    def test_the_peer(self):
        client, _ = self.connected()
        self.assertEqual((client.peer.uid, client.peer.gid, client.peer.pid),
                         (os.geteuid(), os.getegid(), os.getpid()))
        with open('/proc/self/comm') as comm:
            self.assertEqual(client.peer.name, comm.read().strip())
        self.assertEqual(sorted(client.peer.groups()), sorted(os.getgroups()))
        try:
            pidfd = client.peer.pidfd()
        except OSError as error:
            self.assertEqual(error.errno, errno.ENOPROTOOPT)
        else:
            os.close(pidfd)
        self.assertEqual(client.address, 'unix:s')

    def test_counters(self):
        client, other = self.connected()
        client.send(b'four')
        other.sendall(b'to\nyou\n')
        self.assertEqual([client.receive(), client.receive()], [b'to', b'you'])
        self.assertEqual(client.counters, {'messages_received': 2, 'messages_sent': 1,
                                           'bytes_received': 7, 'bytes_sent': 5, 'dropped': 0})

    def test_a_peer_that_resets(self):
        client, other = self.connected()
        client.send(b'never read')
        other.close()
        with self.assertRaises(ConnectionResetError):
            client.receive()

    def test_a_message_over_the_limit(self):
        client, other = self.connected(max_message=10)
        with self.assertRaises(OSError) as raised:
            client.send(b'x' * 11)
        self.assertEqual(raised.exception.errno, errno.EMSGSIZE)
        other.sendall(b'y' * 100)
        with self.assertRaises(OSError) as raised:
            client.receive()
        self.assertEqual(raised.exception.errno, errno.EMSGSIZE)

    def test_confirm(self):
        client, other = self.connected()
        client.send(b'x')
        with self.assertRaises(TimeoutError):
            client.confirm(timeout=0.01)
        reader = threading.Thread(target=read_exactly, args=(other, 2))
        reader.start()
        client.confirm(timeout=DEADLINE)
        reader.join()

    def test_connecting(self):
        with self.assertRaises(FileNotFoundError) as raised:
            hallway.connect('nobody')
        self.assertEqual(raised.exception.subject, 'unix:nobody')
        self.assertIn(f'hint: {raised.exception.hint}', raised.exception.__notes__)
        self.listen().close()
        with self.assertRaises(ConnectionRefusedError):
            hallway.connect('s')
        started = time.monotonic()
        with self.assertRaises(FileNotFoundError):
            hallway.connect('nobody', retry_for=0.05)
        self.assertGreaterEqual(time.monotonic() - started, 0.05)
        with self.assertRaises(PermissionError):
            hallway.connect(self.listen_again(), server_uid=os.geteuid() + 1)

    def listen_again(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind('again')
        listener.listen()
        self.addCleanup(listener.close)
        return 'again'

    def test_adopting_a_socket(self):
        one, other = socket.socketpair()
        with other, hallway.Client.adopt(one.detach()) as client:
            other.settimeout(DEADLINE)
            client.send(b'x')
            self.assertEqual(other.recv(10), b'x\n')


class Servers(InOwnDirectory):
    def test_a_handler_in_a_thread_for_each_client(self):
        with hallway.serve('s', echo, mode=0o640) as server:
            self.assertEqual(os.stat('s').st_mode & 0o777, 0o640)
            self.assertEqual(server.address, 'unix:s')
            with hallway.connect('s') as one, hallway.connect(self.path('s')) as other:
                self.assertEqual(other.request(b'first', timeout=DEADLINE), b'first')
                self.assertEqual(one.request(b'second', timeout=DEADLINE), b'second')
            with connect('s') as plain:
                plain.sendall(b'plain\n')
                self.assertEqual(read_exactly(plain, 6), b'plain\n')
        self.assertFalse(os.path.exists('s'))

    def test_an_async_handler_in_one_thread(self):
        async def answer(peer):
            async for message in peer:
                await peer.send(message.upper())

        with hallway.serve('s', answer), hallway.connect('s') as client:
            self.assertEqual(client.request(b'x', timeout=DEADLINE), b'X')

    def test_closing_ends_handlers_that_wait(self):
        begun, ended = threading.Event(), threading.Event()

        def handler(client):
            begun.set()
            try:
                client.receive()
            finally:
                ended.set()

        with hallway.serve('s', handler):
            client = connect('s')
            client.sendall(b'incomplete')
            begun.wait(DEADLINE)
        self.assertTrue(ended.is_set())
        self.assertEqual(read_to_end(client), b'')
        client.close()

    def test_a_handler_that_returns_closes_its_connection(self):
        with hallway.serve('s', lambda client: client.send(b'hello')) as server:
            with connect('s') as client:
                self.assertEqual(read_to_end(client), b'hello\n')
            eventually(lambda: server.connections == 0, 'the slot is free')

    def test_limits_hold(self):
        with hallway.serve('s', echo, max_connections_per_uid=1):
            with hallway.connect('s') as one:
                self.assertEqual(one.request(b'x', timeout=DEADLINE), b'x')
                if os.geteuid() != 0:
                    with connect('s') as refused:
                        self.assertEqual(read_to_end(refused), b'')

    def test_a_live_name_is_not_taken(self):
        with hallway.serve('s', echo), self.assertRaises(OSError) as raised:
            hallway.serve('s', echo).__enter__()
        self.assertEqual(raised.exception.errno, errno.EADDRINUSE)

    def test_rules(self):
        with hallway.serve('s', echo, allow=[f'uid:{os.geteuid() + 1}']):
            with connect('s') as client:
                self.assertEqual(read_to_end(client), b'')

    def test_a_handler_that_raises_loses_its_connection_only(self):
        raised = []
        self.addCleanup(setattr, threading, 'excepthook', threading.excepthook)
        threading.excepthook = lambda what: raised.append(what.exc_value)

        def handler(client):
            if client.receive() == b'bad':
                raise ValueError('on purpose')
            client.send(b'good')

        with hallway.serve('s', handler):
            with connect('s') as client:
                client.sendall(b'bad\n')
                self.assertEqual(read_to_end(client), b'')
            with hallway.connect('s') as client:
                self.assertEqual(client.request(b'x', timeout=DEADLINE), b'good')
        self.assertEqual([str(error) for error in raised], ['on purpose'])


class Interrupts(Listening):
    """Ctrl-C ends every call that waits, within 50 ms."""

    def interrupted(self, call):
        sent = []

        timer = threading.Timer(0.05, lambda: (sent.append(time.monotonic()),
                                               os.kill(os.getpid(), signal.SIGINT)))
        timer.start()
        try:
            with self.assertRaises(KeyboardInterrupt):
                call()
            took = time.monotonic() - sent[0]
        finally:
            timer.join()
        self.assertLess(took, 0.05 * 20)  # a busy machine; measured alone it is below 1 ms
        return took

    def test_every_call(self):
        client, other = self.connected()
        fastest = min(
            self.interrupted(client.receive),
            self.interrupted(client.receive_many),
            self.interrupted(client.receive_with_descriptors),
            self.interrupted(client.receive_view),
            self.interrupted(lambda: client.receive_into(bytearray(1))),
            self.interrupted(lambda: next(client)),
            self.interrupted(lambda: client.request(b'x')))
        self.assertLess(fastest, 0.05)
        other.sendall(b'afterwards\n')
        self.assertEqual(client.receive(timeout=DEADLINE), b'afterwards')
        self.interrupted(client.confirm)

    def test_a_send_that_waits(self):
        client, other = self.connected()

        def fill():
            while True:
                client.send(b'x' * 100_000)

        self.interrupted(fill)

    def test_connecting_again_and_again(self):
        self.interrupted(lambda: hallway.connect('nobody', retry_for=DEADLINE))

    def test_what_polls_a_loop(self):
        with hallway.DatagramSocket.bind('d') as datagrams:
            self.interrupted(datagrams.receive)
            self.interrupted(lambda: next(iter(datagrams)))
            datagrams.send_to('d', b'afterwards')
            self.assertEqual(datagrams.receive(timeout=DEADLINE)[0], b'afterwards')
        with hallway.serve('t', echo) as server:
            self.interrupted(server.wait)

    def test_a_handler_that_does_not_raise_lets_it_wait(self):
        client, other = self.connected()
        seen = []
        before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
        self.addCleanup(signal.signal, signal.SIGUSR1, before)

        def disturb():
            for _ in range(5):
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(0.01)
            other.sendall(b'x\n')

        threading.Thread(target=disturb).start()
        self.assertEqual(client.receive(timeout=DEADLINE), b'x')
        eventually(lambda: seen, 'the handler ran')

    def test_a_signal_handler_may_not_use_the_client_that_waits(self):
        client, other = self.connected()
        raised = []

        def handler(*_):
            try:
                client.send(b'x')
            except RuntimeError as error:
                raised.append(str(error))
            other.sendall(b'go on\n')

        before = signal.signal(signal.SIGUSR1, handler)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        self.assertEqual(client.receive(timeout=DEADLINE), b'go on')
        self.assertIn('in use', raised[0])


if __name__ == '__main__':
    unittest.main()
