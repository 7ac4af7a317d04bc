"""A disk that fills, a reader that goes: what did not get to standard output is not acknowledged."""
import contextlib
import resource
import signal
import socket
import subprocess

from _support import HALLWAY, Peer, run


def served(out, *flags, before=None):
    """A server that writes to `out`, once it listens."""
    server = subprocess.Popen([HALLWAY, 'serve', './server.sock', '--ack', *flags], stdout=out,
                              stderr=subprocess.PIPE, preexec_fn=before, restore_signals=False)
    kind = ['--type', flags[flags.index('--type') + 1]] if '--type' in flags else []
    run('wait', './server.sock', *kind, check=0)
    return server


def acknowledged(messages, kind=socket.SOCK_STREAM):
    peer = Peer('./server.sock', kind)
    for number in range(messages):
        try:
            peer.send(b'%06d %s' % (number, b'x' * 90) + b'\n' * (kind == socket.SOCK_STREAM))
        except OSError:
            break
    answers = []
    try:
        while answer := peer.packet():
            answers.append(answer)
    except ConnectionError:
        pass  # the server has ended, and left something unread
    return b''.join(answers).count(b'__ACK__\n') if kind == socket.SOCK_STREAM else len(answers)


def of_64k():
    # A file that may not grow is as good as a disk that is full.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))


for flags, kind, size in ((), socket.SOCK_STREAM, 98), (('--type', 'seqpacket'), socket.SOCK_SEQPACKET, 98):
    with open('out', 'wb') as out:
        server = served(out, *flags, before=of_64k)
    count = acknowledged(2000, kind)
    said = server.communicate(timeout=30)[1]
    whole = open('out', 'rb').read().count(b'\n')
    assert server.returncode == 1 and b'standard output' in said, said
    assert 0 < whole <= (1 << 16) // size
    assert count <= whole, f'{count} acknowledged, {whole} whole lines in the file'

# What every write refuses, and a standard output that is closed.
for out in '/dev/full', '&-':
    server = subprocess.Popen(['sh', '-c', f'exec "$HALLWAY" serve ./server.sock --ack >{out}'],
                              stderr=subprocess.PIPE)
    run('wait', './server.sock', check=0)
    assert acknowledged(3) == 0
    said = server.communicate(timeout=30)[1]
    assert server.returncode == 1 and b'standard output' in said, said

# A reader that goes away is not a failure; but what it did not get is not acknowledged.
server = served(subprocess.PIPE)
peer = Peer('./server.sock')
peer.send(b'one\n')
assert peer.line() == '__ACK__\n'
assert server.stdout.read(4) == b'one\n'
server.stdout.close()
with contextlib.suppress(BrokenPipeError):  # the server may have noticed already
    peer.send(b'two\n')
assert peer.rest() == b''
assert server.wait(30) == 0

# A datagram is dealt with in the same way.
server = subprocess.Popen(['sh', '-c', 'exec "$HALLWAY" serve ./server.sock --ack --type datagram >/dev/full'],
                          stderr=subprocess.PIPE)
run('wait', './server.sock', '--type', 'datagram', check=0)
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
client.bind('./client.sock')
client.sendto(b'x', './server.sock')
said = server.communicate(timeout=30)[1]
assert server.returncode == 1 and b'standard output' in said, said
client.setblocking(False)
try:
    raise AssertionError(client.recv(100))
except BlockingIOError:
    pass
