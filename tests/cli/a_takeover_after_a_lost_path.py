"""--takeover and --on-path-lost: a lost path is not handed over, and a successor watches its own."""
import os

from _support import Server, run


def contents():
    return sorted(os.listdir('.'))


# What no client finds is not handed over; once it is put back, it is.
first = Server('--takeover', '--echo')
os.rename('server.sock', 'away.sock')
first.says('path lost: unix:./server.sock: the socket file is gone')
refused = run('serve', './server.sock', '--takeover', check=77).stderr
assert b'the socket file is gone' in refused, refused
os.rename('away.sock', 'server.sock')
first.says('path regained: unix:./server.sock')
with Server('--takeover', '--echo', '--on-path-lost', 'rebind') as second:
    assert first.status() == 0
    assert not any(b'path lost' in line for line in second.err.all)

    # The successor has made none of the files, and binds them again all the same.
    for name in 'server.sock', 'server.sock.control':
        second.err.all.clear()
        os.remove(name)
        second.says(f'path regained: unix:./{name}')
    assert run('request', './server.sock', 'x', check=0).stdout == b'x\n'

    # And what was bound again is handed over.
    with Server('--takeover', '--echo') as third:
        assert second.status() == 0
        assert run('request', './server.sock', 'x', check=0).stdout == b'x\n'
        assert contents() == ['server.sock', 'server.sock.control', 'server.sock.lock']
        assert not any(b'path lost' in line for line in second.err.all[-2:])
assert contents() == [], contents()

# Somebody else's socket in its place is neither handed over nor removed by either.
first = Server('--takeover')
os.rename('server.sock', 'away.sock')
with Server(address='./other.sock') as other:
    os.link('other.sock', 'server.sock')
    first.says('path lost')
    refused = run('serve', './server.sock', '--takeover', check=77).stderr
    assert b'a socket is in its place' in refused, refused
    os.remove('away.sock')
    first.stop()
    assert contents() == ['other.sock', 'other.sock.lock', 'server.sock'], contents()
os.remove('server.sock')

# A directory that was moved away and back is handed over with all that is in it.
os.mkdir('d')
first = Server('--takeover', address='./d/s')
os.rename('d', 'away')
first.says('path lost: unix:./d/s: ')
first.says('path lost: unix:./d/s.control: ')
os.rename('away', 'd')
first.says('path regained: unix:./d/s')
with Server('--takeover', address='./d/s'):
    assert first.status() == 0
assert os.listdir('d') == [], os.listdir('d')
