# SPDX-License-Identifier: Apache-2.0
"""The seed "parent and child over a socket pair" (socket_socketpair.py): its transcript, and our
parent with a child that only knows sockets, and the other way round."""

import socket

from _support import DEADLINE, HALLWAY, Process, example, main, run, same, seed

# The child's half of the seed, for a parent that starts it as a program.
CHILD = """
import socket, sys
parent = socket.socket(fileno=0)
print("in child, waiting for message", file=sys.stderr)
print("message from parent:", parent.recv(1024), file=sys.stderr)
parent.sendall(b"pong")
"""


def test_the_seed_and_the_example_report_the_same(directory):
    # Two processes share the output: each writes whole lines only if it buffers them.
    seeds = run(*seed(directory, "socket_socketpair.py"), env={"PYTHONUNBUFFERED": ""})
    theirs = seeds.out.decode().splitlines()
    ours = run(example("parent_and_child")).out.decode().splitlines()
    same("lines", sorted(ours), sorted(line.replace("b'", "'") for line in theirs))


def test_our_parent_starts_their_child(directory):
    (directory / "child.py").write_text(CHILD)
    parent = run(HALLWAY, "request", f"exec:python3 {directory}/child.py", "ping",
                 "--framing", "raw")
    same("response from child", parent.out, b"pong\n")
    same("child", parent.err,
         b"in child, waiting for message\nmessage from parent: b'ping'\n")


def test_our_parent_also_talks_in_packets(directory):
    (directory / "child.py").write_text(CHILD)
    parent = run(HALLWAY, "request", f"exec:python3 {directory}/child.py", "ping",
                 "--type", "seqpacket")
    same("response from child", parent.out, b"pong\n")


def test_their_parent_starts_our_child(directory):
    parent, child = socket.socketpair()
    parent.settimeout(DEADLINE)
    ours = Process(HALLWAY, "request", f"fd:{child.fileno()}", "ping", "--framing", "raw",
                   pass_fds=[child.fileno()])
    child.close()
    same("message from child", parent.recv(1024), b"ping")
    parent.sendall(b"pong")
    same("response from parent", ours.ends_well(), b"pong\n")


main(globals())
