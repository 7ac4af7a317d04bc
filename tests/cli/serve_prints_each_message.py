"""serve prints each message on a line, with every type and framing, and answers nothing."""
import socket

from _support import Server

with Server() as server:
    peer = server.connect()
    peer.send('one\ntwo\n\nno newline at the end')
    peer.half_close()
    assert peer.rest() == b'', 'nothing is answered'
    assert [server.out.next() for _ in range(4)] == [b'one', b'two', b'', b'no newline at the end']

with Server('--type', 'seqpacket') as server:
    peer = server.connect(socket.SOCK_SEQPACKET)
    peer.send('a packet')
    peer.send('another')
    assert [server.out.next() for _ in range(2)] == [b'a packet', b'another']
    peer.close()

with Server('--type', 'datagram') as server:
    peer = server.connect(socket.SOCK_DGRAM)
    peer.send('a datagram')
    assert server.out.next() == b'a datagram'

# Into a pipe bytes go as they are.
with Server() as server:
    peer = server.connect()
    peer.send(b'\x1b[31m\xff\n')
    assert server.out.next() == b'\x1b[31m\xff'
    peer.close()

with Server('--no-print', '--ack') as server:
    peer = server.connect()
    peer.send('unseen\n')
    assert peer.line() == '__ACK__\n'
    peer.close()
    server.stop()
    assert server.out.rest() == []
