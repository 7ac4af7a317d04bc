# SPDX-License-Identifier: Apache-2.0
"""examples/c: a server, a client and a subscriber in C, with the programs in C++."""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import HALLWAY, Process, Skip, connect, example, main, receive_all, run, same, serve, start


def in_c(name):
    program = pathlib.Path(example(f"c/{name}"))
    if not program.exists():
        raise Skip("built without a compiler for C")
    return program


SERVER, CLIENT, SUBSCRIBER = "echo_server", "client", "hub_subscriber"


def test_the_client_gets_an_answer_for_each_message(directory):
    server = start(in_c(SERVER), directory / "s")
    server.expect_exactly(f"serving unix:{directory}/s\n".encode())
    same("client", run(in_c(CLIENT), directory / "s", "one", "two words").out, b"one\ntwo words\n")
    same("status", server.terminate(), 0)
    assert not (directory / "s").exists()


def test_the_client_talks_to_a_server_in_cpp(directory):
    serve(directory / "s", "--echo", "--no-print")
    same("client", run(in_c(CLIENT), directory / "s", "one").out, b"one\n")


def test_the_client_says_what_is_wrong(directory):
    gone = run(in_c(CLIENT), directory / "s", "one", status=1)
    assert gone.err.startswith(f"connect unix:{directory}/s: ".encode()), gone.words
    same("usage", run(in_c(CLIENT), status=2).err, b"usage: client ADDRESS MESSAGE...\n")


def test_the_server_says_that_its_address_is_taken(directory):
    start(in_c(SERVER), directory / "s")
    second = run(in_c(SERVER), directory / "s", status=1)
    assert b"in use by pid" in second.err, second.words


def test_ten_megabytes_come_back_though_they_are_read_late(directory):
    start(in_c(SERVER), directory / "s")
    lines = b"".join(b"%063d\n" % number for number in range(10 << 14))
    client = Process("nc", "-NU", directory / "s")
    client.write(lines)
    client.close_input()
    same("echo", client.ends_well(), lines)
    patient = connect(directory / "s")
    patient.sendall(b"last words")
    patient.shutdown(1)
    same("answer", receive_all(patient), b"last words\n")


def test_the_subscriber_prints_what_is_published_over_a_restart_until_it_is_interrupted(directory):
    hub = start(HALLWAY, "hub", directory / "hub")
    subscriber = Process(in_c(SUBSCRIBER), directory / "hub", "news.>")
    subscriber.expect(b"subscribed\n")
    run(HALLWAY, "publish", "--at", directory / "hub", "news.today", "it rains")
    subscriber.expect(b"news.today: it rains\n")
    same("status", hub.terminate(), 0)
    subscriber.expect_error(b"disconnected")
    start(HALLWAY, "hub", directory / "hub")
    subscriber.expect_error(b"reconnected")
    run(HALLWAY, "publish", "--at", directory / "hub", "news.today", "the sun shines")
    subscriber.expect(b"news.today: the sun shines\n")
    subscriber.popen.send_signal(signal.SIGINT)
    same("status", subscriber.wait(), 0)


main(globals())
