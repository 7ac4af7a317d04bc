"""What the tests of `hallway bench` share: servers that answer as no server should, and results."""

import json
import os
import socket
import threading

from _support import DEADLINE, run

# A test shows that something is measured, not how fast it is.
BRIEF = ('--duration', '300ms')

# Nothing may be left there.
os.mkdir('temporary')
os.environ['TMPDIR'] = os.path.abspath('temporary')


def measure(*words, check=0, **options):
    """What `bench WORDS --json` measured."""
    return json.loads(run('bench', *words, '--json', check=check, **options).stdout)


def nothing_is_left():
    return os.listdir('temporary') == []


class LineServer:
    """Calls answer(line, number) for each line of a connection; what that yields is sent. The first
    line, which tries out whether there is an answer at all, is sent back."""

    def __init__(self, answer, address='./lines.sock'):
        self.answer, self.address = answer, address
        if os.path.exists(address):
            os.unlink(address)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            peer, _ = self.listener.accept()
            peer.settimeout(DEADLINE)
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, peer.makefile('rb') as lines:
            try:
                peer.sendall(next(lines))
                for number, line in enumerate(lines):
                    for answer in self.answer(line, number):
                        peer.sendall(answer)
            except (OSError, StopIteration):
                pass  # the client has had enough
