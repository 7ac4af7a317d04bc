# SPDX-License-Identifier: Apache-2.0
"""examples/parent_and_child: ping and pong over a socket pair."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import example, main, run, same


def test_parent_and_child_talk(directory):
    lines = run(example("parent_and_child")).out.decode().splitlines()
    # Who prints first is for the kernel to decide; what follows from what is not.
    same("lines", sorted(lines), sorted([
        "in parent, sending message", "in child, waiting for message",
        "message from parent: 'ping'", "response from child: 'pong'"]))
    order = [lines.index(line) for line in (
        "in parent, sending message", "message from parent: 'ping'", "response from child: 'pong'")]
    same("order", order, sorted(order))


main(globals())
