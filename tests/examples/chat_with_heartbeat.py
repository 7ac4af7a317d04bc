# SPDX-License-Identifier: Apache-2.0
"""examples/chat_with_heartbeat: messages, heartbeats, and an end at once."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, gone, main, receive_line, start_example, stops_at_once


def test_each_client_gets_heartbeats_between_messages(directory):
    start_example("chat_with_heartbeat", directory / "s", 10)
    first, second = connect(directory / "s"), connect(directory / "s")
    for client in (first, second, first, second):
        assert receive_line(client) == b"still here\n"
    first.sendall(b"hello\n")
    while (line := receive_line(second)) == b"still here\n":
        pass
    assert line == b"guest 1: hello\n", line


def test_it_stops_at_once_with_clients_between_two_heartbeats(directory):
    server = start_example("chat_with_heartbeat", directory / "s", 3_600_000)
    first, second = connect(directory / "s"), connect(directory / "s")
    first.sendall(b"hello\n")
    assert receive_line(second) == b"guest 1: hello\n"
    stops_at_once(server)
    assert second.recv(1) == b"", "the connection is closed"
    gone(directory / "s")


main(globals())
