"""An acknowledgement means that the message is on standard output, not that it is about to be."""
import os
import select

from _support import Server

MESSAGE = b'x' * 200000 + b'\n'  # more than a pipe holds

os.mkfifo('out')
out = os.open('out', os.O_RDWR)
with Server('--ack', '-v', prefix=['sh', '-c', 'exec "$@" >out', 'sh']) as server:
    peer, other = server.connect(), server.connect()
    peer.send(MESSAGE)
    server.says('connection 1: received')
    other.send('exit\n')
    assert other.rest() == b'', 'it goes on meanwhile'
    assert not select.select([peer.socket], [], [], 0)[0], 'not yet'
    left = len(MESSAGE)
    while left > 0:
        left -= len(os.read(out, left))
    assert peer.line() == '__ACK__\n'
    peer.close()

# Without standard output there is nothing to wait for.
with Server('--ack', '--no-print') as server:
    peer = server.connect()
    peer.send(MESSAGE)
    assert peer.line() == '__ACK__\n'
    peer.close()
