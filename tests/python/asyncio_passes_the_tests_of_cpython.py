"""CPython's own tests of Unix streams and servers, with hallway.asyncio in the place of asyncio.

They come from Debian's libpython3.11-testsuite. Tests that call asyncio.start_unix_server or
open_unix_connection get ours; those that call a loop's create_unix_server get a loop whose function
is ours. Each runs with asyncio's loop and with uvloop's. test_socketserver knows no asyncio: its
servers of Unix streams run on a socket that Listener bound.
"""

import asyncio
import collections
import os
import re
import socket
import socketserver
import sys
import tempfile
import unittest
from unittest import mock

from hallway import asyncio as ours
from hallway._core import Listener
from hallway._path import address_of

# They bind names in the current directory, some as soon as they are imported.
directory = tempfile.TemporaryDirectory(prefix='hallway-')
os.chdir(directory.name)

try:
    from test import test_socketserver
    from test.test_asyncio import test_events, test_server, test_streams, test_unix_events
except ImportError as missing:
    print("skipped: CPython's tests are not installed:", missing)
    sys.exit(77)

try:
    import uvloop
except ImportError:
    uvloop = None

# What does not apply, and why.
NOT_OURS = {
    'test_create_unix_server_existing_path_nonsock':
        'it wants the words of asyncio; ours is FileExistsError, "a regular file is in the way": '
        'see asyncio_serves_on_a_listener.py, test_other_files_are_left_alone',
    'test_create_unix_server_bind_error':
        'it replaces the socket module of asyncio, which binds nothing here: '
        'see asyncio_serves_on_a_listener.py, test_refused_arguments_leave_nothing',
}

# What fails with uvloop alone as well.
NOT_OF_UVLOOP = {
    'test_start_unix_server_1': 'it looks into the Server of asyncio, at _sockets and _waiters',
    'test_create_unix_connection_ssl_noserverhost': 'the words of uvloop differ',
    'test_create_unix_connection_pathlib': 'uvloop asks the factory for a protocol first',
    'test_create_ssl_unix_connection': 'the transports of uvloop are not of asyncio.Transport',
    'test_create_unix_connection': 'the transports of uvloop are not of asyncio.Transport',
}

calls = collections.Counter()


def counted(function):
    async def call(*positional, **named):
        calls[function.__name__] += 1
        return await function(*positional, **named)

    return call


def loop_with_ours(loop_class):
    """A loop whose create_unix_server is ours. Ours asks the loop for its own."""

    class Loop(loop_class):
        asked = False
        _default_executor = None  # asyncio's tests look at it when they end, and uvloop has none

        async def create_unix_server(self, *positional, **named):
            if self.asked:
                return await super().create_unix_server(*positional, **named)
            self.asked = True
            try:
                return await counted(ours.create_unix_server)(*positional, **named)
            finally:
                self.asked = False

    return Loop


def with_ours(tests, loop_class, only='', not_these=()):
    """The tests of a class whose names match `only`, with our functions."""

    class WithOurs(tests):
        def setUp(self):
            for name in ('start_unix_server', 'open_unix_connection'):
                replaced = mock.patch.object(asyncio, name, counted(getattr(ours, name)))
                self.enterContext(replaced)
            for name in ('SelectorEventLoop', 'new_event_loop'):
                self.enterContext(mock.patch.object(asyncio, name, loop_class))
            super().setUp()

        def create_event_loop(self):
            return loop_class()

    for name in unittest.defaultTestLoader.getTestCaseNames(tests):
        if not re.search(only, name):
            setattr(WithOurs, name, None)
        elif name in not_these:
            setattr(WithOurs, name, unittest.skip(not_these[name])(getattr(tests, name)))
    WithOurs.__module__ = __name__
    WithOurs.__qualname__ = f'{tests.__name__}_{loop_class.__mro__[1].__module__.split(".")[0]}'
    return WithOurs


class OnListener(test_socketserver.SocketServerTest):
    """test_socketserver's servers of Unix streams."""

    def setUp(self):
        close = socketserver.UnixStreamServer.server_close

        def server_bind(server):
            calls['Listener'] += 1
            server.listener = Listener.bind(address_of(server.server_address))
            server.socket.close()
            server.socket = socket.socket(fileno=os.dup(server.listener.fileno()))

        def server_close(server):
            server.listener.close()
            close(server)

        for function in (server_bind, server_close):
            self.enterContext(mock.patch.object(
                socketserver.UnixStreamServer, function.__name__, function, create=True))
        super().setUp()


def load_tests(loader, _standard, _pattern):
    suite = unittest.TestSuite()
    loops = [(asyncio.SelectorEventLoop, NOT_OURS)]
    if uvloop:
        loops.append((uvloop.Loop, NOT_OURS | NOT_OF_UVLOOP))
    for loop_class, not_these in loops:
        for tests, only in (
            (test_streams.StreamTests, ''),
            (test_unix_events.SelectorEventLoopUnixSocketTests, ''),
            (test_server.SelectorStartServerTests, 'unix'),
            (test_events.EPollEventLoopTests, 'unix'),
        ):
            suite.addTests(loader.loadTestsFromTestCase(
                with_ours(tests, loop_with_ours(loop_class), only, not_these)))
    for name in ('UnixStreamServer', 'ThreadingUnixStreamServer', 'ForkingUnixStreamServer'):
        suite.addTest(OnListener(f'test_{name}'))
    return suite


def tearDownModule():
    os.chdir('/')
    directory.cleanup()
    for name in ('start_unix_server', 'create_unix_server', 'open_unix_connection', 'Listener'):
        assert calls[name] >= 3, f'{name} was hardly tested: {calls}'


if __name__ == '__main__':
    unittest.main(verbosity=2 if '-v' in sys.argv else 1)
