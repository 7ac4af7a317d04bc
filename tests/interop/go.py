# SPDX-License-Identifier: Apache-2.0
"""Go's net.UnixConn, both directions: unix, unixpacket, unixgram, and passed descriptors."""

from _go import go_program
from _support import (HALLWAY, LISTENS, Process, example, main, run, same, serve, start,
                      start_example, wait_bound)

TYPES = {"unix": "stream", "unixpacket": "seqpacket", "unixgram": "datagram"}


def peer():
    return go_program("peer")


def test_its_client_talks_to_our_server_in_every_type(directory):
    program = peer()
    for network, kind in TYPES.items():
        address = directory / network
        serve(address, "--type", kind, "--handler", "tr a-z A-Z", "--no-print")
        same(network, run(program, "client", network, address, "one", "two").out, b"ONE\nTWO\n")


def test_our_client_talks_to_its_server_in_every_type(directory):
    program = peer()
    for network, kind in TYPES.items():
        address = directory / network
        server = start(program, "server", network, address,
                       flags=0 if kind == "datagram" else LISTENS)
        for word in ("one", "DONE"):
            reply = run(HALLWAY, "request", address, word, "--type", kind).out
            same(network, reply, f"{word.upper()}\n".encode())
        server.ends_well()


def test_an_abstract_name_is_reached_both_ways(directory):
    program = peer()
    name = f"@hallway-go-{directory.name}"
    serve(name, "--echo")
    same("echo", run(program, "client", "unix", name, "hello").out, b"hello\n")
    server = start(program, "server", "unix", f"{name}-2")
    same("reply", run(HALLWAY, "request", f"{name}-2", "DONE").out, b"DONE\n")
    server.ends_well()


def test_ten_megabytes_come_back(directory):
    program = peer()
    serve(directory / "s", "--echo", "--no-print", "--framing", "raw")
    same("verdict", run(program, "whole", directory / "s", 10 << 20).out, b"true 10485760\n")


def test_a_file_passed_by_go_is_read_by_us(directory):
    program = peer()
    receiver = start_example("pass_descriptor", directory / "s")
    (directory / "letter").write_text("Dear neighbour\n")
    same("answer", run(program, "give", directory / "s", directory / "letter").out, b"printed\n")
    receiver.expect_exactly(f"== {directory}/letter ==\nDear neighbour\n".encode())


def test_a_file_passed_by_us_is_read_by_go(directory):
    receiver = wait_bound(Process(peer(), "take", directory / "s"))
    (directory / "letter").write_text("Dear neighbour\n")
    giver = run(example("pass_descriptor"), directory / "s", directory / "letter")
    same("answer", giver.out, b"taken\n")
    same("receiver", receiver.ends_well(),
         f'"{directory}/letter\\n" brought 1: "Dear neighbour\\n" (truncated: false)\n'.encode())


def test_an_unwanted_file_does_not_reach_the_command(directory):
    program = peer()
    server = serve(directory / "s", "--ack")
    (directory / "letter").write_text("Dear neighbour\n")
    given = run(program, "give", directory / "s", directory / "letter", status=None)
    # Kernels with SO_PASSRIGHTS refuse the send; on older ones the file is closed on arrival.
    assert given.out == b"__ACK__\n" or b"operation not permitted" in given.out, given.words
    same("reply", run(HALLWAY, "request", directory / "s", "alive").out, b"__ACK__\n")
    same("status", server.terminate(), 0)


main(globals())
