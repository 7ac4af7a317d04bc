"""The name a datagram bears is what its sender wrote; answers go to sockets of the sender's only."""
import ctypes
import os
import socket

from _support import DEADLINE, SKIPPED, Server, skip

if os.geteuid() != 0:
    skip('needs root, to become another user')

os.chmod('.', 0o755)
os.mkdir('server')
os.mkdir('other')
os.chmod('other', 0o777)
top = os.getcwd()


def victim(name):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(name)
    if not name.startswith('\0'):
        os.chmod(name, 0o600)
    made.setblocking(False)
    return made


def as_another_user(work):
    """work() as uid 5000, to its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(5000)
            os.setuid(5000)
            os.chdir(f'{top}/other')
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def nothing_for(socket_of_root):
    try:
        raise AssertionError(socket_of_root.recv(100))
    except BlockingIOError:
        pass


def ask(name, then=None):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(name)
        if then:
            then()
        made.sendto(b'injected', f'{top}/server/dg')


def elsewhere(work):
    """work() as another user, in a network namespace of its own. False: there is none to be had."""
    child = os.fork()
    if child == 0:
        if ctypes.CDLL(None).unshare(0x40000000) != 0:  # CLONE_NEWNET
            os._exit(SKIPPED)
        as_another_user(work)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


os.chdir('server')
with Server('--type', 'datagram', '--echo', '--mode', '0666', '--json', address='./dg') as server:
    refusals = 0

    def is_refused():
        global refusals
        refusals += 1
        server.err.wait(lambda: sum(b'"not answered"' in line for line in server.err.all) == refusals,
                        f'refusal {refusals}')

    # Relative to the server, behind a link, and in another network namespace: each name leads from
    # the server to a socket of root's, to which the sender may not write, or cannot.
    at_path, abstract = victim('victim'), '\0hallway-victim-%d' % os.getpid()
    in_namespace = victim(abstract)

    as_another_user(lambda: ask('victim', lambda: os.remove('victim')))
    is_refused()
    as_another_user(lambda: ask(f'{top}/other/link', lambda: (
        os.remove(f'{top}/other/link'), os.symlink(f'{top}/server/victim', f'{top}/other/link'))))
    is_refused()
    nothing_for(at_path)
    if elsewhere(lambda: ask(abstract)):
        is_refused()
        nothing_for(in_namespace)

    # What is the sender's is answered: its path, relative and absolute, and its abstract name.
    def own():
        for name in ('mine', f'{top}/other/mine, also', '\0hallway-mine-%d' % os.getpid()):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
                client.settimeout(DEADLINE)
                client.bind(name)
                client.sendto(b'hello', f'{top}/server/dg')
                assert client.recv(100) == b'hello'

    as_another_user(own)
    assert sum(b'"not answered"' in line for line in server.err.all) == refusals, server.err.all
