# SPDX-License-Identifier: Apache-2.0
"""examples/many_loops: one server, several loops."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, main, receive_line, same, start_example


def threads_of(server):
    return len(os.listdir(f"/proc/{server.popen.pid}/task"))


def test_clients_of_every_loop_are_answered(directory):
    server = start_example("many_loops", directory / "s", "3")
    clients = [connect(directory / "s") for _ in range(6)]
    for bound, primes in ((10, 4), (100, 25), (10000, 1229)):
        for client in clients:
            client.sendall(b"%d\n" % bound)
        for client in clients:
            same("answer", receive_line(client), b"%d\n" % primes)
    same("status", server.terminate(), 0)


def test_each_loop_has_a_thread(directory):
    servers = []
    for loops in ("2", "4"):  # a sanitizer adds a thread to the first
        servers.append(start_example("many_loops", directory / loops, loops))
        client = connect(directory / loops)
        client.sendall(b"1\n")
        receive_line(client)  # it serves: the threads are there
    two, four = servers
    same("threads more", threads_of(four) - threads_of(two), 2)


def test_a_long_question_keeps_no_other_loop_waiting(directory):
    start_example("many_loops", directory / "s", "2")
    thinking, other = connect(directory / "s"), connect(directory / "s")
    thinking.sendall(b"1000000\n" * 10)
    other.sendall(b"10\n")
    same("answer", receive_line(other), b"4\n")
    thinking.setblocking(False)
    waiting = b""
    try:
        waiting = thinking.recv(1000)
    except BlockingIOError:
        pass
    assert waiting.count(b"\n") < 10, waiting


main(globals())
