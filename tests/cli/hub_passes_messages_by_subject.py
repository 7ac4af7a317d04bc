"""hallway hub: a message reaches the subscribers of its subject, all typed by hand into nc -U."""
import json
import os
import shutil
import signal
import subprocess

from _support import DEADLINE, Hub, Process, skip, until

if shutil.which('nc') is None:
    skip('nc is missing')


def typed(address, text):
    """What nc shows of a session in which this is typed."""
    ended = subprocess.run(['nc', '-N', '-U', address], input=text.encode(), capture_output=True,
                           timeout=DEADLINE, check=True)
    return ended.stdout.decode().splitlines()


with Hub('--name', 'workbench') as hub:
    info, *replies = typed(hub.address, 'SUB news.* 1\r\nPUB news.today 5\r\nhello\r\nPING\r\n')
    assert info.startswith('INFO ')
    assert json.loads(info.removeprefix('INFO '))['server_name'] == 'workbench'
    assert replies == ['+OK', '+OK', 'MSG news.today 1 5', 'hello', 'PONG'], replies

    listens, says = hub.join(), hub.join()
    listens.asks('SUB orders.> 7')
    says.asks('PUB orders.eu.42 4\r\npaid')
    assert [listens.line(), listens.line()] == ['MSG orders.eu.42 7 4\r\n', 'paid\r\n']
    assert 'uid' in hub.says('connected')

    # Not connected any more, it hears nothing, and nobody minds.
    listens.close()
    says.asks('PUB orders.eu.43 4\r\npaid')
    hub.says('closed')

    # What is no NATS is refused, and told; the others go on.
    lost = hub.join()
    lost.send('GET / HTTP/1.1\r\n\r\n')
    assert "-ERR 'Unknown Protocol Operation'" in lost.rest().decode()
    assert 'Unknown Protocol Operation' in hub.says('refused')
    says.asks('PUB orders.eu.44 4\r\npaid')

# Draining, it delivers what waits and says that it goes.
hub = Hub('--json')
client = hub.join()
client.asks('SUB a 1')
client.send('PUB a 3\r\nlast\r\n'.replace('last', 'end'))
hub.signal(signal.SIGTERM)
rest = client.rest().decode()
assert 'MSG a 1 3\r\nend\r\n' in rest and '"ldm":true' in rest, rest
assert hub.status() == 0
assert hub.event('listening')['type'] == 'hub'
assert hub.event('stopped')['exit'] == 0
assert not os.path.exists('hub.sock')

# Who is cut off by a limit hears which; who publishes too much, too.
with Hub('--max-per-uid', '1', '--max-message', '8') as hub:
    only = hub.join()
    assert "-ERR 'maximum connections exceeded'" in hub.connect().rest().decode()
    assert hub.says('turned away').endswith('its uid already has 1 connections')
    only.send('PUB a 9\r\n')
    assert "-ERR 'Maximum Payload Violation'" in only.rest().decode()
    hub.says('refused')

# The default address is HALLWAY_HUB.
hub = Process('hub', env={'HALLWAY_HUB': './elsewhere.sock'})
hub.says('elsewhere.sock')
until(lambda: os.path.exists('elsewhere.sock'), 'binding')
hub.signal(signal.SIGINT)
assert hub.status() == 0
