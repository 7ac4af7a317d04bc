"""wait exits 0 once a connection is accepted; an existing file is not enough."""
import os
import socket

from _support import Process, Server, run

left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
left.bind('server.sock')
left.close()

waiting = Process('wait', './server.sock', '--timeout', '1m', '-v')
early = run('wait', './server.sock', '--timeout', '50ms', check=28)
assert b'./server.sock' in early.stderr
assert waiting.process.poll() is None
for kind in ['stream', 'seqpacket', 'datagram']:
    with Server('--type', kind) as server:
        if kind == 'stream':
            assert waiting.status() == 0
            waiting.says('accepted')
        assert run('wait', server.address, '--type', kind, check=0).stderr == b''
        other = 'stream' if kind != 'stream' else 'seqpacket'
        run('wait', server.address, '--type', other, '--timeout', '20ms', check=28)

# The directory may come into being later, too.
waiting = Process('wait', './later/server.sock')
os.mkdir('later')
with Server(address='./later/server.sock'):
    assert waiting.status() == 0
