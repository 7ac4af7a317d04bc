"""--metrics: the counters of the hub in the format of Prometheus, over TCP and on a Unix socket."""
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from _support import DEADLINE, Hub, Peer, Process, run


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

wheres = ['127.0.0.1:0', './metrics.sock']
try:
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(('::1', 0))
    wheres.append('[::1]:0')
except OSError as reason:
    print('skipped: no IPv6 here:', reason)
for where in wheres:
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

# What goes out is not bounded by what may come in: however much there is to say, it is said. The
# limit for a line of a request is 8 KiB.
TROUBLED = 60
with open('troubled.toml', 'w') as file:
    file.write('[[delivery]]\nsubjects = [">"]\npolicy = "drop_oldest"\n[metrics]\nsubscriptions = 60\n'
               '[limits]\npending_per_subscription = "4K"\noutbound = "4K"\nsend_buffer = "4K"\n')
for where in ['127.0.0.1:0', './metrics.sock']:
    with Hub('--config', 'troubled.toml', '--metrics', where, '--json') as hub:
        address = hub.event('metrics')['address']
        slow, client = hub.join(), hub.join()
        for number in range(TROUBLED):
            slow.asks(f'SUB {"x" * 100}.{number} {number}')
        client.asks('CONNECT {"verbose":false}\r\nPING', 'PONG')
        for _ in range(100):
            for number in range(TROUBLED):
                client.send(f'PUB {"x" * 100}.{number} 1000\r\n{"y" * 1000}\r\n')
        client.asks('PING', 'PONG')
        text = fetched(address)
        shown = [line for line in text.splitlines() if line.startswith('hallway_hub_subscription_dropped')]
        assert len(shown) == TROUBLED and len(text) > 16384, (len(shown), len(text))
        lint(text)
        slow.close()


def tcp_client(address):
    host, _, port = address.removeprefix('tcp:').rpartition(':')
    return socket.create_connection((host.strip('[]'), int(port)), timeout=DEADLINE)


# A client that says nothing, says half of it, or says too much keeps nobody from being served.
with Hub('--metrics', '127.0.0.1:0', '--json') as hub:
    address = hub.event('metrics')['address']
    silent, half, large = [tcp_client(address) for _ in range(3)]
    half.sendall(b'GET /metrics HTTP/1.1\r\nHost')
    large.sendall(b'G' * 9000)
    assert large.makefile('rb').read() == b''
    assert 'hallway_hub_connections 0' in fetched(address)
    half.sendall(b': hub\r')
    half.sendall(b'\n\r\n')
    assert half.makefile('rb').read().startswith(b'HTTP/1.1 200 ')
    assert silent.makefile('rb').read() == b'', 'it is cut when its time is up'
    with tcp_client(address) as wrong:
        wrong.sendall(b'GET / HTTP/1.1\r\n\r\n')
        assert wrong.makefile('rb').read().startswith(b'HTTP/1.1 404 ')

# A client that could connect to the hub can read its metrics, however soon it comes.
def connected(address, longest=DEADLINE):
    """Whether there is somebody, tried without a pause."""
    give_up = time.monotonic() + longest
    while True:
        try:
            Peer(address).close()
            return True
        except OSError:
            if time.monotonic() > give_up:
                return False


for _ in range(5):
    starting = Process('hub', './h', '--metrics', './metrics.sock')
    assert connected('./h'), starting.err.rest()
    assert connected('./metrics.sock', longest=0.0), 'the hub accepts before its metrics do'
    starting.says('listening')
    starting.signal(signal.SIGTERM)
    assert starting.status() == 0, starting.err.rest()

# What cannot be meant is refused before anything is made, with what to write.
for wrong, why in [(':9464', 'a port needs a numeric IP address before it'), ('9464', 'a port alone'),
                   ('127.0.0.1:99999', 'a port is at most 65535'), ('*:9464', 'a port needs'),
                   ('0:9464', 'a port needs'), ('0.0.0.0', 'an IP address without a port'),
                   ('localhost:9464', 'a numeric IP address'), ('metrics', 'not a path'),
                   ('::1:9464', '[ADDRESS]:PORT'), ('127.0.0.1:9464/metrics', 'an IP address')]:
    refused = run('hub', './h', '--metrics', wrong, check=2).stderr.decode()
    assert why in refused and 'hint: ' in refused, refused
    with open('wrong.toml', 'w') as file:
        file.write(f'[metrics]\naddress = "{wrong}"\n')
    assert why in run('hub', './h', '--config', 'wrong.toml', check=2).stderr.decode()
for verb in ['serve', 'hub']:
    for wrong in ['8080', ':4222', '127.0.0.1:4222', '*:80', '[::1]:80', '10.0.0.1']:
        assert b'not of TCP' in run(verb, wrong, check=2).stderr, wrong
left = {'hub.toml', 'troubled.toml', 'wrong.toml'}
assert set(os.listdir()) <= left, os.listdir()

# An address that cannot be had is a reason not to start, and the reason is the kernel's.
taken = socket.create_server(('127.0.0.1', 0))
port = taken.getsockname()[1]
refused = run('hub', './h', '--metrics', f'127.0.0.1:{port}', check=1).stderr.decode()
assert f'tcp:127.0.0.1:{port}: the port is in use by another socket' in refused, refused
# 192.0.2.0/24 is for documents (RFC 5737): no machine has such an address.
refused = run('hub', './h', '--metrics', '192.0.2.1:9464', check=1).stderr.decode()
assert '192.0.2.1 is not an address of this machine' in refused, refused
with Hub('--metrics', './metrics.sock', address='./first.sock'):
    # Of two errors the hub's own is the one that helps.
    both = run('hub', './first.sock', '--metrics', './metrics.sock', check=1).stderr
    assert b'first.sock' in both and b'metrics.sock' not in both, both
    assert b'metrics.sock' in run('hub', './h', '--metrics', './metrics.sock', check=1).stderr
assert not os.path.exists('h') and not os.path.exists('metrics.sock')
