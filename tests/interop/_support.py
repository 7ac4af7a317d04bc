# SPDX-License-Identifier: Apache-2.0
"""What the scripts in tests/interop and tests/examples share.

A script defines functions whose names begin with "test_" and ends with `main(globals())`. Each
function gets a directory of its own. Nothing here waits for time to pass: everything waits for
something to happen, and gives up at a deadline. Only processes started here are ever ended.
"""

import contextlib
import fcntl
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SOURCE_DIR = pathlib.Path(os.environ.get("SOURCE_DIR", pathlib.Path(__file__).parents[2]))
HALLWAY = os.environ.get("HALLWAY", str(SOURCE_DIR / "build/bin/hallway"))
EXAMPLES = os.environ.get("EXAMPLES", str(SOURCE_DIR / "build/bin/examples"))
SEEDS = SOURCE_DIR / "tests/interop/seeds"

# Far more than anything here takes on a busy machine with sanitizers.
DEADLINE = 240.0

# What a socket with this flag in /proc/net/unix does: it listens (__SO_ACCEPTCON).
LISTENS = 0x10000

# Sanitizers say more than our users' programs would: keep their words, not our environment.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("HALLWAY")}
ENVIRONMENT.update(LC_ALL="C.UTF-8", PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1")


class Skip(Exception):
    """A test that cannot run here, and why."""


def example(name):
    return os.path.join(EXAMPLES, name)


def need(*commands):
    """Skips the test where one of the commands is not installed."""
    for command in commands:
        if shutil.which(command) is None:
            raise Skip(f"{command} is not installed")


def sanitized():
    """Whether what is tested was built with a sanitizer, and takes ten times as long."""
    program = pathlib.Path(HALLWAY).read_bytes()
    return any(name in program for name in (b"__asan_init", b"__tsan_init"))


def need_root():
    if os.geteuid() != 0:
        raise Skip("only root may become another user")
    need("setpriv")


def as_nobody(*command):
    """The command, run as a user with no rights at all."""
    need_root()
    return ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", *command]


# --- waiting --------------------------------------------------------------------------------------


def wait_until(happened, what, within=DEADLINE):
    """The first true value of happened(). For what gives no event of its own."""
    end = time.monotonic() + within
    while True:
        value = happened()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {within:.0f} s in vain: {what}")
        time.sleep(0.01)


def sockets_of(pid):
    """Inode numbers of the sockets a process has open."""
    inodes = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    return inodes


def unix_sockets():
    """(flags, inode, name) of every Unix socket with a name."""
    with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as table:
        for line in table.readlines()[1:]:
            fields = line.rstrip("\n").split(None, 7)
            if len(fields) == 8:
                yield int(fields[3], 16), fields[6], fields[7]


def wait_bound(process, flags=LISTENS):
    """Waits until a process listens, without connecting to it: some serve one client only.

    With flags=0 a bound datagram socket is enough.
    """

    def bound():
        if process.popen.poll() is not None:
            raise AssertionError(f"it ended: {process.describe()}")
        inodes = sockets_of(process.popen.pid)
        return any(inode in inodes and have & flags == flags for have, inode, _ in unix_sockets())

    wait_until(bound, f"{process.command[0]} listens")
    return process


# --- processes ------------------------------------------------------------------------------------


class Gathered:
    """What a process wrote to one descriptor so far."""

    def __init__(self, stream):
        self.bytes = b""
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        while True:
            piece = os.read(stream.fileno(), 1 << 16)
            with self.changed:
                self.bytes += piece
                self.ended = not piece
                self.changed.notify_all()
            if not piece:
                stream.close()
                return

    def wait_for(self, enough, what, within=DEADLINE):
        with self.changed:
            if not self.changed.wait_for(lambda: enough(self.bytes) or self.ended, within):
                raise AssertionError(f"waited in vain for {what!r}; so far: {self.bytes!r}")
            assert enough(self.bytes), f"it ended before {what!r}: {self.bytes!r}"
            return self.bytes


class Process:
    """A running program whose input is ours and whose output is gathered."""

    running = []

    def __init__(self, *command, env=None, cwd=None, pass_fds=(), stdin=subprocess.PIPE):
        self.command = [str(word) for word in command]
        self.popen = subprocess.Popen(
            self.command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            env={**ENVIRONMENT, **(env or {})}, cwd=cwd, pass_fds=pass_fds, start_new_session=True)
        Process.running.append(self)
        self.out = Gathered(self.popen.stdout)
        self.err = Gathered(self.popen.stderr)

    def write(self, data):
        view = memoryview(data)
        while view:
            view = view[self.popen.stdin.write(view):]

    def close_input(self):
        self.popen.stdin.close()

    def expect(self, text):
        """Waits until the output contains text."""
        return self.out.wait_for(lambda got: text in got, text)

    def expect_error(self, text):
        return self.err.wait_for(lambda got: text in got, text)

    def expect_exactly(self, data):
        """Waits until the output is as long as data; it must then be data."""
        same("output", self.out.wait_for(lambda got: len(got) >= len(data), data[:200]), data)

    def wait(self, within=DEADLINE):
        """The exit status, once it has ended and all it wrote is here."""
        try:
            status = self.popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end: {self.describe()}") from None
        self.out.thread.join(within)
        self.err.thread.join(within)
        return status

    def terminate(self):
        """SIGTERM, and the exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.wait()

    def ends_well(self):
        status = self.wait()
        assert status == 0, self.describe()
        return self.out.bytes

    def end_now(self):
        """Whatever is left of it and of what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        if self.popen.stdin:
            with contextlib.suppress(OSError):
                self.popen.stdin.close()

    def describe(self):
        return (f"{' '.join(self.command)}\nstatus {self.popen.poll()}\n"
                f"stdout: {self.out.bytes[-2000:]!r}\nstderr: {self.err.bytes[-2000:]!r}")


class Finished:
    def __init__(self, process, status):
        self.status = status
        self.out = process.out.bytes
        self.err = process.err.bytes
        self.words = process.describe()


def run(*command, input=b"", status=0, within=DEADLINE, **how):
    """Runs a program to its end; `status` is what it must exit with (None: anything)."""
    process = Process(*command, **how)
    feeder = threading.Thread(target=_feed, args=(process, input), daemon=True)
    feeder.start()
    ended = process.wait(within)
    feeder.join(DEADLINE)
    if status is not None:
        assert ended == status, f"expected status {status}:\n{process.describe()}"
    return Finished(process, ended)


def _feed(process, data):
    with contextlib.suppress(BrokenPipeError):
        process.write(data)
    with contextlib.suppress(BrokenPipeError):
        process.close_input()


def serve(*words, **how):
    """`hallway serve ...`, once it is ready for clients."""
    ready, told = os.pipe()
    process = Process(HALLWAY, "serve", "--ready-fd", told, *words, pass_fds=[told], **how)
    os.close(told)
    with open(ready, "rb", buffering=0) as stream:
        readable, _, _ = select.select([stream], [], [], DEADLINE)
        if not readable or stream.read(1) != b"\n":
            raise AssertionError(f"never ready: {process.describe()}")
    return process


def start(*command, flags=LISTENS, **how):
    """Any other server, once it listens."""
    return wait_bound(Process(*command, **how), flags)


def start_example(name, *words, **how):
    return start(example(name), *words, **how)


def stops_at_once(process):
    """SIGTERM ends it with status 0, before any timer or deadline of its own can do so."""
    begun = time.monotonic()
    status = process.terminate()
    took = time.monotonic() - begun
    assert status == 0, process.describe()
    assert took < 5, f"it took {took:.2f} s: {process.describe()}"


def seed(directory, name, *changes):
    """A command that runs a program of the seeds, with (old, new) texts replaced in it."""
    text = (SEEDS / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{name} does not contain {old!r}"
        text = text.replace(old, str(new))
    copy = directory / name
    copy.write_text(text, encoding="utf-8")
    return ["/usr/bin/env", "python3", copy]


# --- sockets --------------------------------------------------------------------------------------


def connect(address, kind=socket.SOCK_STREAM):
    """A plain client socket. An address is a path, or begins with a NUL byte."""
    client = socket.socket(socket.AF_UNIX, kind)
    client.settimeout(DEADLINE)
    client.connect(str(address))
    return client


def receive_all(client):
    data = b""
    while piece := client.recv(1 << 16):
        data += piece
    return data


def receive_line(client):
    line = b""
    while not line.endswith(b"\n"):
        byte = client.recv(1)
        assert byte, f"the connection ended after {line!r}"
        line += byte
    return line


@contextlib.contextmanager
def default_address():
    """/tmp/unix_socket.sock, for one test at a time on this machine."""
    path = "/tmp/unix_socket.sock"
    lock = "/tmp/hallway-tests-use-the-default-address"
    with contextlib.suppress(FileExistsError):
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o644))
    with open(lock, "rb") as held:
        wait_until(lambda: _locked(held), f"lock on {lock}", within=60)
        if any(name == path for _, _, name in unix_sockets()):
            raise Skip(f"another process serves {path}")
        for file in (path, path + ".lock"):
            with contextlib.suppress(FileNotFoundError):
                if os.lstat(file).st_uid != os.geteuid():
                    raise Skip(f"{file} belongs to another user")
        yield path


