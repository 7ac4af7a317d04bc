"""A hub for the tests of publish, subscribe and request --subject, and a subscriber.

The tests run against each kind of server that HUBS names.
"""

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess

from _support import DEADLINE, Process, skip, until

# What the tests ask for, and each kind of server has a word for.
DENYING = 'denying'  # nobody may publish or subscribe below "secret"
CLOSED = 'closed'  # nobody may connect


class Running:
    """A server of some kind, from the moment at which it greets."""

    def __init__(self, address='./hub.sock', config=''):
        self.address, self.config, self.processes = address, config, []
        atexit.register(self.stop)
        self.start()

    def spawn(self, *words):
        self.processes.append(subprocess.Popen(words, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL, start_new_session=True))

    def beginning(self):
        """The first bytes that a new client gets; None if it gets none."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(self.address)
            return client.recv(4)
        return None

    def greets(self):
        return self.beginning() == b'INFO'

    def stop(self):
        """At once, as if it had crashed; its children with it."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class NatsServer(Running):
    """nats-server, which speaks TCP, and socat, which makes it a Unix socket."""

    CONFIGS = {
        '': '',
        DENYING: '''
authorization {
  users: [{user: "tests", password: "x"}]
  default_permissions: {publish: {deny: ["secret.>"]}, subscribe: {deny: ["secret.>"]}}
}
no_auth_user: "tests"
''',
        CLOSED: 'authorization: {token: "nobody knows"}\n',
    }
    TURNS_AWAY = 77, 'Authorization Violation'

    def start(self):
        for command in ('nats-server', 'socat'):
            if shutil.which(command) is None:
                skip(f'{command} is missing')
        with open('nats.conf', 'w') as file:
            file.write(self.CONFIGS[self.config])
        shutil.rmtree('ports', ignore_errors=True)
        os.mkdir('ports')
        self.spawn('nats-server', '-a', '127.0.0.1', '-p', '-1', '-c', 'nats.conf',
                   '--ports_file_dir', 'ports')
        port = until(self.port, 'a port')
        self.spawn('socat', f'UNIX-LISTEN:{self.address},fork,unlink-early', f'TCP:127.0.0.1:{port}')
        until(self.greets, 'a hub')

    @staticmethod
    def port():
        """Written when it listens; then it stands in the file at once or not at all."""
        for name in os.listdir('ports'):
            with contextlib.suppress(ValueError), open(f'ports/{name}') as file:
                return json.load(file)['nats'][0].rpartition(':')[2]
        return None


class Hub(Running):
    """Ours, with the rules of cli/hub.cpp."""

    TURNS_AWAY = 7, 'closed'

    def start(self):
        self.spawn(os.environ['HUB'], self.address, self.config)
        until(self.turns_away if self.config == CLOSED else self.greets, 'a hub')

    def turns_away(self):
        return self.beginning() == b''


HUBS = [Hub, NatsServer]


class Subscriber(Process):
    """hallway subscribe, once the hub knows of it."""

    def __init__(self, hub, *words, **options):
        super().__init__('subscribe', '--at', hub.address, '-v', *words, **options)
        self.says('"event":"subscribed"' if '--json' in words else 'subscribed')


class Responder:
    """A client that knows nothing of Hallway: it answers each request to a subject."""

    def __init__(self, hub, subject):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(hub.address)
        self.file = self.socket.makefile('rb')
        self.say(f'CONNECT {{"verbose":false}}\r\nSUB {subject} 1\r\nPING\r\n')
        while self.line() != 'PONG':
            pass

    def say(self, text):
        self.socket.sendall(text.encode())

    def line(self):
        return self.file.readline().decode().rstrip('\r\n')

    def request(self):
        """Where the next request is to be answered, and what it asks."""
        while not (words := self.line().split(' ')) or words[0] != 'MSG':
            pass
        payload = self.file.read(int(words[-1]) + 2)[:-2].decode()
        return (words[3] if len(words) > 4 else None), payload

    def answer(self, to, payload):
        self.say(f'PUB {to} {len(payload)}\r\n{payload}\r\n')
