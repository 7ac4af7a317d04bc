"""A message equal to the exit word closes its connection, and is neither printed nor broadcast."""
import socket

from _support import Server

with Server('--broadcast') as server:
    other, peer = server.connect(), server.connect()
    server.says('connection 2')
    peer.send('before\nexit\nafter\n')
    assert peer.rest() == b''
    assert other.line() == 'before\n'
    other.send('last\n')
    assert [server.out.next() for _ in range(2)] == [b'before', b'last']
    other.close()

with Server('--exit-word', 'bye') as server:
    peer = server.connect()
    peer.send('exit\nbye\n')
    assert peer.rest() == b''
    assert server.out.next() == b'exit'

# Off: when empty, with --echo, with another framing, with packets.
for flags, message in [
        (['--exit-word=', '--ack'], b'exit\n'),
        (['--exit-word', '', '--ack'], b'exit\n'),
        (['--echo'], b'exit\n'),
        (['--framing', 'null', '--ack'], b'exit\0')]:
    with Server(*flags) as server:
        peer = server.connect()
        peer.send(message)
        assert peer.socket.recv(1), flags
        peer.close()

with Server('--type', 'seqpacket', '--ack') as server:
    peer = server.connect(socket.SOCK_SEQPACKET)
    peer.send('exit')
    assert peer.packet() == b'__ACK__'
    peer.close()
