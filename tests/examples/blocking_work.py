# SPDX-License-Identifier: Apache-2.0
"""examples/blocking_work: a file that blocks delays its own client alone."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, main, receive_line, start_example, stops_at_once


def test_others_are_served_while_a_file_blocks(directory):
    server = start_example("blocking_work", directory / "s")
    (directory / "file").write_text("1\n2\n3\n")
    os.mkfifo(directory / "fifo")
    slow, quick = connect(directory / "s"), connect(directory / "s")
    slow.sendall(f"{directory}/fifo\n".encode())
    for _ in range(3):
        quick.sendall(f"{directory}/file\n".encode())
        assert receive_line(quick) == f"{directory}/file: 3\n".encode()
    with open(directory / "fifo", "w", encoding="utf-8") as fifo:
        fifo.write("1\n2\n")
    assert receive_line(slow) == f"{directory}/fifo: 2\n".encode()
    stops_at_once(server)


def test_a_file_that_cannot_be_read_is_reported(directory):
    server = start_example("blocking_work", directory / "s")
    client = connect(directory / "s")
    client.sendall(f"{directory}/none\n".encode())
    assert receive_line(client) == f"{directory}/none: cannot be read\n".encode()
    stops_at_once(server)


main(globals())
