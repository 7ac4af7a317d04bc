"""A message published to a subject of a hub is printed by all subscribers."""
import json

from _hub import HUBS, Subscriber
from _support import Hub, Process, run

for start in HUBS:
    with start() as hub:
        at = ['--at', hub.address]
        lights = Subscriber(hub, 'lights.*', '--raw')
        everything = Subscriber(hub, '--json', '>')
        run('publish', *at, 'lights.kitchen', 'on', '[1, 2]', '', check=0)
        run('publish', 'lights.hall', 'off', env={'HALLWAY_HUB': hub.address}, check=0)
        run('publish', *at, 'doors', 'open', check=0)
        run('publish', *at, 'lights.hall', '-', stdin='one\ntwo\n\nno newline', check=0)
        run('publish', *at, 'lights.hall', '--', '--dashes', check=0)
        printed = ['on', '[1, 2]', '', 'off', 'one', 'two', '', 'no newline', '--dashes']
        assert [lights.out.next().decode() for _ in printed] == printed

        # Before them stand the messages above.
        run('publish', *at, 'a.b', 'hi', '--reply', 'r.1', '--header', 'K: v', '--header', 'K:w',
            '--header', 'Lang:größer', check=0)
        run('publish', *at, 'a.b', '-', stdin=b'\xff\xfe', check=0)
        messages = [json.loads(everything.out.next()) for _ in range(len(printed) + 3)]
        assert messages[0] == {'event': 'message', 'subject': 'lights.kitchen', 'data': 'on'}
        assert messages[4] == {'event': 'message', 'subject': 'doors', 'data': 'open'}
        assert messages[-2] == {'event': 'message', 'subject': 'a.b', 'reply': 'r.1',
                                'header': {'K': ['v', 'w'], 'Lang': ['größer']}, 'data': 'hi'}
        assert messages[-1] == {'event': 'message', 'subject': 'a.b', 'data_base64': '//4='}

        # Lines are published as they come.
        typing = Process('publish', *at, 'lights.live', '-', stdin=-1)
        typing.type('first\n')
        assert lights.out.next() == b'first'
        typing.type('second\n')
        assert lights.out.next() == b'second'
        typing.process.stdin.close()
        assert typing.status() == 0

        # What is sent is told, and so is what is received.
        told = run('publish', *at, 'x', 'hello', '-v', check=0).stderr.decode()
        assert 'connected' in told and 'sent: 5 bytes: hello' in told
        everything.says('"data":"hello"')


# A message may be as large as the hub lets it be.
with Hub('--max-message', '16M') as hub:
    subscriber = Subscriber(hub, 'large')
    run('publish', '--at', hub.address, 'large', '-', stdin='x' * (9 << 20), check=0)
    assert len(subscriber.out.next()) == 9 << 20
