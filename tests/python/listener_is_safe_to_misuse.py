"""hallway._core.Listener: its errors, and what must not crash."""

import errno
import gc
import os
import socket
import sys
import threading
import unittest

from _support import DEADLINE, InOwnDirectory, connect

from hallway._core import Listener


class Misused(InOwnDirectory):
    def test_use_after_close(self):
        listener = Listener.bind('s')
        for _ in range(2):
            listener.close()
            self.assertEqual(listener.fileno(), -1)
        self.assertEqual(listener.address, 'unix:s')
        self.assertIn('closed', repr(listener))
        with self.assertRaisesRegex(ValueError, 'closed'):
            listener.lost()
        with listener:
            pass

    def test_wrong_types_and_values(self):
        for positional, named, error, words in (
            ((), {}, TypeError, 'address'),
            ((7,), {}, TypeError, 'str, bytes or os.PathLike'),
            (('s', 0o600), {}, TypeError, 'positional'),
            (('s',), {'typ': 'stream'}, TypeError, 'typ'),
            (('s',), {'type': 7}, TypeError, 'type|argument'),
            (('s',), {'type': 'datagram'}, ValueError, "type must be 'stream' or 'seqpacket'"),
            (('s',), {'mode': -1}, ValueError, 'mode'),
            (('s',), {'mode': 0o10000}, ValueError, 'mode'),
            (('s',), {'mode': 2**40}, OverflowError, 'int'),
            (('s',), {'mode': '0600'}, TypeError, 'str'),
            (('s',), {'owner': 1.5}, TypeError, 'owner'),
            (('s',), {'group': b'root'}, TypeError, 'group'),
            (('s',), {'owner': '\ud800'}, UnicodeError, 'surrogates'),
            (('\ud800',), {}, UnicodeError, 'surrogates'),
        ):
            with self.assertRaisesRegex(error, words, msg=f'{positional} {named}'):
                Listener.bind(*positional, **named)
        with self.assertRaises(TypeError):
            Listener()
        with self.assertRaises(TypeError):
            type('Sub', (Listener,), {})
        self.assertEqual(os.listdir(), [])

    def test_errors_are_those_of_the_system(self):
        for address, error, number in (
            ('none/s', FileNotFoundError, errno.ENOENT),
            ('.', IsADirectoryError, errno.EISDIR),
            ('', OSError, errno.EINVAL),
            ('a\0b', OSError, errno.EINVAL),
            ('tcp:localhost:80', OSError, errno.EINVAL),
            ('@' + 'x' * 108, OSError, errno.ENAMETOOLONG),
            ('fd:999', OSError, errno.EBADF),
            ('exec:true', OSError, errno.EINVAL),
        ):
            with self.assertRaises(error, msg=address) as raised:
                Listener.bind(address)
            failure = raised.exception
            self.assertEqual(failure.errno, number, address)
            for attribute in ('operation', 'subject', 'hint'):
                self.assertIsInstance(getattr(failure, attribute), str)
            notes = getattr(failure, '__notes__', [])
            self.assertEqual(notes, [f'hint: {failure.hint}'] if failure.hint else [])

    def test_bytes_that_are_no_text_come_back(self):
        with Listener.bind(b'\xff') as listener:
            self.assertEqual(os.fsencode(listener.address), b'unix:\xff')
            with self.assertRaises(OSError) as raised:
                Listener.bind('\udcff')
        self.assertEqual(os.fsencode(raised.exception.subject), b'unix:\xff')

    def test_seqpacket(self):
        with Listener.bind('s', type='seqpacket'):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
                client.connect('s')

    def test_what_is_dropped_is_closed(self):
        Listener.bind('s')
        self.assertEqual(os.listdir(), [])

    def test_a_forked_child_removes_nothing(self):
        with Listener.bind('s') as listener:
            child = os.fork()
            if child == 0:
                listener.close()
                os._exit(0)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
            connect('s').close()

    def test_threads_that_close_at_once(self):
        for _ in range(50):
            listener = Listener.bind('s')
            together = threading.Barrier(4)

            def close():
                together.wait(DEADLINE)
                listener.fileno()
                listener.close()

            threads = [threading.Thread(target=close) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE)
            self.assertEqual(os.listdir(), [])

    def test_nothing_leaks(self):
        def use():
            with Listener.bind('s', group=os.getgid()) as listener:
                repr(listener)
                for bad in ({'address': 's'}, {'address': 's', 'mode': -1}, {'address': 7}):
                    try:
                        Listener.bind(**bad)
                    except (OSError, ValueError, TypeError):
                        pass

        def counts():
            gc.collect()
            return len(os.listdir('/proc/self/fd')), sys.getrefcount(None), sys.getallocatedblocks()

        for _ in range(100):
            use()
        before = counts()
        for _ in range(1000):
            use()
        for early, late in zip(before, counts()):
            self.assertLess(late - early, 500)


if __name__ == '__main__':
    unittest.main()
