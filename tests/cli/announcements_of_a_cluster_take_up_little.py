"""A client that may publish in a cluster can announce subscriptions of a thousand hubs there. That costs the
link, and not the hub: neither memory nor the time of its clients."""
import os
import time

from _hostile_nats import Client, HostileNats
from _support import Hub, sanitized

WORDS, PATTERNS = 20, 40000


def memory_of(pid):
    with open(f'/proc/{pid}/status') as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith('RssAnon'))


def family(pid):
    """A process and all below it."""
    with open(f'/proc/{pid}/task/{pid}/children') as file:
        return [pid] + [one for child in file.read().split() for one in family(int(child))]


nats = HostileNats()
with Hub('--link', nats.url, '--export', 'a.>', '--mode', '0600') as hub:
    sid = nats.sid_of('_HALLWAY.LINK')
    client = Client(hub)
    client.all()
    before = sum(memory_of(pid) for pid in family(hub.pid))
    times = []
    for number in range(WORDS):
        lines = ''.join(f'+a.{number:x}.{i:x}\n' for i in range(PATTERNS))
        nats.send(sid, '_HALLWAY.LINK', f'HALLWAY 1 H{number} all 1\n{lines}'.encode())
        for _ in range(20):
            asked = time.monotonic()
            client.all()
            times.append(time.monotonic() - asked)
            time.sleep(0.01)
    grown = sum(memory_of(pid) for pid in family(hub.pid)) - before
    median = sorted(times)[len(times) // 2]
    print(f'{WORDS} words: {grown:.0f} MiB more, a PING takes {median * 1e3:.1f} ms, {max(times) * 1e3:.0f} ms at worst')
    if not sanitized():
        assert grown < 100, grown
        # The worst may be the machine's, which other tests keep busy.
        assert median < 0.05 and max(times) < 1, times
    # What they want is still known: more may cross, and nothing is missing.
    client.publish('a.13.7', b'wanted')
    assert nats.first('a.13.7')[3] == b'wanted'
