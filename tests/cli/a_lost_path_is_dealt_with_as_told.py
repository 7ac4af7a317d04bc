"""--on-path-lost: a socket file that somebody removes is reported, bound anew, or ends the server."""
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

assert b'warn, rebind, exit' in run('serve', '--on-path-lost', 'panic', check=2).stderr
