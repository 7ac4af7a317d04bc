"""Connections, idleness, slowness and sizes have limits, and exceeding one affects only that client."""
import socket

from _support import Server, run

with Server('--max-connections', '1', '--echo') as server:
    first, second = server.connect(), server.connect()
    first.send('one\n')
    assert first.line() == 'one\n'
    second.send('two\n')
    server.says('accepting paused')
    first.close()
    assert second.line() == 'two\n', 'it was waiting'
    second.close()

with Server('--idle-timeout', '50ms') as server:
    assert server.connect().rest() == b''
    server.says('closed')

# Whoever waits for an answer is not idle, however long the handler takes.
with Server('--idle-timeout', '50ms', '--handler', 'sleep 0.3; cat') as server:
    peer = server.connect()
    peer.send('one\ntwo\n')
    assert peer.line() == 'one\n' and peer.line() == 'two\n'
    assert peer.rest() == b''

with Server('--timeout', '50ms', '--echo') as server:
    slow = server.connect()
    slow.send('half a messa')
    assert slow.rest() == b''
    assert run('request', server.address, 'x', check=0).stdout == b'x\n'

with Server('--handshake-timeout', '50ms', '--echo') as server:
    assert server.connect().rest() == b'', 'a client that says nothing'
    server.says('no message arrived completely within handshake_time')

with Server('--max-message', '1K', '--echo', '--no-print') as server:
    peer, greedy = server.connect(), server.connect()
    peer.send('x' * 1024 + '\n')
    assert peer.line() == 'x' * 1024 + '\n'
    greedy.send('x' * 1026)
    assert greedy.rest() == b''
    peer.send('still here\n')
    assert peer.line() == 'still here\n'
    peer.close()

# Larger than any default queue.
with Server('--max-message', '32M', '--timeout', '60s', '--echo', '--no-print') as server:
    large = b'x' * (20 << 20)
    assert run('request', server.address, '-', '--max-message', '32M', stdin=large,
               check=0).stdout == large + b'\n'

with Server('--type', 'seqpacket', '--max-message', '10', '--echo') as server:
    peer = server.connect(socket.SOCK_SEQPACKET)
    peer.send('x' * 11)
    assert peer.packet() == b''
