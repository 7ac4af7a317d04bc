"""A message equal to the stop word is answered like any other; then the server drains and exits 0."""
import os
import socket

from _support import Server

with Server('--echo', '--stop-word', 'DOWN') as server:
    waiting, peer = server.connect(), server.connect()
    peer.send('up\nDOWN\n')
    assert peer.line() == 'up\n' and peer.line() == 'DOWN\n'
    assert waiting.rest() == b'', 'all clients are disconnected'
    assert server.status() == 0
    assert [server.out.next() for _ in range(2)] == [b'up', b'DOWN']
    assert not os.path.exists('server.sock')

with Server('--type', 'datagram', '--stop-word', 'DONE') as server:
    peer = server.connect(socket.SOCK_DGRAM)
    for word in ['a', 'b', 'DONE', 'too late']:
        try:
            peer.send(word)
        except OSError:
            assert word == 'too late'
    assert server.status() == 0
    assert server.out.rest()[:3] == [b'a', b'b', b'DONE']
    assert not os.path.exists('server.sock')
