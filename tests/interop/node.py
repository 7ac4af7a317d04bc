# SPDX-License-Identifier: Apache-2.0
"""Node's net module, both directions, with half-open connections."""

from _support import HALLWAY, Process, SOURCE_DIR, main, need, run, same, serve, start

PEER = SOURCE_DIR / "tests/interop/programs/peer.js"


def node(*words):
    need("node")
    return ["node", PEER, *words]


def test_its_client_gets_every_answer_after_its_half_close(directory):
    serve(directory / "s", "--handler", "sleep 0.2; tr a-z A-Z")
    same("answers", run(*node("client", directory / "s"), input=b"one\ntwo\n").out, b"ONE\nTWO\n")


def test_ten_megabytes_come_back(directory):
    serve(directory / "s", "--echo", "--no-print")
    same("verdict", run(*node("whole", directory / "s", 10 << 20)).out, b"true 10485760\n")


def test_our_client_talks_to_its_server(directory):
    start(*node("server", directory / "s", "echo"))
    client = Process(HALLWAY, "connect", directory / "s")
    client.write(b"one\n")
    client.expect_exactly(b"ONE\n")
    client.write(b"two\n")
    client.expect_exactly(b"ONE\nTWO\n")
    client.close_input()
    client.ends_well()


def test_our_half_close_lets_its_server_answer(directory):
    start(*node("server", directory / "s", "last"))
    same("answer", run(HALLWAY, "connect", directory / "s", input=b"one\ntwo\n").out, b"ONE\nTWO\n")


main(globals())
