"""Each failure of a hub for its clients has an exit status, and a line with the reason."""
import os

from _hub import CLOSED, DENYING, HUBS
from _support import Server, run


def fails(status, *words, says=(), **options):
    ended = run(*words, check=status, **options)
    lines = ended.stderr.decode().splitlines()
    assert lines[0].startswith('hallway: '), lines
    for word in says:
        assert word in lines[0], (word, lines)
    assert ended.stdout == b''
    return lines


# 2: usage.
for words, says in [
        (['publish'], ['SUBJECT MESSAGE']), (['publish', 'a'], ['SUBJECT MESSAGE']),
        (['publish', 'a b', 'x'], ['a b', 'not a subject']), (['publish', 'a.*', 'x'], ['a.*']),
        (['publish', 'a', 'x', '--dance'], ['--dance']),
        (['publish', 'a', 'x', '--reply', 'a..b'], ['--reply a..b', 'not a subject']),
        (['publish', 'a', 'x', '--header', 'novalue'], ['--header novalue', 'NAME:VALUE']),
        (['publish', 'a', 'x', '--header', 'two words:x'], ['two words', 'NAME:VALUE']),
        (['publish', 'a', 'x', '--header', 'a:b\nc:d'], ['line break']),
        (['publish', 'a', 'x', '--at', 'exec:cat'], ['exec:cat', 'not a hub']),
        (['publish', 'a', 'x', '--at', 'tcp:host:1'], ['tcp:host:1']),
        (['subscribe'], ['SUBJECT']), (['subscribe', 'a..b'], ['a..b']),
        (['subscribe', 'a', '>.b'], ['>.b']), (['subscribe', 'a', '--count', '0'], ['--count 0']),
        (['subscribe', 'a', '--count', '5000000000'], ['too large']),
        (['subscribe', 'a', '--queue', 'two words'], ['--queue two words']),
        (['request', '--subject', 'a.>', 'x'], ['--subject a.>', 'not a subject']),
        (['request', '--subject', 'a', 'x', 'y'], ['MESSAGE']),
        (['request', '--subject', 'a', 'x', '--sized'], ['--subject --sized']),
        (['request', '--subject', 'a', 'x', '--type', 'seqpacket'], ['--subject --type'])]:
    fails(2, *words, says=says)

verbs = [['publish', 'a', 'x'], ['subscribe', 'a'], ['request', '--subject', 'a', 'x']]

# 7: nobody there, or nobody who is a hub.
with Server('--on', 'x=y') as server:
    for words in verbs:
        fails(7, *words, '--at', './nothing', says=['connect', './nothing'])
        # It says nothing at all: a hub greets.
        fails(28, *words, '--at', server.address, '--timeout', '100ms', says=[server.address])
with Server('--', 'sh', '-c', 'echo welcome; cat') as server:
    for words in verbs:
        assert 'hint: ' in fails(7, *words, '--at', server.address, says=['NATS'])[1]

for start in HUBS:
    with start() as hub:
        for words in verbs:
            fails(77, *words, '--at', hub.address, '--server-uid', str(os.geteuid() + 1),
                  says=[hub.address])
        # 1: what the hub does not take.
        fails(1, 'publish', '--at', hub.address, 'a', '-', stdin='x' * (1 << 20) + 'x',
              says=['the limit of the hub'])
    # 77: denied by the hub.
    with start(config=DENYING) as hub:
        for words in (['publish', 'secret.a', 'x'], ['subscribe', 'secret.a'],
                      ['request', '--subject', 'secret.a', 'x']):
            fails(77, *words, '--at', hub.address, says=[words[0], 'Permissions Violation'])
        run('publish', '--at', hub.address, 'open.a', 'x', check=0)
    with start(config=CLOSED) as hub:
        for words in verbs:
            status, word = hub.TURNS_AWAY
            fails(status, *words, '--at', hub.address, says=['connect', word])
