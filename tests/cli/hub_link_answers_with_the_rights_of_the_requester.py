"""An answer from elsewhere goes where the client that asked could have published it, or to that client only."""
import os

from _hostile_nats import Client, HostileNats, metrics
from _support import Hub, skip, until

if os.geteuid() != 0:
    skip('only root can act as another user')
os.chmod('.', 0o755)

STRANGER, VICTIM = 65533, 65532

server = HostileNats()
with open('hub.toml', 'w') as file:
    file.write(f'''
[hub]
stamped = ["admin.>"]
[[permissions]]
who = ["uid:{STRANGER}"]
publish = {{ allow = ["news.>", "free.>"], deny = ["free.secret"] }}
''')


def answered(payload):
    """Has the cluster answer the request with this payload; gives the subject of the answer."""
    request = until(lambda: next((one for one in list(server.published) if one[3] == payload), None),
                    f'{payload} leaves')
    server.send(server.sid_of('_HALLWAY.REPLY.'), request[1], b'answer to ' + payload,
                header=b'NATS/1.0\r\nHallway-Uid: 0\r\n\r\n')
    return request[1]


with Hub('--config', 'hub.toml', '--mode', '0666', '--link', server.url, '--export', 'news.>',
         '--metrics', './metrics') as hub:
    hub.says('link up')

    def refused():
        return metrics('./metrics')['hallway_hub_answers_refused_total']

    victim = Client(hub, VICTIM)
    victim.subscribe('admin.>', '1')
    victim.subscribe('free.>', '2')
    victim.subscribe('_INBOX.x.>', '3')
    stranger = Client(hub, STRANGER)
    stranger.subscribe('_INBOX.x.1', '1')

    # It asks to be answered where it may not publish: nobody hears the answer.
    for number, reply in enumerate(['admin.shutdown', 'free.secret', '$SYS.HUB.STATS',
                                    '$SYS.HUB.GAP', '_HALLWAY.REPLY.a', '_HALLWAY.LINK'], 1):
        stranger.publish('news.echo', b'request %d' % number, reply)
        answered(b'request %d' % number)
        until(lambda n=number: refused() == n, reply)
    assert victim.messages() == [] and stranger.messages() == []

    # Where it may publish, everybody hears it, as something from elsewhere.
    stranger.publish('news.echo', b'open', 'free.answers')
    answered(b'open')
    _, subject, _, header, payload = victim.next()
    assert (subject, payload) == ('free.answers', b'answer to open'), (subject, payload)
    assert b'Hallway-Uid' not in header and b'Hallway-Origin: nats' in header, header

    # To its own inbox it may not publish either. It hears what comes there, and nobody else does.
    stranger.publish('news.echo', b'private', '_INBOX.x.1')
    sealed = answered(b'private')
    assert stranger.next()[4] == b'answer to private'
    # Once more is once more, and late is late enough: it has gone by then.
    server.send(server.sid_of('_HALLWAY.REPLY.'), sealed, b'once more')
    assert stranger.next()[4] == b'once more'
    before = refused()
    stranger.socket.close()
    stranger.file.close()
    until(lambda: metrics('./metrics')['hallway_hub_connections'] == 2, 'it goes')
    server.send(server.sid_of('_HALLWAY.REPLY.'), sealed, b'too late')
    until(lambda: refused() == before + 1, 'the late answer')
    assert victim.messages() == []

    # A message that root may stamp does not get root's stamp because the link is root's.
    chief = Client(hub)
    chief.publish('news.echo', b'by root', 'admin.report')
    answered(b'by root')
    _, subject, _, header, _ = victim.next()
    assert subject == 'admin.report' and b'Hallway-Uid' not in header, header

    # Rules count as they are when the answer comes.
    late = Client(hub, VICTIM)
    late.publish('news.echo', b'before', 'admin.late')
    late.all()
    with open('hub.toml', 'a') as file:
        file.write(f'[[permissions]]\nwho = ["uid:{VICTIM}"]\npublish = {{ deny = ["admin.>"] }}\n')
    assert hub.reload()
    before = refused()
    answered(b'before')
    until(lambda: refused() == before + 1, 'it is refused by the new rule')
