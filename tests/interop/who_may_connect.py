# SPDX-License-Identifier: Apache-2.0
"""Who may connect, by file mode, name and rule, measured; docs/ACCESS.md holds the table.

Twelve clients (owner, group, others, root, other namespaces) meet ten ways in (modes, an abstract
name, each rule) of a server here, in a pid namespace, and in a user namespace of its own. With
--write it puts what it measured into the document; else it fails where they differ.
"""

import grp
import os
import shutil
import subprocess
import sys

from _support import HALLWAY, SOURCE_DIR, Process, Skip, main, need, need_root, run, same

DOCUMENT = SOURCE_DIR / "docs/ACCESS.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"

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

    def __init__(self, directory, command, place, inside):
        self.command, self.inside = command, inside
        self.addresses, self.processes = {}, {}
        for number, (way, flags) in enumerate(WAYS.items()):
            if place == IN_USERS and ("group" in way or "gid" in way):
                continue  # no group has a number in there
            name = f"{PLACES.index(place)}-{number}"
            path = f"{directory}/{name}"
            address = "@" + path if way == "@name" else path
            self.serve(way, address, flags)

    def serve(self, way, address, flags):
        told = [flag.replace("GROUP", GROUP.gr_name).replace("GID", str(GROUP.gr_gid))
                for flag in flags]
        ready, write_end = os.pipe()
        server = Process(*self.inside, self.command, "serve", address, "--ack", "--no-print",
                         "--ready-fd", write_end, *told, pass_fds=[write_end])
        os.close(write_end)
        with open(ready, "rb") as stream:
            assert stream.read(1) == b"\n", server.describe()
        self.addresses[way], self.processes[way] = address, server

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




def measure(directory):
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
    servers = {where: Servers(place, command, where, inside[where]) for where in PLACES}
    return {key: [servers[key[0]].verdict(way, client) for way in WAYS]
            for key, client in clients().items()}


def table(measured):
    lines = ["| server | who connects | " + " | ".join(f"`{way}`" for way in WAYS) + " |",
             "|---" * (len(WAYS) + 2) + "|"]
    for (place, who), verdicts in measured.items():
        cells = " | ".join(verdict or "–" for verdict in verdicts)
        lines.append(f"| {place} | {who} | {cells} |")
    return "\n".join(lines) + "\n"


def test_every_verdict_is_the_one_wanted_and_the_one_in_the_document(directory):
    measured = measure(directory)
    for key, verdicts in measured.items():
        same(f"{key} by {list(WAYS)}", verdicts, WANTED[key])
    document = DOCUMENT.read_text(encoding="utf-8")
    before, rest = document.split(BEGIN)
    in_document, after = rest.split(END)
    if WRITE:
        DOCUMENT.write_text(before + BEGIN + table(measured) + END + after, encoding="utf-8")
    else:
        same("table in docs/ACCESS.md (write it with --write)", in_document, table(measured))
    cells = [verdict for verdicts in measured.values() for verdict in verdicts if verdict]
    print(f"{len(cells)} cells measured")


WRITE = "--write" in sys.argv
if WRITE:
    sys.argv.remove("--write")
main(globals())
