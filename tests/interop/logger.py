# SPDX-License-Identifier: Apache-2.0
"""logger -u: syslog datagrams arrive whole, one message each."""

import re

from _support import main, need, run, same, serve


def logger(directory, *words, **how):
    need("logger")
    run("logger", "-u", directory / "s", *words, **how)


def test_messages_arrive_one_by_one(directory):
    server = serve(directory / "s", "--type", "datagram")
    logger(directory, "-t", "tag", "--id=42", "-p", "user.notice", "hello there")
    logger(directory, "-t", "tag", "-p", "local0.err", "second")
    server.expect(b"second\n")
    lines = server.out.bytes.decode().splitlines()
    same("count", len(lines), 2)
    assert re.fullmatch(r"<13>\w+ +\d+ [\d:]{8} tag\[42\]: hello there", lines[0]), lines
    assert re.fullmatch(r"<131>\w+ +\d+ [\d:]{8} tag: second", lines[1]), lines


def test_a_thousand_lines_lose_nothing(directory):
    # The kernel's queue is short; a sender that waits loses nothing, whatever our pace.
    server = serve(directory / "s", "--type", "datagram")
    lines = [f"line {number}" for number in range(1000)]
    logger(directory, "--rfc5424=notime,notq,nohost", "-t", "tag",
           input="".join(f"{line}\n" for line in lines).encode())
    server.expect(b"line 999\n")
    same("lines", [line.rsplit(" - ", 1)[1] for line in server.out.bytes.decode().splitlines()],
         lines)


def test_a_long_message_keeps_its_boundary(directory):
    server = serve(directory / "s", "--type", "datagram")
    logger(directory, "--size", "60000", "-t", "tag", "x" * 50_000)
    server.expect(b"x\n")
    assert server.out.bytes.endswith(b" tag: " + b"x" * 50_000 + b"\n"), len(server.out.bytes)


main(globals())
