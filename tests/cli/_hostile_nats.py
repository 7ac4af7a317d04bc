"""A NATS server that sends what a test wants, also what no server should, and raw clients of a hub."""

import contextlib
import json
import os
import socket
import threading

from _support import DEADLINE, until


class HostileNats:
    """A NATS server on the loopback, for one client at a time."""

    def __init__(self, **info):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.url = f'nats://127.0.0.1:{self.port}'
        self.info = {'server_id': 'N' * 56, 'server_name': 'hostile', 'version': '2.9.10', 'proto': 1,
                     'headers': True, 'max_payload': 1 << 20, 'host': '127.0.0.1',
                     'port': self.port, **info}
        self.subscriptions = {}  # {sid: (subject, queue group)}
        self.published = []  # (subject, reply, header, payload)
        self.connects = []  # what the CONNECTs said
        self.reading = threading.Event()  # while it is not set, it reads nothing
        self.reading.set()
        self.socket = None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ValueError):
            connection.sendall(b'INFO ' + json.dumps(self.info).encode() + b'\r\n')
            self.subscriptions = {}
            self.socket = connection
            lines = connection.makefile('rb')
            while line := lines.readline():
                self.reading.wait()
                self.obey(connection, lines, line.decode('latin1').split())

    def obey(self, connection, lines, words):
        verb = words[0].upper() if words else ''
        if verb == 'PING':
            connection.sendall(b'PONG\r\n')
        elif verb == 'CONNECT':
            self.connects.append(json.loads(' '.join(words[1:])))
        elif verb == 'SUB':
            self.subscriptions[words[-1]] = words[1], words[2] if len(words) == 4 else ''
        elif verb == 'UNSUB':
            self.subscriptions.pop(words[1], None)
        elif verb in ('PUB', 'HPUB'):
            sizes = 1 if verb == 'PUB' else 2
            body = lines.read(int(words[-1]) + 2)[:-2]
            header = int(words[-2]) if sizes == 2 else 0
            reply = words[2] if len(words) == 3 + sizes else ''
            self.published.append((words[1], reply, body[:header], body[header:]))

    def sid_of(self, pattern):
        """Of the link's subscription to a pattern, or to what begins like it."""
        return until(lambda: next((sid for sid, (subject, _) in dict(self.subscriptions).items()
                                   if subject.startswith(pattern)), None), pattern)

    def send(self, sid, subject, payload=b'', reply='', header=b''):
        """A message, of which the link is told that it is for this subscription."""
        words = [subject, sid] + ([reply] if reply else [])
        sizes = [len(header)] if header else []
        words += [str(size) for size in [*sizes, len(header) + len(payload)]]
        line = ('HMSG ' if header else 'MSG ') + ' '.join(words) + '\r\n'
        self.socket.sendall(line.encode('latin1') + header + payload + b'\r\n')

    def heard(self, subject):
        """What the link published to a subject."""
        return [message for message in list(self.published) if message[0] == subject]

    def first(self, subject):
        return until(lambda: self.heard(subject), subject)[0]


@contextlib.contextmanager
def acting_as(uid):
    """Root connects as another user. None: as ourselves."""
    if uid is None:
        yield
        return
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


class Client:
    """A client of a hub that speaks for itself."""

    def __init__(self, hub, uid=None, **options):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        with acting_as(uid):
            self.socket.connect(hub.address)
        self.file = self.socket.makefile('rb')
        self.file.readline()
        self.say('CONNECT ' + json.dumps({'verbose': False, 'headers': True, **options}))

    def say(self, *lines):
        for line in lines:
            line = line if isinstance(line, bytes) else line.encode('latin1')
            self.socket.sendall(line + b'\r\n')

    def close(self):
        self.file.close()
        self.socket.close()

    def publish(self, subject, payload=b'', reply=''):
        self.say(f'PUB {subject} {reply} {len(payload)}\r\n'.encode() + payload)

    def operation(self):
        """(verb, subject, reply, header, payload); of what is no message, the rest of its line as subject."""
        words = self.file.readline().decode('latin1').split()
        verb = words[0] if words else ''
        if verb not in ('MSG', 'HMSG'):
            return verb, ' '.join(words[1:]), '', b'', b''
        sizes = 1 if verb == 'MSG' else 2
        body = self.file.read(int(words[-1]) + 2)[:-2]
        header = int(words[-2]) if sizes == 2 else 0
        reply = words[3] if len(words) == 4 + sizes else ''
        return verb, words[1], reply, body[:header], body[header:]

    def all(self):
        """What has come so far: everything in front of the answer to a PING."""
        self.say('PING')
        return list(iter(self.operation, ('PONG', '', '', b'', b'')))

    def messages(self):
        return [one for one in self.all() if one[0] in ('MSG', 'HMSG')]

    def next(self):
        """The next message, once it comes."""
        while (one := self.operation())[0] not in ('MSG', 'HMSG'):
            assert one[0], 'the connection ended'
        return one

    def subscribe(self, *words):
        """SUB, and what was answered."""
        self.say(' '.join(('SUB', *words)))
        return self.all()


def metrics_page(address):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(address)
        client.sendall(b'GET /metrics HTTP/1.0\r\n\r\n')
        return b''.join(iter(lambda: client.recv(65536), b'')).decode()


def metrics(address):
    """{name: value} of those without labels."""
    lines = [line.rsplit(' ', 1) for line in metrics_page(address).splitlines() if line.startswith('hallway')]
    return {name: int(float(value)) for name, value in lines if '{' not in name}
