# SPDX-License-Identifier: Apache-2.0
"""examples/foreign_loop: Hallway driven by a foreign poll(2)."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, gone, main, receive_all, receive_line, same, start_example


def test_both_sides_are_served_without_delay(directory):
    program = start_example("foreign_loop", directory / "s")
    program.expect(b"listening on")
    one, two = connect(directory / "s"), connect(directory / "s")
    one.sendall(b"from one\n")
    program.expect(b"from one\n")
    two.sendall(b"from two\n")
    program.expect(b"from two\n")
    program.write(b"to all\nand again\n")
    for client in (one, two):
        same("announced", receive_line(client) + receive_line(client), b"to all\nand again\n")
    program.close_input()
    same("end", receive_all(one) + receive_all(two), b"")
    program.ends_well()
    gone(directory / "s")


main(globals())
