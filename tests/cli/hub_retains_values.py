"""[[retain]]: late subscribers get the last values, also from a hub that has taken over."""
import json
import os
import re

from _support import Hub, run, until

CONNECT = 'CONNECT {"verbose":false,"headers":true}\r\n'


def write(text):
    # In one step: a reload in between must not see half a file.
    with open('new.toml', 'w') as file:
        file.write(text)
    os.rename('new.toml', 'hub.toml')


def client_of(hub):
    client = hub.join()
    client.send(CONNECT)
    return client


def values(client, pattern, sid):
    """{subject: (payload, age, fields)} of the values that a new subscription gets, in their order."""
    client.send(f'SUB {pattern} {sid}\r\nPING\r\n')
    got = {}
    while (line := client.line()) != 'PONG\r\n':
        verb, subject, number, header_size, size = line.split()
        assert verb == 'HMSG' and int(number) == sid, line
        header = client.file.read(int(header_size)).decode()
        payload = client.file.read(int(size) - int(header_size)).decode()
        assert client.line() == '\r\n' and header.startswith('NATS/1.0\r\n') and header.endswith('\r\n\r\n')
        fields = dict(field.split(': ', 1) for field in header.split('\r\n')[1:-2])
        age = fields.pop('Hallway-Retained')
        assert re.fullmatch(r'[0-9]+\.[0-9]{3}', age), age
        got[subject] = payload, float(age), fields
    return got


def publish(client, *messages):
    for subject, payload in messages:
        client.send(f'PUB {subject} {len(payload)}\r\n{payload}\r\n')
    client.asks('PING', 'PONG')


def statistics(client):
    client.send('SUB statistics 99\r\nPUB $SYS.HUB.STATS statistics 0\r\n\r\n')
    assert client.line().startswith('MSG statistics 99 ')
    all_of = json.loads(client.line())
    client.send('UNSUB 99\r\n')
    return all_of


RETAIN = '[[retain]]\nsubjects = ["state.>", "now.*"]\nmost = 3\n'

# A late subscriber gets the last values in the order of their publication, and only what may be retained.
write('[hub]\nstamped = ["state.>"]\n' + RETAIN)
hub = Hub('--config', 'hub.toml', '--takeover', '--metrics', './metrics.sock', '--json')
publisher = client_of(hub)
publish(publisher, ('state.door', 'open'), ('state.light', 'on'), ('other', '1'), ('state.door', 'closed'))
got = values(client_of(hub), '>', 1)
assert [(subject, got[subject][0]) for subject in got] == [('state.light', 'on'), ('state.door', 'closed')], got
fields = got['state.door'][2]
assert fields['Hallway-Uid'] == str(os.geteuid()) and fields['Hallway-Pid'] == str(os.getpid()), fields

# The command of a shell gets them as any subscriber does.
assert run('subscribe', '--at', hub.address, 'state.*', '--count', '2', check=0).stdout == (
    b'state.light: on\nstate.door: closed\n')

# Above the limit the oldest go, and are counted.
publish(publisher, ('now.a', '1'), ('now.b', '2'))
assert list(values(client_of(hub), '>', 1)) == ['state.door', 'now.a', 'now.b']
counted = statistics(publisher)
assert (counted['retained'], counted['retained_evicted']) == (3, 1), counted
assert counted['users'][0]['retained'] == 3 and counted['users'][0]['retained_evicted'] == 1, counted

# A hub that takes over goes on with them, as far as its own config names them.
write('[[retain]]\nsubjects = ["state.>", "now.b"]\n')
second = Hub('--config', 'hub.toml', '--takeover', '--json')
assert second.event('retained')['values'] == 2
assert hub.status() == 0
late = client_of(second)
got = values(late, '>', 1)
assert {subject: value[0] for subject, value in got.items()} == {'state.door': 'closed', 'now.b': '2'}, got
assert got['state.door'][2] == fields, got
assert statistics(client_of(second))['retained'] == 2

# Without a payload it deletes the value, for the next hub as well.
publish(client_of(second), ('now.b', ''))
third = Hub('--config', 'hub.toml', '--takeover', '--json')
assert third.event('retained')['values'] == 1
assert second.status() == 0
assert list(values(client_of(third), '>', 1)) == ['state.door']

# What many clients have sent before a takeover, and the old hub reads while it drains, is not lost.
clients = [client_of(third) for _ in range(8)]
for number, client in enumerate(clients):
    client.send(''.join(f'PUB state.{number} {len(str(i))}\r\n{i}\r\n' for i in range(2000)))
fourth = Hub('--config', 'hub.toml', '--takeover', '--json')
assert third.status() == 0
watching = client_of(fourth)
expected = {f'state.{number}': '1999' for number in range(8)} | {'state.door': 'closed'}
sids = iter(range(1, 10_000))


def complete():
    sid = next(sids)
    now = values(watching, 'state.*', sid)
    watching.send(f'UNSUB {sid}\r\n')
    return {subject: value[0] for subject, value in now.items()} == expected


until(complete, 'the last values')
ages = [age for _, age, _ in values(client_of(fourth), '>', 1).values()]
assert ages[0] == max(ages), 'the oldest comes first'

# A reload drops what no rule names any more.
write('[[retain]]\nsubjects = ["state.door"]\n')
assert fourth.reload()
assert '1 retain rule' in fourth.says('reloaded')
assert list(values(client_of(fourth), '>', 1)) == ['state.door']
write('[hub]\n')
assert fourth.reload()
assert '0 retain rules (before: 1)' in fourth.says('reloaded')
assert values(client_of(fourth), '>', 1) == {}
fourth.stop()

# Mistakes are named with their place.
write('[[retain]]\nsubjects = ["_INBOX.>", "a..b"]\nmost = "many"\ncolour = 1\n[[retain]]\nmost = 1\n')
lines = run('hub', '--check-config', 'hub.toml', check=2).stderr.decode().splitlines()
for place, line in zip(['2: retain[0].subjects[0]: "_INBOX.>": matches no subject that can be retained',
                        '2: retain[0].subjects[1]: "a..b": not a subject pattern', '3: retain[0].most: "many"',
                        '4: retain[0].colour: not a key (subjects, most, most_per_uid, memory, memory_per_uid)',
                        '5: retain[1].subjects: required'], lines, strict=True):
    assert line.startswith('hallway: config: hub.toml:' + place), (place, line)
