"""hallway link: a hub that knows nothing of it is linked by another process, which drains, says what
it counts, and looks for a hub that was restarted."""
import os
import select
import signal

from _hostile_nats import Client, HostileNats, metrics
from _support import DEADLINE, Hub, Process, run, until


class Link(Process):
    """hallway link, accepted by the hub."""

    def __init__(self, *words, **options):
        read_end, write_end = os.pipe()
        super().__init__('link', *words, '--ready-fd', str(write_end), pass_fds=(write_end,), **options)
        os.close(write_end)
        ready, _, _ = select.select([read_end], [], [], DEADLINE)
        assert ready and os.read(read_end, 1) == b'\n', self.err.rest()
        os.close(read_end)


def stop(link):
    link.signal(signal.SIGTERM)
    assert link.status() == 0, link.err.rest()


server = HostileNats()
with open('password', 'w') as file:
    file.write('pa55w0rd\n')
with Hub() as hub:
    link = Link('./hub.sock', '--to', server.url, '--export', 'news.>', '--import', 'ask.>', '--user',
                'me', '--password-file', 'password', '--name', 'workbench', '--metrics', './metrics')
    assert './hub.sock' in link.says('linked')
    assert server.url in link.says('link up')
    said = server.connects[0]
    assert (said['user'], said['pass'], said['name']) == ('me', 'pa55w0rd', 'workbench'), said
    client = Client(hub)
    client.publish('news.today', b'hello')
    assert server.first('news.today')[3] == b'hello'
    client.subscribe('ask.x', '1')
    server.send(server.sid_of('ask.x'), 'ask.x', b'what')
    assert client.next()[4] == b'what'
    until(lambda: metrics('./metrics')['hallway_link_out_messages_total'] == 1, 'a count')
    assert metrics('./metrics')['hallway_link_up'] == 1
    link.signal(signal.SIGHUP)
    link.says('reloaded')
    # What the hub confirmed leaves before it ends.
    for number in range(100):
        client.publish('news.x', b'%d' % number)
    assert client.all() == []
    stop(link)
    assert [one[3] for one in server.heard('news.x')] == [b'%d' % i for i in range(100)]
    assert b'link lost messages' not in b''.join(link.err.rest())

# From a config, of which the hub's part is the hub's; in JSON; and a hub that is restarted.
with open('link.toml', 'w') as file:
    file.write(f'[hub]\naddress = "./hub.sock"\n[metrics]\naddress = "./metrics"\n'
               f'[link]\nurls = ["{server.url}"]\nalways = ["news.>"]\n')
with Hub('--metrics', './metrics'):
    link = Link('--config', 'link.toml', '--json')
    assert link.event('linked')['address'] == 'unix:./hub.sock'
    assert link.event('link up')['server'] == server.url
    with open('link.toml', 'a') as file:
        file.write('name = "other"\n')
    link.signal(signal.SIGHUP)
    assert link.event('not changed')['key'] == 'link'
with Hub() as hub:
    link.event('hub disconnected')
    assert link.event('hub reconnected')['event'] == 'hub reconnected'
    client = Client(hub)
    client.publish('news.again', b'hello')
    assert server.first('news.again')[3] == b'hello'
    stop(link)

# Nothing is started that cannot be meant.
for words, status, reason in [
        ((), 2, '--to: this or --config is required'),
        (('--to', 'http://a'), 2, '--to http://a'),
        (('--to', server.url, '--export', '$SYS.>'), 2, '$SYS'),
        (('--to', server.url, '--tls-key', 'key'), 2, 'needs its key'),
        (('--to', server.url, '--token-file', 'missing'), 1, 'missing'),
        (('./nobody.sock', '--to', server.url, '--user', '"'), 2, 'be sent by libnats'),
        (('./nobody.sock', '--to', server.url), 7, 'nobody.sock')]:
    refused = run('link', *words, check=status)
    assert reason in refused.stderr.decode(), refused
