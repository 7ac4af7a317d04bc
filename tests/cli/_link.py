"""The processes of a hub's link, as the kernel shows them."""

import contextlib
import os

from _support import until


def parent_of(pid):
    with open(f'/proc/{pid}/stat', 'rb') as stat:
        state, parent = stat.read().rpartition(b')')[2].split()[:2]
    return 0 if state == b'Z' else int(parent)


def children_of(pid):
    children = []
    for name in os.listdir('/proc'):
        with contextlib.suppress(OSError):
            if name.isdigit() and parent_of(name) == pid:
                children.append(int(name))
    return children


def words_of(pid, what='cmdline'):
    with open(f'/proc/{pid}/{what}', 'rb') as file:
        return file.read().split(b'\0')


def watcher_of(hub):
    return next((pid for pid in children_of(hub.pid) if b'link-watcher' in words_of(pid)), None)


def worker_of(hub, other_than=None):
    """The process with the link, once it is there."""

    def found():
        with contextlib.suppress(OSError):
            for pid in children_of(watcher_of(hub)):
                if b'link-worker' in words_of(pid) and pid != other_than:
                    return pid
        return None

    return until(found, 'a worker')


def is_alive(pid):
    try:
        return parent_of(pid) != 0
    except OSError:
        return False
