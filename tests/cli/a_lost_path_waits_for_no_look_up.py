"""--on-path-lost rebind while the user database is silent: the names of the owner and the group are known."""
import os

from _support import Server, run
from _user_database import ISOLATED, Silence

for kind in ['stream', 'datagram']:
    with Server('--echo', '--type', kind, '--group', 'hallway-test', '--on-path-lost', 'rebind',
                prefix=ISOLATED) as server:
        silence = Silence()
        for _ in range(2):
            server.err.all.clear()
            os.remove(server.address)
            server.says('path regained')
            assert run('request', server.address, 'x', '--type', kind, check=0).stdout == b'x\n'
        silence.end()
