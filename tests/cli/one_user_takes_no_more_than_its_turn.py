"""Within its quotas one user does the worst it can: all of its connections, 16,000 subscriptions that each
message concerns, floods of each verb, clients that come and go, and nobody who reads. Another user is
answered in time and loses nothing, the hub stays small, and its log too."""
import time

from _support import Hub, sanitized, skip
from _users import (Client, Flood, HONEST, MATCHED_BY_ALL, PUBLIC, answer_times, connect_and_close, memory_of,
                    subscribe_to_many)

if sanitized():
    skip('a sanitizer takes more time than what is measured here')

CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"lang":"x"}\r\n'
LARGE = b'PUB own.a 1000000\r\n' + b'x' * 1_000_000 + b'\r\n'
WITH_HEADERS = b'CONNECT {"verbose":true,"headers":true}\r\n'

FLOODS = {
    'messages that concern thousands': {'block': f'PUB {MATCHED_BY_ALL} 0\r\n\r\n'.encode() * 500},
    'subscriptions that come and go': {'block': b'SUB a.*.b.> 1\r\nUNSUB 1\r\n' * 1000},
    'questions without end': {'block': b'PING\r\n' * 5000},
    'what is not allowed': {'block': b'SUB _INBOX.> 1\r\nPUB $SYS.x 0\r\n\r\n' * 1000},
    'CONNECT again and again': {'block': CONNECT * 500, 'first': WITH_HEADERS},
    'messages with headers': {'block': b'HPUB own 12 12\r\nNATS/1.0\r\n\r\n\r\n' * 1000,
                              'first': WITH_HEADERS},
    'statistics': {'block': b'PUB $SYS.HUB.STATS own 0\r\n\r\n' * 1000,
                   'first': b'CONNECT {"verbose":false}\r\nSUB own 1\r\n'},
    'large messages to all of its own': {'block': LARGE,
                                         'first': b'CONNECT {"verbose":false}\r\nSUB own.> 1\r\n'},
}

SECONDS = 1
# The other tests that run at the same time have the cores, too.
BUSY = 4


def check(what, hub, honest, listener):
    """While somebody floods the hub."""
    time.sleep(0.5)
    before = len(hub.err.all)
    began = time.monotonic()
    times = answer_times(honest, SECONDS)
    for number in range(100):
        honest.publish('honest', b'%d' % number)
    honest.all()
    heard = [listener.next()[4] for _ in range(100)]
    assert heard == [b'%d' % number for number in range(100)], f'{what}: {heard}'
    lines = (len(hub.err.all) - before) / (time.monotonic() - began)
    median, late = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f'{what}: median {median * 1e3:.1f} ms, p99 {late * 1e3:.1f} ms, '
          f'{memory_of(hub):.0f} MiB, {lines:.0f} lines/s')
    assert median < 0.05 * BUSY, what
    assert late < 0.25 * BUSY, what
    assert lines < 100, (what, hub.err.all[-5:])


with Hub(*PUBLIC) as hub:
    honest, listener = Client(hub, HONEST), Client(hub, HONEST)
    listener.subscribe('honest', '1')
    greedy = subscribe_to_many(hub, 16000)
    for what, flood in FLOODS.items():
        with Flood(hub, **flood):
            check(what, hub, honest, listener)
    with Flood(hub, b'', run=lambda: connect_and_close(hub)):
        check('clients that come and go', hub, honest, listener)
    assert memory_of(hub) < 256, memory_of(hub)
    greedy.close()
