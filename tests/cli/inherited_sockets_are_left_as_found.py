"""An inherited socket that its owner continues to use is restored: its flags and options."""
import fcntl
import os
import signal
import socket

from _support import Peer, Process, run

SO_PASSRIGHTS = 83  # Linux 6.16


def state(shared):
    def option(number):
        try:
            return shared.getsockopt(socket.SOL_SOCKET, number)
        except OSError:
            return None

    return {'flags': fcntl.fcntl(shared, fcntl.F_GETFL), 'rights': option(SO_PASSRIGHTS),
            'credentials': option(socket.SO_PASSCRED)}


def make(kind, name):
    shared = socket.socket(socket.AF_UNIX, kind)
    shared.bind(name)
    if kind != socket.SOCK_DGRAM:
        shared.listen()
    return shared


def started(verb, shared, *flags):
    number = shared.fileno()
    server = Process(verb, f'fd:{number}', *flags, pass_fds=(number,))
    server.says('listening')
    return server


def stop(server, times=1):
    for _ in range(times):
        server.signal(signal.SIGTERM)
    server.status()


for kind, name in [(socket.SOCK_STREAM, 'stream'), (socket.SOCK_SEQPACKET, 'seqpacket'),
                   (socket.SOCK_DGRAM, 'datagram')]:
    shared = make(kind, f'{name}.sock')
    for blocking in [True, False]:
        shared.setblocking(blocking)
        for times in [1, 2]:
            before = state(shared)
            server = started('serve', shared, '--type', name, '--echo')
            assert run('request', f'./{name}.sock', 'x', '--type', name, check=0).stdout == b'x\n'
            stop(server, times)
            assert state(shared) == before, (name, state(shared), before)
    shared.close()

# A hub, and a server that never got as far as a client.
shared = make(socket.SOCK_STREAM, 'hub.sock')
before = state(shared)
stop(started('hub', shared))
assert state(shared) == before
run('serve', f'fd:{shared.fileno()}', '--type', 'seqpacket', check=1, pass_fds=(shared.fileno(),))
assert state(shared) == before

# Two serve it: what the first to end puts back does not make the other wait for a client forever.
first, second = [started('serve', shared, '--echo') for _ in range(2)]
stop(first)
for _ in range(20):
    assert run('request', './hub.sock', 'x', check=0).stdout == b'x\n'
stop(second)
shared.close()

# A program gets each connection as new sockets are: it may be sent descriptors, and waits in reads.
SHOW = ('import fcntl, os, socket; peer = socket.socket(fileno=0); peer.recv(1);'
        'print(fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK, peer.getsockopt(1, 16), flush=True);'
        'print(len(socket.recv_fds(peer, 10, 4)[1]), flush=True)')
server = Process('serve', './program.sock', '--', 'python3', '-c', SHOW)
server.says('listening')
peer = Peer('./program.sock')
peer.send('x')
assert peer.line() == '0 0\n'
socket.send_fds(peer.socket, [b'y'], [0])
assert peer.line() == '1\n'
stop(server)
assert not os.path.exists('program.sock')
