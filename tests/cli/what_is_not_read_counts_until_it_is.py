"""A connection that the hub has closed, and whose client does not read the rest, is still one of its user's:
else each would make room for another."""
import contextlib
import socket
import time

from _support import Hub, Server, until
from _users import Client, GREEDY, HONEST, PUBLIC, acting_as, sockets_of

CONFIG = '[limits]\nconnections = 100\nconnections_per_uid = 16\nsend_buffer = 0\n'
BODY = b'z' * 60000


def leave_something_unread(address, number, ends_with):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(0.5)
    with acting_as(GREEDY):
        client.connect(address)
    message = b'PUB a%d %d\r\n' % (number, len(BODY)) + BODY + b'\r\n'
    with contextlib.suppress(OSError):
        client.sendall(b'CONNECT {"verbose":false}\r\nSUB a%d 1\r\n' % number + message * 30 + ends_with)
    client.setblocking(False)
    return client


def read_some(clients):
    for client in clients:
        with contextlib.suppress(OSError):
            client.recv(40000)


with open('hub.toml', 'w') as file:
    file.write(CONFIG)

# Each way to have the hub close: a mistake, an end of what is said, and silence.
for ends_with in (b'NONSENSE\r\n', b'PUB x 9999999\r\n'):
    with Hub(*PUBLIC, '--config', 'hub.toml') as hub:
        clients = [leave_something_unread(hub.address, number, ends_with) for number in range(60)]
        until(lambda: sockets_of(hub) <= 17, 'the end of those turned away')
        for _ in range(4):
            read_some(clients)
            time.sleep(0.2)
        until(lambda: sockets_of(hub) <= 17, 'the end of those turned away')
        Client(hub, HONEST).all()
        for client in clients:
            client.close()
        # What it held is given back: it may come again.
        until(lambda: sockets_of(hub) <= 2, 'their end')
        Client(hub, GREEDY).all()

# The same of a server: its broadcasts are what is not read.
with Server(*PUBLIC, '--broadcast', '--no-print', '--max-per-uid', '16') as server:
    clients = []
    for number in range(40):
        client = socket.socket(socket.AF_UNIX)
        with acting_as(GREEDY):
            client.connect(server.address)
        clients.append(client)
    until(lambda: server.says('turned away'), 'the first too many')
    until(lambda: sockets_of(server) <= 16, 'the end of those turned away')
    with acting_as(HONEST):
        other = server.connect()
    other.send('hello\n')
    for client in clients[:3]:
        client.settimeout(10)
        assert client.recv(100) == b'hello\n'
