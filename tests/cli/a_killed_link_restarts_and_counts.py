"""The process of a link is killed while messages leave: the hub goes on, another one comes, and each
message that the hub confirmed has left or is in a counter."""
import os
import signal

from _hostile_nats import Client, HostileNats, metrics
from _link import is_alive, watcher_of, worker_of
from _support import Hub, until


class Traffic:
    """Messages that leave over the link of a hub, and what became of them."""

    def __init__(self, server, hub):
        self.server, self.publisher, self.published = server, Client(hub), 0

    def publish(self, count, subject='news.x'):
        """Publishes, each confirmed by a PONG."""
        for _ in range(count):
            self.publisher.publish(subject, b'%d' % self.published)
            assert self.publisher.all() == []
            self.published += 1

    def left(self):
        return len(self.server.heard('news.x'))

    @staticmethod
    def lost():
        now = metrics('./metrics')
        return (now['hallway_link_dropped_out_messages_total']
                + now['hallway_link_unconfirmed_messages_total'])

    def accounted(self):
        """Whether each is in the server, or in a counter."""
        assert self.left() <= self.published, (self.left(), self.published)
        waiting = metrics('./metrics')['hallway_link_kept_messages']
        return waiting == 0 and self.left() + self.lost() >= self.published


def kill_worker(hub):
    worker = worker_of(hub)
    os.kill(worker, signal.SIGKILL)
    return worker


server = HostileNats()
with Hub('--link', server.url, '--export', 'news.>', '--metrics', './metrics') as hub:
    hub.says('link up')
    traffic = Traffic(server, hub)
    # What has left, and was told by the process before it was killed, is not counted as lost.
    traffic.publish(500)
    until(lambda: metrics('./metrics')['hallway_link_out_messages_total'] == 500, 'all left')
    for _ in range(3):
        traffic.publish(50)
        killed = kill_worker(hub)
        traffic.publish(50)
        worker_of(hub, other_than=killed)
        traffic.publish(50)
        until(traffic.accounted, 'an account')
    assert 'restarted: signal 9 (Killed)' in hub.says('link down')
    assert traffic.lost() <= traffic.published - 500, (traffic.lost(), traffic.published)

    # Once it is back the next ones leave, and none of them is lost.
    until(lambda: traffic.publish(1, 'news.back') or server.heard('news.back'), 'a link')
    lost = traffic.lost()
    traffic.publish(20, 'news.next')
    until(lambda: len(server.heard('news.next')) == 20, 'the next ones')
    assert traffic.lost() == lost and hub.process.poll() is None

# What waits in a process that is killed is lost with it, and counted.
server = HostileNats()
with Hub('--link', server.url, '--export', 'news.>', '--metrics', './metrics') as hub:
    hub.says('link up')
    traffic = Traffic(server, hub)
    server.reading.clear()
    traffic.publish(100)
    killed = kill_worker(hub)
    worker_of(hub, other_than=killed)
    until(lambda: traffic.lost() >= 100, 'a count of what was lost')
    assert is_alive(watcher_of(hub))
    server.reading.set()
# Once more at the end, when nobody can fetch metrics any longer.
assert 'dropped' in hub.says('link lost messages'), hub.err.all
