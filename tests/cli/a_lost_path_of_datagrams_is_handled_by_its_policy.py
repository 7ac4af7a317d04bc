"""--on-path-lost with --type datagram: the path is reported, bound again, or ends the server."""
import os
import socket

from _support import DEADLINE, Server, run


class Sender:
    """A datagram client that can be answered, and knows nothing of Hallway."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE)
        self.socket.bind('')  # the kernel picks a name
        self.path = path

    def asks(self, text):
        self.socket.sendto(text.encode(), self.path)
        return self.socket.recv(100).decode()


DATAGRAM = ('--type', 'datagram', '--echo')
with Server(*DATAGRAM, '--json') as server:
    os.rename('server.sock', 'away.sock')
    lost = server.event('path lost')
    assert lost['address'] == 'unix:./server.sock', lost
    assert lost['reason'] == 'the socket file is gone', lost
    assert Sender('away.sock').asks('still there') == 'still there'
    os.rename('away.sock', 'server.sock')
    assert server.event('path regained')['address'] == 'unix:./server.sock'
assert os.listdir('.') == [], os.listdir('.')

with Server(*DATAGRAM, '--on-path-lost', 'rebind') as server:
    for _ in range(2):
        server.err.all.clear()
        os.remove('server.sock')
        server.says('path regained: unix:./server.sock')
        assert Sender('server.sock').asks('hello') == 'hello'
assert os.listdir('.') == [], os.listdir('.')

with Server(*DATAGRAM, '--on-path-lost', 'exit') as server:
    os.remove('server.sock')
    assert server.status() == 1
    server.says('serve: unix:./server.sock: the socket file is gone')
assert os.listdir('.') == [], os.listdir('.')

# A name that is no path cannot be lost.
with Server(*DATAGRAM, '--on-path-lost', 'exit', address='@path-lost-datagrams'):
    pass

refused = run('serve', './d', '--type', 'datagram', '--takeover', check=2).stderr
assert b'cannot be handed over' in refused and b'connections' not in refused, refused
