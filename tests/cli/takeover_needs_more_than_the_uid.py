"""A takeover is for a process that may write where the socket is, in the pid namespace of the server:
our uid in a container that has the directory is no proof."""
import os
import subprocess
import sys

from _support import HALLWAY, Server, run, skip

if os.geteuid() != 0 or subprocess.run(['unshare', '-m', '-p', '-f', 'true'],
                                       capture_output=True).returncode != 0:
    skip('needs root and namespaces')

os.mkdir('run')
os.chmod('.', 0o755)
place = os.path.abspath('run')
path = f'{place}/s'

# Asks as far as it gets, with the lock file opened in the ways there are; prints the last answer.
asker = '''
import os, socket, sys
for flags in (os.O_RDWR, os.O_RDONLY, os.O_PATH):
    try:
        lock = os.open(sys.argv[1] + '.lock', flags)
        break
    except OSError:
        pass
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.settimeout(20)
c.connect(sys.argv[1] + '.control')
c.send(b'takeover ' + sys.argv[2].encode())
answer = c.recv(256)
if answer == b'prove':
    socket.send_fds(c, [b'proof'], [lock])
    answer, passed, _, _ = socket.recv_fds(c, 256, 3)
    assert not passed, passed
print(answer.decode())
'''
# What a container has that may do nothing but read there: docker run -v ...:ro --cap-drop ALL.
read_only = f'mount --bind {place} {place} && mount -o remount,bind,ro {place} && exec "$@"'
no_rights = ('setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs')


def elsewhere(*words, namespaces, script=read_only):
    return subprocess.run(['unshare', *namespaces, '--propagation', 'private', 'sh', '-c', script, 'sh',
                           *no_rights, *words], capture_output=True, text=True, timeout=60)


with Server('--takeover', '--ack', 'first', address=path) as server:
    def still_serving():
        assert run('request', path, 'x', '--server-uid', '0', check=0).stdout == b'first\n'
        assert server.process.poll() is None

    container = ('-m', '-p', '-f')
    for namespaces, version, expected in (
            (container, '1', 'another version of takeover'),
            (container, '2', 'did not prove that it may write'),
            (('-m',), '2', 'did not prove that it may write')):  # docker run --pid host
        told = elsewhere(sys.executable, '-c', asker, path, version, namespaces=namespaces)
        assert expected in told.stdout, told
        still_serving()

    # The command says it, too, and goes away.
    told = elsewhere(HALLWAY, 'serve', path, '--takeover', namespaces=container)
    assert told.returncode == 1 and 'may not write to s.lock' in told.stderr, told
    still_serving()

    # May write there, but what the server knows by its number is in another pid namespace.
    told = elsewhere(sys.executable, '-c', asker, path, '2', namespaces=container,
                     script='exec "$@"')
    assert 'it is in another pid namespace' in told.stdout, told
    still_serving()

    # A successor like any other is one all the same.
    with Server('--takeover', '--ack', 'second', address=path) as successor:
        assert server.status() == 0
        assert run('request', path, 'x', check=0).stdout == b'second\n'
        successor.stop()

# So it is for an ordinary user.
ordinary = ('setpriv', '--reuid', '1234', '--regid', '1234', '--clear-groups')
if subprocess.run([*ordinary, HALLWAY, '--version'], capture_output=True).returncode != 0:
    print('an ordinary user cannot run', HALLWAY, 'here')
    sys.exit(0)
os.chown('run', 1234, 1234)
with Server('--takeover', '--ack', 'first', address=path, prefix=ordinary) as server:
    with Server('--takeover', '--ack', 'second', address=path, prefix=ordinary) as successor:
        assert server.status() == 0
        assert run('request', path, 'x', check=0).stdout == b'second\n'
