# SPDX-License-Identifier: Apache-2.0
"""Who may connect, by file mode, name and rule, measured; docs/ACCESS.md holds the tables.

Twelve clients (owner, group, others, root, other namespaces) meet ten ways in (modes, an abstract
name, each rule) of a server here, in a pid namespace, and in a user namespace of its own; and seven
ways in (no rule, each rule) of a hub over TCP. With --write it puts what it measured into the
document; else it fails where they differ.
"""

import grp
import os
import re
import shutil
import subprocess
import sys

from _support import HALLWAY, SOURCE_DIR, Process, Skip, main, need, need_root, run, same

DOCUMENT = SOURCE_DIR / "docs/ACCESS.md"
BEGIN, END = "<!-- {}: begin -->\n", "<!-- {}: end -->\n"

# Nobody has these; the group has a name, to be asked for by.
OWNER, MEMBER, OTHER = 61001, 61002, 61003
GROUP = next((group for group in grp.getgrall() if 0 < group.gr_gid < 65534), None)

# The ways in: what the server is told, by the heading of its column.
WAYS = {
    "0600": ["--mode", "0600"],
    "0660, group": ["--mode", "0660", "--group", "GROUP"],
    "0666": ["--mode", "0666"],
    "@name": [],
    "uid:OTHER": ["--mode", "0666", "--allow", f"uid:{OTHER}"],
    "gid:N": ["--mode", "0666", "--allow", "gid:GID"],
    "group:NAME": ["--mode", "0666", "--allow", "group:GROUP"],
    "same-uid": ["--mode", "0666", "--allow", "same-uid"],
    "root": ["--mode", "0666", "--allow", "root"],
    "any": ["--mode", "0666", "--allow", "any"],
}

# The same over TCP, where no file lets anybody in: the hub's own uid and root are admitted always.
WAYS_OF_TCP = {"no rule": []} | {
    way: flags[2:] for way, flags in WAYS.items() if "--allow" in flags}

YES, FILE, RULE, UNSEEN = "yes", "file", "rule", "unseen"

# What has to come out: for each server and client, the verdict in each column.
HERE, IN_PIDS, IN_USERS = "server", "server in a pid namespace", "server in a user namespace"
WANTED = {
    (HERE, "its owner"):
        [YES, YES, YES, YES, RULE, RULE, RULE, YES, RULE, YES],
    (HERE, "a member of the group"):
        [FILE, YES, YES, RULE, RULE, YES, YES, RULE, RULE, YES],
    (HERE, "OTHER"):
        [FILE, FILE, YES, RULE, YES, RULE, RULE, RULE, RULE, YES],
    (HERE, "root"):
        [YES, YES, YES, YES, RULE, RULE, RULE, RULE, YES, YES],
    (HERE, "OTHER as root of a user namespace"):
        [FILE, FILE, YES, RULE, YES, RULE, RULE, RULE, RULE, YES],
    (HERE, "its owner, in another network namespace"):
        [YES, YES, YES, UNSEEN, RULE, RULE, RULE, YES, RULE, YES],
    (HERE, "its owner, in another pid namespace"):
        [YES, YES, YES, YES, RULE, RULE, RULE, YES, RULE, YES],
    (IN_PIDS, "its owner, from outside: pid 0"):
        [YES, YES, YES, YES, RULE, RULE, RULE, YES, RULE, YES],
    (IN_PIDS, "OTHER, from outside: pid 0"):
        [FILE, FILE, YES, RULE, YES, RULE, RULE, RULE, RULE, YES],
    (IN_USERS, "its owner, from outside"):
        [YES, None, YES, YES, RULE, None, None, YES, YES, YES],
    (IN_USERS, "OTHER, from outside: uid 65534"):
        [FILE, None, YES, RULE, RULE, None, None, RULE, RULE, YES],
    (IN_USERS, "root, from outside: uid 65534"):
        [YES, None, YES, RULE, RULE, None, None, RULE, RULE, YES],
}
PLACES = [HERE, IN_PIDS, IN_USERS]

