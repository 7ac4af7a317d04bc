"""What the hub confirmed to a publisher leaves over the link, or is counted as lost: while clients
flood the hub with subscriptions, while the server comes and goes, and when the hub ends."""
import contextlib
import signal
import socket
import threading

from _hostile_nats import Client, HostileNats, metrics
from _support import Hub, until


class Flood:
    """Clients that subscribe to long subjects and unsubscribe again, as fast as the hub reads."""

    def __init__(self, hub, clients):
        self.over = False
        self.threads = [threading.Thread(target=self.run, args=(Client(hub), number))
                        for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, client, number):
        subjects = [f'{number}.{i}.{"x" * 3900}' for i in range(20)]
        lines = ''.join(f'SUB {subject} 1\r\nUNSUB 1\r\n' for subject in subjects).encode()
        with contextlib.suppress(OSError):
            while not self.over:
                client.socket.sendall(lines)

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()


def accounted(server, published):
    """Whether each is in the server, or in a counter."""
    now = metrics('./metrics')
    left = len(server.heard('news.x'))
    lost = now['hallway_link_dropped_out_messages_total'] + now['hallway_link_unconfirmed_messages_total']
    assert left <= published, (left, published)
    return now['hallway_link_kept_messages'] == 0 and left + lost >= published


def publish(client, count):
    """Publishes, each confirmed by a PONG."""
    for number in range(count):
        client.publish('news.x', b'%d' % number)
        assert client.all() == []


server = HostileNats()
with Hub('--link', server.url, '--export', 'news.>', '--import', '>', '--metrics', './metrics') as hub:
    hub.says('link up')
    publisher, published = Client(hub), 0

    flood = Flood(hub, 8)
    publish(publisher, 200)
    published += 200
    flood.stop()
    publish(publisher, 100)
    published += 100
    until(lambda: accounted(server, published), 'an account of the flood')
    now = metrics('./metrics')
    assert now['hallway_hub_slow_consumers_total'] == 0, hub.err.all
    assert now['hallway_link_dropped_out_messages_total'] == 0, now
    # What is subscribed to by then, the link knows.
    client = Client(hub)
    client.subscribe('late.*', '1')
    server.send(server.sid_of('late.*'), 'late.a', b'in time')
    assert client.next()[4] == b'in time'

    # A server that resets the connection in the middle, and one that stops reading.
    for _ in range(3):
        ups = len([line for line in hub.err.all if b'link up' in line])
        publish(publisher, 50)
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        server.socket.shutdown(socket.SHUT_RDWR)
        server.socket.close()
        publish(publisher, 50)
        published += 100
        until(lambda n=ups: len([line for line in hub.err.all if b'link up' in line]) > n, 'link up')
    server.reading.clear()
    publish(publisher, 50)
    published += 50
    server.reading.set()
    until(lambda: accounted(server, published), 'an account of the resets')

# The hub ends: whoever got his PONG before can rely on it.
server = HostileNats()
with Hub('--link', server.url, '--export', 'news.>') as hub:
    hub.says('link up')
    confirmed = [0, 0]

    def publish_until_the_end(number, client):
        with contextlib.suppress(OSError):
            while True:
                client.publish('news.x', b'%d' % confirmed[number])
                client.say('PING')
                while (answer := client.operation()[0]) == 'INFO':
                    pass
                if answer != 'PONG':
                    return
                confirmed[number] += 1

    threads = [threading.Thread(target=publish_until_the_end, args=(number, Client(hub)))
               for number in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: min(confirmed) > 50, 'some are confirmed')
    hub.signal(signal.SIGTERM)
    assert hub.status() == 0, hub.err.all
    for thread in threads:
        thread.join()
    until(lambda: len(server.heard('news.x')) >= sum(confirmed), f'{confirmed} confirmed leave')
