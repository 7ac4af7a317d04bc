"""connect sends each line of its input and prints each message; the end of input half-closes."""
import os
import signal
import socket
import subprocess

from _support import Process, Server, run

with Server('--ack') as server:
    ended = run('connect', server.address, stdin='foobar\n', check=0)
    assert server.out.next() == b'foobar'
    assert ended.stdout == b'__ACK__\n' and ended.stderr == b''
    assert run('connect', server.address, stdin='a\n\nno newline', check=0).stdout == b'__ACK__\n' * 3
    assert [server.out.next() for _ in range(3)] == [b'a', b'', b'no newline']
    run('connect', env={'HALLWAY_ADDRESS': server.address}, stdin='', check=0)

# It answers as things come, and ends when the server does.
with Server('--echo') as server:
    client = Process('connect', server.address, stdin=subprocess.PIPE)
    for line in ['one', 'two']:
        client.type(line + '\n')
        assert client.out.next() == line.encode()
    server.stop()
    assert client.status() == 0

# More than pipes and sockets hold at once.
with Server('--echo', '--no-print') as server:
    lines = b''.join(b'%d\n' % number for number in range(200000))
    assert run('connect', server.address, stdin=lines, check=0).stdout == lines

# SIGTERM ends it.
with Server('--echo') as server:
    client = Process('connect', server.address, stdin=subprocess.PIPE)
    client.type('x\n')
    assert client.out.next() == b'x'
    client.signal(signal.SIGTERM)
    assert client.status() == 0

# The stop word is the last one.
for kind in ['stream', 'datagram']:
    with Server('--echo', '--type', kind) as server:
        ended = run('connect', server.address, '--type', kind, '--stop-word', 'DONE',
                    stdin='a\nDONE\nnever\n', check=0)
        assert ended.stdout == b'a\nDONE\n'

# An end of input that is never seen.
with Server('--echo', '--type', 'seqpacket') as server:
    client = Process('connect', server.address, '--type', 'seqpacket', '--stop-word', 'DONE',
                     stdin=subprocess.PIPE)
    client.type('DONE\n')
    assert client.status() == 0

assert run('connect', 'exec:tr a-z A-Z', stdin='to a program\n', check=0).stdout == b'TO A PROGRAM\n'

with Server('--echo') as server:
    dump = run('connect', server.address, '--hex', stdin=b'0123456789abcdef\x01\xff\n', check=0)
    assert dump.stdout.decode().splitlines() == [
        '00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|',
        '00000010  01 ff                                             |..|']

# Whoever reads from it has seen enough.
with Server('--echo', '--no-print') as server:
    reader, writer = os.pipe()
    client = subprocess.Popen(['sh', '-c', f'yes | "$HALLWAY" connect {server.address}'],
                              stdout=writer)
    os.close(writer)
    os.read(reader, 100)
    os.close(reader)
    assert client.wait(30) == 0

half = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
half.bind('half.sock')
half.listen()
client = Process('connect', './half.sock', stdin=subprocess.PIPE)
peer, _ = half.accept()
client.type('last words')
client.process.stdin.close()
assert peer.makefile('rb').read() == b'last words\n', 'it half-closes'
peer.sendall(b'the answer\n')
peer.close()
assert client.out.next() == b'the answer'
assert client.status() == 0
