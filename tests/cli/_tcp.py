"""A hub that also listens over TCP, and its clients."""

import contextlib
import ctypes
import fcntl
import re
import socket
import struct
import threading

from _support import DEADLINE, Hub, Peer

LOCAL = 'tcp:127.0.0.1:0'


class TcpPeer(Peer):
    """A client over TCP that knows nothing of Hallway."""

    def __init__(self, address):
        host, _, port = address.removeprefix('tcp:').rpartition(':')
        self.socket = socket.create_connection((host.strip('[]'), int(port)), DEADLINE)
        self.file = self.socket.makefile('rb')

    def join(self):
        assert self.line().startswith('INFO {')
        return self


class TcpHub(Hub):
    """hallway hub --listen, listening; `tcp` is where."""

    def __init__(self, *flags, listen=LOCAL, **options):
        super().__init__('--listen', listen, *flags, **options)
        self.tcp = re.search(r'tcp:[^ "]+:\d+', self.says('tcp:'))[0]
        self.says('unix:')  # the last of its addresses

    def tcp_peer(self):
        return TcpPeer(self.tcp)


@contextlib.contextmanager
def other_network():
    """A function that calls another one in a network namespace of its own, with a loopback device;
    PermissionError where that is forbidden."""
    clone_newnet, siocsifflags, up = 0x40000000, 0x8914, 1
    wanted, answers = threading.Semaphore(0), threading.Semaphore(0)
    calls, results = [], []

    def enter():
        if ctypes.CDLL(None, use_errno=True).unshare(clone_newnet) != 0:
            raise PermissionError(ctypes.get_errno(), 'unshare')
        with socket.socket() as device:
            fcntl.ioctl(device, siocsifflags, struct.pack('16sh14x', b'lo', up))

    def serve():
        while True:
            wanted.acquire()
            function = calls.pop()
            if function is None:
                return
            try:
                results.append((function(), None))
            except BaseException as error:  # for the thread that asked
                results.append((None, error))
            answers.release()

    def call(function):
        calls.append(function)
        wanted.release()
        answers.acquire()
        result, error = results.pop()
        if error is not None:
            raise error
        return result

    thread = threading.Thread(target=serve, daemon=True)  # only this thread leaves its namespace
    thread.start()
    try:
        call(enter)
        yield call
    finally:
        calls.append(None)
        wanted.release()
        thread.join()


def activated(*listeners, names=None):
    """What makes these sockets those that socket activation hands over: a prefix of the command, and
    the descriptors to pass."""
    # Above those that they become, so that none is overwritten before its turn.
    numbers = [fcntl.fcntl(listener, fcntl.F_DUPFD, 50) for listener in listeners]
    moves = ' '.join(f'{3 + i}<&{number}' for i, number in enumerate(numbers))
    named = f'LISTEN_FDNAMES={names} ' if names else ''
    script = f'exec {moves}; LISTEN_FDS={len(numbers)} LISTEN_PID=$$ {named}exec "$@"'
    return ['bash', '-c', script, 'bash'], tuple(numbers)
