"""--ready-fd gets a newline and is closed; a service manager is notified of each state of a server."""
import os
import signal
import socket

from _support import DEADLINE, Process, Server, run


class Manager:
    """What listens at NOTIFY_SOCKET."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE)
        self.socket.bind('\0' + name[1:] if name.startswith('@') else name)
        self.address = name if name.startswith('@') else os.path.abspath(name)
        self.heard = []

    def hears(self, wanted):
        """Waits until it is told that."""
        while not self.heard or self.heard[-1] != wanted:
            self.heard.append(self.socket.recv(1000).decode())

    def hears_of(self, name):
        """Waits for an assignment to this variable and gives its value."""
        while not self.heard or not self.heard[-1].startswith(name + '='):
            self.heard.append(self.socket.recv(1000).decode())
        return self.heard[-1].partition('=')[2]

    def server(self, *flags, **environment):
        return Server(*flags, env={'NOTIFY_SOCKET': self.address, **environment})


read_end, write_end = os.pipe()
server = Process('serve', './server.sock', '--ready-fd', str(write_end), pass_fds=(write_end,))
os.close(write_end)
assert os.read(read_end, 10) == b'\n' and os.read(read_end, 10) == b'', 'closed'
server.kill()

for name in ['./notify.sock', f'@hallway-notify-{os.getpid()}']:
    for kind in ['stream', 'seqpacket', 'datagram']:
        manager = Manager(name)
        with manager.server('--type', kind) as server:
            manager.hears('READY=1')
            assert manager.heard == ['READY=1']
            server.stop()
            manager.hears('STOPPING=1')
            assert int(manager.hears_of('EXTEND_TIMEOUT_USEC')) > 0
        manager.socket.close()
        if not name.startswith('@'):
            os.unlink(name)

# How many are connected, and the watchdog, fed as long as the loop turns.
manager = Manager('./notify.sock')
with manager.server('--echo') as server:
    manager.hears('STATUS=0 connections')
    peers = [server.connect() for _ in range(3)]
    manager.hears('STATUS=3 connections')
    for peer in peers:
        peer.close()
    manager.hears('STATUS=0 connections')
manager = Manager('./watchdog.sock')
with manager.server(WATCHDOG_USEC='20000') as server:
    for _ in range(3):
        manager.hears_of('WATCHDOG')
        manager.heard.clear()
manager = Manager('./watchdog-of-another.sock')
with manager.server(WATCHDOG_USEC='20000', WATCHDOG_PID='1') as server:
    manager.hears('STATUS=0 connections')
    assert not any(text.startswith('WATCHDOG') for text in manager.heard)

# A drain that takes its time asks for time, again and again.
os.mkfifo('gate')
manager = Manager('./drain.sock')
with manager.server('--handler', 'head -c 1 gate') as server:
    peer = server.connect()
    peer.send('x\n')
    assert server.out.next() == b'x'
    server.signal(signal.SIGTERM)
    manager.hears('STOPPING=1')
    for _ in range(2):
        assert int(manager.hears_of('EXTEND_TIMEOUT_USEC')) > 1000000
        manager.heard.clear()
    with open('gate', 'w') as gate:
        gate.write('x')
    assert peer.rest() == b'x\n'
    assert server.status() == 0

# --once has an end, too.
with manager.server('--once') as server:
    server.connect().close()
    assert server.status() == 0
    manager.heard.clear()
    manager.hears('STOPPING=1')

# A successor makes itself the service's process; the old server has nothing to say any more.
with manager.server('--takeover', '--no-print') as first:
    manager.hears('READY=1')
    with manager.server('--takeover', '--no-print') as second:
        manager.heard.clear()
        manager.hears('READY=1')
        assert f'MAINPID={second.pid}' in manager.heard
        assert first.status() == 0
        second.signal(signal.SIGHUP)
        manager.hears('READY=1')
        assert 'STOPPING=1' not in manager.heard
        second.stop()
        manager.hears('STOPPING=1')

# A manager that is not there, or hears nothing, is no reason to fail or to wait.
with Server('-v', env={'NOTIFY_SOCKET': '/nonexistent/notify'}) as server:
    server.says('not notified')
with Server('-v', env={'NOTIFY_SOCKET': 'relative'}) as server:
    server.says('neither a path nor an abstract name')
manager.socket.close()
deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
deaf.bind('./deaf.sock')
crowd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
crowd.setblocking(False)
try:
    while True:
        crowd.sendto(b'x', './deaf.sock')
except BlockingIOError:
    pass
with Server('--echo', env={'NOTIFY_SOCKET': os.path.abspath('deaf.sock')}) as server:
    assert run('request', server.address, 'hello', check=0).stdout == b'hello\n'
    server.stop()
