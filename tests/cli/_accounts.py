"""A nats-server with accounts, and raw clients of it."""

import json
import socket
from urllib.parse import urlsplit

from _hostile_nats import Client, metrics_page
from _nats import NatsServer
from _support import DEADLINE, until


class AccountClient(Client):
    """A client of the server, which speaks for itself, in the account of its user."""

    def __init__(self, server, user, password):
        url = urlsplit(server.url)
        self.socket = socket.create_connection((url.hostname, url.port), DEADLINE)
        self.file = self.socket.makefile('rb')
        self.file.readline()
        self.say('CONNECT ' + json.dumps({'verbose': False, 'headers': True, 'user': user,
                                          'pass': password}))
        answer = self.subscribe('>', '1')
        assert answer == [], answer

    def first(self, subject):
        """The next message to this subject, without what came before."""
        while (one := self.next())[1] != subject:
            pass
        return one

    def answer(self, request, payload):
        self.publish(request[2], payload)


# Each account has one user, whose password is its name and "-pw".
NAMES = ('hub', 'alice', 'bob')


def settings(**passwords):
    """Of a server. Keyword arguments replace the password of a user."""
    accounts = '\n'.join(
        f'  {name.upper()} {{ users: [{{ user: {name}, password: "{passwords.get(name, name + "-pw")}" }}] }}'
        for name in NAMES)
    return f'accounts {{\n{accounts}\n}}\n'


def server_with_accounts(**passwords):
    return NatsServer('accounts', settings(**passwords))


def clients_of(server, *names):
    """A client in the account of each of these users; of all users if none is named."""
    return [AccountClient(server, name, f'{name}-pw') for name in names or NAMES]


def write_config(server, *accounts, **link):
    """hub.toml, with a link of the user "hub" and these accounts: (rules, user)."""
    keys = {'always': ['news.>', 'ask.>'], 'user': 'hub', 'password': 'hub-pw', 'first_wait': '10ms',
            'most_wait': '50ms', **link}
    with open('hub.toml', 'w') as file:
        file.write(f'[metrics]\naddress = "./metrics"\n[link]\nurls = ["{server.url}"]\n')
        file.writelines(f'{key} = {json.dumps(value)}\n' for key, value in keys.items())
        for rules, user in accounts:
            file.write(f'[[link.as]]\nwho = {json.dumps(rules)}\nname = "{user}"\nuser = "{user}"\n'
                       f'password = "{user}-pw"\n')


def are_up(hub, *accounts):
    for account in accounts:
        hub.says(f' as {account}')
    until(lambda: all(of_account('up', account) == 1 for account in accounts), 'the connections')


def of_account(metric, account):
    """The value of hallway_link_account_METRIC; None if it is not there."""
    wanted = f'hallway_link_account_{metric}{{account="{account}"}} '
    return next((int(float(line[len(wanted):])) for line in metrics_page('./metrics').splitlines()
                 if line.startswith(wanted)), None)


def texts(client):
    """What has come to a client of the server so far, without what hubs announce to each other."""
    return [one[4].decode() for one in client.messages() if not one[1].startswith('_HALLWAY.')]
