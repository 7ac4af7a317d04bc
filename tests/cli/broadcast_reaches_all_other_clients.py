"""--broadcast sends each message to all other clients and never back; an answer to it comes first."""
import socket

from _support import Server

with Server('--broadcast', '--ack') as server:
    peers = [server.connect() for _ in range(3)]
    server.says('connection 3')
    peers[0].send('hello\n')
    assert peers[0].line() == '__ACK__\n'
    assert [peer.line() for peer in peers[1:]] == ['hello\n'] * 2
    peers[1].send('back\n')
    assert peers[1].line() == '__ACK__\n', 'it did not get its own message'
    assert peers[0].line() == 'back\n'
    for peer in peers:
        peer.close()

with Server('--broadcast', '--type', 'seqpacket', '--no-print') as server:
    sender, receiver = (server.connect(socket.SOCK_SEQPACKET) for _ in range(2))
    server.says('connection 2')
    sender.send('packet')
    assert receiver.packet() == b'packet'
    sender.close()
    receiver.close()
