"""--ack answers each message after it was processed; without it there is no answer."""
import socket

from _support import Server


def answer(*flags, message='foobar\n', address='./server.sock'):
    with Server(*flags, address=address) as server:
        peer = server.connect()
        peer.send(message)
        peer.half_close()
        return peer.rest()


assert answer() == b''
assert answer('--ack') == b'__ACK__\n'
assert answer('--ack', 'ack_event') == b'ack_event\n'
assert answer('--ack=ack_event') == b'ack_event\n'
assert answer('--ack=') == b'\n', 'an empty text is a text'
assert answer('--ack=/not/an/address') == b'/not/an/address\n'
assert answer('--ack', '--framing', 'null', message='foobar\0') == b'__ACK__\0'
assert answer('--ack', '--framing', 'len32le', message=b'\3\0\0\0foo') == b'\7\0\0\0__ACK__'
assert answer('--ack', '--echo') == b'foobar\n__ACK__\n', 'the ack comes last'

with Server('--ack', '--type', 'seqpacket') as server:
    peer = server.connect(socket.SOCK_SEQPACKET)
    peer.send('foobar')
    assert peer.packet() == b'__ACK__'
    peer.close()
