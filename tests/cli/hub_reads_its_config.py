"""hallway hub --config: the file is used, flags take precedence, and every mistake is reported."""
import json
import os
import re

from _support import SOURCE_DIR, Hub, Process, run

EXAMPLE = f'{SOURCE_DIR}/packaging/hub.toml'


def write(text, name='hub.toml'):
    with open(name, 'w') as file:
        file.write(text)


# The example is in order as it is, and with every key in it turned on.
assert b'config valid' in run('hub', '--check-config', EXAMPLE, check=0).stderr
with open(EXAMPLE) as file:
    turned_on = re.sub(r'^#(?=[a-z[])', '', file.read(), flags=re.MULTILINE)
write(turned_on, 'all.toml')
ended = run('hub', '--check-config', 'all.toml', check=0)
assert b'config valid' in ended.stderr, ended

# Where it shows a default, that is the default: a reload tells what differs.
write('', 'now.toml')
with Hub('--config', 'now.toml') as hub:
    write(turned_on, 'now.toml')
    assert hub.reload()
    differs = re.findall(rb'not changed: ([a-z_.]+): takes effect after a restart', b'\n'.join(hub.err.all))
    assert sorted(differs) == [b'hub.group', b'hub.listen', b'hub.name', b'hub.owner', b'link', b'metrics.address',
                               b'metrics.group', b'metrics.owner'], differs

# It has every key there is: those that the command would name to somebody who uses another.
for table, example in [('hub', '[hub]'), ('limits', '[limits]'), ('metrics', '[metrics]'),
                       ('link', '[link]\nurls = ["nats://a"]'),
                       ('link.as[0]', '[link]\nurls = ["nats://a"]\n[[link.as]]\nwho = ["any"]'),
                       ('link.tls', '[link]\nurls = ["nats://a"]\n[link.tls]'),
                       ('permissions[0]', '[[permissions]]\nwho = ["any"]'),
                       ('permissions[0].publish', '[[permissions]]\nwho = ["any"]\n[permissions.publish]'),
                       ('delivery[0]', '[[delivery]]\nsubjects = ["a"]\npolicy = "wait"'),
                       ('retain[0]', '[[retain]]\nsubjects = ["a"]')]:
    write(example + '\nno-such-key = 1\n')
    said = run('hub', '--check-config', 'hub.toml', check=2).stderr.decode()
    known = re.search(re.escape(table) + r'\.no-such-key: not a key \((.*)\)', said)[1].split(', ')
    assert len(known) >= 2, said
    for key in known:
        assert re.search(rf'\b{key} = |^\[\[{table}\.{key}\]\]$', turned_on, re.M), f'{EXAMPLE} lacks {table}.{key}'

# What stands in it counts; flags win.
write('[hub]\naddress = "./from-config.sock"\nname = "config"\nmode = "0640"\n'
      '[limits]\nmax_payload = 8\n')
hub = Process('hub', '--config', 'hub.toml', '--mode', '0600')
hub.says('from-config.sock')
hub.signal(15)
assert hub.status() == 0
with Hub('--config', 'hub.toml', '--mode', '0600', '--max-message', '1K') as hub:
    info = json.loads(hub.connect().line().removeprefix('INFO '))
    assert info['server_name'] == 'config' and info['max_payload'] == 1024, info
    assert os.stat(hub.address).st_mode & 0o777 == 0o600

# What is wrong with it is said at once, a line each, and nothing is bound.
write('[hub]\nmode = 660\nalow = ["any"]\n\n[limits]\nslow_time = "soon"\n')
for words in [['--check-config', 'hub.toml'], ['./hub.sock', '--config', 'hub.toml']]:
    ended = run('hub', *words, check=2)
    lines = ended.stderr.decode().splitlines()
    assert lines[0] == 'hallway: config: hub.toml:2: hub.mode: a mode is written in quotes, as in "0660"', lines
    assert lines[1].startswith('hallway: config: hub.toml:3: hub.alow: not a key (address, '), lines
    assert lines[2].startswith('hallway: config: hub.toml:6: limits.slow_time: "soon": '), lines
    assert len(lines) == 3 and not os.path.exists('hub.sock')
ended = run('hub', '--check-config', 'hub.toml', '--json', check=2)
first = json.loads(ended.stderr.splitlines()[0])
assert first['subject'] == 'hub.toml:2: hub.mode' and first['exit'] == 2, first

write('[hub\n')
assert b'hub.toml:1: not valid TOML: ' in run('hub', '--check-config', 'hub.toml', check=2).stderr
assert b'No such file' in run('hub', '--check-config', 'nowhere.toml', check=1).stderr
assert b'No such file' in run('hub', '--config', 'nowhere.toml', check=1).stderr

# A check starts nothing, so nothing else may be asked of it.
for flags in [['--mode', '0600'], ['./hub.sock'], ['--config', 'hub.toml'], ['--takeover']]:
    assert b'does not start a hub' in run('hub', '--check-config', 'hub.toml', *flags, check=2).stderr
# What a flag adds to a link needs one.
write('[hub]\n')
for flag in ['--export', '--import']:
    ended = run('hub', './hub.sock', '--config', 'hub.toml', flag, 'a', check=2)
    assert b'hub.toml: no [link] section for ' + flag.encode() in ended.stderr, ended
run('hub', '--', 'cat', check=2)
run('hub', 'exec:cat', check=2)
run('hub', '@nowhere', '--takeover', check=2)
run('hub', '--metrics', 'tcp:nowhere', check=2)
