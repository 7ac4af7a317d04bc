"""docs/LIMITS.md says how much memory a hub takes up at most, whatever its clients do. Here they do it: one user
after the other takes all the connections and all the memory it gets and gives nothing back, root last, in whatever
takes most room beside what is counted."""
import re

from _hostile_nats import metrics_page
from _support import Hub
from _users import Client, HONEST, PUBLIC, connections, say, sockets_of, until
from _worst_case import EACH, USERS, check


def counted():
    """MiB in the accounts of all users of the hub."""
    memory = re.findall(r'^hallway_hub_user_memory_bytes{.*} (\S+)$', metrics_page('./metrics'), re.MULTILINE)
    return sum(map(float, memory)) / 2**20


def connect(uid, number):
    return f'CONNECT {{"verbose":false,"full":"drop_newest"}}\r\nSUB own.{uid}.{number} own\r\n'


def unread_answers(uid, number):
    """More answers than there is room for: what was read behind them is left over."""
    return connect(uid, number) + 80_000 * 'PING\r\n'


def subscriptions(uid, number):
    return connect(uid, number) + ''.join(f'SUB {uid}x{number}x{i} {i}\r\n' for i in range(1000))


def unfinished_message(uid, number):
    return connect(uid, number) + 'PUB x 1000000\r\n' + 'x' * 900_000


def publications(uid, size, count):
    """By one client to each of the others of its user."""
    return count * ''.join(f'PUB own.{uid}.{number} {size}\r\n{"x" * size}\r\n' for number in range(1, EACH))


# Of tiny messages most is what is kept about each.
# The last is MiB of the 128 that are shared out: where less was taken, nothing is shown.
for what, said, published, least in (('tiny messages', unread_answers, (0, 1_500), 100),
                                     ('subscriptions', subscriptions, None, 40),
                                     ('unfinished messages', unfinished_message, None, 100)):
    with Hub(*PUBLIC, '--metrics', './metrics') as hub:
        clients = []
        for uid in USERS:
            mine = connections(hub, uid, EACH)
            say(mine[1:], lambda number, uid=uid: said(uid, number).encode())
            if published:
                say(mine[:1], lambda _, uid=uid: (connect(uid, 0) + publications(uid, *published)).encode())
            clients += mine
        until(lambda: counted() >= least, f'taking up {least} MiB')
        check(f'a hub, {what}', hub)
        print(f'{counted():.0f} MiB of it are counted')
        for _, client in clients[:EACH]:
            client.close()
        until(lambda: sockets_of(hub) < 750, 'connections of the first user end')
        honest = Client(hub, HONEST)
        honest.subscribe('honest', '1')
        honest.publish('honest', b'still served')
        assert honest.next()[4] == b'still served'
        for _, client in clients:
            client.close()
        honest.close()
