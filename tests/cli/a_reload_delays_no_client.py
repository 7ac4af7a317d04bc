"""SIGHUP while the user database is silent: clients are served, SIGTERM ends the server in time."""
import contextlib
import os
import signal
import socket
import time

from _support import DEADLINE, Hub, Server, run
from _user_database import ISOLATED, Silence


def write(text):
    with open('new.toml', 'w') as file:
        file.write(text)
    os.rename('new.toml', 'hub.toml')


class Manager:
    def __init__(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove('notify.sock')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE)
        self.socket.bind('notify.sock')
        self.env = {'NOTIFY_SOCKET': os.path.abspath('notify.sock')}

    def hears(self, *beginnings):
        """Of what these begin, the one that comes first."""
        while True:
            heard = self.socket.recv(1000).decode()
            for beginning in beginnings:
                if heard.startswith(beginning):
                    return beginning


def ends_in_time(server):
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.status() == 0, server.err.all
    # The look-up would have had all day.
    assert time.monotonic() - begin < 10, time.monotonic() - begin
    server.says('not reloaded')


RULE = '[[permissions]]\nwho = ["group:hallway-test"]\npublish.deny = ["secret.>"]\n'
DENIED = "-ERR 'Permissions Violation for Publish to \"secret.a\"'"


def hub_of_the_old_rules(env):
    write('# no rules\n')
    return Hub('--config', 'hub.toml', env=env, prefix=ISOLATED)


# The rules change once the names are known, and not before.
manager = Manager()
with hub_of_the_old_rules(manager.env) as hub:
    manager.hears('READY=1')
    silence = Silence()
    write(RULE)
    hub.signal(signal.SIGHUP)
    manager.hears('RELOADING=1\n')
    silence.wait_for_a_look_up()
    client = hub.join()
    client.asks('PUB secret.a 0\r\n')
    # Another SIGHUP is not lost: what it found in the file counts in the end.
    write('[hub]\nallow = ["group:hallway-test", "any"]\n' + RULE.replace('secret', 'other'))
    hub.signal(signal.SIGHUP)
    hub.says('reload waits')
    client.asks('PUB secret.a 0\r\n')
    assert manager.hears('RELOADING=1\n', 'READY=1') == 'RELOADING=1\n'
    assert not any(b'reloaded' in line for line in hub.err.all), hub.err.all
    silence.end()
    hub.says('reloaded: 2 rules, 1 permission')
    manager.hears('READY=1')
    client.asks('PUB secret.a 0\r\n')
    client.asks('PUB other.a 0\r\n', DENIED.replace('secret', 'other'))
    assert len([line for line in hub.err.all if b'reloaded: ' in line]) == 2, hub.err.all

# The end waits for no look-up.
with hub_of_the_old_rules({}) as hub:
    silence = Silence()
    write(RULE)
    hub.signal(signal.SIGHUP)
    silence.wait_for_a_look_up()
    hub.join().asks('PUB secret.a 0\r\n')
    ends_in_time(hub)
    silence.end()

for kind in ['stream', 'datagram']:
    with Server('--echo', '--type', kind, '--allow', 'group:hallway-test', '--allow', 'uid:0',
                prefix=ISOLATED) as server:
        def request():
            assert run('request', server.address, 'x', '--type', kind, check=0).stdout == b'x\n'

        for answered in [True, False]:
            silence = Silence()
            server.signal(signal.SIGHUP)
            silence.wait_for_a_look_up()
            request()
            if not answered:
                ends_in_time(server)
            silence.end()
            assert answered is False or '2 rules' in server.says('reloaded')
