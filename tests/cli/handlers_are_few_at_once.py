"""At most --handlers N processes run at once; later messages wait in order."""
import os

from _support import Server, until

os.mkfifo('gate')
# Each notes its beginning and waits until the gate gives it a byte.
COMMAND = 'read word; echo "$word" >> begun; head -c 1 gate >/dev/null; echo "$word"'


def begun():
    return open('begun').read().split() if os.path.exists('begun') else []


with Server('--handler', COMMAND, '--handlers', '2') as server:
    peers = []
    for word in ['a', 'b', 'c', 'd']:
        peers.append(server.connect())
        peers[-1].send(word + '\n')
        assert server.out.next() == word.encode()
    until(lambda: len(begun()) == 2, 'the first two')
    gate = os.open('gate', os.O_RDWR)
    for done in range(4):
        assert len(begun()) == min(done + 2, 4), begun()
        os.write(gate, b'x')
        until(lambda: len(begun()) == min(done + 3, 4), 'the next one')
    assert sorted(begun()[:2]) == ['a', 'b'] and begun()[2:] == ['c', 'd']
    assert [peer.line() for peer in peers] == ['a\n', 'b\n', 'c\n', 'd\n']
    for peer in peers:
        peer.close()
