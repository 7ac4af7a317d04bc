"""docs/LIMITS.md says how much memory a hub and a server take up at most, whatever their clients do. Here
they do it: a dozen users with all the connections they get, messages that never arrive whole, much that is
waiting for clients who do not read, and as many subscriptions as there is room for."""
import contextlib
import resource
import selectors
import socket
import time

from _support import DEADLINE, Hub, Server, sanitized, skip
from _users import Client, HONEST, PUBLIC, acting_as, memory_of, patterns

if sanitized():
    skip('a sanitizer takes more memory than what is measured here')

LIMIT = 256  # MiB
USERS = range(2001, 2013)
EACH = 85  # connections, of 1,024

# Each of this process's own descriptors is one of those connections.
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))


def connections(server, users=USERS, each=EACH):
    """As many as each user gets."""
    all_of_them = []
    for uid in users:
        for number in range(each):
            client = socket.socket(socket.AF_UNIX)
            with acting_as(uid):
                client.connect(server.address)
            client.setblocking(False)
            all_of_them.append((uid, number, client))
    return all_of_them


def say_all(clients, text_of, seconds):
    """Says to each what it takes of a text, reading nothing, until nobody takes more of it."""
    waiting = selectors.DefaultSelector()
    for uid, number, client in clients:
        waiting.register(client, selectors.EVENT_WRITE, [text_of(uid, number)])
    end, moved = time.monotonic() + seconds, time.monotonic()
    while waiting.get_map() and time.monotonic() < end and time.monotonic() - moved < 2:
        for key, _ in waiting.select(0.2):
            try:
                key.data[0] = key.data[0][key.fileobj.send(key.data[0][:262144]):]
                moved = time.monotonic()
                if not key.data[0]:
                    waiting.unregister(key.fileobj)
            except BlockingIOError:
                pass
            except OSError:
                waiting.unregister(key.fileobj)


def check(what, server):
    print(f'{what}: {memory_of(server):.0f} MiB at most')
    assert memory_of(server) <= LIMIT, what


with Hub(*PUBLIC) as hub:
    print(f'a hub at rest: {memory_of(hub):.0f} MiB')
    clients = connections(hub)
    subscriptions = [f'SUB {pattern}.x{i} {i}\r\n' for i, pattern in enumerate(patterns(400))]

    def everything(uid, number):
        own = f'own.{uid}.{number}'
        says = [f'CONNECT {{"verbose":false,"full":"drop_newest"}}\r\nSUB {own} own\r\n', *subscriptions]
        message = f'PUB {own} 60000\r\n' + 'x' * 60000 + '\r\n'
        return (''.join(says) + 30 * message + 'PUB x 1000000\r\n' + 'x' * 900_000).encode()

    say_all(clients, everything, 2 * DEADLINE)
    check('a hub', hub)
    honest = Client(hub, HONEST)
    honest.subscribe('honest', '1')
    honest.publish('honest', b'still served')
    assert honest.next()[4] == b'still served'
    for _, _, client in clients:
        client.close()
    honest.close()

for full in ('disconnect', 'drop-oldest'):
    with Server(*PUBLIC, '--broadcast', '--no-print', '--full', full) as server:
        clients = connections(server)
        with acting_as(HONEST):
            honest = server.connect()
        for number in range(200):
            honest.send(b'x' * 60000 + b'\n')
        say_all(clients, lambda *_: b'y' * 1_000_000, DEADLINE)
        check(f'a server that broadcasts, {full}', server)
        with acting_as(HONEST), contextlib.closing(server.connect()) as other:
            honest.send(b'still served\n')
            line = other.line()
            assert line == 'still served\n', line[:100]
        for _, _, client in clients:
            client.close()
        server.kill()
