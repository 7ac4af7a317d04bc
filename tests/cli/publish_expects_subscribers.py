"""publish --expect N fails when fewer than N subscriptions got a message, and says how many did."""
import json

from _hub import Hub, NatsServer, Subscriber
from _support import run

with Hub() as hub:
    at = ['--at', hub.address]

    def fails(*words):
        failed = run('publish', *at, *words, check=1)
        return failed.stderr.decode()

    assert 'publish: a.b: 0 subscriptions got it; --expect 1' in fails('a.b', 'x', '--expect', '1')
    one = Subscriber(hub, 'a.b')
    run('publish', *at, 'a.b', 'first', '--expect', '1', check=0)
    assert 'a.b: 1 subscription got it; --expect 2' in fails('a.b', 'second', '--expect', '2')
    Subscriber(hub, 'a.*')
    run('publish', *at, 'a.b', 'third', '--expect', '2', '--header', 'K: v', check=0)
    assert [one.out.next() for _ in range(3)] == [b'first', b'second', b'third']

    # A group gets a message once, however many members it has.
    for _ in range(2):
        Subscriber(hub, 'jobs', '--queue', 'workers')
    run('publish', *at, 'jobs', '-', '--expect', '1', stdin='1\n2\n3\n', check=0)
    assert '1 subscription got it' in fails('jobs', 'x', '--expect', '2')

    # The first message that falls short is the last one.
    last = Subscriber(hub, 'last', '--count', '1')
    assert '0 subscriptions got it' in fails('last', '1', '2', '3', '--expect', '1')
    assert last.status() == 0 and last.out.rest() == [b'1']

    # Without --expect: only told.
    assert run('publish', *at, 'nobody', 'x', check=0).stderr == b''
    assert b'no subscribers: nobody' in run('publish', *at, 'nobody', 'x', '-v', check=0).stderr
    told = run('publish', *at, 'nobody', 'x', '--json', check=0)
    event = json.loads(told.stderr)
    assert told.stdout == b'' and event['event'] == 'no subscribers' and event['subject'] == 'nobody'
    told = run('publish', *at, 'a.b', 'x', '-v', '--json', check=0).stderr.decode().splitlines()
    delivered = json.loads(next(line for line in told if '"delivered"' in line))
    assert (delivered['subscriptions'], delivered['links']) == (2, 0)

    for words in (['--expect', '0'], ['--expect', 'x'], ['--expect', '5000000000']):
        run('publish', *at, 'a', 'x', *words, check=2)

# A refused message got nowhere, and that is what is said.
with Hub(config='denying') as hub:
    denied = run('publish', '--at', hub.address, 'secret.a', 'x', '--expect', '1', check=77)
    assert b'Permissions Violation' in denied.stderr
    assert run('publish', '--at', hub.address, 'secret.a', 'x', '-v', check=77)

# A nats-server cannot tell, which is said before anything is published.
with NatsServer() as server:
    heard = Subscriber(server, 'a')
    told = run('publish', '--at', server.address, 'a', 'x', '--expect', '1', check=1).stderr.decode()
    assert 'does not report who gets a message' in told and 'hint: ' in told
    run('publish', '--at', server.address, 'a', 'y', '-v', check=0)
    assert heard.out.next() == b'y'
