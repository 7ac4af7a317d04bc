# SPDX-License-Identifier: Apache-2.0
"""Nmap's ncat, a second netcat of independent origin, both directions."""

from _support import HALLWAY, Process, main, need, run, same, serve, start

TEN_MEGABYTES = (b"0123456789abcde\n" * 64) * 10 * 1024


def test_ncat_gets_its_echo(directory):
    need("ncat")
    serve(directory / "s", "--echo")
    same("echo", run("ncat", "-U", directory / "s", input=b"one\n\nno line feed").out,
         b"one\n\nno line feed\n")


def test_ncat_that_only_sends_loses_nothing(directory):
    need("ncat")
    server = serve(directory / "s", "--echo", "--once")
    run("ncat", "-U", "--send-only", directory / "s", input=b"one\ntwo\n")
    same("received", server.ends_well(), b"one\ntwo\n")


def test_ten_megabytes_through_ncat_come_back(directory):
    need("ncat")
    serve(directory / "s", "--echo", "--no-print", "--framing", "raw")
    same("echo", run("ncat", "-U", directory / "s", input=TEN_MEGABYTES).out, TEN_MEGABYTES)


def test_an_ncat_that_runs_a_program_answers_us(directory):
    need("ncat")
    start("ncat", "-lkU", directory / "s", "-e", "/bin/cat")
    same("reply", run(HALLWAY, "request", directory / "s", "hello").out, b"hello\n")
    client = Process(HALLWAY, "connect", directory / "s")
    for size in (1, 1000, 30_000):
        client.write(b"x" * size + b"\n")
        client.expect(b"x" * size + b"\n")
    # Not before all is here: when a client, any client, half-closes, this ncat drops what its
    # program has still to say; and with more than a pipe holds under way it comes to a standstill.
    client.close_input()
    client.ends_well()


def test_ncat_sends_datagrams_and_is_answered(directory):
    need("ncat")
    server = serve(directory / "s", "--type", "datagram", "--echo")
    client = Process("ncat", "-uU", directory / "s")
    client.write(b"one\n")
    client.expect_exactly(b"one\n")
    server.expect_exactly(b"one\n\n")


def test_a_program_per_connection_is_what_ncat_would_run(directory):
    need("ncat")
    serve(directory / "s", "--", "/bin/cat")
    same("echo", run("ncat", "-U", directory / "s", input=TEN_MEGABYTES).out, TEN_MEGABYTES)


main(globals())