OWN = [YES] * 7
BY_UID = [RULE, YES, RULE, RULE, RULE, RULE, YES]
BY_ANY = [RULE, RULE, RULE, RULE, RULE, RULE, YES]
WITHOUT_GROUPS = [YES, YES, None, None, YES, YES, YES]
UNKNOWN = [RULE, RULE, None, None, RULE, RULE, YES]
WANTED_OVER_TCP = {
    (HERE, "its owner"): OWN,
    (HERE, "a member of the group"): BY_ANY,
    (HERE, "OTHER"): BY_UID,
    (HERE, "root"): OWN,
    (HERE, "OTHER as root of a user namespace"): BY_UID,
    (HERE, "its owner, in another network namespace"): [UNSEEN] * 7,
    (HERE, "its owner, in another pid namespace"): OWN,
    (IN_PIDS, "its owner, from outside: pid 0"): OWN,
    (IN_PIDS, "OTHER, from outside: pid 0"): BY_UID,
    (IN_USERS, "its owner, from outside"): WITHOUT_GROUPS,
    (IN_USERS, "OTHER, from outside: uid 65534"): UNKNOWN,
    (IN_USERS, "root, from outside: uid 65534"): UNKNOWN,
}

# A client over TCP: what a hub sends it first, or nothing; or 7, if it cannot even connect.
CLIENT_OF_TCP = """
import socket, sys
try:
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
except OSError:
    sys.exit(7)
sys.stdout.buffer.write(client.recv(4))
"""


def as_user(uid, *groups):
    listed = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", listed]


def clients():
    """How each client is started, by (server, client) of the table."""
    owner, other = as_user(OWNER), as_user(OTHER)
    return {
        (HERE, "its owner"): owner,
        (HERE, "a member of the group"): as_user(MEMBER, GROUP.gr_gid),
        (HERE, "OTHER"): other,
        (HERE, "root"): [],
        (HERE, "OTHER as root of a user namespace"): [*other, "unshare", "--map-root-user"],
        (HERE, "its owner, in another network namespace"): ["unshare", "--net", *owner],
        (HERE, "its owner, in another pid namespace"):
            ["unshare", "--pid", "--fork", "--kill-child", *owner],
        (IN_PIDS, "its owner, from outside: pid 0"): owner,
        (IN_PIDS, "OTHER, from outside: pid 0"): other,
        (IN_USERS, "its owner, from outside"): owner,
        (IN_USERS, "OTHER, from outside: uid 65534"): other,
        (IN_USERS, "root, from outside: uid 65534"): [],
    }


class Servers:
    """One server for each way in, all of them OWNER's."""

    def __init__(self, directory, command, place, inside, ways=None):
        self.command, self.inside = command, inside
        self.addresses, self.processes = {}, {}
        for number, (way, flags) in enumerate((ways or WAYS).items()):
            if place == IN_USERS and ("group" in way or "gid" in way):
                continue  # no group has a number in there
            name = f"{PLACES.index(place)}-{number}"
            path = f"{directory}/{name}"
            address = "@" + path if way == "@name" else path
            self.serve(way, address, flags)

    def serve(self, way, address, flags):
        self.addresses[way] = address
        self.processes[way] = self.start(["serve", address, "--ack", "--no-print"], flags)

    def start(self, words, flags):
        told = [flag.replace("GROUP", GROUP.gr_name).replace("GID", str(GROUP.gr_gid))
                for flag in flags]
        ready, write_end = os.pipe()
        server = Process(*self.inside, self.command, *words, "--ready-fd", write_end, *told,
                         pass_fds=[write_end])
        os.close(write_end)
        with open(ready, "rb") as stream:
            assert stream.read(1) == b"\n", server.describe()
        return server

    def verdict(self, way, client):
        if way not in self.addresses:
            return None
        ended = run(*client, self.command, "request", self.addresses[way], "hello", status=None)
        if ended.status == 0:
            same("reply", ended.out, b"__ACK__\n")
            return YES
        if ended.status == 77:
            assert b"permission denied" in ended.err, ended.words
            return FILE
        if ended.status == 7:
            return UNSEEN
        same("status", ended.status, 1)
        self.processes[way].expect_error(b"turned away")
        return RULE


