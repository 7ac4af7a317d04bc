"""If a hub goes away with messages that it has not confirmed, publish ends at once and reports the number."""
import os
import re
import signal
import socket
import threading

from _hub import HUBS
from _support import Process, run, until


class SilentHub:
    """Confirms what it was given before the first message 'stop', and nothing from then on."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.got = b''
        self.client = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        self.client, _ = self.listener.accept()
        self.client.sendall(b'INFO {"headers":true,"max_payload":1048576}\r\n')
        pending = b''
        while piece := self.client.recv(65536):
            self.got += piece
            pending += piece
            lines = pending.split(b'\r\n')
            pending = lines.pop()
            for line in lines:
                if line == b'PING' and b'stop' not in self.got:
                    self.client.sendall(b'PONG\r\n')

    def go(self):
        self.listener.close()
        os.unlink('./silent.sock')
        self.client.shutdown(socket.SHUT_RDWR)


# What it has confirmed is known, and what came behind that is not.
silent = SilentHub('./silent.sock')
typing = Process('publish', 'a', '-', '--at', './silent.sock', stdin=-1)
for line in ['one', 'two']:
    pings = silent.got.count(b'PING')
    typing.type(line + '\n')
    until(lambda: silent.got.count(b'PING') > pings and silent.got.endswith(b'PING\r\n'), 'a question')
typing.type('stop\nfour\nfive\n')
until(lambda: b'five' in silent.got, 'the last message')
silent.go()
assert typing.status() == 1, typing.err.rest()
assert typing.says('of 5 messages were confirmed') == (
    'hallway: publish: unix:./silent.sock: ' + typing.says('of 5 messages').split(': ', 3)[3])
assert '; 2 of 5 messages were confirmed' in typing.says('of 5 messages'), typing.err.rest()

def typing_when_it_stops(hub):
    """What had published one message, which the hub then had, when the hub went away."""
    typing = Process('publish', 'a', '-', '--at', hub.address, '-v', stdin=-1)
    typing.type('x\n')
    typing.says('sent')
    run('publish', 'a', 'x', '--at', hub.address, check=0)
    hub.stop()
    typing.says('disconnected')
    return typing


for start in HUBS:
    with start() as hub:
        # One that is stopped in the middle of a stream, and then killed.
        typing = Process('publish', 'a', '-', '--at', hub.address, '-v', stdin=-1)
        typing.type('x\n' * 100)
        typing.says('sent')
        for process in hub.processes:
            os.killpg(process.pid, signal.SIGSTOP)
        typing.type('y\n' * 100)
        until(lambda: sum(b'sent' in line for line in typing.err.all) == 200, 'the last message')
        hub.stop()
        said = typing.says('were confirmed')
        confirmed, published = map(int, re.search(r'; (\d+) of (\d+) messages were confirmed', said).groups())
        assert confirmed < published == 200, said
        assert typing.status() == 1

        # One that goes away when it has had everything costs nothing.
        hub.start()
        typing = typing_when_it_stops(hub)
        typing.process.stdin.close()
        assert typing.status() == 0, typing.err.rest()

        # What came while it was away is not there, and that is said at the end of input.
        hub.start()
        typing = typing_when_it_stops(hub)
        typing.type('y\n')
        until(lambda: sum(b'sent' in line for line in typing.err.all) == 2, 'the second message')
        typing.process.stdin.close()
        assert typing.status() == 1, typing.err.rest()
        assert 'the hub closed the connection; 1 of 2 messages were confirmed' in typing.says('were confirmed')
