"""The history of connect: if it cannot be saved, that is reported and the old one stays; a FIFO is not opened."""
import os
import resource
import signal

from _support import Server, Terminal


def typed(server, text, before=None):
    client = Terminal('connect', server.address, env={'XDG_STATE_HOME': os.path.abspath('state')}, before=before)
    client.wait_for('> ')
    client.type(text + '\r')
    assert server.out.next() == text.encode()
    client.wait_for('> ')
    client.type('\x04')
    said = client.rest()
    assert client.status() == 0
    return said


def no_file_may_grow():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


with Server() as server:
    assert b'history' not in typed(server, 'one')
    kept = open('state/hallway_history', 'rb').read()
    assert b'one' in kept
    assert b'history' in typed(server, 'two', before=no_file_may_grow)
    assert open('state/hallway_history', 'rb').read() == kept
    assert os.listdir('state') == ['hallway_history']

    os.rename('state/hallway_history', 'state/elsewhere')
    os.symlink('elsewhere', 'state/hallway_history')
    assert b'history' not in typed(server, 'three')
    assert os.path.islink('state/hallway_history') and b'three' in open('state/elsewhere', 'rb').read()

    os.unlink('state/hallway_history')
    os.mkfifo('state/hallway_history')
    assert b'history' in typed(server, 'four')
