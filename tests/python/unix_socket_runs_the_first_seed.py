"""The README of py-unix-socket, word for word, and what unix_socket does better."""

import contextlib
import io
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from _support import (DEADLINE, InOwnDirectory, connect, eventually, is_silent, read_exactly,
                      read_to_end)

from unix_socket import unix_socket
from unix_socket.unix_socket import UnixSocket

# The README's code, as it stands there.
QUICKSTART = '''
from unix_socket.unix_socket import UnixSocket

if __name__=="__main__":
    with UnixSocket() as ipc : 
        ipc.run()
'''

ADDRESS = '''
if __name__=="__main__":
    with UnixSocket(cust_add_namespace = "/path/to/file") as ipc : 
        ipc.run()
'''

ACKNOWLEDGMENT = '''
if __name__=="__main__":
    with UnixSocket(with_ack = True, ack_message = "ack_event") as ipc : 
        ipc.run()
'''

HANDLER = '''
def custom_worker(payload) : 
	... 

if __name__=="__main__":
    with UnixSocket(custom_handler = worker) as ipc : 
        ipc.run()
'''

BROADCAST = '''

if __name__=="__main__":
    with UnixSocket(with_broadcast = True) as ipc : 
        ipc.run()
'''

CONNECT = '''
client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
client.connect("/tmp/unix_socket.sock")
'''

SEND_AND_RECEIVE = '''
message = "foobar\\n"
client.send(message.encode())

r = client.recv(1024)
print ( 'Received :', r.decode())
'''

EXIT = '''
message = "exit\\n"
client.send(message.encode())
'''

# What the README shows once and means everywhere, and the worker that it names and does not show.
BEFORE = '''
from unix_socket.unix_socket import UnixSocket
def worker(payload):
    print("worked on", payload, flush=True)
'''

# Runs the program named first, with another default address, so that tests can run side by side.
RUN = '''
import runpy, sys
from unix_socket import unix_socket
unix_socket.DEFAULT_ADDRESS = sys.argv[2]
runpy.run_path(sys.argv[1], run_name="__main__")
'''


class TheReadme(InOwnDirectory):
    def serve(self, program):
        """Starts one of the README's servers as the program that it is."""
        self.address = self.path('unix_socket.sock')
        with open('server.py', 'w') as file:
            file.write(BEFORE + program.replace('/path/to/file', self.path('file')))
        server = subprocess.Popen([sys.executable, '-c', RUN, 'server.py', self.address],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, server)
        return server

    def end(self, server):
        server.kill()
        server.communicate()

    def interrupt(self, server):
        """Ctrl-C, which ends run() and with it the program. Returns what it printed."""
        server.send_signal(signal.SIGINT)
        output, errors = server.communicate(timeout=DEADLINE)
        self.assertEqual(server.returncode, 0, errors)
        self.assertNotIn('Traceback', errors)
        self.assertFalse([name for name in os.listdir() if name != 'server.py'])
        return output + errors

    def client(self, *examples, address=None):
        """Runs the README's client examples, one after the other, and returns its socket."""
        connect(address or self.address, patient=True).close()
        names = {'socket': socket}
        self.printed = io.StringIO()
        with contextlib.redirect_stdout(self.printed):
            for example in examples:
                exec(example.replace('/tmp/unix_socket.sock', address or self.address), names)
                names['client'].settimeout(DEADLINE)
        self.addCleanup(names['client'].close)
        return names['client']

    def test_the_default_address_is_that_of_the_original(self):
        self.assertEqual(unix_socket.DEFAULT_ADDRESS, '/tmp/unix_socket.sock')

    def test_quickstart_logs_payloads(self):
        server = self.serve(QUICKSTART)
        client = self.client(CONNECT)
        client.sendall(b'foobar\nexit\n')
        self.assertEqual(read_to_end(client), b'')
        self.assertIn('foobar', self.interrupt(server))

    def test_custom_address(self):
        server = self.serve(ADDRESS)
        client = self.client(CONNECT, EXIT, address=self.path('file'))
        self.assertEqual(read_to_end(client), b'')
        self.interrupt(server)

    def test_acknowledgment_is_sent_as_it_stands(self):
        server = self.serve(ACKNOWLEDGMENT)
        client = self.client(CONNECT)
        client.sendall(b'one\ntwo\nexit\n')
        self.assertEqual(read_to_end(client), b'ack_event' * 2)
        self.interrupt(server)

    def test_custom_handler(self):
        server = self.serve(HANDLER)
        client = self.client(CONNECT)
        client.sendall(b'foobar\nexit\n')
        read_to_end(client)
        self.assertIn('worked on foobar\n', self.interrupt(server))

    def test_broadcast_and_the_client(self):
        server = self.serve(BROADCAST)
        first = self.client(CONNECT)
        second = self.client(CONNECT)
        second.sendall(b'from the second\n')
        self.assertEqual(read_exactly(first, 16), b'from the second\n')
        first.sendall(b'from the first\n')
        self.assertEqual(read_exactly(second, 15), b'from the first\n')
        self.interrupt(server)

    def test_send_and_receive_then_exit(self):
        server = self.serve(ACKNOWLEDGMENT)
        client = self.client(CONNECT, SEND_AND_RECEIVE, EXIT)
        self.assertEqual(self.printed.getvalue(), 'Received : ack_event\n')
        self.assertEqual(read_to_end(client), b'')
        self.interrupt(server)


