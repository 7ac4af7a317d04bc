"""[[link.as]] with a wrong password: it is reported once, with a hint and without the password. The link's
own connection goes on, and the messages of the account wait, or are counted as lost under its name."""
import os
import signal

from _accounts import are_up, clients_of, of_account, server_with_accounts, settings, texts, write_config
from _hostile_nats import Client, metrics
from _support import Hub, run, until

ATTEMPTS = 3
OTHER = 65533


def attempts():
    with open('accounts.conf.log') as log:
        return sum('authentication error' in line for line in log)


def reload(server, **passwords):
    with open('accounts.conf') as file:
        text = file.read()
    with open('accounts.conf', 'w') as file:
        file.write(text[:text.index('accounts {')] + settings(**passwords))
    server.process.send_signal(signal.SIGHUP)


server = server_with_accounts(alice='changed')
in_hub, in_bob = clients_of(server, 'hub', 'bob')
accounts = [(['same-uid'], 'alice')]
if os.geteuid() == 0:
    os.chmod('.', 0o755)
    accounts.append((['any'], 'bob'))
else:
    print('skipped: only root can act as another user, whose account goes on')
write_config(server, *accounts)
with Hub('--config', 'hub.toml', '--mode', '0666') as hub:
    down = hub.says('link down')
    assert f'{server.url} as alice' in down and 'Authorization Violation' in down, down
    assert 'correct the credentials of this account' in down, down
    # The link's own connection is up, and so is the other account's.
    until(lambda: metrics('./metrics')['hallway_link_up'] == 1, 'the link is up')
    client = Client(hub)
    client.publish('news.x', b'waits')
    assert client.all() == []
    if os.geteuid() == 0:
        are_up(hub, 'bob')
        other = Client(hub, OTHER)
        other.publish('news.x', b'of another')
        assert in_bob.first('news.x')[4] == b'of another'
    until(lambda: of_account('kept_messages', 'alice') == 1, 'it waits')
    until(lambda: attempts() >= ATTEMPTS, 'some attempts')
    downs = [line for line in hub.err.all if b'link down' in line]
    assert len(downs) == 1, downs
    assert not any(b'alice-pw' in line for line in hub.err.all), hub.err.all
    assert texts(in_hub) == texts(in_bob) == []

    # With the right password, what waited leaves, and only there.
    reload(server)
    are_up(hub, 'alice')
    until(lambda: of_account('out_messages_total', 'alice') == 1, 'it leaves')
    assert texts(in_hub) == texts(in_bob) == []
server.kill()

# Without waiting for an account that is away, its messages are lost and counted under its name.
server = server_with_accounts(alice='changed')
write_config(server, (['same-uid'], 'alice'), keep_while_away=False)
with Hub('--config', 'hub.toml') as hub:
    hub.says('as alice')
    until(lambda: metrics('./metrics')['hallway_link_up'] == 1, 'the link is up')
    client = Client(hub)
    client.publish('news.x', b'lost')
    until(lambda: of_account('dropped_out_messages_total', 'alice') == 1, 'it is counted')
    hub.stop()
    assert any(b'1 dropped, 0 unconfirmed, of these as alice' in line for line in hub.err.rest())

    # The accounts are fixed at the start, as all of a link is.
write_config(server, (['same-uid'], 'alice'))
with Hub('--config', 'hub.toml') as hub:
    write_config(server, (['any'], 'bob'))
    assert hub.reload()
    assert 'link: takes effect after a restart' in hub.says('not changed')
server.kill()

# --check-config finds what is wrong with an account, by its place.
LINK = '[link]\nurls = ["nats://127.0.0.1"]\n'
for text, reason in [
        ('[[link.as]]\nuser = "a"\n', 'link.as[0].who: required'),
        ('[[link.as]]\nwho = []\nuser = "a"\n', 'link.as[0].who: empty'),
        ('[[link.as]]\nwho = ["any"]\n', 'link.as[0].user: required'),
        ('[[link.as]]\nwho = ["gid:7"]\nuser = "a"\n',
         'link.as[0].who[0]: "gid:7": a link knows the uid of a publisher, not its groups'),
        ('[[link.as]]\nwho = ["any"]\nuser = "a"\nsecret = "b"\n', 'link.as[0].secret: not a key'),
        (2 * '[[link.as]]\nwho = ["any"]\nuser = "a"\n', 'link.as: two accounts are named "any"'),
        (''.join(f'[[link.as]]\nwho = ["uid:{uid}"]\nuser = "a"\n' for uid in range(1, 34)),
         'link.as: 33 accounts, more than a link may have: 32')]:
    with open('wrong.toml', 'w') as file:
        file.write(LINK + text)
    refused = run('hub', '--check-config', 'wrong.toml', check=2)
    assert reason in refused.stderr.decode(), refused
