"""hallway hub --link: two hubs and a NATS server, from the command line and from a config."""
import socket

from _nats import NatsServer
from _support import Hub, run

server = NatsServer('s')


def heard(client):
    """The payload of the next message."""
    line = client.line()
    assert line.startswith('MSG '), line
    return client.line().rstrip('\r\n')


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
        # Until the server knows that somebody subscribed there.
        at_other.socket.settimeout(0.05)
        arrived = False
        while not arrived:
            at_one.asks('PUB news.today 5\r\nhello')
            try:
                arrived = at_other.socket.recv(1, socket.MSG_PEEK) != b''
            except TimeoutError:
                pass
        at_other.socket.settimeout(30)
        assert heard(at_other) == 'hello'
        at_one.asks('SUB news.tomorrow 1')
        # What one hub wants, the other hears of: it need not be exported always.
        at_one.socket.settimeout(0.05)
        arrived = False
        while not arrived:
            at_other.send('PUB news.tomorrow 3\r\nsun\r\n')
            try:
                arrived = at_one.socket.recv(1, socket.MSG_PEEK) != b''
            except TimeoutError:
                pass
        at_one.socket.settimeout(30)
        assert heard(at_one) == 'sun'
        server.kill()
        assert server.url in one.says('link reconnecting')

# Nothing is started that cannot be meant.
for words, reason in [
        (('--export', 'news.>'), 'it needs --link'),
        (('--link', server.url, '--import', 'a..b'), 'not a pattern of subjects')]:
    refused = run('hub', './hub.sock', *words, check=2)
    assert reason in refused.stderr.decode(), refused
for text, reason in [
        ('[link]\nimports = ["a"]\n', 'link.urls: missing'),
        ('[link]\nurls = ["nats://a"]\nfull = "wait"\n', 'not one of drop_oldest, drop_newest')]:
    with open('wrong.toml', 'w') as file:
        file.write(text)
    refused = run('hub', '--check-config', 'wrong.toml', check=2)
    assert reason in refused.stderr.decode(), refused
