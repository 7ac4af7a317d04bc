"""A NATS server that sends what the link did not subscribe to: none of it enters, and all is counted."""
from _hostile_nats import Client, HostileNats, metrics
from _support import Hub, until

STAMP = b'NATS/1.0\r\nHallway-Uid: 0\r\nHallway-Pid: 1\r\nhallway-executable: /sbin/init\r\n\r\n'

server = HostileNats()
with open('hub.toml', 'w') as file:
    file.write('[hub]\nstamped = ["news.>", "admin.>"]\n')
with Hub('--config', 'hub.toml', '--link', server.url, '--import', 'news.>', '--import', 'ask.>',
         '--export', 'out.>', '--metrics', './metrics') as hub:
    hub.says('link up')
    client = Client(hub, echo=False)
    client.subscribe('news.*', '1')
    client.subscribe('admin.>', '2')
    client.subscribe('ask.>', '3')
    client.subscribe('news.deep.>', '4')
    client.subscribe('_HALLWAY.>', '5')
    news, ask = server.sid_of('news.*'), server.sid_of('ask.>')
    answers, words = server.sid_of('_HALLWAY.REPLY.'), server.sid_of('_HALLWAY.LINK')
    assert server.subscriptions[news][1] != '', 'no other client shares the imports of the link'

    refused = [
        (news, 'admin.shutdown', ''),  # not imported
        (news, 'ask.other', ''),  # imported, but not what that subscription is for
        (news, 'news.deep.a', ''),
        (words, 'news.today', ''),
        (answers, 'admin.shutdown', ''),
        (answers, server.subscriptions[answers][0][:-1] + '0123456789abcdef.admin.shutdown', ''),
        (news, '$SYS.HUB.STATS', ''),
        (news, '_HALLWAY.LINK', ''),
        (words, '_HALLWAY.LINKS', ''),
        # Whoever answers those would have it published with the link's rights.
        (ask, 'ask.a', '$SYS.REQ.SERVER.PING'),
        (ask, 'ask.a', '$JS.API.STREAM.DELETE.orders'),
        (ask, 'ask.a', '_HALLWAY.LINK'),
        (ask, 'ask.a', '$SYS.HUB.STATS'),
    ]
    for sid, subject, reply in refused:
        server.send(sid, subject, b'not for you', reply)
    # What is in order enters, in order, and nothing of the above with it.
    server.send(news, 'news.today', b'sun', header=STAMP)
    verb, subject, reply, header, payload = client.next()
    assert (subject, reply, payload) == ('news.today', '', b'sun'), (subject, reply, payload)
    # It was published by nobody whom the kernel knows here.
    assert b'hallway-uid' not in header.lower() and b'hallway-pid' not in header.lower(), header
    assert b'hallway-executable' not in header.lower(), header
    assert b'Hallway-Origin: nats' in header, header
    assert client.messages() == []
    until(lambda: metrics('./metrics')['hallway_link_refused_in_messages_total'] == len(refused),
          f'{len(refused)} refused')
    assert metrics('./metrics')['hallway_link_in_messages_total'] == 1
    hub.says('link complaint')

    # However many there are, the log stays short.
    for number in range(20000):
        server.send(news, f'admin.{number}', b'x')
    until(lambda: metrics('./metrics')['hallway_link_refused_in_messages_total'] ==
          len(refused) + 20000, 'all are counted')
    assert len([line for line in hub.err.all if b'link complaint' in line]) < 100, len(hub.err.all)

    # Requests of those who may be answered are answered.
    for reply in ['_INBOX.a.1', '$JS.ACK.stream.consumer.1.2.3.4.5', '_HALLWAY.REPLY.other.seal.x']:
        server.send(ask, 'ask.a', b'?', reply)
        _, _, answer_to, _, _ = client.next()
        client.publish(answer_to, b'yes')
        assert server.first(reply)[3] == b'yes'
    # An answer to what nobody asked goes nowhere.
    client.publish(answer_to[:answer_to.rindex('_HALLWAY')] + 'forged', b'x')
    until(lambda: metrics('./metrics')['hallway_link_refused_out_messages_total'] == 1, 'it is counted')