def _locked(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- saying what is wrong -------------------------------------------------------------------------


def same(what, got, wanted):
    if got == wanted:
        return
    shown = [text if len(text := repr(value)) < 2000 else f"{text[:200]}... ({len(text)})"
             for value in (got, wanted)]
    raise AssertionError(f"{what}:\n   got {shown[0]}\nwanted {shown[1]}")


def gone(path):
    assert not os.path.lexists(path), f"{path} is still there"


# --- running --------------------------------------------------------------------------------------


def main(names):
    """Runs the tests; the exit status is ctest's: 0, 1, or 77 when there was nothing to run."""
    chosen = sys.argv[1:]
    tests = [(name, test) for name, test in names.items() if name.startswith("test_")]
    failed, skipped, passed = 0, 0, 0
    for name, test in tests:
        if chosen and not any(word in name for word in chosen):
            continue
        directory = tempfile.mkdtemp(prefix="hw")
        begun = time.monotonic()
        try:
            test(pathlib.Path(directory))
            passed += 1
            verdict = "ok"
        except Skip as reason:
            skipped += 1
            verdict = f"skipped: {reason}"
        except Exception:  # whatever it is, the other tests still run
            failed += 1
            verdict = "FAILED"
            traceback.print_exc(file=sys.stdout)
            for process in Process.running:
                print(process.describe())
        finally:
            for process in Process.running:
                process.end_now()
            Process.running.clear()
            shutil.rmtree(directory, ignore_errors=True)
        print(f"{name[5:]}: {verdict} ({time.monotonic() - begun:.2f} s)", flush=True)
    if failed:
        sys.exit(1)
    sys.exit(77 if skipped and not passed else 0)
