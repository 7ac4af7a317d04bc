"""--mode is in force; --allow turns others away with a reason; limits per user hold."""
import os
import stat
import subprocess

from _support import HALLWAY, Server, other_user, run, skip

with Server('--mode', '0640') as server:
    assert stat.S_IMODE(os.stat('server.sock').st_mode) == 0o640
with Server() as server:
    assert stat.S_IMODE(os.stat('server.sock').st_mode) == 0o600

me = os.geteuid()
somebody = 1 if me != 1 else 2
with Server('--allow', f'uid:{somebody}', '--json', '--ack') as server:
    assert server.connect().rest() == b'', 'turned away'
    away = server.event('turned away')
    assert away['peer']['uid'] == me and away['reason']
    # To a client it looks like a server that broke; the hint says that it may be a rule.
    assert b'hint: ' in run('request', server.address, 'x', check=1).stderr
for rule in ['same-uid', 'any', f'uid:{me}', f'gid:{os.getegid()}']:
    with Server('--allow', f'uid:{somebody}', '--allow', rule, '--ack') as server:
        assert run('request', server.address, 'x', check=0).stdout == b'__ACK__\n', rule

# No hint where the server had spoken.
with Server('--ack') as server:
    ended = run('send', server.address, 'x', 'exit', '--wait-reply=3', check=1)
    assert b'hint: ' not in ended.stderr

with Server('--max-per-uid', '2', '--ack') as server:
    admitted = [server.connect() for _ in range(2)]
    for peer in admitted:
        peer.send('x\n')
        assert peer.line() == '__ACK__\n'
    assert server.connect().rest() == b''
    server.says('turned away')
    for peer in admitted:
        peer.close()

# The rest needs somebody else.
other = other_user()


def as_other(*words, check):
    ended = subprocess.run([*other, HALLWAY, *words], capture_output=True, timeout=30)
    assert ended.returncode == check, ended
    return ended


if subprocess.run([*other, 'test', '-x', HALLWAY]).returncode != 0:
    skip('the other user cannot reach the command')

with Server('--ack') as server:
    as_other('request', server.address, 'x', check=77)
    as_other('wait', server.address, check=77)
with Server('--ack', '--mode', '0666') as server:
    assert as_other('request', server.address, 'x', check=0).stdout == b'__ACK__\n'
with Server('--ack', '--owner', '65533', '--group', '65533') as server:
    status = os.stat('server.sock')
    assert (status.st_uid, status.st_gid) == (65533, 65533)
    as_other('request', server.address, 'x', check=0)
with Server('--ack', '--mode', '0666', '--allow', 'root', '--json') as server:
    as_other('request', server.address, 'x', check=1)
    assert server.event('turned away')['peer']['uid'] == 65533
    run('request', server.address, 'x', check=0)

# An abstract name has no permissions: others need a rule.
name = f'@hallway-access-{os.getpid()}'
for kind in ['stream', 'datagram']:
    with Server('--type', kind, '--ack', address=name) as server:
        if kind == 'stream':
            as_other('request', name, 'x', check=1)
        else:
            as_other('send', name, 'x', '--type', kind, check=0)
        server.says('turned away')
        run('request', name, 'x', '--type', kind, check=0)
    with Server('--type', kind, '--ack', '--allow', 'uid:65533', address=name) as server:
        as_other('request', name, 'x', '--type', kind, check=0)
