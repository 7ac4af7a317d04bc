"""Other users of a hub, for the tests that need root to become one."""

import contextlib
import itertools
import os
import selectors
import signal
import socket
import time

from _hostile_nats import Client, acting_as
from _support import DEADLINE, skip, until

if os.geteuid() != 0:
    skip('only root can become another user')

os.chmod('.', 0o755)  # the directory of the test, for those who come

# Who takes what it can, and who is to have its share nevertheless.
GREEDY, HONEST = 1001, 1002

PUBLIC = '--mode', '0666'


def memory_of(server):
    """The most it had in RAM, in MiB."""
    with open(f'/proc/{server.pid}/status') as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith('VmHWM'))


def sockets_of(server):
    """How many connections it has; one socket is its listener."""
    names = f'/proc/{server.pid}/fd'
    links = []
    for name in os.listdir(names):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f'{names}/{name}'))
    return sum(link.startswith('socket:') for link in links) - 1


def connections(server, uid, count):
    """`count` connections of a user, numbered; the server closes those that are over its share."""
    clients = []
    for number in range(count):
        client = socket.socket(socket.AF_UNIX)
        with acting_as(uid):
            client.connect(server.address)
        client.setblocking(False)
        clients.append((number, client))
    return clients


def say(clients, text_of):
    """Says to each what it takes of a text, reading nothing, until nobody has taken any for a while."""
    waiting = selectors.DefaultSelector()
    for number, client in clients:
        waiting.register(client, selectors.EVENT_WRITE, [memoryview(text_of(number))])
    end, moved = time.monotonic() + DEADLINE, time.monotonic()
    while waiting.get_map() and time.monotonic() < end and time.monotonic() - moved < 1:
        for key, _ in waiting.select(0.1):
            try:
                key.data[0] = key.data[0][key.fileobj.send(key.data[0][:262144]):]
                moved = time.monotonic()
                if not key.data[0]:
                    waiting.unregister(key.fileobj)
            except BlockingIOError:
                pass
            except OSError:  # it got no connection
                waiting.unregister(key.fileobj)


class Flood:
    """A process of another user that says the same on many connections and reads nothing."""

    def __init__(self, hub, block, connections=250, uid=GREEDY, first=b'CONNECT {"verbose":false}\r\n',
                 run=None):
        self.hub, self.block, self.connections, self.first = hub, block, connections, first
        self.pid = os.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(4 * DEADLINE)
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                (run or self.run)()
            finally:
                os._exit(0)

    def run(self):
        waiting = selectors.DefaultSelector()
        for _ in range(self.connections):
            client = socket.socket(socket.AF_UNIX)
            client.connect(self.hub.address)
            client.sendall(self.first)
            client.setblocking(False)
            waiting.register(client, selectors.EVENT_WRITE, [self.block])
        while waiting.get_map():
            for key, _ in waiting.select(1):
                rest = key.data[0] or self.block
                try:
                    key.data[0] = rest[key.fileobj.send(rest):]
                except BlockingIOError:
                    pass
                except OSError:
                    waiting.unregister(key.fileobj)

    def stop(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def connect_and_close(hub):
    """To be run by a Flood."""
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(hub.address)


def patterns(count):
    """So many that each match a subject of fourteen tokens "a"."""
    return ['.'.join(tokens) for tokens in itertools.islice(itertools.product('a*', repeat=14), count)]


MATCHED_BY_ALL = '.'.join(['a'] * 14)


def subscribe_to_many(hub, count, uid=GREEDY, **options):
    """A client with so many subscriptions that one message concerns."""
    client = Client(hub, uid, full='drop_newest', **options)
    for number, pattern in enumerate(patterns(count)):
        client.say(f'SUB {pattern} {number}')
        if number % 400 == 399:
            client.all()
    client.all()
    return client


def answer_times(client, seconds):
    """How long each PING took, until so many seconds have passed; sorted."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 3:
        before = time.monotonic()
        client.all()
        times.append(time.monotonic() - before)
        time.sleep(0.005)
    return sorted(times)


__all__ = ['Client', 'Flood', 'GREEDY', 'HONEST', 'MATCHED_BY_ALL', 'PUBLIC', 'acting_as',
           'answer_times', 'connect_and_close', 'connections', 'memory_of', 'patterns', 'say', 'sockets_of',
           'subscribe_to_many', 'until']
