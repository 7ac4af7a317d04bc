"""Descriptors 0 to 2 that are closed at the start do not become sockets, where a message would be printed to a client."""
import os
import subprocess

from _support import Peer, run


def leads_to(pid, number):
    return os.readlink(f'/proc/{pid}/fd/{number}')


def served(closed, verb, *flags):
    server = subprocess.Popen(['sh', '-c', f'exec "$HALLWAY" "$@" {closed}', 'sh', verb, './server.sock', *flags])
    run('wait', './server.sock', check=0)
    return server


for verb, flags in ('serve', ('--echo', '--no-print')), ('hub', ()):
    server = served('<&- >&- 2>&-', verb, *flags)
    assert [leads_to(server.pid, number) for number in range(3)] == ['/dev/null'] * 3
    for _ in range(3):
        peer = Peer('./server.sock')
        if verb == 'serve':
            peer.send('x\n')
            assert peer.line() == 'x\n'
        else:
            assert peer.line().startswith('INFO ')
        peer.close()
    server.terminate()
    assert (status := server.wait(30)) == 0, status

for closed, number in ('<&-', 0), ('2>&-', 2):
    server = served(closed, 'serve', '--echo', '--no-print')
    # It listens before it handles signals, and answers after that.
    assert run('request', './server.sock', 'x', check=0).stdout == b'x\n'
    assert leads_to(server.pid, number) == '/dev/null'
    server.terminate()
    assert (status := server.wait(30)) == 0, status

# Closed input is empty; a handler has a standard error that takes its words.
server = served('2>&-', 'serve', '--handler', 'echo words >&2 && echo done', '--no-print')
assert run('request', './server.sock', 'x', check=0).stdout == b'done\n'
ended = subprocess.run(['sh', '-c', 'exec "$HALLWAY" connect ./server.sock <&-'], stdout=subprocess.PIPE, timeout=30)
assert ended.returncode == 0 and ended.stdout == b''
server.terminate()
assert (status := server.wait(30)) == 0, status

# Closed output is a failure for what prints, and says so where that is possible.
ended = subprocess.run(['sh', '-c', '"$HALLWAY" --version >&-'], stderr=subprocess.PIPE, timeout=30)
assert ended.returncode == 1 and b'standard output: it is closed' in ended.stderr, ended
assert subprocess.run(['sh', '-c', '"$HALLWAY" --version >&- 2>&-'], timeout=30).returncode == 1
