"""A user has thousands of uids in user namespaces of its own. They have its quota together, and a rule that
denies it something denies it to them. (The test writes uid_map itself, as newuidmap(1) would.)"""
import contextlib
import ctypes
import os
import signal

from _support import DEADLINE, Hub, skip
from _users import Client, GREEDY

GROUP = 5000
CLONE_NEWUSER, PR_SET_DUMPABLE = 0x10000000, 4
FIRST = 100000  # of the subordinate uids

CONFIG = f'''
[hub]
allow = ["gid:{GROUP}", "root"]
[limits]
connections_per_uid = 4
[[permissions]]
who = ["uid:{GREEDY}"]
publish = {{deny = ["admin.>"]}}
subscribe = {{deny = ["secret.>"]}}
'''

libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A process of the user in a user namespace with these lines of uid_map."""

    def __init__(self, lines, act):
        ready, go, told = os.pipe(), os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(4 * DEADLINE)
                os.setgroups([GROUP])
                os.setresgid(GREEDY, GREEDY, GREEDY)
                os.setresuid(GREEDY, GREEDY, GREEDY)
                libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
                os.write(ready[1], b'n' if libc.unshare(CLONE_NEWUSER) != 0 else b'y')
                os.read(go[0], 1)
                os.write(told[1], str(act()).encode())
            finally:
                os._exit(0)
        if os.read(ready[0], 1) != b'y':
            os.waitpid(self.pid, 0)
            skip('this machine allows no user namespaces')
        for name, text in (('uid_map', lines), ('gid_map', f'0 {GREEDY} 1\n')):
            with open(f'/proc/{self.pid}/{name}', 'w') as file:
                file.write(text)
        os.write(go[1], b'x')
        self.told = os.read(told[0], 100).decode()
        os.waitpid(self.pid, 0)


def is_served(client):
    """Whether it is there to answer a PING; what else it says does not matter."""
    with contextlib.suppress(OSError):
        client.say('PING')
        while (said := client.operation()[0]) and said != 'PONG':
            pass
        return said == 'PONG'
    return False


def connect_as_many(hub):
    """From in there: how many of ten uids' six connections each are served."""
    served = []
    for uid in range(1, 11):
        os.setresuid(uid, uid, 0)
        for _ in range(6):
            with contextlib.suppress(OSError):
                client = Client(hub)
                client.publish('admin.x', b'from %d' % uid)
                client.publish('open.x', b'from %d' % uid)
                client.say('SUB secret.x 1')
                if is_served(client):
                    served.append(client)
        os.setresuid(0, 0, 0)
    return len(served)


with open('hub.toml', 'w') as file:
    file.write(CONFIG)
with Hub('--mode', '0660', '--group', str(GROUP), '--config', 'hub.toml') as hub:
    listener = Client(hub)
    listener.subscribe('admin.>', '1')
    listener.subscribe('open.>', '2')

    inside = Namespace(f'0 {GREEDY} 1\n1 {FIRST} 65536\n', lambda: connect_as_many(hub))
    assert int(inside.told) == 4, inside.told
    subjects = [message[1] for message in listener.messages()]
    assert subjects == ['open.x'] * 4, subjects
    assert f'uid {GREEDY}, which is responsible for it, already has 4 connections' in hub.says('turned away')
    listener.publish('secret.x')
    listener.all()

    # The user itself is who they are: its own connections count with theirs.
    alone = Namespace(f'0 {GREEDY} 1\n', lambda: sum(is_served(client) for client in [Client(hub) for _ in range(4)]))
    assert int(alone.told) == 4, alone.told
