"""Both ends speak every framing, and the sizes of raw are kept."""
import struct

from _support import Server, run

for framing, sent, received in [
        ('lines', b'one\r\ntwo\n', b'one\ntwo\n'),
        ('null', b'one\0two\0', b'one\0two\0'),
        ('len32', struct.pack('=I3s', 3, b'one'), struct.pack('=I3s', 3, b'one')),
        ('len32be', b'\0\0\0\3one', b'\0\0\0\3one'),
        ('len32le', b'\3\0\0\0one', b'\3\0\0\0one'),
        ('raw', b'any\nthing', b'any\nthing'),
        ('raw:16', b'This is the message.  It will be repeated.',
         b'This is the message.  It will be repeated.')]:
    with Server('--echo', '--framing', framing) as server:
        peer = server.connect()
        peer.send(sent)
        peer.half_close()
        assert peer.rest() == received, framing
        assert run('request', server.address, 'hi', '--framing', framing, check=0).stdout == b'hi\n'
        talk = run('connect', server.address, '--framing', framing, stdin='hi\n', check=0)
        assert talk.stdout == b'hi\n', framing
    printed = server.out.rest()
    if framing == 'raw:16':
        assert printed[:3] == [b'This is the mess', b'age.  It will be', b' repeated.']
