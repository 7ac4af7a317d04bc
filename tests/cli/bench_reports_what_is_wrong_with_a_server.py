"""A server that does not echo, closes, or does not run: one line names it, with a hint and an exit code."""
import os
import socket

from _bench import BRIEF, LineServer, nothing_is_left
from _support import Server, run


def fails(status, *words, says=(), hint=(), measured=False):
    ended = run('bench', *words, *BRIEF, check=status)
    lines = ended.stderr.decode().splitlines()
    assert lines[0].startswith('hallway: '), lines
    assert all(line.startswith('hint: ') for line in lines[1:]), lines
    for word in says:
        assert word in lines[0], (word, lines)
    for word in hint:
        assert word in lines[1], (word, lines)
    assert (ended.stdout != b'') == measured, ended


ECHO = ['must answer each message with itself', 'hallway serve --echo']

with Server('--ack', '--no-print', '-q') as server:
    for pattern in ['pingpong', 'stream', 'connect']:
        fails(1, server.address, '--pattern', pattern, hint=ECHO,
              says=['bench: unix:./server.sock: the answer differs from the message: 7 bytes: __ACK__'])
with Server('--no-print', '-q') as server:
    for pattern in ['pingpong', 'stream', 'connect']:
        fails(28, server.address, '--pattern', pattern, '--timeout', '1s', hint=ECHO,
              says=['no answer within 1s'])
with Server('--echo', '--no-print', '-q') as server:
    fails(28, server.address, '--pattern', 'broadcast', '--timeout', '1s',
          says=['received the message of another'], hint=['hallway serve --broadcast'])
    fails(7, server.address, '--type', 'seqpacket', says=['it is a stream socket: use --type stream'])
    fails(77, server.address, '--server-uid', str(os.geteuid() + 1), says=[server.address])
with Server('--echo', '--hangup', '--no-print', '-q') as server:
    fails(1, server.address, says=['unix:./server.sock', 'closed'])
with Server('--allow', f'uid:{os.geteuid() + 1}', '--echo', '-q') as server:
    fails(1, server.address, says=['unix:./server.sock'], hint=['turned this user away'])

# In the middle of it, what was measured until then is shown first.
def break_off(line, number):
    if number == 20:
        raise OSError
    yield line


server = LineServer(break_off)
for pattern in ['pingpong', 'stream']:
    fails(1, server.address, '--pattern', pattern, '--rate', '100', says=['unix:./lines.sock', 'closed'],
          measured=True)

for pattern in ['pingpong', 'broadcast', 'connect']:
    fails(7, './nothing', '--pattern', pattern, says=['connect: unix:./nothing'], hint=['another address'])
left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
left.bind('left.sock')
fails(7, './left.sock', says=['./left.sock'])

# What cannot be meant is refused before anything is started.
for words, says in [(['--pattern', 'dance'], ['--pattern', 'dance', 'pingpong']),
                    (['--rate', '0'], ['--rate', '0']),
                    (['--rate', 'fast'], ['--rate', 'fast']),
                    (['--connections', '0'], ['--connections', '0']),
                    (['--connections', '1', '--pattern', 'broadcast'], ['--connections 1']),
                    (['--size', '0'], ['--size 0']),
                    (['--size', '2M'], ['--size 2M', '--max-message 1M']),
                    (['--size', 'big'], ['--size', 'big']),
                    (['--type', 'datagram'], ['datagram']),
                    (['--framing', 'raw'], ['--framing raw']),
                    (['--type', 'seqpacket', '--framing', 'null'], ['--framing']),
                    (['exec:cat'], ['exec:']),
                    (['--report', ''], ['--report']),
                    (['a', 'b'], ['b'])]:
    ended = run('bench', *words, check=2)
    line = ended.stderr.decode().splitlines()[0]
    assert ended.stdout == b'' and all(word in line for word in says), (words, line)
ended = run('bench', '--duration', '0', check=2)
assert b'--duration 0' in ended.stderr
assert nothing_is_left()
