"""A publisher is held back for a subscriber that reads, however fast it publishes, and nothing is lost; not
so for one that hardly reads, whatever that asks for."""
import json
import socket
import threading
import time

from _support import DEADLINE, Hub
from _hostile_nats import Client

MEBIBYTE = 1 << 20


class Reader:
    """Takes what comes as fast as it is told to, and no faster."""

    def __init__(self, hub, subject, rate=None, **options):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(hub.address)
        self.rate, self.taken, self.last, self.ended = rate, 0, b'', False
        connect = json.dumps({'verbose': False, **options}).encode()
        self.socket.sendall(b'CONNECT ' + connect + f'\r\nSUB {subject} 1\r\nPING\r\n'.encode())
        head = b''
        while not head.endswith(b'PONG\r\n'):
            head += self.socket.recv(4096)
        self.thread = threading.Thread(target=self.read, daemon=True)

    def read(self):
        began = time.monotonic()
        while not self.ended:
            try:
                piece = self.socket.recv(65536)
            except OSError:
                break
            if not piece:
                break
            self.taken += len(piece)
            self.last = (self.last + piece)[-100:]
            ahead = self.taken / self.rate - (time.monotonic() - began) if self.rate else 0
            if ahead > 0:
                time.sleep(ahead)

    def stop(self):
        self.ended = True
        self.socket.close()

    def takes_all(self, size):
        give_up = time.monotonic() + 4 * DEADLINE
        while self.taken < size and self.thread.is_alive():
            assert time.monotonic() < give_up, f'{self.taken} of {size} bytes'
            time.sleep(0.01)
        assert self.taken == size, f'{self.taken} of {size} bytes; the end: {self.last}'


def burst(hub, subject, count, size):
    """Publishes at once; gives the bytes a subscriber gets of it."""
    with socket.socket(socket.AF_UNIX) as publisher:
        publisher.settimeout(4 * DEADLINE)
        publisher.connect(hub.address)
        publisher.recv(4096)
        publisher.sendall(b'CONNECT {"verbose":false}\r\n')
        one = f'PUB {subject} {size}\r\n'.encode() + b'x' * size + b'\r\n'
        for _ in range(0, count, 64):
            publisher.sendall(one * 64)
        publisher.sendall(b'PING\r\n')
        assert publisher.recv(100) == b'PONG\r\n'
    return count * (len(f'MSG {subject} 1 {size}\r\n') + size + 2)


with open('quick.toml', 'w') as file:
    file.write('[limits]\nhold_time = "500ms"\n')
with Hub('--config', 'quick.toml') as hub:
    # A reader that is slower than the publisher, beside one that is not.
    readers = [Reader(hub, 'a', rate) for rate in (20 * MEBIBYTE, None)]
    for reader in readers:
        reader.thread.start()
    size = burst(hub, 'a', 32 * 1024, 1024)
    for reader in readers:
        reader.takes_all(size)

    # The shapes of a benchmark: 1 or 2 publishers, 1 to 4 subscribers, small and large messages.
    for publishers, subscribers, count, size in ((1, 1, 65536, 128), (2, 2, 16384, 512), (2, 4, 2048, 16384)):
        readers = [Reader(hub, 'b') for _ in range(subscribers)]
        for reader in readers:
            reader.thread.start()
        threads = [threading.Thread(target=burst, args=(hub, 'b', count, size)) for _ in range(publishers)]
        for thread in threads:
            thread.start()
        wanted = publishers * count * (len(f'MSG b 1 {size}\r\n') + size + 2)
        for reader in readers:
            reader.takes_all(wanted)
        for thread in threads:
            thread.join()

    # To itself.
    myself = Reader(hub, 'c')
    myself.thread.start()
    message = b'PUB c 65536\r\n' + b'x' * 65536 + b'\r\n'
    for _ in range(1024):
        myself.socket.sendall(message)
    myself.takes_all(1024 * (len('MSG c 1 65536\r\n') + 65536 + 2))

    # Who hardly reads holds back nobody for long, and is cut, whatever it asked for.
    for asks in ({}, {'full': 'wait'}):
        lazy = Reader(hub, '>', rate=100_000, **asks)
        lazy.thread.start()
        began = time.monotonic()
        burst(hub, 'd', 16 * 1024, 1024)
        assert time.monotonic() - began < DEADLINE
        hub.says('slow consumer')
        hub.err.all.clear()
        lazy.stop()

    # Who asked to lose messages rather than its connection holds back nobody at all.
    losing = Reader(hub, 'e', rate=MEBIBYTE, full='drop_newest')
    losing.thread.start()
    burst(hub, 'e', 32 * 1024, 1024)
    statistics = Client(hub)
    statistics.subscribe('answer', '1')
    statistics.publish('$SYS.HUB.STATS', reply='answer')
    said = json.loads(statistics.next()[4])
    assert said['dropped'] > 0, said
    losing.stop()

# Only a rule may have publishers wait for as long as it takes.
with open('hub.toml', 'w') as file:
    file.write('[[delivery]]\nsubjects = ["ruled"]\npolicy = "wait"\n[limits]\nhold_time = "100ms"\n')
with Hub('--config', 'hub.toml') as hub:
    slow = Reader(hub, 'ruled', rate=900_000)
    slow.thread.start()
    size = burst(hub, 'ruled', 4 * 1024, 1024)
    slow.takes_all(size)
