"""A hub that has a link runs no thread and opens no socket of it: another process does, which has no
secret in its command line and ends with the hub, however that ends."""
import os
import signal

from _hostile_nats import HostileNats
from _link import children_of, is_alive, watcher_of, words_of, worker_of
from _support import Hub, Process, until


def threads_of(pid):
    return len(os.listdir(f'/proc/{pid}/task'))


def internet_sockets_of(pid):
    """How many sockets of it are no Unix sockets."""
    with open('/proc/net/unix', 'rb') as table:  # other tests bind names of any bytes, also line ends
        lines = [line.split() for line in table]
    unix = {fields[6].decode() for fields in lines if len(fields) > 6 and fields[6].isdigit()}
    targets = [os.readlink(entry.path) for entry in os.scandir(f'/proc/{pid}/fd')]
    return len([one for one in targets if one.startswith('socket:') and one[8:-1] not in unix])


SECRET = 'pa55w0rd'
server = HostileNats()
url = server.url.replace('//', f'//me:{SECRET}@')
with open('hub.toml', 'w') as file:
    file.write(f'[link]\nurls = ["{url}"]\nalways = ["news.>"]\n')

with Hub(address='./alone.sock') as alone, Hub('--config', 'hub.toml') as hub:
    hub.says('link up')
    assert server.connects[0]['pass'] == SECRET
    watcher, worker = watcher_of(hub), worker_of(hub)
    assert children_of(hub.pid) == [watcher] and children_of(watcher) == [worker]
    # The log's is the only one that comes and goes.
    until(lambda: threads_of(hub.pid) == threads_of(alone.pid), 'no other thread than without a link')
    assert threads_of(worker) > threads_of(hub.pid)
    assert internet_sockets_of(hub.pid) == internet_sockets_of(watcher) == 0
    assert internet_sockets_of(worker) > 0
    for pid in (hub.pid, watcher, worker):
        for what in ('cmdline', 'environ'):
            assert not any(SECRET.encode() in word for word in words_of(pid, what)), (pid, what)
    # A service manager signals all of them at once, and the hub says when it is time.
    for pid in (watcher, worker):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(pid, number)
    joined = hub.join()
    joined.asks('PUB news.today 5\r\nhello')
    assert server.first('news.today')[3] == b'hello'
assert not is_alive(watcher) and not is_alive(worker)

# Killed, the hub says nothing any more.
hub = Hub('--config', 'hub.toml')
hub.says('link up')
watcher, worker = watcher_of(hub), worker_of(hub)
hub.kill()
until(lambda: not is_alive(watcher) and not is_alive(worker), 'the end of its processes')

# So does a second signal, while the first one still waits for a server that reads nothing.
hub = Hub('--config', 'hub.toml')
hub.says('link up')
watcher, worker = watcher_of(hub), worker_of(hub)
server.reading.clear()
hub.join().asks('PUB news.today 5\r\nhello')
hub.signal(signal.SIGTERM)
hub.signal(signal.SIGTERM)
hub.status()
until(lambda: not is_alive(watcher) and not is_alive(worker), 'the end of its processes')
server.reading.set()

# Without its watcher a hub goes on, and says that there is no link any more.
with Hub('--config', 'hub.toml') as hub:
    hub.says('link up')
    worker = worker_of(hub)
    os.kill(watcher_of(hub), signal.SIGKILL)
    assert 'restart the hub' in hub.says('link down')
    until(lambda: not is_alive(worker), 'the end of the worker')
    hub.join().close()

# A link that cannot be is a failure of the hub, as it would be there.
with open('hub.toml', 'w') as file:
    file.write(f'[link]\nurls = ["{server.url}"]\npassword = "\\""\n')
refused = Process('hub', './other.sock', '--config', 'hub.toml')
assert refused.status() != 0
assert 'be sent by libnats' in refused.says('password')
until(lambda: children_of(refused.pid) == [], 'no process is left')
