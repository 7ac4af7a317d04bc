# SPDX-License-Identifier: Apache-2.0
"""examples/upgrade: one version goes on in the place of another."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, example, main, receive_line, run, same, start_example


def ask(directory):
    client = connect(directory / "s")
    client.sendall(b"which?\n")
    return receive_line(client)


def test_the_next_version_takes_over(directory):
    first = start_example("upgrade", directory / "s", "1")
    same("before", ask(directory), b"version 1\n")
    second = start_example("upgrade", directory / "s", "2")
    first.expect(b"taken over by pid ")
    first.ends_well()
    same("after", ask(directory), b"version 2\n")
    same("status of the second", second.terminate(), 0)
    same("what is left", list(directory.iterdir()), [])


def test_it_says_how_it_is_used(directory):
    same("words", run(example("upgrade"), status=2).err, b"usage: upgrade ADDRESS VERSION\n")


main(globals())
