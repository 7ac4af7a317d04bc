"""Without an address a hub listens where its clients look for it; they say where they looked if none is served."""
import os
import shutil
import stat
import subprocess

from _support import HALLWAY, Process, run, skip, until

VERBS = [['publish', 'a', 'x'], ['subscribe', 'a'], ['request', '--subject', 'a', 'x'], ['reply', 'a'],
         ['wait', '--subject', 'a', '--timeout', '50ms'], ['link', '--to', 'nats://127.0.0.1:1', '--export', 'a']]
os.mkdir('runtime', 0o700)
RUNTIME = {'XDG_RUNTIME_DIR': os.path.abspath('runtime')}
LINKS = b'function not supported' not in run(
    'link', './nothing', '--to', 'nats://127.0.0.1:1', '--export', 'a').stderr.lower()


def hub_at(address, prefix=(), **env):
    """A hub that was given no address, once it listens at this one."""
    hub = Process('hub', env=env, prefix=prefix)
    assert f'listening: unix:{address} (hub)' in hub.says('listening')
    return hub


def passes_a_message(prefix=(), **env):
    """Whether a subscriber that was given no address gets what is published without one."""
    subscriber = Process('subscribe', 'a', '--count', '1', env=env, prefix=prefix)
    until(lambda: subprocess.run([*prefix, HALLWAY, 'publish', 'a', 'x', '--expect', '1'],
                                 env={**os.environ, **env}, capture_output=True).returncode == 0, 'a subscriber')
    return subscriber.status() == 0 and subscriber.out.rest() == [b'x']


# A user's own hub, in a directory that only this user may enter.
hub = hub_at(os.path.abspath('runtime/hallway/hub'), **RUNTIME)
assert stat.S_IMODE(os.stat('runtime/hallway').st_mode) == 0o700
assert passes_a_message(**RUNTIME)

# HALLWAY_HUB comes first, for a hub and for its clients; another hub that is used instead is named.
named = hub_at('./named.sock', HALLWAY_HUB='./named.sock', **RUNTIME)
assert passes_a_message(HALLWAY_HUB='./named.sock', **RUNTIME)
told = run('publish', 'a', 'x', '-v', env={'HALLWAY_HUB': './named.sock', **RUNTIME}, check=0).stderr
assert b'named.sock' in told and b'another hub' not in told
named.kill()
told = run('publish', 'a', 'x', env={'HALLWAY_HUB': './named.sock', **RUNTIME}, check=0).stderr.decode()
assert 'another hub: none is served at HALLWAY_HUB, unix:./named.sock: connected to unix:/' in told, told
wrong = run('publish', 'a', 'x', env={'HALLWAY_HUB': 'tcp:host:1', **RUNTIME}, check=7).stderr.decode()
assert 'tcp:host:1' in wrong and '(HALLWAY_HUB)' in wrong, wrong

# A runtime directory has an absolute path; another one is not looked at.
told = run('publish', 'a', 'x', env={'HALLWAY_HUB': './none.sock', 'XDG_RUNTIME_DIR': './runtime'}).stderr
assert b'runtime' not in told.replace(b'/run/', b'')
hub.kill()

# The rest sees files of its own in /run and /tmp.
if os.geteuid() != 0 or shutil.which('unshare') is None:
    skip('only root can have files of its own in /run and /tmp')
for name in ('run/program', 'run/user', 'tmp'):
    os.makedirs(name)
RUNTIME = {'XDG_RUNTIME_DIR': '/run/user'}
os.chmod('tmp', 0o1777)
ALONE = ['unshare', '--mount', 'sh', '-c',
         f'mount --bind {os.path.dirname(HALLWAY)} run/program && mount --rbind run /run && '
         f'mount --rbind tmp /tmp && shift && exec /run/program/{os.path.basename(HALLWAY)} "$@"', 'sh']


def alone(*words, check=None, prefix=ALONE, **env):
    ended = subprocess.run([*prefix, HALLWAY, *words], capture_output=True, timeout=30, text=True,
                           env={**os.environ, **env})
    assert check is None or ended.returncode == check, ended
    return ended


if alone('--version').returncode != 0:
    skip('no mount namespace with files of its own in /run')

# Nobody anywhere: every place is named, and how a hub is started.
for words in VERBS if LINKS else VERBS[:-1]:
    told = alone(*words, check=28 if words[0] == 'wait' else 7, **RUNTIME).stderr
    assert ('connect: the hub: none is served at unix:/run/user/hallway/hub, '
            'unix:/run/hallway/hub or unix:/tmp/hallway-hub.sock') in told, told
    assert 'hint: `hallway hub` starts one' in told and 'HALLWAY_HUB' in told, told

# The hub of the machine is root's, where every user can look for it.
os.umask(0o077)
hub = hub_at('/run/hallway/hub', ALONE)
assert stat.S_IMODE(os.stat('run/hallway').st_mode) == 0o755
assert passes_a_message(ALONE)
# A hub of this user's own comes before it.
own = hub_at('/run/user/hallway/hub', ALONE, **RUNTIME)
assert 'unix:/run/user/hallway/hub' in alone('publish', 'a', 'x', '-v', check=0, **RUNTIME).stderr
assert 'unix:/run/hallway/hub' in alone('publish', 'a', 'x', '-v', check=0).stderr
own.kill()

# Other users have no place there, and no runtime directory of root's.
if shutil.which('setpriv') is None:
    skip('setpriv is missing')
os.chmod('.', 0o755)
OTHER = list(ALONE)
OTHER[4] = OTHER[4].replace('exec /run', 'exec setpriv --reuid=65533 --regid=65533 --clear-groups /run')
if alone('--version', prefix=OTHER).returncode != 0:
    skip('the other user cannot reach the command')
denied = alone('publish', 'a', 'x', prefix=OTHER, check=77, **RUNTIME).stderr
assert 'unix:/run/hallway/hub' in denied and '/run/user' not in denied, denied
theirs = hub_at('/tmp/hallway-hub.sock', OTHER, **RUNTIME)
assert passes_a_message(OTHER, **RUNTIME), 'what denies them is passed over'
hub.kill()
os.unlink('run/hallway/hub')
# For root, that is somebody who may have taken the name.
refused = alone('publish', 'a', 'x', check=77).stderr
assert 'unix:/tmp/hallway-hub.sock' in refused and 'uid 65533' in refused, refused
assert '--server-uid 65533' in refused and '--server-uid any' in refused, refused
for words in (['65533'], ['any']):
    alone('publish', 'a', 'x', '--server-uid', *words, check=0)
theirs.kill()
