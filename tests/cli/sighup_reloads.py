"""SIGHUP looks up the names in --allow again and disturbs no client; a terminal that hangs up drains."""
import os
import shutil
import signal
import socket
import subprocess

from _support import DEADLINE, Server, Terminal, run, skip

# Nothing to look up is reloaded, too: connections stay, the server goes on, the manager is told.
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.settimeout(DEADLINE)
manager.bind('notify.sock')


def manager_hears(beginning):
    heard = ''
    while not heard.startswith(beginning):
        heard = manager.recv(1000).decode()
    return heard


for kind in ['stream', 'datagram']:
    with Server('--echo', '--type', kind, '--allow', 'same-uid', '--allow', 'root',
                env={'NOTIFY_SOCKET': os.path.abspath('notify.sock')}) as server:
        manager_hears('READY=1')
        stays = server.connect() if kind == 'stream' else None
        server.signal(signal.SIGHUP)
        assert '2 rules' in server.says('reloaded')
        assert '\nMONOTONIC_USEC=' in manager_hears('RELOADING=1\n')
        manager_hears('READY=1')
        if stays:
            stays.send('still there\n')
            assert stays.line() == 'still there\n'
        assert run('request', server.address, 'x', '--type', kind, check=0).stdout == b'x\n'

with Server('--json') as server:
    server.signal(signal.SIGHUP)
    assert server.event('reloaded')['what'] == '0 rules'

# Nobody is there any more: it does not stay behind.
terminal = Terminal('serve', './terminal.sock')
terminal.wait_for('listening')
os.close(terminal.master)
assert terminal.status() == 0
assert not os.path.exists('terminal.sock')

# The user database is the machine's: in a mount namespace of its own it is ours to change.
is_root = os.geteuid() == 0
isolated = ['unshare', '--mount'] + ([] if is_root else ['--map-root-user'])
our_group = os.getegid() if is_root else 0  # as the server sees it
usable = shutil.which('unshare') and subprocess.run(
    [*isolated, 'mount', '--bind', '/etc/hostname', '/etc/hostname'],
    capture_output=True).returncode == 0
if not usable:
    skip('the names of groups can only be changed where mounting is allowed')


def group_is(gid):
    with open('group') as file:
        lines = [line for line in file if not line.startswith('hallway-test:')]
    # In place, because the mount is of this very file.
    with open('group', 'w') as file:
        file.writelines([*lines, f'hallway-test:x:{gid}:\n'] if gid is not None else lines)


shutil.copy('/etc/group', 'group')
inside = 'mount --bind group /etc/group && exec "$@"'
for kind in ['stream', 'datagram']:
    group_is(our_group + 4711)
    with Server('--echo', '--type', kind, '--allow', 'group:hallway-test',
                prefix=[*isolated, 'sh', '-c', inside, 'sh']) as server:
        def request():
            return run('request', server.address, 'x', '--type', kind, '--timeout', '10s')

        if kind == 'stream':
            assert request().returncode == 1
            server.says('turned away')
        group_is(our_group)
        server.signal(signal.SIGHUP)
        server.says('reloaded')
        assert request().stdout == b'x\n'
        # A name that is gone changes nothing.
        group_is(None)
        server.signal(signal.SIGHUP)
        assert 'hallway-test' in server.says('not reloaded')
        assert request().stdout == b'x\n'
