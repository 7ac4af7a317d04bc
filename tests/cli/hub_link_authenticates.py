"""[link] user and password, token, credentials: admitted with the right ones, refused with a reason otherwise."""
from _nats import NatsServer
from _nkeys import Operator
from _support import Hub


def linked(server, proof):
    """A hub whose link shows the server this."""
    with open('hub.toml', 'w') as file:
        file.write(f'[link]\nurls = ["{server.url}"]\nfirst_wait = "10ms"\n{proof}\n')
    return Hub('--config', 'hub.toml')


def is_let_in(server, proof):
    with linked(server, proof) as hub:
        assert server.url in hub.says('link up')
        assert not any(b'link down' in line for line in hub.err.all), hub.err.all


def is_turned_away(server, proof, reason, secret):
    with linked(server, proof) as hub:
        assert reason in hub.says('link down'), hub.err.all
        assert not any(b'link up' in line for line in hub.err.all), hub.err.all
        assert not any(secret.encode() in line for line in hub.err.all), hub.err.all


server = NatsServer('user', 'authorization { user: hub, password: sesame }\n')
is_let_in(server, 'user = "hub"\npassword = "sesame"')
is_turned_away(server, 'user = "hub"\npassword = "thistle"', 'Authorization Violation', 'thistle')
server.kill()

server = NatsServer('token', 'authorization { token: sesame }\n')
is_let_in(server, 'token = "sesame"')
is_turned_away(server, 'token = "thistle"', 'Authorization Violation', 'thistle')
server.kill()

operator, stranger = Operator(), Operator()
operator.write_credentials('ours.creds')
stranger.write_credentials('other.creds')
server = NatsServer('credentials', operator.settings)
is_let_in(server, 'credentials = "ours.creds"')
is_turned_away(server, 'credentials = "other.creds"', 'Authorization Violation', 'SUA')
is_turned_away(server, 'credentials = "missing.creds"', 'missing.creds', 'SUA')
server.kill()
