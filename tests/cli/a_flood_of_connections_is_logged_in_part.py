"""A client that connects as often as it can does not fill a disk: some events are logged, the rest counted."""
import json

from _support import Hub, Server, run


def flood(server, kind):
    for _ in range(300):
        peer = server.connect()
        if kind is Server:
            peer.send('x\n')
        assert peer.line()
        peer.close()
    server.stop()
    events = [json.loads(line) for line in server.err.rest()]
    for name in 'connected', 'closed':
        told = [event for event in events if event['event'] == name]
        untold = sum(event['events'] for event in events
                     if event['event'] == 'not logged' and event['kind'] == name)
        # A busy machine may take some seconds for it.
        assert len(told) + untold == 300, (name, len(told), untold)
        assert 20 <= len(told) < 300, (name, len(told))
    return events


for kind in Server, Hub:
    with kind('--json', *(['--echo', '--no-print'] if kind is Server else [])) as server:
        assert flood(server, kind)[-1]['event'] in ('stopped', 'not logged')

# Clients that are turned away, too; and a flood of one kind hides no other.
with Server('--json', '--allow', 'uid:4294967294') as server:
    for _ in range(200):
        server.connect().rest()
    server.stop()
    events = [json.loads(line) for line in server.err.rest()]
    told = [event for event in events if event['event'] == 'turned away']
    untold = [event for event in events if event['event'] == 'not logged']
    assert sum(event['events'] for event in untold) + len(told) == 200
    assert all(event['kind'] == 'turned away' for event in untold)
    assert [event['event'] for event in events if event['event'] == 'listening'] == ['listening']

# Messages, which -v asks for, are all told.
with Server('--echo', '-v') as server:
    run('send', server.address, '--wait-reply=100', *['x'] * 100, check=0)
    server.stop()
    assert sum(b'received: 1 byte' in line for line in server.err.rest()) == 100
