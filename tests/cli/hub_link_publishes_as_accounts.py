"""[[link.as]]: what a uid publishes leaves under its own account of a real nats-server, and the answers to
its requests come back over it. An ordinary user tries it with one account, root with three users."""
import os
import signal

from _accounts import (
    are_up,
    clients_of,
    of_account,
    server_with_accounts,
    texts,
    write_config,
)
from _hostile_nats import Client, metrics
from _link import worker_of
from _support import Hub, until

ALICE, BOB = 65533, 65532


def has_left(count):
    until(lambda: metrics('./metrics')['hallway_link_out_messages_total'] >= count, 'all leave')


def is_answered(client, service, others):
    """A request is answered by a service in its own account, and the others do not see it."""
    inbox = f'_INBOX.{os.urandom(8).hex()}'
    client.subscribe(f'{inbox}.*', '9')
    client.publish('ask.name', b'who?', f'{inbox}.1')
    request = service.first('ask.name')
    assert request[4] == b'who?' and request[2].startswith('_HALLWAY.REPLY.'), request
    service.answer(request, b'me')
    answer = client.next()
    assert answer[1] == f'{inbox}.1' and answer[4] == b'me', answer
    for other in others:
        assert texts(other) == [], 'a request reached another account'
        # Nor can another account answer it.
        other.answer(request, b'not me')
        assert texts(other) == []
    assert client.messages() == []


def tries_its_own_uid():
    server = server_with_accounts()
    in_hub, in_alice, in_bob = clients_of(server)
    write_config(server, (['same-uid'], 'alice'))
    with Hub('--config', 'hub.toml') as hub:
        hub.says('link up')
        are_up(hub, 'alice')
        client = Client(hub)
        client.publish('news.x', b'mine')
        assert in_alice.first('news.x')[4] == b'mine'
        has_left(1)
        assert texts(in_hub) == texts(in_bob) == texts(in_alice) == []
        is_answered(client, in_alice, [in_hub, in_bob])
        until(lambda: of_account('out_messages_total', 'alice') == 2, 'both are counted')

        # A worker that replaces a killed one has the accounts, too.
        killed = worker_of(hub)
        os.kill(killed, signal.SIGKILL)
        worker_of(hub, other_than=killed)

        def arrives():
            client.publish('news.x', b'after')  # between the two workers it is lost and counted
            assert client.all() == []
            return 'after' in texts(in_alice)

        until(arrives, 'a message by the other worker')
        assert texts(in_hub) == texts(in_bob) == []

        # What waits when the hub drains still leaves.
        client.publish('news.x', b'last')
        assert client.all() == []
        hub.stop()
    assert texts(in_alice)[-1] == 'last' and texts(in_hub) == []
    server.kill()


def tries_three_users():
    server = server_with_accounts()
    in_hub, in_alice, in_bob = clients_of(server)
    write_config(server, ([f'uid:{ALICE}'], 'alice'), ([f'uid:{BOB}', f'uid:{ALICE}'], 'bob'))
    with Hub('--config', 'hub.toml', '--mode', '0666') as hub:
        hub.says('link up')
        are_up(hub, 'alice', 'bob')
        alice, bob, root = Client(hub, ALICE), Client(hub, BOB), Client(hub)
        pairs = [(alice, in_alice, 'alice'), (bob, in_bob, 'bob'), (root, in_hub, 'root')]
        # Of each, in its order, to its own account only. The first entry that admits a uid counts.
        for number in range(100):
            for client, _, name in pairs:
                client.publish('news.x', f'{name} {number}'.encode())
        has_left(300)
        for _, account, name in pairs:
            wanted = [f'{name} {number}' for number in range(100)]
            got = texts(account)
            assert got == wanted, (name, got)
        for client, service, name in pairs:
            is_answered(client, service, [one for _, one, other in pairs if other != name])
        for name in ('alice', 'bob'):
            until(lambda n=name: of_account('out_messages_total', n) == 101, 'all are counted')
        assert metrics('./metrics')['hallway_link_refused_in_messages_total'] == 0
    server.kill()


tries_its_own_uid()
if os.geteuid() == 0:
    os.chmod('.', 0o755)
    tries_three_users()
else:
    print('skipped: only root can act as other users')
