"""An inherited socket must fit the flags; one that does not is named and refused."""
import os
import socket
import subprocess

from _support import DEADLINE, HALLWAY, run

KINDS = {'stream': socket.SOCK_STREAM, 'seqpacket': socket.SOCK_SEQPACKET,
         'datagram': socket.SOCK_DGRAM}


def bound(kind):
    made = socket.socket(socket.AF_UNIX, KINDS[kind])
    made.bind(f'{kind}.sock')
    if kind != 'datagram':
        made.listen()
    return made


def refused(descriptor, *flags, address='activation', environment='LISTEN_FDS=1 LISTEN_PID=$$',
            says):
    """What `serve` reports when it is started with this descriptor as its number 3."""
    script = f'exec 3<&{descriptor}; {environment} exec "$@"'
    ended = subprocess.run(['bash', '-c', script, 'bash', HALLWAY, 'serve', address, *flags],
                           pass_fds=(descriptor,), capture_output=True, timeout=DEADLINE)
    said = ended.stderr.decode()
    assert ended.returncode == 1, (ended, says)
    assert said.startswith(f'hallway: adopt: {address}: ') and says in said, (said, says)


sockets = {kind: bound(kind) for kind in KINDS}
for kind, made in sockets.items():
    for wanted in KINDS.keys() - {kind}:
        refused(made.fileno(), '--type', wanted,
                says=f'it is a {kind} socket, not {wanted}: use --type {kind}')
listening = sockets['stream'].fileno()

for count in ['0', '-1', '', 'many', '1x', '99999999999']:
    refused(listening, environment=f'LISTEN_FDS={count} LISTEN_PID=$$', says='started without a socket')
for pid in ['1', '', 'me', '$PPID']:
    refused(listening, environment=f'LISTEN_FDS=1 LISTEN_PID={pid}', says='started without a socket')
refused(listening, address='activation:web', says='LISTEN_FDNAMES is not set')
for names, count in [('web', 2), ('web:admin', 1), ('web', 2147483647)]:
    refused(listening, address='activation:web',
            environment=f'LISTEN_FDS={count} LISTEN_PID=$$ LISTEN_FDNAMES={names}',
            says=f'names for {count} sockets')
refused(listening, address='activation:other',
        environment='LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web', says='no inherited socket has that name')

ours, theirs = socket.socketpair()
refused(theirs.fileno(), says='not a listening socket')
refused(theirs.fileno(), '--type', 'datagram', says='a stream socket')
refused(os.pipe()[0], says='not a socket')
inet = socket.socket(socket.AF_INET)
inet.listen()
refused(inet.fileno(), says='not a Unix socket')
refused(listening, environment='exec 3<&-; LISTEN_FDS=1 LISTEN_PID=$$', says='not a socket')
refused(listening, address='fd:99', says='not open')

# The other side: what listens is no connection, and the type counts there, too.
for words, why in [([], 'a listening socket'), (['--type', 'seqpacket'], 'not seqpacket')]:
    ended = run('send', f'fd:{listening}', 'x', *words, check=7, pass_fds=(listening,))
    assert why in ended.stderr.decode(), ended