class Serving(InOwnDirectory):
    def setUp(self):
        super().setUp()
        self.address = self.path('s')
        self.payloads = []

    @contextlib.contextmanager
    def serving(self, **options):
        with UnixSocket(self.address, **options) as ipc:
            thread = threading.Thread(target=ipc.run)
            thread.start()
            try:
                yield ipc
            finally:
                ipc.shutdown()
                thread.join(DEADLINE)
                self.assertFalse(thread.is_alive())

    def client(self):
        client = connect(self.address)
        self.addCleanup(client.close)
        return client

    def answered(self):
        """A client that got an acknowledgment."""
        client = self.client()
        client.sendall(b'hello\n')
        self.assertEqual(read_exactly(client, 8), b'__ACK__\n')
        return client

    def clients(self, count, ipc):
        """Clients that have sent nothing, once the server has them all."""
        clients = [self.client() for _ in range(count)]
        eventually(lambda: len(ipc._all()) == count, 'the server has accepted all clients')
        return clients

    def test_the_default_acknowledgment(self):
        with self.serving(with_ack=True):
            self.answered()

    def test_no_acknowledgment_by_default(self):
        with self.serving(custom_handler=self.payloads.append):
            client = self.client()
            client.sendall(b'one\nexit\n')
            self.assertEqual(read_to_end(client), b'')
        self.assertEqual(self.payloads, ['one'])

    def test_every_line_of_a_packet_and_lines_in_pieces(self):
        with self.serving(custom_handler=self.payloads.append, with_ack=True, ack_message='.'):
            client = self.client()
            client.sendall(b'one\r\ntwo\n\nth')
            self.assertEqual(read_exactly(client, 3), b'...')
            client.sendall(b're')
            client.sendall(b'e\nfour')
            self.assertEqual(read_exactly(client, 1), b'.')
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_to_end(client), b'.')
        self.assertEqual(self.payloads, ['one', 'two', '', 'three', 'four'])

    def test_a_character_in_two_packets_and_bytes_that_are_no_text(self):
        with self.serving(custom_handler=self.payloads.append, with_broadcast=True) as ipc:
            client, other = self.clients(2, ipc)
            client.sendall('ä'.encode()[:1])
            client.sendall('ä'.encode()[1:] + b'\xff\n')
            self.assertEqual(read_exactly(other, 4), 'ä'.encode() + b'\xff\n')
        self.assertEqual(self.payloads, ['ä\udcff'])

    def test_a_client_that_goes_costs_no_time(self):
        with self.serving() as ipc:
            for _ in range(20):
                self.client().close()
            client = self.client()
            eventually(lambda: len(ipc._all()) == 1, 'the server notices the clients that went')
            before = time.process_time()
            time.sleep(0.5)  # the time in which the original spends 0.5 s of a processor
            self.assertLess(time.process_time() - before, 0.25)
            client.close()

    def test_handler_then_acknowledgment_then_broadcast(self):
        at = threading.Event()
        with self.serving(custom_handler=lambda payload: payload == 'wait' and at.wait(DEADLINE),
                          with_ack=True, with_broadcast=True) as ipc:
            client, other = self.clients(2, ipc)
            client.sendall(b'wait\n')
            other.sendall(b'go on\n')  # another client's handler does not wait for this one's
            self.assertEqual(read_exactly(other, 8), b'__ACK__\n')
            self.assertEqual(read_exactly(client, 6), b'go on\n')
            self.assertTrue(is_silent(client) and is_silent(other))
            at.set()
            self.assertEqual(read_exactly(client, 8), b'__ACK__\n')
            self.assertEqual(read_exactly(other, 5), b'wait\n')

    def test_lines_of_many_senders_are_whole_and_reach_everyone(self):
        lines, senders = 200, 4
        with self.serving(custom_handler=lambda _: None, with_broadcast=True) as ipc:
            clients = self.clients(senders + 1, ipc)
            reader = clients.pop()
            for client in clients:
                client.settimeout(None)

            def send(number):
                for line in range(lines):
                    clients[number].sendall(f'{number} {line} {"x" * 500}\n'.encode())

            def read_away(client):
                with contextlib.suppress(OSError):
                    while client.recv(65536):
                        pass

            threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
            for client in clients:
                threading.Thread(target=read_away, args=(client,), daemon=True).start()
            for thread in threads:
                thread.start()
            received, file = [[] for _ in range(senders)], reader.makefile()
            for _ in range(lines * senders):
                number, place, rest = file.readline().split(' ')
                self.assertEqual(rest, 'x' * 500 + '\n')
                received[int(number)].append(int(place))
            for thread in threads:
                thread.join()
            self.assertEqual(received, [list(range(lines))] * senders)

    def test_a_client_that_does_not_read_holds_back_nobody(self):
        with self.serving(with_broadcast=True, with_ack=True, custom_handler=lambda _: None) as ipc:
            with self.assertLogs(ipc.logger, 'WARNING') as logged:
                deaf, sender = self.clients(2, ipc)
                line = b'x' * 60000 + b'\n'
                for _ in range(60):
                    sender.sendall(line)
                    self.assertEqual(read_exactly(sender, 8), b'__ACK__\n')
                eventually(lambda: len(ipc._all()) == 1, 'the one that does not read is let go')
            self.assertIn('did not read', logged.output[0])
            read_to_end(deaf)

    def test_a_client_that_reads_late_gets_all_acknowledgments(self):
        lines = 100_000
        with self.serving(with_ack=True, custom_handler=lambda _: None):
            client = self.client()

            def send():
                client.sendall(b'x\n' * lines)
                client.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=send)
            sender.start()
            time.sleep(0.2)  # let the acknowledgments pile up; it is right however many there are
            received = len(read_to_end(client))
            sender.join()
            self.assertEqual(received, lines * len('__ACK__\n'))

    def test_a_line_without_end(self):
        with self.serving(custom_handler=self.payloads.append) as ipc:
            with self.assertLogs(ipc.logger, 'WARNING'):
                client = self.client()
                with contextlib.suppress(ConnectionError):
                    for _ in range(40):
                        client.sendall(b'x' * 65536)
                with contextlib.suppress(ConnectionError):
                    self.assertEqual(client.recv(1), b'')
                eventually(lambda: not ipc._all(), 'it is let go')
        self.assertEqual(self.payloads, [])

    def test_a_handler_that_fails(self):
        def handler(payload):
            if payload == 'bad':
                raise LookupError('of the handler')

        with self.serving(custom_handler=handler, with_ack=True) as ipc:
            client = self.client()
            with self.assertLogs(ipc.logger, 'ERROR') as logged:
                client.sendall(b'bad\ngood\nexit\n')
                self.assertEqual(read_to_end(client), b'__ACK__\n')
            self.assertIn('LookupError', logged.output[0])

    def test_control_characters_do_not_reach_the_log(self):
        with self.serving() as ipc:
            with self.assertLogs(ipc.logger, 'INFO') as logged:
                client = self.client()
                client.sendall(b'\x1b[2Jred\nexit\n')
                read_to_end(client)
            self.assertIn(r'\x1b[2Jred', logged.output[-1])

    def test_a_broadcast_of_the_program_itself(self):
        with self.serving() as ipc:
            clients = self.clients(2, ipc)
            ipc.broadcast(None, 'to all')
            for client in clients:
                self.assertEqual(read_exactly(client, 7), b'to all\n')

    def test_shutdown_by_a_handler_closes_everything(self):
        with UnixSocket(self.address, custom_handler=lambda _: ipc.shutdown()) as ipc:
            with connect(self.address) as idle, connect(self.address) as client:
                client.sendall(b'enough\n')
                ipc.run()
                self.assertEqual(read_to_end(idle), b'')
                self.assertEqual(read_to_end(client), b'')
        self.assertEqual(os.listdir(), [])

    def test_a_live_server_keeps_its_name(self):
        with self.serving(with_ack=True):
            with self.assertRaisesRegex(OSError, f'in use by pid {os.getpid()}'):
                UnixSocket(self.address).__enter__()
            self.answered()

    def test_another_file_is_left_alone(self):
        with open(self.address, 'w') as file:
            file.write('mine')
        with self.assertRaises(FileExistsError):
            UnixSocket(self.address).__enter__()
        with open(self.address) as file:
            self.assertEqual(file.read(), 'mine')

    def test_a_dead_server_is_replaced(self):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(self.address)
        with self.serving(with_ack=True):
            self.answered()

    def test_only_we_may_connect_by_default(self):
        with UnixSocket(self.address):
            self.assertEqual(os.stat(self.address).st_mode & 0o777, 0o600)
        with UnixSocket(self.address, mode=0o666):
            self.assertEqual(os.stat(self.address).st_mode & 0o777, 0o666)

    def test_run_outside_its_block(self):
        with self.assertRaisesRegex(RuntimeError, 'not open'):
            UnixSocket(self.address).run()
        with UnixSocket(self.address) as ipc:
            ipc.shutdown()
            ipc.run()
        with self.assertRaisesRegex(RuntimeError, 'not open'):
            ipc.run()

    def test_one_server_after_another(self):
        ipc = UnixSocket(self.address, with_ack=True)
        for _ in range(3):
            with ipc:
                thread = threading.Thread(target=ipc.run)
                thread.start()
                self.answered()
            thread.join(DEADLINE)
            self.assertFalse(thread.is_alive())

    def test_nothing_stays_open(self):
        def descriptors():
            return len(os.listdir('/proc/self/fd'))

        before = descriptors()
        with self.serving(with_ack=True):
            for _ in range(5):
                self.answered().close()
        eventually(lambda: descriptors() == before, 'all descriptors are closed')


if __name__ == '__main__':
    logging.basicConfig(level=logging.CRITICAL)
    unittest.main()
