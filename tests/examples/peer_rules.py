# SPDX-License-Identifier: Apache-2.0
"""examples/peer_rules: the identity of a client, and rules that admit it."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import (as_nobody, connect, example, main, need_root, receive_all, receive_line, run,
                      same, start_example)

# Prints what a server says, or nothing when it turns us away.
CLIENT = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
try:
    client.sendall(b"who am I?\\n")
    print(client.recv(1000).decode(), end="")
except (BrokenPipeError, ConnectionResetError):
    pass
"""


def ask(prefix, address):
    return run(*prefix, "/usr/bin/env", "python3", "-c", CLIENT, address).out.decode()


def test_a_client_receives_its_identity(directory):
    start_example("peer_rules", directory / "s", "same-uid")
    client = connect(directory / "s")
    client.sendall(b"who am I?\n")
    name = pathlib.Path("/proc/self/comm").read_text().strip()
    answer = receive_line(client).decode()
    wanted = f"you are pid {os.getpid()} ({name}), uid {os.geteuid()}, groups"
    assert answer.startswith(wanted), (answer, wanted)


def test_others_are_turned_away_with_a_reason(directory):
    need_root()
    directory.chmod(0o755)
    server = start_example("peer_rules", directory / "s", "root")
    same("another user", ask(as_nobody(), directory / "s"), "")
    server.expect(b"uid 65533: ")
    assert server.out.bytes.split(b"\n")[1].startswith(b"turned away pid "), server.out.bytes


def test_a_rule_admits_another_user(directory):
    need_root()
    directory.chmod(0o755)
    start_example("peer_rules", directory / "s", "uid:65533", "root")
    assert "uid 65533, groups" in ask(as_nobody(), directory / "s")
    assert "uid 0, groups" in ask([], directory / "s")


def test_supplementary_groups_count(directory):
    need_root()
    directory.chmod(0o755)
    start_example("peer_rules", directory / "s", "gid:4711")
    member = ["setpriv", "--reuid=65533", "--regid=65533", "--groups=4711"]
    assert "groups 4711" in ask(member, directory / "s")
    same("no member", ask(as_nobody(), directory / "s"), "")


def test_a_rule_that_makes_no_sense_is_refused(directory):
    refused = run(example("peer_rules"), directory / "s", "friends", status=1)
    assert b"friends" in refused.err, refused.words


def test_it_says_how_it_is_used(directory):
    same("words", run(example("peer_rules"), status=2).err,
         b"usage: peer_rules ADDRESS [RULE...]\n")


main(globals())
