"""Each event names the process, its pid and the connection; -q silences, -v adds, -vv adds all."""
import os
import re
import subprocess

from _support import Server, run


def said(*flags):
    with Server('--echo', *flags) as server:
        run('request', server.address, 'x' * 100, check=0)
        server.stop()
        return [line.decode() for line in server.err.rest()], server.pid


lines, pid = said()
prefix = f'[hallway ({pid})] '
assert all(line.startswith(prefix) for line in lines), lines
lines = [line.removeprefix(prefix) for line in lines]
assert lines[0] == 'listening: unix:./server.sock (stream, framing lines)'
assert re.fullmatch(rf'connection 1: connected: pid \d+ \(hallway\), uid {os.geteuid()}', lines[1])
assert re.match(r'connection 1: closed: .*received 1 message \(101 bytes\), sent 1', lines[2])
assert lines[3] == 'stopped' and len(lines) == 4

assert said('-q')[0] == []
lines = said('-v')[0]
assert any('connection 1: received: 100 bytes: ' + 'x' * 64 + '...' in line for line in lines), lines
assert any('connection 1: sent: 100 bytes: ' in line for line in lines), lines
assert any('x' * 100 in line for line in said('-vv')[0])

# The name of the process stands for itself, whatever is in it.
os.symlink(os.environ['HALLWAY'], 'h%v%n')
named = subprocess.run(['./h%v%n', 'hub', '--check-config', '/dev/null'], stderr=subprocess.PIPE, timeout=30)
assert named.stderr.startswith(b'[h%v%n ('), named
