"""A hub and a server enter a sandbox by default, --no-sandbox disables it, and -v shows what is in force."""
import glob
import os
import signal
import socket
import urllib.request

from _support import Hub, Process, Server, sanitized, skip

if sanitized():
    skip('instrumented programs have no sandbox')


def threads(server):
    """What /proc says of each thread: whether privileges can be gained, and whether calls are limited."""
    found = []
    for path in glob.glob(f'/proc/{server.pid}/task/*/status'):
        with open(path) as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        found.append((status['NoNewPrivs'], status['Seccomp']))
    return found


FREE = {('0', '0')}
probe = Server('-v', '--json')
HOLDS = probe.event('sandbox')
probe.stop()
if not HOLDS.get('system_calls'):
    skip('built without libseccomp')
LIMITED = {('1', '2')}


def is_limited(server):
    assert set(threads(server)) == LIMITED, threads(server)


def is_free(server, why):
    assert set(threads(server)) == FREE, threads(server)
    assert why in server.says('sandbox: off: '), server.err.all


# By itself, in every thread: what is printed and what is logged is written by threads.
with Server('-v') as server:
    words = server.says('sandbox: no new privileges, ')
    assert f", {HOLDS['system_calls']} system calls" in words, words
    peer = server.connect()
    peer.send('hello\n')
    assert server.out.next() == b'hello'
    assert len(threads(server)) >= 3, threads(server)
    is_limited(server)
    peer.close()
with Server('--type', 'datagram', '--no-print') as server:
    is_limited(server)
with Hub() as hub:
    hub.join()
    is_limited(hub)
    assert not any(b'sandbox' in line for line in hub.err.all), 'nothing is said without -v'

# Where it is not wanted, or cannot be.
for flags, why in (['--no-sandbox'], '--no-sandbox'), (['--handler', 'cat'], '--handler'):
    with Server('-v', *flags) as server:
        is_free(server, why)
program = Process('serve', './p.sock', '-v', '--', 'cat')
program.says('listening')
is_free(program, 'the program would be restricted')
program.signal(signal.SIGTERM)
assert program.status() == 0
with open('hub.toml', 'w') as file:
    file.write('[hub]\nsandbox = false\n')
with Hub('-v', '--config', 'hub.toml') as hub:
    is_free(hub, 'hub.sandbox')
with Hub('-v', '--no-sandbox') as hub:
    is_free(hub, '--no-sandbox')


# A stamp names the program of a publisher: Landlock would hide it, and so it stays out.
def write(name, text):
    with open('new', 'w') as file:
        file.write(text)
    os.rename('new', name)


def stamped_message(hub):
    subscriber, publisher = hub.join(), hub.join()
    subscriber.asks('CONNECT {"headers":true,"verbose":true}')
    subscriber.asks('SUB orders.* 1')
    subscriber.asks('PING', 'PONG')
    publisher.asks('CONNECT {"verbose":true}')
    publisher.asks('PUB orders.a 2\r\nok')
    assert subscriber.line().startswith('HMSG orders.a 1 ')
    fields = []
    while line := subscriber.line().strip():
        fields.append(line)
    subscriber.close()
    publisher.close()
    return fields


STAMPED = '[hub]\nstamped = ["orders.>"]\n'
os.mkdir('config')
write('config/hub.toml', STAMPED)
with Hub('-v', '--config', 'config/hub.toml') as hub:
    is_limited(hub)
    assert 'no Landlock (it would hide the programs that hub.stamped records)' in hub.says('sandbox: ')
    assert any(field.startswith('Hallway-Executable: /') for field in stamped_message(hub))

# Added by a reload, it is without the program where Landlock holds, and that is said.
write('config/hub.toml', '[hub]\n')
with Hub('-v', '--config', 'config/hub.toml') as hub:
    landlock = 'Landlock ABI' in hub.says('sandbox: ')
    write('config/hub.toml', STAMPED)
    hub.signal(signal.SIGHUP)
    hub.says('reloaded')
    said = any(b'hub.stamped' in line and b'restart' in line for line in hub.err.all)
    names = any(field.startswith('Hallway-Executable: /') for field in stamped_message(hub))
    assert (said, names) == (landlock, not landlock), hub.err.all

# A config that is linked from elsewhere later is not read, and why is said.
os.mkdir('elsewhere')
os.mkdir('place')
write('elsewhere/hub.toml', '# no rules\n')
write('config/hub.toml', '# no rules\n')
for flags in [], ['--no-sandbox']:
    with Hub(*flags, '--config', 'config/hub.toml', address='./place/hub.sock') as hub:
        os.remove('config/hub.toml')
        os.symlink('../elsewhere/hub.toml', 'config/hub.toml')
        reloaded = hub.reload()
        assert reloaded == (bool(flags) or not landlock), hub.err.all
        assert reloaded or 'the sandbox permits only the directory' in hub.says('not reloaded')
    os.remove('config/hub.toml')
    write('config/hub.toml', '# no rules\n')

# The directory may be another one when a lost path is bound again.
os.makedirs('run/hub')
with Hub('--on-path-lost', 'rebind', address='./run/hub/s') as hub:
    os.rename('run/hub', 'run/away')
    hub.says('path lost')
    os.mkdir('run/hub')
    hub.says('path regained')
    hub.join()
    is_limited(hub)
assert os.listdir('run/hub') == []

# Metrics that are held by the hub that is taken over are opened before the successor gives up
# sockets of the network.
with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
first = Hub('--takeover', '--metrics', f'127.0.0.1:{port}', address='./t.sock')
is_limited(first)
client = first.join()
second = Hub('-v', '--takeover', '--metrics', f'127.0.0.1:{port}', address='./t.sock')
client.close()
assert first.status() == 0
second.says('sandbox: no new privileges')
said = [line for line in second.err.all if b'metrics: ' in line or b'sandbox: ' in line]
assert b'metrics: ' in said[0], said
is_limited(second)
with urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics') as answer:
    assert b'hallway_' in answer.read()
second.stop()
