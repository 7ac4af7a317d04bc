"""--takeover: a new hub replaces a running one, including its metrics, and no client is refused."""
import os
import urllib.request

from _support import DEADLINE, Hub, run

for metrics in ['./metrics.sock', '127.0.0.1:0']:
    first = Hub('--takeover', '--metrics', metrics, '--json')
    if metrics.startswith('127'):
        metrics = first.event('metrics')['address']  # the same port again
    stays = first.join()
    stays.asks('SUB a 1')
    stays.send('PUB a 2\r\nhi\r\n')
    assert [stays.line() for _ in range(3)] == ['+OK\r\n', 'MSG a 1 2\r\n', 'hi\r\n']

    second = Hub('--takeover', '--metrics', metrics, '--json')
    assert '"ldm":true' in stays.rest().decode(), 'clients are asked to reconnect'
    assert first.status() == 0
    assert first.event('taken over')['peer']['pid'] == second.pid
    client = second.join()
    client.asks('SUB a 1')
    # The metrics come as soon as the first hub has let go of them.
    address = second.event('metrics')['address']
    if address.startswith('tcp:'):
        with urllib.request.urlopen(f'http://{address[4:]}/metrics', timeout=DEADLINE) as page:
            assert b'\nhallway_hub_subscriptions 1\n' in page.read()
    second.stop()
    assert os.listdir('.') == [], os.listdir('.')

# Without the flag a running hub is in nobody's hands.
with Hub():
    assert b'in use by' in run('hub', './hub.sock', '--takeover', check=1).stderr
    assert b'in use by' in run('hub', './hub.sock', check=1).stderr
