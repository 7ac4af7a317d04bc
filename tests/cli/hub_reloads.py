"""SIGHUP: new rules apply at once; a config with mistakes changes nothing, and each is reported with its line."""
import json
import os
import socket
import subprocess

from _support import DEADLINE, Hub, other_user, until

DENIED = "-ERR 'Permissions Violation for Publish to \"secret.a\"'"


def write(text):
    # In one step: a reload in between must not see half a file.
    with open('new.toml', 'w') as file:
        file.write(text)
    os.rename('new.toml', 'hub.toml')


NOTHING_SECRET = '[[permissions]]\nwho = ["any"]\npublish.deny = ["secret.>"]\n'

write('')
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.settimeout(DEADLINE)
manager.bind('notify.sock')
with Hub('--config', 'hub.toml', env={'NOTIFY_SOCKET': os.path.abspath('notify.sock')}) as hub:
    client = hub.join()
    client.asks('PUB secret.a 0\r\n')

    write(NOTHING_SECRET)
    assert hub.reload()
    assert '1 permission' in hub.says('reloaded')
    client.asks('PUB secret.a 0\r\n', DENIED)
    assert 'secret.a' in hub.says('violation')
    assert f'pid {os.getpid()}' in hub.says('violation')
    client.asks('PUB open.a 0\r\n')
    heard = b''
    while not heard.startswith(b'RELOADING=1\n'):
        heard = manager.recv(1000)
    while heard != b'READY=1':
        heard = manager.recv(1000)

    # Two mistakes: both are named, and the previous config stays in force.
    write('[hub]\nalow = ["any"]\n[[permissions]]\nwho = ["user:nobody-here"]\npublish.deny = ["a"]\n')
    assert not hub.reload()
    assert 'config hub.toml:2: hub.alow: not a key' in hub.says('alow')
    assert 'hub.toml:4: permissions[0].who[0]' in hub.says('nobody-here')
    assert '2 mistakes; the previous config stays in force' in hub.says('not reloaded')
    client.asks('PUB secret.a 0\r\n', DENIED)
    os.remove('hub.toml')
    assert not hub.reload()
    hub.says('No such file')
    client.asks('PUB secret.a 0\r\n', DENIED)

    # What only a restart can change is named, and the rest counts.
    write('[hub]\nname = "other"\n[limits]\nmax_payload = "2K"\n')
    assert hub.reload()
    assert 'takes effect after a restart' in hub.says('hub.name')
    assert 'takes effect after a restart' in hub.says('limits.max_payload')
    client.asks('PUB secret.a 0\r\n')

    # A subscription that is not permitted any more ends.
    client.asks('SUB secret.> 1')
    write('[[permissions]]\nwho = ["any"]\nsubscribe.deny = ["secret.>"]\n')
    assert hub.reload()
    assert 'Permissions Violation for Subscription to "secret.>"' in client.line()
    client.asks('PUB secret.a 0\r\n')

# Of a flood, a few lines are written and the rest is counted.
write(NOTHING_SECRET)
with Hub('--config', 'hub.toml', '--json') as hub:
    client = hub.join()
    client.send('CONNECT {"verbose":false}\r\n' + 'PUB secret.a 0\r\n\r\n' * 1000 + 'PING\r\n')
    while client.line() != 'PONG\r\n':
        pass
    told = lambda: sum(b'"event":"violation"' in line for line in hub.err.all)
    # On a busy machine it lasts for more than a second, and each has its own.
    counted = lambda: sum(json.loads(line)['events'] for line in hub.err.all if b'"event":"not logged"' in line)
    until(lambda: counted() + told() == 1000, 'all are logged or counted')
    assert told() <= 200

# Another user is told apart by the kernel.
prefix = other_user()
write('[[permissions]]\nwho = ["uid:0"]\npublish.deny = ["elsewhere"]\n'
      '[[permissions]]\nwho = ["uid:65533"]\npublish.allow = ["public.*"]\n')
with Hub('--config', 'hub.toml', '--mode', '0666', '--json') as hub:
    ended = subprocess.run([*prefix, 'nc', '-N', '-U', hub.address], capture_output=True,
                           input=b'PUB secret.a 0\r\n\r\nPUB public.a 0\r\n\r\nPING\r\n',
                           timeout=DEADLINE)
    said = ended.stdout.decode().splitlines()[1:]
    assert said == [DENIED, '+OK', 'PONG'], said
    assert hub.event('violation')['peer']['uid'] == 65533
    hub.join().asks('PUB secret.a 0\r\n')

# Who may not connect at all hears nothing.
write('[hub]\nallow = ["root"]\n')
with Hub('--config', 'hub.toml', '--mode', '0666') as hub:
    ended = subprocess.run([*prefix, 'nc', '-N', '-U', hub.address], capture_output=True,
                           input=b'PING\r\n', timeout=DEADLINE)
    assert b'PONG' not in ended.stdout, ended
    assert 'uid 65533' in hub.says('turned away')
    hub.join()
with Hub('--mode', '0600') as hub:
    ended = subprocess.run([*prefix, 'nc', '-N', '-U', hub.address], capture_output=True,
                           input=b'PING\r\n', timeout=DEADLINE)
    assert b'Permission denied' in ended.stderr, ended
