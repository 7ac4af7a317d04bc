# SPDX-License-Identifier: Apache-2.0
"""socat, both directions: all three socket types, abstract names, and padded address lengths."""

from string import ascii_lowercase, ascii_uppercase

from _support import HALLWAY, LISTENS, main, need, run, same, serve, start

TEN_MEGABYTES = (b"0123456789abcde\n" * 64) * 10 * 1024


def socat(address, input=b"hello\n"):
    """What comes back; -t is how long socat waits for the rest after its input has ended."""
    need("socat")
    return run("socat", "-t20", "-", address, input=input).out


def socat_server(address, flags=LISTENS):
    """Answers in capitals, line by line."""
    need("socat")
    return start("socat", address, f"EXEC:sed -u y/{ascii_lowercase}/{ascii_uppercase}/",
                 flags=flags)


def test_stream_client(directory):
    serve(directory / "s", "--echo")
    same("echo", socat(f"UNIX-CONNECT:{directory}/s", b"one\nno line feed"), b"one\nno line feed\n")


def test_stream_client_with_ten_megabytes(directory):
    serve(directory / "s", "--echo", "--framing", "raw", "--no-print")
    same("echo", socat(f"UNIX-CONNECT:{directory}/s", TEN_MEGABYTES), TEN_MEGABYTES)


def test_stream_server(directory):
    socat_server(f"UNIX-LISTEN:{directory}/s,fork")
    same("reply", run(HALLWAY, "connect", directory / "s", input=b"one\ntwo\n").out, b"ONE\nTWO\n")


def test_stream_server_with_ten_megabytes(directory):
    need("socat")
    start("socat", f"UNIX-LISTEN:{directory}/s,fork", "EXEC:cat")
    same("echo", run(HALLWAY, "connect", directory / "s", input=TEN_MEGABYTES).out, TEN_MEGABYTES)


def test_seqpacket_client(directory):
    server = serve(directory / "s", "--type", "seqpacket", "--ack", "--once")
    same("ack", socat(f"UNIX-CONNECT:{directory}/s,type=5", b"one packet\nof two lines"),
         b"__ACK__")
    same("server", server.ends_well(), b"one packet\nof two lines\n")


def test_client_that_tries_every_type(directory):
    serve(directory / "s", "--type", "seqpacket", "--ack")
    same("ack", socat(f"UNIX-CLIENT:{directory}/s"), b"__ACK__")


def test_seqpacket_server(directory):
    need("socat")
    start("socat", f"UNIX-LISTEN:{directory}/s,type=5,fork", "EXEC:cat")
    same("reply", run(HALLWAY, "request", directory / "s", "hello", "--type", "seqpacket").out,
         b"hello\n")
    same("replies", run(HALLWAY, "send", directory / "s", "one", "--type", "seqpacket",
                        "--wait-reply").out, b"one\n")


def test_datagram_client_that_cannot_be_answered(directory):
    server = serve(directory / "s", "--type", "datagram", "--echo", "--stop-word", "DONE")
    need("socat")
    run("socat", "-u", "-", f"UNIX-SENDTO:{directory}/s", input=b"hello")
    run("socat", "-u", "-", f"UNIX-SENDTO:{directory}/s", input=b"DONE")
    same("server", server.ends_well(), b"hello\nDONE\n")
    assert b"not answered" in server.err.bytes, server.describe()


def test_datagram_client_that_is_answered(directory):
    serve(directory / "s", "--type", "datagram", "--echo")
    need("socat")
    client = start("socat", "-", f"UNIX-SENDTO:{directory}/s,bind={directory}/mine", flags=0)
    client.write(b"hello")
    client.expect_exactly(b"hello")


def test_datagram_server_that_answers(directory):
    socat_server(f"UNIX-RECVFROM:{directory}/s,fork", flags=0)
    same("reply", run(HALLWAY, "request", directory / "s", "hello", "--type", "datagram").out,
         b"HELLO\n")


def test_datagram_server_that_only_receives(directory):
    need("socat")
    server = start("socat", "-u", f"UNIX-RECV:{directory}/s", "-", flags=0)
    run(HALLWAY, "send", directory / "s", "--type", "datagram", "one", "two")
    server.expect_exactly(b"onetwo")


def test_abstract_names(directory):
    name = f"hallway-socat-{directory.name}"
    serve(f"@{name}", "--echo")
    same("echo", socat(f"ABSTRACT-CONNECT:{name}"), b"hello\n")
    socat_server(f"ABSTRACT-LISTEN:{name}-2,fork")
    same("reply", run(HALLWAY, "request", f"abstract:{name}-2", "hello").out, b"HELLO\n")


def test_a_path_may_be_followed_by_padding(directory):
    serve(directory / "s", "--echo")
    same("echo", socat(f"UNIX-CONNECT:{directory}/s,unix-tightsocklen=0"), b"hello\n")
    socat_server(f"UNIX-LISTEN:{directory}/t,fork,unix-tightsocklen=0")
    same("reply", run(HALLWAY, "request", directory / "t", "hello").out, b"HELLO\n")


def test_an_abstract_name_with_padding_is_another_name(directory):
    # Every byte of an abstract name counts, zeros too (man 7 unix). A program that passes the
    # whole sockaddr_un means another name than one that passes the length: they do not meet.
    name = f"hallway-socat-{directory.name}"
    serve(f"@{name}", "--echo")
    need("socat")
    run("socat", "-", f"ABSTRACT-CONNECT:{name},unix-tightsocklen=0", input=b"x", status=1)
    socat_server(f"ABSTRACT-LISTEN:{name}-2,fork,unix-tightsocklen=0")
    run(HALLWAY, "request", f"@{name}-2", "x", status=7)


def test_the_longest_path_a_plain_client_can_name(directory):
    need("socat")
    for length in (106, 107):
        name = "n" * (length - len(str(directory)) - 1)
        serve(directory / name, "--echo")
        same("echo", socat(f"UNIX-CONNECT:{directory}/{name}"), b"hello\n")


def test_a_longer_path_than_the_kernel_takes_is_still_served(directory):
    name = "n" * 150
    serve(directory / name, "--echo")
    same("reply", run(HALLWAY, "request", directory / name, "hello").out, b"hello\n")
    need("socat")  # others reach it by a shorter way to the same directory
    same("echo", run("socat", "-t20", "-", "UNIX-CONNECT:" + "n" * 107, cwd=directory, input=b"x",
                     status=None).out, b"")
    (directory / "short").symlink_to(name)
    same("echo", socat(f"UNIX-CONNECT:{directory}/short"), b"hello\n")


main(globals())
