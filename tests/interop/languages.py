# SPDX-License-Identifier: Apache-2.0
"""C, Python, asyncio and Go talk to each other, to the C++ programs, and to nc, in every type and both directions."""

from _languages import peers
from _support import (HALLWAY, LISTENS, Process, example, main, need, run, same, serve, start,
                      start_example, wait_bound)

TYPES = {"unix": "stream", "unixpacket": "seqpacket", "unixgram": "datagram"}


def start_peer(command, network, address):
    return start(*command, "server", network, address, flags=0 if network == "unixgram" else LISTENS)


def test_every_client_talks_to_every_server_in_every_type(directory):
    found = peers()
    for server_language, server_command in found.items():
        for network, kind in TYPES.items():
            address = directory / f"{server_language}-{network}"
            server = start_peer(server_command, network, address)
            for language, command in found.items():
                client = run(*command, "client", network, address, "one", "two words")
                same(f"{language} to {server_language}, {network}", client.out, b"ONE\nTWO WORDS\n")
            same("end", run(HALLWAY, "request", address, "DONE", "--type", kind).out, b"DONE\n")
            server.ends_well()


def test_the_command_and_every_peer_talk_both_ways_in_every_type(directory):
    for language, command in peers().items():
        for network, kind in TYPES.items():
            ours = directory / f"command-{language}-{network}"
            serve(ours, "--type", kind, "--handler", "tr a-z A-Z", "--no-print")
            same(f"{language}, {network}", run(*command, "client", network, ours, "one", "two").out, b"ONE\nTWO\n")
            theirs = directory / f"{language}-{network}"
            server = start_peer(command, network, theirs)
            for word in ("one", "DONE"):
                reply = run(HALLWAY, "request", theirs, word, "--type", kind).out
                same(f"command to {language}, {network}", reply, f"{word.upper()}\n".encode())
            server.ends_well()


def test_the_examples_in_cpp_answer_every_peer(directory):
    start_example("line_server", directory / "s", "--ack")
    for language, command in peers().items():
        lines = run(*command, "client", "unix", directory / "s", "one", "two").out
        same(language, lines, b"__ACK__\n__ACK__\n")


def test_nc_talks_to_every_server(directory):
    need("nc")
    for language, command in peers().items():
        address = directory / language
        server = start_peer(command, "unix", address)
        same(language, run("nc", "-NU", address, input=b"one\nDONE\n").out, b"ONE\nDONE\n")
        server.ends_well()
        address = directory / f"{language}-datagram"
        server = start_peer(command, "unixgram", address)
        client = Process("nc", "-uU", "-s", directory / f"{language}-nc", address)
        client.write(b"one")
        client.expect_exactly(b"ONE")
        client.write(b"DONE")
        client.expect_exactly(b"ONEDONE")
        server.ends_well()


def test_every_client_talks_to_a_listening_nc(directory):
    need("nc")
    for language, command in peers().items():
        if language == "Go":
            continue  # it half-closes before it reads, which a listening nc takes for the end
        address = directory / language
        server = start("nc", "-NlU", address)
        client = Process(*command, "client", "unix", address, "question")
        server.expect_exactly(b"question\n")
        server.write(b"answer\n")
        client.expect(b"answer\n")
        server.close_input()
        client.ends_well()


def test_a_file_passes_between_every_pair(directory):
    found = peers()
    (directory / "letter").write_text("Dear neighbour\n")
    for taker, take in found.items():
        for giver, give in found.items():
            address = directory / f"{taker}-{giver}"
            receiver = wait_bound(Process(*take, "take", address))
            same(f"{giver} to {taker}", run(*give, "give", address, directory / "letter").out, b"taken\n")
            same(f"{taker} from {giver}", receiver.ends_well(),
                 f'"{directory}/letter\\n" brought 1: "Dear neighbour\\n" (truncated: false)\n'.encode())


def test_a_file_passes_between_every_peer_and_the_example_in_cpp(directory):
    (directory / "letter").write_text("Dear neighbour\n")
    for language, command in peers().items():
        receiver = start_example("pass_descriptor", directory / f"{language}-in")
        given = run(*command, "give", directory / f"{language}-in", directory / "letter")
        same(language, given.out, b"printed\n")
        receiver.expect_exactly(f"== {directory}/letter ==\nDear neighbour\n".encode())
        taker = wait_bound(Process(*command, "take", directory / f"{language}-out"))
        same("example", run(example("pass_descriptor"), directory / f"{language}-out", directory / "letter").out,
             b"taken\n")
        assert b"Dear neighbour" in taker.ends_well(), taker.describe()


main(globals())
