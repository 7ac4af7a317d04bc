"""--on-path-lost: a socket file that is removed is reported, bound again, or ends the server."""
import os

from _support import Server, run, until

with Server('--echo', '--json') as server:
    inside = server.connect()
    os.remove('server.sock')
    assert server.event('path lost')['reason'] == 'the socket file is gone'
    inside.send('still served\n')
    assert inside.line() == 'still served\n'
    inside.close()

with Server('--echo', '--on-path-lost', 'rebind') as server:
    inside = server.connect()
    os.rename('server.sock', 'elsewhere.sock')
    server.says('path regained')
    outside = server.connect()
    for peer in inside, outside:
        peer.send('hello\n')
        assert peer.line() == 'hello\n'
        peer.close()
    os.remove('elsewhere.sock')

with Server('--on-path-lost', 'exit') as server:
    os.remove('server.sock')
    assert server.status() == 1
    server.says('serve: unix:./server.sock: the socket file is gone')
until(lambda: os.listdir('.') == [], 'an empty directory')

# What leads to it may change instead: a link that is swapped, a directory that is renamed.
os.makedirs('releases/1')
os.makedirs('releases/2')
os.symlink('releases/1', 'current')
with Server('--on-path-lost', 'exit', address='./current/s') as server:
    os.symlink('releases/2', 'next')
    os.rename('next', 'current')
    assert server.status() == 1
os.makedirs('a/b/c')
with Server('--on-path-lost', 'exit', address=os.path.abspath('a/b/c/s')) as server:
    os.rename('a', 'away')
    assert server.status() == 1
with Server('--echo', '--on-path-lost', 'rebind', address='./current/s') as server:
    os.remove('current')
    server.says('path lost')
    os.symlink('releases/1', 'current')
    server.says('path regained')
    assert run('request', './current/s', 'x', check=0).stdout == b'x\n'

assert b'warn, rebind, exit' in run('serve', '--on-path-lost', 'panic', check=2).stderr
