"""reply behind a hub and its link answers what is asked at a nats-server, and the other way round."""
import socket

from _nats import NatsServer
from _support import DEADLINE, Hub, Process, run, until

server = NatsServer('s')


class AtServer:
    """A client of the nats-server that knows nothing of Hallway."""

    def __init__(self):
        host, _, port = server.url.removeprefix('nats://').rpartition(':')
        self.socket = socket.create_connection((host, int(port)), DEADLINE)
        self.file = self.socket.makefile('rb')
        self.send('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
        self.synchronize()

    def send(self, text):
        self.socket.sendall(text.encode())

    def line(self):
        line = self.file.readline().decode().rstrip('\r\n')
        assert line, 'the server closed'
        return line

    def synchronize(self):
        self.send('PING\r\n')
        while self.line() != 'PONG':
            pass

    def message(self):
        """The arguments of the next message, its header and its payload."""
        while (words := self.line().split(' '))[0] not in ('MSG', 'HMSG'):
            pass
        body = self.file.read(int(words[-1]) + 2)[:-2].decode()
        header = int(words[-2]) if words[0] == 'HMSG' else 0
        return words, body[:header], body[header:]


with Hub('--link', server.url, '--export', 'out.>', '--import', 'in.>') as hub:
    hub.says('link up')

    # A requester at the server; until the link has subscribed there, nobody answers.
    for words in (['in.time', 'noon'], ['in.upper', '--handler', 'tr a-z A-Z'], ['in.fails', '--handler', 'false']):
        Process('reply', '--at', hub.address, *words)
        run('wait', hub.address, '--subject', words[0], check=0)
    requester = AtServer()
    requester.send('SUB answers.* 1\r\n')
    asked = 0

    def answered(subject, text):
        global asked
        asked += 1
        requester.send(f'PUB {subject} answers.{asked} {len(text)}\r\n{text}\r\n')
        while (got := requester.message())[0][1] != f'answers.{asked}':
            pass
        return None if '503' in got[1] else got

    assert until(lambda: answered('in.time', '?'), 'an answer')[2] == 'noon'
    assert until(lambda: answered('in.upper', 'abc'), 'an answer')[2] == 'ABC'
    _, header, payload = until(lambda: answered('in.fails', 'x'), 'an answer')
    assert 'Nats-Service-Error-Code: 500' in header and payload == '', header

    # A responder at the server.
    responder = AtServer()
    responder.send('SUB out.question 1\r\n')
    responder.synchronize()
    asking = Process('request', '--at', hub.address, '--subject', 'out.question', 'how many?')
    words, _, payload = responder.message()
    assert payload == 'how many?'
    responder.send(f'PUB {words[3]} 2\r\n42\r\n')
    assert asking.status() == 0 and asking.out.rest() == [b'42']
