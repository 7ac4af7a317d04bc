"""A path through /proc/self/cwd or /proc/PID/fd is watched, bound again and taken over like others."""
import os

from _support import Server, run

place = os.open('.', os.O_RDONLY)
for way in '/proc/self/cwd', f'/proc/{os.getpid()}/fd/{place}':
    path = f'{way}/s'
    with Server('--echo', '--on-path-lost', 'rebind', address=path) as server:
        assert run('request', './s', 'x', check=0).stdout == b'x\n'
        os.rename('s', 'away')
        server.says(f'path lost: unix:{path}: the socket file is gone')
        server.says(f'path regained: unix:{path}')
        os.remove('away')
        assert run('request', './s', 'x', check=0).stdout == b'x\n'
    assert os.listdir('.') == [], os.listdir('.')

    with Server(address=path) as server:
        os.rename('s', 'away')
        server.says(f'path lost: unix:{path}: the socket file is gone')
        os.rename('away', 's')
        server.says(f'path regained: unix:{path}')
    assert os.listdir('.') == [], os.listdir('.')

    first = Server('--takeover', address=path)
    with Server('--takeover', '--echo', address=path):
        assert first.status() == 0
        assert run('request', './s', 'x', check=0).stdout == b'x\n'
    assert os.listdir('.') == [], os.listdir('.')

# The directory is moved: the process's working directory goes with it, and so does the path.
os.mkdir('d')
with Server('--echo', address='/proc/self/cwd/s', cwd='d') as server:
    os.rename('d', 'moved')
    os.rename('moved/s', 'moved/away')
    server.says('path lost')
    assert not any(b'path lost' in line for line in server.err.all[:-1]), server.err.all
    os.rename('moved/away', 'moved/s')
    server.says('path regained')
assert os.listdir('moved') == [], os.listdir('moved')
