"""As the_worst_case_of_a_hub_stays_within_its_limit, for a server that broadcasts to clients that read nothing."""
import contextlib
import fcntl
import struct
import termios

from _support import Server
from _users import HONEST, PUBLIC, acting_as, connections, memory_of, say, sockets_of, until
from _worst_case import EACH, USERS, check


def unread(client):
    """Bytes it has sent that its server has not read."""
    return struct.unpack('i', fcntl.ioctl(client.socket, termios.TIOCOUTQ, bytes(4)))[0]


def message(payload):
    """With its length, as serve wants it here: so one that is cut off is none."""
    return struct.pack('>I', len(payload)) + payload


UNFINISHED = message(b'y' * 1_000_000)[:-1]

# Where it has less than the second, in MiB, nothing is shown.
for full, least in (('disconnect', 40), ('drop-oldest', 120)):
    with Server(*PUBLIC, '--broadcast', '--no-print', '--framing', 'len32be', '--full', full) as server:
        with acting_as(HONEST):
            honest = server.connect()
        clients = []
        for uid in USERS:
            mine = connections(server, uid, EACH)
            # Each user gets messages that nobody else gets; root, which may take what is left for others, none.
            for _ in range(50 if uid else 0):
                honest.send(message(b'x' * 60000))
            until(lambda: unread(honest) == 0, 'the server has read them')
            say(mine, lambda _: UNFINISHED)
            clients += mine
        check(f'a server that broadcasts, {full}', server)
        assert memory_of(server) >= least
        for _, client in clients:
            client.close()
        until(lambda: sockets_of(server) < 10, 'all connections end')
        with acting_as(HONEST), contextlib.closing(server.connect()) as other:
            honest.send(message(b'still served'))
            heard = other.socket.recv(100)
            assert heard == message(b'still served'), heard
        server.kill()
