"""fd:N and activation serve a socket that another process bound, and do not remove its name."""
import os
import socket
import subprocess

from _support import Process, run

for kind, name in [(socket.SOCK_STREAM, 'stream'), (socket.SOCK_SEQPACKET, 'seqpacket'),
                   (socket.SOCK_DGRAM, 'datagram')]:
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(f'{name}.sock')
    if kind != socket.SOCK_DGRAM:
        listener.listen()
    number = listener.fileno()

    server = Process('serve', f'fd:{number}', '--type', name, '--echo', pass_fds=(number,))
    assert run('request', f'./{name}.sock', 'x', '--type', name, check=0).stdout == b'x\n'
    server.signal(15)
    assert server.status() == 0

    script = f'exec 3<&{number}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$HALLWAY" serve activation "$@"'
    server = subprocess.Popen(['bash', '-c', script, 'bash', '--type', name, '--echo', '-q'],
                              pass_fds=(number,), stdout=subprocess.DEVNULL)
    assert run('request', f'./{name}.sock', 'y', '--type', name, check=0).stdout == b'y\n'
    server.terminate()
    assert server.wait(30) == 0
    assert os.path.exists(f'{name}.sock')
    listener.close()

# The connecting side takes one, too.
ours, theirs = socket.socketpair()
client = Process('send', f'fd:{theirs.fileno()}', 'hello', pass_fds=(theirs.fileno(),))
theirs.close()
assert ours.makefile('rb').read() == b'hello\n'
assert client.status() == 0
