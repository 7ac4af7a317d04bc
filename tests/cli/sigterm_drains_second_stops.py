"""SIGTERM and SIGINT drain and exit 0; a second one stops at once with 128 + N."""
import os
import signal

from _support import Server, until


def refuses(server):
    try:
        server.connect().close()
    except OSError:
        return True
    return False


for number in [signal.SIGTERM, signal.SIGINT]:
    with Server('--echo') as server:
        peer = server.connect()
        peer.send('answered\n')
        assert peer.line() == 'answered\n'
        server.signal(number)
        assert peer.rest() == b''
        assert server.status() == 0
        assert not os.path.exists('server.sock')
        server.says('stopped')

# What is being answered when the signal comes is answered; a handler does not hear our Ctrl-C.
os.mkfifo('gate')
with Server('--handler', 'touch begun; head -c 1 gate >/dev/null; echo done') as server:
    peer = server.connect()
    peer.send('x\n')
    until(lambda: os.path.exists('begun'), 'the handler')
    server.signal(signal.SIGTERM)
    until(lambda: refuses(server), 'the drain')
    with open('gate', 'w') as gate:
        gate.write('x')
    assert peer.rest() == b'done\n'
    assert server.status() == 0

for number in [signal.SIGTERM, signal.SIGINT]:
    with Server('--handler', 'exec sleep 1000', '--ack') as server:
        peer = server.connect()
        peer.send('x\n')
        assert server.out.next() == b'x'
        server.signal(number)
        until(lambda: refuses(server), 'the drain')
        server.signal(number)
        assert server.status() == 128 + number
        assert not os.path.exists('server.sock')
