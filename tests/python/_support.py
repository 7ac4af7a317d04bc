"""What the tests of the Python packages share: a directory of its own for each, and deadlines."""

import contextlib
import os
import shutil
import socket
import tempfile
import time
import unittest

# For anything that is expected to happen: long, because it is only waited for when it does not.
DEADLINE = 30


class InOwnDirectory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.mkdtemp(prefix='hallway-')
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory)
        self.directory = directory

    def path(self, name):
        return os.path.join(self.directory, name)


def eventually(true, what):
    """Waits until true() is, at most until the deadline."""
    end = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f'not in {DEADLINE} s: {what}')
        time.sleep(0.005)


def connect(path, patient=False):
    """A connected socket with a timeout. patient: the server may start later."""
    end = time.monotonic() + (DEADLINE if patient else 0)
    while True:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(DEADLINE)
        try:
            client.connect(path)
            return client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


def read_to_end(client):
    received = b''
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            received += chunk
    return received


def read_exactly(client, size):
    received = b''
    while len(received) < size:
        chunk = client.recv(size - len(received))
        if not chunk:
            raise AssertionError(f'the stream ended after {received[-80:]!r}')
        received += chunk
    return received


def is_silent(client):
    """Whether nothing waits to be read. What was sent before something else that arrived is there
    by now."""
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) == b'never'
    except BlockingIOError:
        return True
    finally:
        client.settimeout(DEADLINE)
