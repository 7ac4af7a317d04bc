"""SIGHUP with a config that is gone, empty, half written or not to be read twice: rules stay in force.

What a hub was started with may be read once (a pipe, standard input); what it reads again must be a
regular file, whole, with something in it.
"""
import fcntl
import os
import signal
import subprocess

from _support import DEADLINE, Hub, Peer, Process, run

RULES = '[[permissions]]\nwho = ["any"]\npublish.deny = ["secret.>"]\n'
DENIED = "-ERR 'Permissions Violation for Publish to \"secret.a\"'"


def write(text, name='hub.toml'):
    with open('new.toml', 'w') as file:
        file.write(text)
    os.rename('new.toml', name)


def stays(hub, client, *whys):
    """A reload that changes nothing, and says why: one of these."""
    assert not hub.reload()
    said = hub.says('not reloaded')
    assert any(why in said for why in whys) and 'the previous config stays in force' in said, said
    client.asks('PUB secret.a 0\r\n', DENIED)


# What stands in the place of the file.
write(RULES)
with Hub('--config', 'hub.toml') as hub:
    client = hub.join()
    client.asks('PUB secret.a 0\r\n', DENIED)

    for nothing in ['', '\n', ' \t\r\n\n']:
        write(nothing)
        stays(hub, client, 'it is empty')
    os.remove('hub.toml')
    stays(hub, client, 'No such file')
    os.mkdir('hub.toml')
    stays(hub, client, 'a directory')
    os.rmdir('hub.toml')
    os.mkfifo('hub.toml')  # and nobody writes to it
    stays(hub, client, 'a pipe')
    os.remove('hub.toml')
    os.symlink('/dev/zero', 'hub.toml')
    stays(hub, client, 'a device', 'Permission denied: the sandbox permits only the directory')
    os.remove('hub.toml')
    os.symlink('hub.toml', 'hub.toml')
    stays(hub, client, 'Too many levels')
    os.remove('hub.toml')
    write('#' * (1 << 20) + '\n')
    stays(hub, client, 'larger than 1M')
    write('\0' * 4096)  # what some file systems leave after a crash
    assert not hub.reload()
    hub.says('not reloaded')
    client.asks('PUB secret.a 0\r\n', DENIED)

    # A process that writes it has not said the last word: what is there so far would be a config.
    write('# rules follow\n')
    with open('hub.toml', 'a') as half:
        half.write(RULES[:RULES.index('publish')])
        half.flush()
        stays(hub, client, 'open for writing')
        half.write(RULES[RULES.index('publish'):])
    assert hub.reload()
    assert '1 permission,' in hub.says('reloaded')
    client.asks('PUB secret.a 0\r\n', DENIED)

    # Nobody who wants to write waits for us for long, nor is anything held when it has been read.
    with open('hub.toml', 'r+') as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    # No rules at all are to be had for a word.
    write('# no rules\n')
    assert hub.reload()
    assert '0 permissions (before: 1)' in hub.says('reloaded')
    client.asks('PUB secret.a 0\r\n')

# What can be read once: a pipe as standard input, a process substitution, a FIFO with its name.
for words in ['--config /dev/stdin < <(cat rules.toml)', '--config <(cat rules.toml)',
              '--config fifo', '--config /dev/fd/7 7< <(cat rules.toml)']:
    write(RULES, 'rules.toml')
    if 'fifo' in words:
        os.mkfifo('fifo')
        feeding = subprocess.Popen(['sh', '-c', 'cat rules.toml > fifo'])
    hub = Process(prefix=['bash', '-c', f'exec "$0" hub ./once.sock {words}'])
    hub.says('listening')
    client = Peer('./once.sock')
    assert client.line().startswith('INFO {')
    client.asks('PUB secret.a 0\r\n', DENIED)
    for _ in range(2):
        hub.err.all.clear()
        hub.signal(signal.SIGHUP)
        said = hub.says('not reloaded')
        assert 'a pipe, which cannot be read again' in said, said
        client.asks('PUB secret.a 0\r\n', DENIED)
    if 'fifo' in words:
        assert feeding.wait(DEADLINE) == 0
    hub.signal(signal.SIGTERM)
    assert hub.status() == 0

# Standard input that is a file is read again, as long as it is the file of that name.
write(RULES)
with open('hub.toml') as file, Hub('--config', '/dev/stdin', stdin=file) as hub:
    client = hub.join()
    with open('hub.toml', 'w') as same:
        same.write('# no rules\n')
    assert hub.reload()
    client.asks('PUB secret.a 0\r\n')
    with open('hub.toml', 'w') as same:
        same.write(RULES)
    assert hub.reload()
    client.asks('PUB secret.a 0\r\n', DENIED)
    write('# another file\n')
    stays(hub, client, 'no longer has a name')

# A name that cannot be looked up any longer, in flags or in the file, leaves all as it was.
write(RULES + '[hub]\nallow = ["group:nobody-has-this-group"]\n')
run('hub', './h', '--config', 'hub.toml', check=2)
write(RULES)
with Hub('--config', 'hub.toml') as hub:
    client = hub.join()
    write('[[permissions]]\nwho = ["group:nobody-has-this-group"]\n')
    assert not hub.reload()
    client.asks('PUB secret.a 0\r\n', DENIED)

# At the start, a file that is empty is no mistake, and is not passed over in silence.
write('')
with Hub('--config', 'hub.toml') as hub:
    hub.says('config empty: hub.toml: no rules')
assert b'empty' in run('hub', '--check-config', 'hub.toml', check=0).stderr
write('#' * (1 << 20) + '\n')
assert b'larger than 1M' in run('hub', '--check-config', 'hub.toml', check=1).stderr
assert run('hub', '--check-config', '/dev/zero', check=1)
assert run('hub', '--check-config', '.', check=1)
