"""What --json prints has each byte once: JSON escapes it, and what is not UTF-8 is called NAME_base64."""
import base64
import json
import os
import subprocess

from _support import HALLWAY, Hub, Peer, Server, run

with Hub('--json') as hub:
    subscriber = subprocess.Popen([HALLWAY, 'subscribe', '>', '--at', hub.address, '--json', '-v'],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while b'subscribed' not in subscriber.stderr.readline():
        pass

    def heard(*words):
        run('publish', '--at', hub.address, *words, check=0)
        line = subscriber.stdout.readline()
        assert line.isascii()
        return json.loads(line)

    one = heard('a\x01b', 'm\x02\\x02', '--header', 'Note:one\ttwo', '--header', 'Note:\\x01', '--reply', 'r\x7f')
    assert one['subject'] == 'a\x01b' and one['reply'] == 'r\x7f' and one['data'] == 'm\x02\\x02', one
    assert one['header'] == {'Note': ['one\ttwo', '\\x01']}, one
    assert heard('a\\x01b', 'm')['subject'] == 'a\\x01b', 'another subject'
    assert heard('a.\u202e\u00e9', 'm')['subject'] == 'a.\u202e\u00e9'

    # Bytes that no argument of a command can be, and that a peer may send all the same.
    peer = hub.join()
    header = b'NATS/1.0\r\nGood: \xc3\xa9\r\nBad: \xff\r\nB\xfe: x\r\n\r\n'
    peer.send(b'CONNECT {"verbose":false,"headers":true}\r\n')
    peer.send(b'HPUB s\xff.x %d %d\r\n' % (len(header), len(header) + 2) + header + b'\xff\xfe\r\n')
    two = json.loads(subscriber.stdout.readline())
    back = lambda text: base64.b64decode(text)
    assert back(two['subject_base64']) == b's\xff.x' and 'subject' not in two, two
    assert back(two['data_base64']) == b'\xff\xfe', two
    assert two['header'] == {'Good': ['\u00e9']}, two
    assert [[back(word) for word in field] for field in two['header_base64']] == [[b'Bad', b'\xff'], [b'B\xfe', b'x']]
    subscriber.terminate()
    assert subscriber.wait(30) == 0

# Events and failures.
os.symlink(HALLWAY, 'a\tb')
named = subprocess.run(['./a\tb', 'hub', '--check-config', '/dev/null', '--json'], stderr=subprocess.PIPE)
assert json.loads(named.stderr)['process'] == 'a\tb', named

with Server('--json', '-vv') as server:
    peer = server.connect()
    peer.send(b'one\ttwo\\x09\n\xff\n')
    first = json.loads(server.says('"event":"received"'))
    assert first['data'] == 'one\ttwo\\x09' and first['bytes'] == 11, first
    second = json.loads(server.says('"data_base64"'))
    assert second['event'] == 'received' and back(second['data_base64']) == b'\xff', second
    peer.close()

# An excerpt ends where a character ends.
with Server('--json', '-v') as server:
    Peer(server.address).send('x' * 63 + '\u00e9' * 10 + '\n')
    assert server.event('received')['data'] == 'x' * 63

# Addresses: where one listens, who waits, what failed, what a hub says of itself, and metrics.
NAME = './n\t\x02\u202e\u00e9\\x01'
ADDRESS = 'unix:' + NAME
with Server('--json', address=NAME) as server:
    assert server.event('listening')['address'] == ADDRESS, server.err.all
    waited = run('wait', NAME, '--json', '-v', check=0)
    assert json.loads(waited.stderr)['address'] == ADDRESS, waited
with Server('--json', '--type', 'datagram', address=NAME) as server:
    assert server.event('listening')['address'] == ADDRESS, server.err.all
with Hub('--json', '--metrics', NAME + '.m', address=NAME) as hub:
    assert hub.event('listening')['address'] == ADDRESS, hub.err.all
    assert hub.event('metrics')['address'] == ADDRESS + '.m', hub.err.all
    greeting = hub.connect().line()
    assert greeting.isascii() and json.loads(greeting.removeprefix('INFO '))['server_name'] == ADDRESS, greeting
for words in [['connect', NAME], ['send', NAME, 'x'], ['subscribe', 'a', '--at', NAME], ['bench', NAME]]:
    failed = run(*words, '--json', check=7)
    assert json.loads(failed.stderr)['subject'] == ADDRESS, failed
late = run('wait', NAME, '--json', '--timeout', '1ms', check=28)
assert json.loads(late.stderr)['subject'] == ADDRESS, late

# What no text of JSON can be.
with Hub('--json', address='./\udcff') as hub:
    assert back(hub.event('listening')['address_base64']) == b'unix:./\xff', hub.err.all
    info = json.loads(hub.connect().line().removeprefix('INFO '))
    assert back(info['server_name_base64']) == b'unix:./\xff' and 'server_name' not in info, info
failed = run('connect', './\udcff', '--json', check=7)
assert back(json.loads(failed.stderr)['subject_base64']) == b'unix:./\xff', failed
