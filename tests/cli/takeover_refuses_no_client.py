"""--takeover: a new server replaces a running one, and no client is refused."""
import os
import signal
import socket

from _support import Server, run

first = Server('--takeover', '--handler', 'cat; echo " from $PPID"')
waiting = first.connect()
waiting.send('hello\n')
assert waiting.line() == f'hello from {first.pid}\n'
assert os.stat('server.sock.control').st_mode & 0o777 == 0o600
inode = os.stat('server.sock').st_ino

second = Server('--takeover', '--handler', 'cat; echo " from $PPID"')
assert waiting.rest() == b'', 'the old server closes what is idle'
assert first.status() == 0
first.says('taken over')
first.says(f'pid {second.pid}')
assert os.stat('server.sock').st_ino == inode, 'the same socket as before'
peer = second.connect()
peer.send('hello\n')
assert peer.line() == f'hello from {second.pid}\n'
peer.close()

# A server without the flag is not taken over, and one that was killed is simply replaced.
second.process.kill()
second.status()
with Server('--echo') as plain:
    ended = run('serve', './server.sock', '--takeover', check=1)
    assert b'in use by' in ended.stderr, ended
with Server('--takeover', '--echo') as third:
    # Somebody who connects and says nothing is in nobody's way.
    silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    silent.connect('server.sock.control')
    with Server('--takeover', '--echo') as fourth:
        assert third.status() == 0
        fourth.signal(signal.SIGTERM)
        assert fourth.status() == 0
assert os.listdir('.') == [], os.listdir('.')

ended = run('serve', '@takeover-nowhere', '--takeover', check=2)
assert b'only a path can be taken over' in ended.stderr, ended
run('serve', './d', '--type', 'datagram', '--takeover', check=2)
