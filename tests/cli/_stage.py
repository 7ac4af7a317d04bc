"""Makes situations of Unix sockets on the real kernel: servers, namespaces, mounts, other users.

A Stage is a directory and the processes that belong to it. What runs in a process of its own is a
function `before`, which becomes what the process is to be: become(), unshare(), join() and others
make such functions.
"""

import contextlib
import ctypes
import errno
import os
import platform
import secrets
import select
import shutil
import signal
import socket
import struct
import threading
import time
import traceback

from _support import DEADLINE, until

TYPES = {'stream': socket.SOCK_STREAM, 'seqpacket': socket.SOCK_SEQPACKET, 'datagram': socket.SOCK_DGRAM}

# A user that has no name and owns nothing.
STRANGER = 65533

NEW_MOUNTS, NEW_USERS, NEW_PIDS, NEW_NETWORK = 0x00020000, 0x10000000, 0x20000000, 0x40000000
READ_ONLY, REMOUNT, NO_LINKS, BIND, RECURSIVE, PRIVATE = 1, 32, 256, 4096, 16384, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """What a situation needs and this machine or user does not have."""


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def needs_root():
    if os.geteuid() != 0:
        raise Missing('only root can make it')


def prctl(*numbers):
    checked(libc.prctl(*(ctypes.c_ulong(number) for number in (*numbers, 0, 0, 0, 0)[:5])))


def set_name(name):
    with open('/proc/self/comm', 'w') as comm:
        comm.write(name)


# What a process becomes ---------------------------------------------------------------------------

def all_of(*acts):
    def before():
        for act in acts:
            act()
    return before


def become(uid, gid=None, groups=()):
    def before():
        needs_root()
        os.setgroups(groups)
        os.setresgid(*[uid if gid is None else gid] * 3)
        os.setresuid(uid, uid, uid)
    return before


def map_root(uid, gid):
    """In a new user namespace: root is this user outside."""
    for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {uid} 1'), ('gid_map', f'0 {gid} 1')):
        with open(f'/proc/self/{name}', 'w') as file:
            file.write(text)


def unshare(kinds):
    """Namespaces of its own; for an ordinary user in a user namespace of its own as well."""
    def before():
        ids = os.geteuid(), os.getegid()
        here = os.getcwd()
        try:
            checked(libc.unshare(kinds | (NEW_USERS if ids[0] != 0 else 0)))
            if ids[0] != 0:
                map_root(*ids)
            if kinds & NEW_MOUNTS:
                mount('none', '/', flags=RECURSIVE | PRIVATE)
                os.chdir(here)
        except OSError as failure:
            raise Missing(f'no namespaces of its own: {failure.strerror}') from failure
    return before


def join(pid, *names):
    """The namespaces 'mnt' or 'net' of another process."""
    def before():
        here = os.getcwd()
        if os.geteuid() != 0:
            names_now = ('user', *names)
        else:
            names_now = names
        files = [os.open(f'/proc/{pid}/ns/{name}', os.O_RDONLY) for name in names_now]
        for file in files:
            checked(libc.setns(file, 0))
            os.close(file)
        os.chdir(here)
    return before


def enter_pid_namespace():
    """A pid namespace with its own /proc; the calling process becomes the parent, and only waits."""
    unshare(NEW_PIDS | NEW_MOUNTS)()
    child = os.fork()
    if child != 0:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xff)
    mount('proc', '/proc', 'proc')


def mount(source, target, kind=None, flags=0, data=None):
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    try:
        checked(libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]))
    except OSError as failure:
        raise Missing(f'cannot mount {kind or source}: {failure.strerror}') from failure


def refuse_sockets(family):
    """socket(2) of an address family fails as RestrictAddressFamilies= of systemd makes it fail."""
    def before():
        number = {'x86_64': 41, 'aarch64': 198}.get(platform.machine())
        if number is None:
            raise Missing('the number of socket(2) on this machine is not known')
        load, jump_if_equal, give = 0x20, 0x15, 0x06
        code = [(load, 0, 0, 0), (jump_if_equal, 0, 3, number),
                (load, 0, 0, 16), (jump_if_equal, 0, 1, family),
                (give, 0, 0, 0x00050000 | errno.EAFNOSUPPORT), (give, 0, 0, 0x7fff0000)]
        filters = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in code))
        program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(code),
                                                          ctypes.addressof(filters)))
        prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
        prctl(22, 2, ctypes.addressof(program))  # PR_SET_SECCOMP
    return before


