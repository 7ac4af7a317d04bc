"""--metrics: what the hub counts, as Prometheus takes it, over TCP and on a Unix socket."""
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

from _support import DEADLINE, Hub, run


def metrics_of(text):
    """{name and labels: value}"""
    return dict(line.rsplit(' ', 1) for line in text.splitlines() if not line.startswith('#'))


def fetched(address):
    """What curl, or Python, gets from there."""
    if address.startswith('tcp:'):
        with urllib.request.urlopen(f'http://{address[4:]}/metrics', timeout=DEADLINE) as page:
            return page.read().decode()
    assert shutil.which('curl'), 'curl is missing'
    return subprocess.run(
        ['curl', '--silent', '--show-error', '--fail', '--unix-socket',
         address.removeprefix('unix:'), 'http://hub/metrics'],
        capture_output=True, check=True, timeout=DEADLINE).stdout.decode()


def lint(text):
    if shutil.which('promtool'):
        checked = subprocess.run(['promtool', 'check', 'metrics'], input=text.encode(),
                                 capture_output=True)
        assert checked.returncode == 0 and checked.stdout + checked.stderr == b'', checked


with open('hub.toml', 'w') as file:
    file.write('[[delivery]]\nsubjects = ["slow"]\npolicy = "drop_oldest"\npending = "64K"\n'
               '[limits]\noutbound = "64K"\n'
               '[[permissions]]\nwho = ["any"]\npublish.deny = ["secret"]\n')

for where in ['127.0.0.1:0', './metrics.sock']:
    with Hub('--config', 'hub.toml', '--metrics', where, '--json') as hub:
        address = hub.event('metrics')['address']
        before = metrics_of(fetched(address))
        assert before['hallway_hub_published_messages_total'] == '0', before
        assert before['hallway_hub_connections'] == '0', before

        # One who does not read loses what there is no room for, and is named.
        slow, client = hub.join(), hub.join()
        slow.asks('SUB slow 1')
        client.asks('PUB secret 0\r\n', "-ERR 'Permissions Violation for Publish to \"secret\"'")
        client.asks('CONNECT {"verbose":false}\r\nPING', 'PONG')
        payload = 'x' * 65536
        for _ in range(100):
            client.send(f'PUB slow {len(payload)}\r\n{payload}\r\n')
        client.asks('PING', 'PONG')
        text = fetched(address)
        lint(text)
        after = metrics_of(text)
        assert after['hallway_hub_published_messages_total'] == '101', after
        assert after['hallway_hub_connections'] == '2' and after['hallway_hub_subscriptions'] == '1'
        assert after['hallway_hub_violations_total'] == '1'
        dropped = [name for name in after if name.startswith('hallway_hub_subscription_dropped')]
        assert len(dropped) == 1 and f'pid="{os.getpid()}"' in dropped[0], after
        assert after[dropped[0]] == after['hallway_hub_dropped_messages_total'] != '0', after
        assert any(name.startswith('hallway_build_info{version=') for name in after)

        # The hub still works while metrics are asked for and answered.
        client.asks('PING', 'PONG')
        slow.close()  # a drain would wait for it

# What is no request for metrics is told so, or cut.
with Hub('--metrics', './metrics.sock') as hub:
    assert os.stat('metrics.sock').st_mode & 0o777 == 0o600

    def ask(text):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect('metrics.sock')
            try:
                client.sendall(text)
                return client.makefile('rb').read()
            except (BrokenPipeError, ConnectionResetError):
                return b''

    assert ask(b'GET / HTTP/1.1\r\n\r\n').startswith(b'HTTP/1.1 404 ')
    assert ask(b'POST /metrics HTTP/1.1\r\n\r\n').startswith(b'HTTP/1.1 405 ')
    head = ask(b'HEAD /metrics HTTP/1.1\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 200 ') and head.endswith(b'\r\n\r\n')
    assert ask(b'GET /metrics?x=1 HTTP/1.0\nHost: hub\n\n').startswith(b'HTTP/1.1 200 ')
    assert ask(b'G' * 100_000) == b''
    assert ask(b'GET /metrics HTTP/1.1\r\n' + b'X: y\r\n' * 200).startswith(b'HTTP/1.1 400 ')

# A port or name that is taken is a reason not to start.
taken = socket.create_server(('127.0.0.1', 0))
port = taken.getsockname()[1]
assert f'tcp:127.0.0.1:{port}'.encode() in run('hub', './h', '--metrics', f'127.0.0.1:{port}',
                                               check=1).stderr
with Hub('--metrics', './metrics.sock', address='./first.sock'):
    assert b'metrics.sock' in run('hub', './h', '--metrics', './metrics.sock', check=1).stderr
assert not os.path.exists('h') and not os.path.exists('metrics.sock')
