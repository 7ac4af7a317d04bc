"""Three machines on one network, each with a hub and a NATS server of one cluster: one bus.

Each machine is a network namespace. What is published on one is heard on the others, also while
one of the servers is away and after it has come back, and when it is typed.
"""
import atexit
import os
import shutil
import subprocess

from _nats import NatsServer
from _support import HALLWAY, Hub, Lines, Process, skip, until

if os.geteuid() != 0 or shutil.which('ip') is None:
    skip('only root makes network namespaces, with ip')
if shutil.which('nc') is None:
    skip('nc is missing')

NAMES = [f'hallway-{os.getpid()}-{letter}' for letter in 'abc']
BRIDGE = f'hallway-{os.getpid()}-net'


def ip(*words):
    return subprocess.run(['ip', *words], capture_output=True, text=True)


def remove():
    for name in [*NAMES, BRIDGE]:
        ip('netns', 'del', name)


atexit.register(remove)
made = ip('netns', 'add', BRIDGE)
if made.returncode != 0:
    skip(f'no network namespace: {made.stderr}')
ip('-n', BRIDGE, 'link', 'add', 'bridge', 'type', 'bridge')
ip('-n', BRIDGE, 'link', 'set', 'bridge', 'up')
for number, name in enumerate(NAMES):
    ip('netns', 'add', name)
    paired = ip('-n', name, 'link', 'add', 'out', 'type', 'veth', 'peer', 'name', f'port{number}',
                'netns', BRIDGE)
    if paired.returncode != 0:
        skip(f'no pair of interfaces: {paired.stderr}')
    ip('-n', BRIDGE, 'link', 'set', f'port{number}', 'master', 'bridge', 'up')
    ip('-n', name, 'addr', 'add', f'10.77.0.{number + 1}/24', 'dev', 'out')
    ip('-n', name, 'link', 'set', 'out', 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')

ROUTES = ', '.join(f'"nats://10.77.0.{number}:6222"' for number in (1, 2, 3))


class Machine:
    def __init__(self, number):
        self.prefix = ('ip', 'netns', 'exec', NAMES[number])
        address = f'10.77.0.{number + 1}'
        self.server = NatsServer(
            f's{number}', f'cluster {{ name: c, listen: "{address}:6222", routes: [{ROUTES}] }}\n',
            host=address, port=4222, prefix=self.prefix)
        with open(f'{number}.toml', 'w') as file:
            file.write(f'[link]\nurls = ["nats://{address}:4222"]\nexports = ["news.>"]\n'
                       'imports = ["news.>"]\nheartbeat = "300ms"\n')
        self.hub = Hub('--config', f'{number}.toml', address=f'./{number}.sock',
                       prefix=self.prefix)
        self.hub.says('link up')
        self.listens, self.says = self.hub.join(), self.hub.join()
        self.listens.asks('SUB news.* 1')
        self.said = 0

    def hears(self, other):
        """Has the other speak until something it says now is heard here."""
        first = other.said + 1
        self.listens.socket.settimeout(0.2)
        heard = b''

        def heard_now():
            nonlocal heard
            other.said += 1
            text = f'{id(other)} {other.said}'
            other.says.asks(f'PUB news.today {len(text)}\r\n{text}')
            try:
                heard += self.listens.socket.recv(65536)
            except TimeoutError:
                return False
            lines = heard.decode().split('\r\n')
            news = [line.split() for line in lines if line.startswith(f'{id(other)} ')]
            return any(len(words) == 2 and int(words[1]) >= first for words in news)

        until(heard_now, 'a message from another machine')


machines = [Machine(number) for number in range(3)]


def everybody_hears_everybody(these):
    for one in these:
        for other in these:
            one.hears(other)


everybody_hears_everybody(machines)

# By hand: on one machine somebody publishes, on another subscribes, on the third types into nc.
subscriber = Process('subscribe', '--at', './1.sock', 'news.typed', prefix=machines[1].prefix)
typist = subprocess.Popen([*machines[2].prefix, 'nc', '-U', '2.sock'],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
atexit.register(typist.kill)
shown = Lines(typist.stdout)


def types(text):
    typist.stdin.write(text.encode())
    typist.stdin.flush()


def both_heard():
    subprocess.run([*machines[0].prefix, HALLWAY, 'publish', '--at', './0.sock', 'news.typed',
                    'hello'], check=True)
    return b'hello' in subscriber.out.all and b'hello\r' in shown.all


types('SUB news.typed 1\r\n')
until(both_heard, 'hello')
types('PUB news.typed 5\r\nworld\r\n')
until(lambda: b'world' in subscriber.out.all, 'world')

machines[2].server.kill()
machines[2].hub.says('link reconnecting')
everybody_hears_everybody(machines[:2])
machines[2].hears(machines[2])  # what is local never waits
machines[2].server.start()
everybody_hears_everybody(machines)
for machine in machines:
    machine.hub.stop()
    machine.server.kill()
