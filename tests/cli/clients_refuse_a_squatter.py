"""In a directory that everybody may write to, clients refuse a server of another user unless it is meant."""
import os
import subprocess

from _support import HALLWAY, Hub, Server, other_user, run, skip

other = other_user()
if subprocess.run([*other, 'test', '-x', HALLWAY]).returncode != 0:
    skip('the other user cannot reach the command')
for name, mode in (('open', 0o1777), ('wild', 0o777), ('closed', 0o755)):
    os.mkdir(name)
    os.chmod(name, mode)
    os.chown(name, 65533 if name == 'closed' else 0, -1)


def refuses(*words):
    """It says whose the server is, and how to say that it is meant."""
    told = run(*words, check=77).stderr.decode()
    assert 'uid 65533, neither root nor this user' in told, told
    assert 'hint: if you mean the server of ' in told and '--server-uid 65533' in told, told
    assert '--server-uid any' in told, told


def verbs(at):
    return [['request', '--at', at, 'x'], ['send', at, 'x'], ['wait', at], ['connect', at],
            ['bench', at, '--duration', '50ms']]


def hub_verbs(at):
    return [['publish', '--at', at, 'a', 'x'], ['subscribe', '--at', at, 'a'], ['reply', '--at', at, 'a'],
            ['request', '--at', at, '--subject', 'a', 'x'], ['wait', at, '--subject', 'a']]


os.symlink('open/server.sock', 'link.sock')
os.symlink('link.sock', 'link-of-link.sock')
with Server('--echo', '--no-print', address='./open/server.sock', prefix=other) as server:
    for words in verbs(server.address) + verbs('./link.sock') + verbs('./link-of-link.sock'):
        if words[0] != 'bench':
            refuses(*words)
    assert b'neither root nor this user' in run(*verbs(server.address)[-1]).stderr
    for user in ('65533', 'any'):
        assert run('request', server.address, 'x', '--server-uid', user, check=0).stdout == b'x\n'
    # Its own user need not be told.
    assert subprocess.run([*other, HALLWAY, 'request', server.address, 'x'], capture_output=True,
                          timeout=30).stdout == b'x\n'
with Server('--echo', address='./wild/server.sock', prefix=other) as server:
    refuses('request', server.address, 'x')
with Server('--echo', '--type', 'datagram', address='./open/datagrams.sock', prefix=other) as server:
    for words in (['request'], ['send'], ['wait'], ['connect']):
        refuses(*words, server.address, *(['x'] if words[0] in ('request', 'send') else []), '--type', 'datagram')
    assert run('request', server.address, 'x', '--type', 'datagram', '--server-uid', 'any', check=0).stdout == b'x\n'
with Hub(address='./open/hub.sock', prefix=other) as hub:
    for words in hub_verbs(hub.address):
        refuses(*words)
    run('publish', '--at', hub.address, 'a', 'x', '--server-uid', '65533', check=0)

# Nor is it in a directory, or behind a link, that the other user made in such a place.
os.mkdir('open/theirs')
os.chown('open/theirs', 65533, 65533)
os.symlink(os.path.abspath('open/theirs'), 'open/link')
os.lchown('open/link', 65533, 65533)
with Server('--echo', address='./open/theirs/server.sock', prefix=other) as server:
    for path in ('./open/theirs/server.sock', './open/link/server.sock', './closed/../open/theirs/server.sock'):
        refuses('request', path, 'x')

# A directory of their own is theirs to serve in, and root's servers are trusted everywhere.
with Server('--echo', address='./closed/server.sock', prefix=other) as server:
    assert run('request', server.address, 'x', check=0).stdout == b'x\n'
with Server('--echo', '--mode', '0666', address='./open/root.sock') as server:
    assert subprocess.run([*other, HALLWAY, 'request', server.address, 'x'], capture_output=True,
                          timeout=30).stdout == b'x\n'

# A hub that is looked for is refused wherever it is.
os.makedirs('runtime/hallway')
os.chmod('runtime', 0o755)
os.chown('runtime/hallway', 65533, 65533)
with Hub(address='./runtime/hallway/hub', prefix=other):
    environment = {'XDG_RUNTIME_DIR': os.path.abspath('runtime')}
    for words in hub_verbs('x'):
        told = run(*[word for word in words if word not in ('--at', 'x')], *(
            ['x'] if words[0] in ('publish', 'request') else []), env=environment, check=77).stderr.decode()
        assert 'uid 65533, neither root nor this user' in told, told
    run('publish', 'a', 'x', '--server-uid', 'any', env=environment, check=0)
