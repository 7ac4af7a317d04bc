# SPDX-License-Identifier: Apache-2.0
"""examples/pass_descriptor: an open file is given away."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import as_nobody, connect, example, main, need_root, run, same, start_example


def test_the_receiver_reads_the_file_it_was_given(directory):
    receiver = start_example("pass_descriptor", directory / "s")
    (directory / "letter").write_text("Dear neighbour,\n" * 1000)
    giver = run(example("pass_descriptor"), directory / "s", directory / "letter")
    same("giver", giver.out, b"printed\n")
    receiver.expect_exactly(f"== {directory}/letter ==\n".encode() + b"Dear neighbour,\n" * 1000)


def test_a_message_without_a_file_is_only_answered(directory):
    receiver = start_example("pass_descriptor", directory / "s")
    client = connect(directory / "s")
    client.sendall(b"nothing\n")
    same("answer", client.recv(100), b"printed\n")
    same("status", receiver.terminate(), 0)
    same("receiver", receiver.out.bytes, b"")


def test_a_file_that_is_not_there_is_named(directory):
    start_example("pass_descriptor", directory / "s")
    giver = run(example("pass_descriptor"), directory / "s", directory / "letter", status=1)
    same("words", giver.err, f"{directory}/letter: No such file or directory\n".encode())


def test_it_says_how_it_is_used(directory):
    same("words", run(example("pass_descriptor"), status=2).err,
         b"usage: pass_descriptor ADDRESS [FILE]\n")


main(globals())
