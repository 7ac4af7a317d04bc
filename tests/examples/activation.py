# SPDX-License-Identifier: Apache-2.0
"""examples/activation: the socket is handed over, already listening."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import Process, connect, example, main, need, receive_line, run, same, wait_bound


def test_serves_the_socket_it_was_given(directory):
    need("systemd-socket-activate")
    path = directory / "s"
    manager = wait_bound(Process("systemd-socket-activate", "-l", path, example("activation")))
    client = connect(path)
    client.sendall(b"hello\n")
    same("answer", receive_line(client), b"activated: hello\n")
    manager.expect(f"serving unix:{path}\n".encode())  # the manager became the program
    same("status", manager.terminate(), 0)
    assert path.is_socket(), "the name is the manager's, and stays"


def test_says_that_nothing_was_handed_over(directory):
    alone = run(example("activation"), status=1)
    assert alone.err.startswith(b"adopt activation: this process was started without a socket"), alone.words


main(globals())