class Hubs(Servers):
    """The same of hubs, over TCP. Their own files let nobody else in."""

    LISTENING = re.compile(rb"listening: tcp:127\.0\.0\.1:(\d+)")

    def serve(self, way, address, flags):
        hub = self.start(["hub", address + "-hub", "--listen", "tcp:127.0.0.1:0"], flags)
        self.addresses[way] = self.LISTENING.search(hub.err.wait_for(self.LISTENING.search, way))[1]
        self.processes[way] = hub

    def verdict(self, way, client):
        if way not in self.addresses:
            return None
        port = self.addresses[way].decode()
        ended = run(*client, "python3", "-c", CLIENT_OF_TCP, port, status=None)
        if ended.status == 7:
            return UNSEEN
        same("status", ended.status, 0)
        if ended.out == b"INFO":
            return YES
        same("greeting", ended.out, b"")
        self.processes[way].expect_error(b"over TCP: no rule admits it")
        return RULE


def measure(directory):
    """What each client sees, of a server by its file and of a hub over TCP."""
    need_root()
    need("unshare")
    if GROUP is None:
        raise Skip("there is no group with a name")
    for flags in (["--map-root-user"], ["--net"], ["--pid", "--fork"]):
        if subprocess.run([*as_user(OTHER), "unshare", "--user", *flags, "true"],
                          capture_output=True, check=False).returncode != 0:
            raise Skip(f"unshare {' '.join(flags)} is forbidden here")
    directory.chmod(0o755)
    command = shutil.copy(HALLWAY, directory / "hallway")  # where every user can reach it
    place = directory / "s"
    place.mkdir()
    os.chown(place, OWNER, OWNER)
    owner = as_user(OWNER, GROUP.gr_gid)
    inside = {HERE: owner,
              IN_PIDS: ["unshare", "--pid", "--fork", "--kill-child", *owner],
              IN_USERS: [*as_user(OWNER), "unshare", "--map-root-user"]}
    for kind, ways in ((Servers, WAYS), (Hubs, WAYS_OF_TCP)):
        servers = {where: kind(place, command, where, inside[where], ways) for where in PLACES}
        yield {key: [servers[key[0]].verdict(way, client) for way in ways]
               for key, client in clients().items()}


def table(measured, ways):
    lines = ["| server | who connects | " + " | ".join(f"`{way}`" for way in ways) + " |",
             "|---" * (len(ways) + 2) + "|"]
    for (place, who), verdicts in measured.items():
        cells = " | ".join(verdict or "–" for verdict in verdicts)
        lines.append(f"| {place} | {who} | {cells} |")
    return "\n".join(lines) + "\n"


def check(measured, ways, wanted, name):
    for key, verdicts in measured.items():
        same(f"{name}: {key} by {list(ways)}", verdicts, wanted[key])
    begin, end = BEGIN.format(name), END.format(name)
    document = DOCUMENT.read_text(encoding="utf-8")
    before, rest = document.split(begin)
    in_document, after = rest.split(end)
    if WRITE:
        DOCUMENT.write_text(before + begin + table(measured, ways) + end + after, encoding="utf-8")
    else:
        same(f"table in docs/ACCESS.md (write it with --write): {name}", in_document,
             table(measured, ways))
    cells = [verdict for verdicts in measured.values() for verdict in verdicts if verdict]
    print(f"{len(cells)} cells measured: {name}")


def test_every_verdict_is_the_one_wanted_and_the_one_in_the_document(directory):
    by_file, over_tcp = measure(directory)
    check(by_file, WAYS, WANTED, "measured")
    check(over_tcp, WAYS_OF_TCP, WANTED_OVER_TCP, "measured over TCP")


WRITE = "--write" in sys.argv
if WRITE:
    sys.argv.remove("--write")
main(globals())
