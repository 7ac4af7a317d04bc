"""What the tests of the command share: a server that is listening, deadlines, a terminal.

Each test runs in a directory of its own and waits for events, never for time to pass.
"""

import atexit
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

HALLWAY = os.environ['HALLWAY']
SOURCE_DIR = os.environ.get('SOURCE_DIR', '.')

# For anything that is expected to happen: long, because it is only waited for when it does not.
DEADLINE = 30

SKIPPED = 77


def skip(reason):
    print('skipped:', reason)
    sys.exit(SKIPPED)


def sanitized(by=(b'__asan_init', b'__tsan_init')):
    with open(HALLWAY, 'rb') as program:
        code = program.read()
    return any(mark in code for mark in by)


def thread_sanitized():
    return sanitized((b'__tsan_init',))


def own_directory():
    directory = tempfile.mkdtemp(prefix='hallway-')
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chdir(directory)
    for name in ('HALLWAY_ADDRESS', 'HALLWAY_HUB', 'XDG_RUNTIME_DIR', 'NOTIFY_SOCKET', 'NO_COLOR'):
        os.environ.pop(name, None)


own_directory()


def run(*words, stdin=b'', check=None, env=None, **options):
    """hallway WORDS, to its end. check: the exit status expected."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    ended = subprocess.run([HALLWAY, *words], input=stdin, capture_output=True, timeout=DEADLINE,
                           env={**os.environ, **(env or {})}, **options)
    if check is not None:
        assert ended.returncode == check, f'{words}: {ended}'
    return ended


class Lines:
    """Lines of a stream as they come."""

    def __init__(self, stream):
        self.stream, self.all, self.ended = stream, [], False
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.stream:
            with self.changed:
                self.all.append(line.rstrip(b'\n'))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, wanted, what):
        """What wanted() gives once that is true."""
        with self.changed:
            if not self.changed.wait_for(lambda: wanted() or self.ended, DEADLINE) or not wanted():
                raise AssertionError(f'{what} did not come; there is {self.all}')
            return wanted()

    def next(self):
        """The next line that was not given out yet."""
        self.wait(lambda: self.all, 'a line')
        with self.changed:
            return self.all.pop(0)

    def rest(self):
        """All lines there are, once the stream has ended."""
        self.wait(lambda: self.ended, 'the end')
        with self.changed:
            return self.all


class Process:
    """A running hallway."""

    def __init__(self, *words, env=None, prefix=(), stdin=subprocess.DEVNULL, pass_fds=(), **options):
        self.process = subprocess.Popen(
            [*prefix, HALLWAY, *words], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})}, pass_fds=pass_fds, **options)
        atexit.register(self.kill)
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)
        self.pid = self.process.pid

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def status(self):
        """Its exit status, once it ends."""
        return self.process.wait(DEADLINE)

    def says(self, words):
        """The first line on stderr with these words in it, once it comes."""
        wanted = words.encode()
        return self.err.wait(lambda: next((line for line in self.err.all if wanted in line), None),
                             words).decode()

    def event(self, name):
        """The first event of this name, with --json."""
        return json.loads(self.says(f'"event":"{name}"'))

    def type(self, text):
        """Writes to its standard input, which is a pipe."""
        self.process.stdin.write(text.encode() if isinstance(text, str) else text)
        self.process.stdin.flush()


class Server(Process):
    """hallway serve, listening."""

    verb = 'serve'

    def __init__(self, *flags, address='./server.sock', **options):
        read_end, write_end = os.pipe()
        self.address = address
        super().__init__(self.verb, address, '--ready-fd', str(write_end), *flags,
                         pass_fds=(write_end,), **options)
        os.close(write_end)
        ready, _, _ = select.select([read_end], [], [], DEADLINE)
        if not ready or os.read(read_end, 1) != b'\n':
            raise AssertionError(f'not listening: {self.err.rest()}')
        os.close(read_end)

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if failed:
            self.kill()
            print('server said:', *self.err.all, sep='\n  ')
        elif self.process.poll() is None:
            self.stop()

    def stop(self):
        """Drains it, which must succeed."""
        self.signal(signal.SIGTERM)
        assert self.status() == 0, self.err.rest()

    def connect(self, kind=socket.SOCK_STREAM):
        return Peer(self.address, kind)


class Hub(Server):
    """hallway hub, listening."""

    verb = 'hub'

    def __init__(self, *flags, address='./hub.sock', **options):
        super().__init__(*flags, address=address, **options)

    def join(self):
        """A client that was greeted."""
        client = self.connect()
        assert client.line().startswith('INFO {')
        return client

    def reload(self):
        """Whether the config is in force; what was said about it is forgotten."""
        self.err.all.clear()
        self.signal(signal.SIGHUP)
        return 'not reloaded' not in self.says('reloaded')


class Peer:
    """A client that knows nothing of Hallway."""

    def __init__(self, address, kind=socket.SOCK_STREAM):
        self.socket = socket.socket(socket.AF_UNIX, kind)
        self.socket.settimeout(DEADLINE)
        self.socket.connect('\0' + address[1:] if address.startswith('@') else address)
        self.file = self.socket.makefile('rb')

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def line(self):
        return self.file.readline().decode()

    def asks(self, operation, reply='+OK'):
        """An operation of a hub's client, and the line that answers it."""
        self.send(operation + '\r\n')
        line = self.line()
        assert line == reply + '\r\n', (operation, line)

    def packet(self, size=1 << 20):
        return self.socket.recv(size)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def rest(self):
        """All that comes until the server closes."""
        return self.file.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Terminal:
    """hallway on a terminal of its own, as a person would use it."""

    def __init__(self, *words, env=None, before=None, program=HALLWAY):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            if before is not None:
                before()
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
            os.environ.update({'TERM': 'xterm', **(env or {})})
            os.execvp(program, [program, *words])
        self.seen = b''
        self.ended = None
        atexit.register(self.close)

    def type(self, text):
        os.write(self.master, text.encode())

    def wait_for(self, text):
        """What was shown up to this text, once it is."""
        wanted = text.encode() if isinstance(text, str) else text
        until = time.monotonic() + DEADLINE
        while wanted not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, until - time.monotonic()))
            shown = self.read() if ready else b''
            assert shown, f'{text!r} was not shown; this was: {self.seen!r}'
            self.seen += shown
        before, _, self.seen = self.seen.partition(wanted)
        return before

    def read(self):
        try:
            return os.read(self.master, 4096)
        except OSError:  # how Linux says that nobody holds the other side any more
            return b''

    def rest(self):
        """What is shown until it ends."""
        while shown := self.read():
            self.seen += shown
        return self.seen

    def status(self):
        if self.ended is None:
            self.ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.ended

    def close(self):
        if self.ended is None:
            os.kill(self.pid, signal.SIGKILL)
            self.status()


def until(condition, what):
    """For what announces itself in no other way: looks again until it is so; gives what it is."""
    give_up = time.monotonic() + DEADLINE
    while not (so := condition()):
        assert time.monotonic() < give_up, f'{what} did not happen'
        time.sleep(0.01)
    return so


def other_user(uid=65533):
    """What to put before a command so that another user runs it; skips where that is forbidden."""
    if os.geteuid() != 0:
        skip('only root can act as another user')
    if shutil.which('setpriv') is None:
        skip('setpriv is missing')
    os.chmod('.', 0o755)
    return ['setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups']


def stopped_terminal():
    """A terminal on which somebody pressed Ctrl-S."""
    master, slave = pty.openpty()
    os.write(master, b'\x13')
    until(lambda: not select.select([], [slave], [], 0)[1], 'Ctrl-S')
    return master, slave


def refuses(address='./server.sock'):
    """Whether the server refuses new clients, as it does once it drains."""
    try:
        Peer(address).close()
    except ConnectionError:
        return True
    return False
