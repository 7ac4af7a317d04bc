# SPDX-License-Identifier: Apache-2.0
"""OpenBSD's nc, both directions: stream, datagram, abstract names, half close."""

import socket
import subprocess

from _support import HALLWAY, Process, Skip, main, need, run, same, serve, start

TEN_MEGABYTES = (b"0123456789abcde\n" * 64) * 10 * 1024


def openbsd_nc():
    need("nc")
    words = subprocess.run(["nc", "-h"], capture_output=True, timeout=20, check=False).stderr
    if b"OpenBSD netcat" not in words:
        raise Skip("nc is not OpenBSD's")


def nc_server(directory, *words, **how):
    openbsd_nc()
    return start("nc", *words, directory / "s", **how)


def test_nc_gets_its_echo_after_a_half_close(directory):
    openbsd_nc()
    serve(directory / "s", "--echo")
    same("echo", run("nc", "-NU", directory / "s", input=b"one\n\nno line feed").out,
         b"one\n\nno line feed\n")


def test_nc_gets_the_reply_of_a_slow_handler_after_a_half_close(directory):
    openbsd_nc()
    serve(directory / "s", "--handler", "sleep 0.3; cat")
    same("reply", run("nc", "-NU", directory / "s", input=b"one\ntwo\n").out, b"one\ntwo\n")


def test_nc_reaches_an_abstract_name(directory):
    openbsd_nc()
    name = f"@hallway-nc-{directory.name}"
    serve(name, "--echo")
    same("echo", run("nc", "-NU", name, input=b"hello\n").out, b"hello\n")


def test_nc_connects_and_says_nothing(directory):
    openbsd_nc()
    server = serve(directory / "s", "--once")
    run("nc", "-zU", directory / "s")
    server.ends_well()


def test_ten_megabytes_through_nc_come_back(directory):
    openbsd_nc()
    serve(directory / "s", "--echo", "--no-print")
    same("echo", run("nc", "-NU", directory / "s", input=TEN_MEGABYTES).out, TEN_MEGABYTES)
    serve(directory / "raw", "--echo", "--no-print", "--framing", "raw")
    same("echo", run("nc", "-NU", directory / "raw", input=TEN_MEGABYTES).out, TEN_MEGABYTES)


def test_nc_gets_the_broadcast_of_another_nc(directory):
    openbsd_nc()
    serve(directory / "s", "--broadcast", "--ack", "in")
    listener = Process("nc", "-U", directory / "s")
    listener.write(b"hello\n")
    listener.expect_exactly(b"in\n")
    run("nc", "-NU", directory / "s", input=b"to all\n")
    listener.expect_exactly(b"in\nto all\n")


def test_connect_and_a_listening_nc_talk_both_ways(directory):
    server = nc_server(directory, "-NlU")
    client = Process(HALLWAY, "connect", directory / "s")
    client.write(b"question\n")
    server.expect_exactly(b"question\n")
    server.write(b"answer\n")
    client.expect_exactly(b"answer\n")
    # A listening nc takes the other side's half close for the end.
    client.write(b"last words\n")
    client.close_input()
    same("server", server.ends_well(), b"question\nlast words\n")
    client.ends_well()


def test_connect_ends_when_a_listening_nc_half_closes(directory):
    server = nc_server(directory, "-NlU")
    client = Process(HALLWAY, "connect", directory / "s")
    server.close_input()
    client.ends_well()
    server.ends_well()


def test_what_is_sent_just_before_the_end_reaches_a_listening_nc(directory):
    server = nc_server(directory, "-NlU")
    server.close_input()
    run(HALLWAY, "send", directory / "s", "first", "second")
    same("received", server.ends_well(), b"first\nsecond\n")


def test_request_to_an_nc_at_an_abstract_name(directory):
    openbsd_nc()
    name = f"@hallway-ncl-{directory.name}"
    server = start("nc", "-NlU", name)
    server.write(b"answer\n")
    same("reply", run(HALLWAY, "request", name, "question").out, b"answer\n")
    server.expect_exactly(b"question\n")


def test_nc_sends_datagrams_and_is_answered(directory):
    openbsd_nc()
    server = serve(directory / "s", "--type", "datagram", "--echo")
    client = Process("nc", "-uU", "-s", directory / "mine", directory / "s")
    client.write(b"one\n")
    client.expect_exactly(b"one\n")
    client.write(b"two\n")
    client.expect_exactly(b"one\ntwo\n")
    server.expect_exactly(b"one\n\ntwo\n\n")


def test_a_listening_nc_receives_our_datagrams_and_answers(directory):
    openbsd_nc()
    server = start("nc", "-luU", directory / "s", flags=0)
    # It connects back to whom it heard first, and gives up if he has left by then.
    client = Process(HALLWAY, "connect", directory / "s", "--type", "datagram")
    client.write(b"question\n")
    server.expect_exactly(b"question")
    server.write(b"answer")
    client.expect_exactly(b"answer\n")
    client.write(b"another\n")
    server.expect_exactly(b"questionanother")


def test_an_nc_that_keeps_listening_receives_what_send_sends(directory):
    openbsd_nc()
    server = start("nc", "-kluU", directory / "s", flags=0)
    run(HALLWAY, "send", directory / "s", "--type", "datagram", "one\n", "two\n")
    server.expect_exactly(b"one\ntwo\n")


def test_a_stream_client_at_a_datagram_socket_gets_the_reason(directory):
    openbsd_nc()
    start("nc", "-luU", directory / "s", flags=0)
    wrong = run(HALLWAY, "request", directory / "s", "x", status=None)
    assert wrong.status in (1, 7) and b"datagram" in wrong.err, wrong.words


main(globals())