def forbid_abstract_names():
    """A Landlock domain that is scoped: abstract names outside it cannot be connected to."""
    attributes = struct.pack('QQQ', 0, 0, 1)
    ruleset = libc.syscall(444, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        raise Missing('the kernel has no Landlock with scopes')
    prctl(38, 1)
    checked(libc.syscall(446, ruleset, 0))
    os.close(ruleset)


# What a server does with its clients --------------------------------------------------------------

def accept_all(listener):
    """Keeps each client until it closes."""
    listener.setblocking(False)
    waiting = select.epoll()
    waiting.register(listener, select.EPOLLIN)
    clients = {}
    while True:
        for number, _ in waiting.poll():
            if number == listener.fileno():
                with contextlib.suppress(BlockingIOError):
                    client = listener.accept()[0]
                    clients[client.fileno()] = client
                    waiting.register(client, select.EPOLLIN)
            elif not clients[number].recv(4096):
                clients.pop(number).close()


def accept_none(_):
    while True:
        signal.pause()


def close_all(listener):
    while True:
        listener.accept()[0].close()


def accept_slowly(listener):
    while True:
        listener.accept()[0].close()
        time.sleep(0.05)


def greet_all(listener):
    while True:
        client = listener.accept()[0]
        with contextlib.suppress(OSError):
            client.sendall(b'220 app\r\n')
            client.recv(1)
        client.close()


def start_again(listener):
    """Closes its socket when a client is in the queue, which it never accepted, and makes it again."""
    path = listener.getsockname()
    while True:
        select.select([listener], [], [])
        listener.close()
        os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()


def run_out_of_descriptors(listener):
    """Opens as many files as it may; accept(2) then fails, and the client stays in the queue."""
    with contextlib.suppress(OSError):
        while True:
            os.open('/dev/null', os.O_RDONLY)
    accept_none(listener)


def wait_elsewhere(_):
    """Waits for events, and its listening socket is not among them."""
    waiting = select.epoll()
    waiting.poll()


# Processes ----------------------------------------------------------------------------------------

class Child:
    """A process that runs act(ready) and stays until it is ended; ready() lets the test go on."""

    def __init__(self, act, before=None, name='app'):
        read_end, write_end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.closerange(3, write_end)  # sockets of the test above all
            os.closerange(write_end + 1, 4096)
            self.play(act, before, name, write_end)
        os.close(write_end)
        self.ended = False
        said = b''
        while True:
            if not select.select([read_end], [], [], DEADLINE)[0]:
                self.end()
                raise AssertionError('a process of the situation did not get ready')
            some = os.read(read_end, 4096)
            said += some
            if not some:
                break
        os.close(read_end)
        if said != b'ready':
            self.end()
            missing, _, why = said.decode().partition(':')
            raise Missing(why) if missing == 'missing' else AssertionError(said.decode())

    @staticmethod
    def play(act, before, name, write_end):
        def ready():
            os.write(write_end, b'ready')
            os.close(write_end)
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(8 * DEADLINE)
            set_name(name)
            if before:
                before()
            prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no process outlives the test
            act(ready)
            accept_none(None)
        except Missing as missing:
            os.write(write_end, f'missing:{missing}'.encode())
        except BaseException:  # pylint: disable=broad-except
            with contextlib.suppress(OSError):
                os.write(write_end, traceback.format_exc().encode())
        finally:
            os._exit(1)

    def state(self):
        with open(f'/proc/{self.pid}/stat') as stat:
            return stat.read().rpartition(')')[2].split()[0]

    def stop(self):
        os.kill(self.pid, signal.SIGSTOP)
        until(lambda: self.state() == 'T', 'SIGSTOP')

    def end(self):
        if not self.ended:
            self.ended = True
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def bytes_of(address):
    """An address as bind(2) takes it."""
    if address.startswith(('@', 'abstract:')):
        return b'\0' + os.fsencode(address.removeprefix('@').removeprefix('abstract:'))
    return os.fsencode(address)


class Stage:
    """A directory of its own, which is the working directory, and all processes of one situation."""

    def __init__(self, name):
        self.home = os.getcwd()
        self.directory = os.path.join(self.home, name)
        self.children, self.sockets, self.at_end = [], [], []
        self.token = secrets.token_hex(8)
        os.mkdir(self.directory)
        os.chmod(self.directory, 0o755)
        os.chdir(self.directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for socket_ in self.sockets:
            socket_.close()
        for child in reversed(self.children):
            child.end()
        for act in reversed(self.at_end):
            act()
        os.chdir(self.home)
        for folder, _, _ in os.walk(self.directory):
            with contextlib.suppress(OSError):
                os.chmod(folder, 0o700)
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def name(self, text='app'):
        """An abstract name that no other process has, nor a similar one."""
        return f'@hallway-{self.token}-{text}'

    def child(self, act, before=None, name='app'):
        """A process; act(ready) runs in it, after before()."""
        self.children.append(Child(act, before, name))
        return self.children[-1]

    def idle(self, before=None, name='app'):
        return self.child(lambda ready: ready(), before, name)

    def server(self, address, then=accept_all, kind='stream', backlog=8, before=None, listen=True,
               name='app', mode=None):
        """A process with a socket at this address, which does then(socket)."""
        def act(ready):
            bound = socket.socket(socket.AF_UNIX, TYPES[kind])
            bound.bind(address if isinstance(address, bytes) else bytes_of(address))
            if mode is not None:
                os.chmod(address, mode)
            if listen and kind != 'datagram':
                bound.listen(backlog)
            ready()
            (then if kind != 'datagram' and listen else accept_none)(bound)
        return self.child(act, before, name)

    def stale(self, address, kind='stream'):
        """The file of a server that has died."""
        with socket.socket(socket.AF_UNIX, TYPES[kind]) as dead:
            dead.bind(bytes_of(address))

    def client(self, address, close=False):
        """A client that waits in the server's queue, or has left it again."""
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        client.connect(bytes_of(address))
        if close:
            client.close()
        else:
            self.sockets.append(client)

    def fill(self, address):
        """Clients until the queue is full."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.client(address)

    def crowd(self, address, clients):
        """So many clients that connect again as soon as they have been accepted, and the queue full."""
        def come_again():
            while True:
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(bytes_of(address))
                    client.recv(1)

        def act(ready):
            for _ in range(clients):
                threading.Thread(target=come_again, daemon=True).start()
            until(lambda: answer_of(lambda: self.client(address)) == 'EAGAIN', 'a full queue')
            ready()
            accept_none(None)
        return self.child(act, name='crowd')

    def write(self, name, text=''):
        with open(name, 'w') as file:
            file.write(text)


def set_acl(path, *entries):
    """Access control list of a file: (tag, permissions, id) in the order the kernel wants."""
    tags = {'owner': 1, 'user': 2, 'group_owner': 4, 'group': 8, 'mask': 16, 'other': 32}
    packed = struct.pack('<I', 2) + b''.join(
        struct.pack('<HHI', tags[tag], bits, id_) for tag, bits, id_ in entries)
    try:
        os.setxattr(path, 'system.posix_acl_access', packed)
    except OSError as failure:
        raise Missing(f'no access control lists here: {failure.strerror}') from failure


NO_ID = 0xffffffff


# What the kernel answers --------------------------------------------------------------------------

def answer_of(act):
    try:
        act()
    except BlockingIOError:
        return 'EAGAIN'
    except OSError as failure:
        # Python itself measures the path.
        return errno.errorcode[failure.errno] if failure.errno else 'path too long'
    return 'success'


def kernel_answer(address, kind='stream', bind=False, before=None):
    """The name of the error with which connect(2), or bind(2), answers in a process of its own."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if before:
                before()

            def act():
                with socket.socket(socket.AF_UNIX, TYPES[kind]) as asked:
                    asked.setblocking(False)
                    (asked.bind if bind else asked.connect)(bytes_of(address))
            os.write(write_end, answer_of(act).encode())
        except BaseException:  # pylint: disable=broad-except
            os.write(write_end, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said
