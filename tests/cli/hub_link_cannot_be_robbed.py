"""No client joins the queue group with which a link takes its exports, or receives messages between links."""
import os

from _hostile_nats import Client, HostileNats
from _support import Hub, until

server = HostileNats()
with Hub('--mode', '0666', '--link', server.url, '--export', 'news.>', '--import', 'ask.>') as hub:
    hub.says('link up')
    os.chmod('.', 0o755)
    thieves = [Client(hub, uid) for uid in ([None, 65533] if os.geteuid() == 0 else [None])]
    for number, thief in enumerate(thieves):
        assert thief.subscribe('ask.>', 'a') == []
        server.send(server.sid_of('ask.>'), 'ask.x', b'?', '_INBOX.remote.1')
        _, _, reply, _, _ = thief.next()
        link = reply.split('.')[2]
        trusted = number == 0
        # The first connection is the link's.
        groups = [f'_HALLWAY.LINK.{link}', f'_HALLWAY.LINK.{link}.1', f'_HALLWAY.LINK.{link}.2']
        for sid, group in enumerate(groups):
            for pattern in ['news.>', 'news.a', '>', '*.a']:
                answer = thief.subscribe(pattern, group, f'{pattern}{sid}')
                assert trusted or 'Permissions Violation' in answer[0][1], answer
        answer = thief.subscribe('_HALLWAY.>', 'hear')
        assert trusted or 'Permissions Violation' in answer[0][1], answer
        if not trusted:
            thief.publish('_HALLWAY.LINK', b'HALLWAY 1 me bye 1\n')
            assert 'Permissions Violation' in thief.all()[0][1]
            # A wildcard over all hears none of what links are told.
            assert thief.subscribe('>', 'all') == []
            assert thief.subscribe('*.REPLY.>', 'replies') == []
            responder = Client(hub)
            responder.publish(reply, b'an answer')
            assert server.first('_INBOX.remote.1')[3] == b'an answer'
            assert thief.messages() == []
            thief.say('UNSUB all', 'UNSUB replies')

    # Who is not trusted is no link either.
    if os.geteuid() == 0:
        liar = Client(hub, 65533, link='x')
        assert 'Authorization Violation' in liar.operation()[1]
        assert liar.operation()[0] == ''

    honest = Client(hub)
    for number in range(200):
        honest.publish('news.a', b'%d' % number)
    assert honest.all() == []
    until(lambda: len(server.heard('news.a')) == 200, 'all of them leave')
    assert [message[3] for message in server.heard('news.a')] == [b'%d' % i for i in range(200)]
