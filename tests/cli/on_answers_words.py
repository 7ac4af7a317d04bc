"""--on answers a word; --sized sends the size first; --hangup closes after the answer."""
import socket
import struct

from _support import Server, run

with Server('--on', 'ping=pong', '--on', r'a\tb=\x41\n\0\\', '--ack') as server:
    peer = server.connect()
    peer.send('ping\nsomething else\na\tb\n')
    peer.half_close()
    assert peer.rest() == b'pong\n__ACK__\n__ACK__\nA\n\0\\\n__ACK__\n'

# A reply may be empty.
with Server('--on=ping=', '--on', 'pong=') as server:
    peer = server.connect()
    peer.send('ping\npong\n')
    peer.half_close()
    assert peer.rest() == b'\n\n'

flags = ['--on', r'SEND=Hello World!\n', '--on', r'DOWN=Hello World!\n', '--sized', '--hangup',
         '--stop-word', 'DOWN']
with Server('--type', 'seqpacket', *flags) as server:
    for word in ['SEND', 'DOWN']:
        peer = server.connect(socket.SOCK_SEQPACKET)
        peer.send('not answered')
        peer.send(word)
        size = struct.unpack('=i', peer.packet(4))[0]
        assert size == 13 and peer.packet(size) == b'Hello World!\n'
        assert peer.packet() == b'', 'it hangs up'
    assert server.status() == 0
    assert server.out.rest() == [b'not answered', b'SEND', b'not answered', b'DOWN']

# On a stream the size is four bytes, and nothing ends the reply.
with Server('--echo', '--sized') as server:
    peer = server.connect()
    peer.send('hello\n')
    peer.half_close()
    assert peer.rest() == struct.pack('=i', 5) + b'hello'

for kind in ['stream', 'seqpacket']:
    with Server('--type', kind, '--echo', '--sized') as server:
        asked = run('request', server.address, 'hello', '--type', kind, '--sized', check=0)
        assert asked.stdout == b'hello\n'
