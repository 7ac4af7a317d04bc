"""hallway hub --link: two hubs and a NATS server, from the command line and from a config."""
import socket

from _nats import NatsServer
from _support import DEADLINE, Hub, run, until

server = NatsServer('s')


def heard(client):
    """The payload of the next message."""
    line = client.line()
    assert line.startswith('MSG '), line
    return client.line().rstrip('\r\n')


def arrives(speak, listener):
    """Publishes until a message arrives: before, the other side may not know of the subscription."""
    def heard_now():
        speak()
        try:
            return listener.socket.recv(1, socket.MSG_PEEK) != b''
        except TimeoutError:
            return False

    listener.socket.settimeout(0.05)
    until(heard_now, 'a message')
    listener.socket.settimeout(DEADLINE)
    return heard(listener)


with Hub('--link', server.url, '--export', 'news.>', '--import', 'news.>',
         address='./one.sock') as one:
    assert server.url in one.says('link up')
    with open('hub.toml', 'w') as file:
        file.write(f'[link]\nurls = ["{server.url}"]\nexports = ["news.*"]\nimports = ["news.*"]\n'
                   'heartbeat = "200ms"\n[metrics]\naddress = "./metrics"\n')
    with Hub('--config', 'hub.toml', address='./other.sock') as other:
        other.says('link up')
        at_one, at_other = one.join(), other.join()
        at_other.asks('SUB news.today 1')
        assert arrives(lambda: at_one.asks('PUB news.today 5\r\nhello'), at_other) == 'hello'
        at_one.asks('SUB news.tomorrow 1')
        # What one hub wants, the other hears of: it need not be exported always.
        assert arrives(lambda: at_other.send('PUB news.tomorrow 3\r\nsun\r\n'), at_one) == 'sun'
        server.kill()
        assert server.url in one.says('link reconnecting')

# Nothing is started that cannot be meant.
for words, reason in [
        (('--export', 'news.>'), 'requires --link'),
        (('--link', server.url, '--import', 'a..b'), 'not a subject pattern')]:
    refused = run('hub', './hub.sock', *words, check=2)
    assert reason in refused.stderr.decode(), refused
for text, reason in [
        ('[link]\nimports = ["a"]\n', 'link.urls: required'),
        ('[link]\nurls = ["nats://a"]\nfull = "wait"\n', 'not a policy (drop_oldest, drop_newest)')]:
    with open('wrong.toml', 'w') as file:
        file.write(text)
    refused = run('hub', '--check-config', 'wrong.toml', check=2)
    assert reason in refused.stderr.decode(), refused
