"""--on-path-lost holds for each path of a server: its own, its control socket, its metrics."""
import json
import os

from _support import Hub, Server, until


def events(process, name):
    return [event for event in map(json.loads, list(process.err.all)) if event['event'] == name]


# Each loss and each end of one is reported once, and says of which path.
with Server('--echo', '--json') as server:
    for times in 1, 2:
        os.rename('server.sock', 'away.sock')
        until(lambda: len(events(server, 'path lost')) == times, 'a loss')
        os.rename('away.sock', 'server.sock')
        until(lambda: len(events(server, 'path regained')) == times, 'the end of a loss')
    lost = events(server, 'path lost')[0]
    assert lost['address'] == 'unix:./server.sock', lost
    assert lost['reason'] == 'the socket file is gone', lost
    assert events(server, 'path regained')[0]['address'] == 'unix:./server.sock'
assert os.listdir('.') == [], os.listdir('.')

# The control socket, without which nobody can take over.
with Server('--takeover') as server:
    os.remove('server.sock.control')
    server.says('path lost: unix:./server.sock.control: the socket file is gone')
with Server('--takeover', '--on-path-lost', 'exit') as server:
    os.remove('server.sock.control')
    assert server.status() == 1
    server.says('serve: unix:./server.sock.control: the socket file is gone')
first = Server('--takeover', '--on-path-lost', 'rebind')
os.remove('server.sock.control')
first.says('path regained: unix:./server.sock.control')
with Server('--takeover') as second:
    assert first.status() == 0
    first.says('taken over')
assert os.listdir('.') == [], os.listdir('.')

# The metrics.
METRICS = ('--metrics', './metrics.sock')
with Hub(*METRICS) as hub:
    hub.says('metrics')
    os.rename('metrics.sock', 'away.sock')
    hub.says('path lost: unix:./metrics.sock: the socket file is gone')
    os.rename('away.sock', 'metrics.sock')
    hub.says('path regained: unix:./metrics.sock')
with Hub(*METRICS) as hub:
    hub.says('metrics')
    open('other', 'w').close()
    os.rename('other', 'metrics.sock')
    hub.says('path lost: unix:./metrics.sock: a regular file is in its place')
assert os.path.isfile('metrics.sock'), 'it is not the hub that made it'
os.remove('metrics.sock')
with Hub(*METRICS, '--on-path-lost', 'rebind') as hub:
    hub.says('metrics')
    os.remove('metrics.sock')
    hub.says('path regained: unix:./metrics.sock')
with Hub(*METRICS, '--on-path-lost', 'exit') as hub:
    hub.says('metrics')
    os.remove('metrics.sock')
    assert hub.status() == 1
    hub.says('hub: unix:./metrics.sock: the socket file is gone')
assert os.listdir('.') == [], os.listdir('.')

# What a server has made it removes, also where it has been moved meanwhile.
os.mkdir('d')
with Server('--on-path-lost', 'rebind', '--takeover', address='./d/s') as server:
    os.rename('d', 'away')
    server.says('path lost: unix:./d/s: ')
    server.says('path lost: unix:./d/s.control: ')
    os.rename('away', 'd')
    server.says('path regained: unix:./d/s')
    server.says('path regained: unix:./d/s.control')
assert os.listdir('d') == [], os.listdir('d')
with Server('--on-path-lost', 'rebind', '--takeover', address='./d/s') as server:
    os.rename('d', 'away')
    server.says('path lost: unix:./d/s.control: ')
    os.mkdir('d')
    server.says('path regained: unix:./d/s')
    server.says('path regained: unix:./d/s.control')
assert os.listdir('d') == [] and os.listdir('away') == [], (os.listdir('d'), os.listdir('away'))
