"""A client that speaks another protocol, such as a browser, is disconnected at its first wrong byte.

Nothing after that byte is an operation: the messages that it carries reach nobody.
"""
import contextlib
import struct

from _tcp import TcpHub

BODY = b'PUB leaked 6\r\nsecret\r\nPING\r\n'
HEAD = (b'Host: 127.0.0.1:4222\r\nContent-Type: text/plain\r\nContent-Length: '
        + str(len(BODY)).encode() + b'\r\n\r\n')
TLS_HELLO = b'\x16\x03\x01' + struct.pack('>H', 5 + len(BODY)) + b'\x01\x00\x00\x01\x00' + BODY

PROTOCOLS = {
    **{method: f'{method} / HTTP/1.1\r\n'.encode() + HEAD + BODY
       for method in ('GET', 'POST', 'PUT', 'HEAD', 'PATCH', 'DELETE', 'OPTIONS', 'SUBSCRIBE',
                      'UNSUBSCRIBE')},
    'a proxy request': b'CONNECT 127.0.0.1:4222 HTTP/1.1\r\n' + HEAD + BODY,
    # Methods of a page whose own server has just become 127.0.0.1: a line that NATS has, too.
    'PUB as a method': b'PUB / HTTP/1.1\r\n' + HEAD + BODY,
    'SUB as a method': b'SUB / HTTP/1.1\r\n' + HEAD + BODY,
    'PING as a method': b'PING / HTTP/1.1\r\n' + HEAD + BODY,
    'an upgrade': b'GET / HTTP/1.1\r\nUpgrade: websocket\r\n' + HEAD + BODY,
    'HTTP/2': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + BODY,
    'TLS': TLS_HELLO,
    'redis': b'*1\r\n$4\r\nINFO\r\n' + BODY,
    'ssh': b'SSH-2.0-OpenSSH\r\n' + BODY,
    'a long body': b'POST / HTTP/1.1\r\n' + HEAD + BODY * 100_000,
}


def sent(client, data):
    """All that the client hears until it is disconnected; it may be reset if it goes on sending."""
    heard = b''
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        client.send(data)
    with contextlib.suppress(ConnectionResetError):
        while piece := client.socket.recv(1 << 16):
            heard += piece
    return heard


with TcpHub() as hub:
    listener = hub.join()
    listener.asks('SUB > 1')
    for ways in (hub.tcp_peer, hub.connect):
        for name, data in PROTOCOLS.items():
            heard = sent(ways(), data)
            assert b'PONG' not in heard.replace(b'PONG\r\n', b'', name == 'PING as a method'), (name, heard)
            if name != 'a long body':
                assert heard.startswith(b'INFO {') and b'-ERR ' in heard, (name, heard)
    # Had anything been published, it would have come before this.
    other = hub.join()
    other.send('PUB marker 0\r\n\r\n')
    assert listener.line() == 'MSG marker 1 0\r\n'
    other.close()
    listener.close()
