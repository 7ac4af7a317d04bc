# SPDX-License-Identifier: Apache-2.0
"""curl speaks HTTP to `hallway serve`: three ways to answer it, and what each is good for.

Lines are messages, and the first empty line ends the head of a request: answering the empty
message (`--on '=...'`) is enough for GET, and no process is started. With --framing raw a handler
sees what arrived at once, which in practice is a small request, head and body, but need not be.
A program per connection reads what it needs, and is right for everything.
"""

import sys

from _support import main, need, run, same, serve

# The framing adds the last line feed of the six bytes.
REPLY = r"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"

HANDLER = r"""
cat >request
printf 'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' "$(wc -c <request)"
cat request
"""

PROGRAM = """
import sys
for number in range(1, 4):
    head = []
    while (line := sys.stdin.buffer.readline().rstrip()):
        head.append(line)
    if not head:
        break
    size = [int(line.split()[1]) for line in head if line.lower().startswith(b"content-length")]
    body = sys.stdin.buffer.read(size[0]) if size else b""
    answer = b"%s, %d bytes, request %d" % (head[0].split(b" HTTP")[0], len(body), number)
    sys.stdout.buffer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer))
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
"""


def curl(*words, **how):
    need("curl")
    return run("curl", "--silent", "--show-error", "--max-time", "30", *words, **how)


def test_the_empty_line_of_a_request_is_answered(directory):
    server = serve(directory / "s", "--on", f"={REPLY}")
    same("body", curl("--unix-socket", directory / "s", "http://any/path").out, b"hello\n")
    server.expect(b"GET /path HTTP/1.1\nHost: any\n")


def test_two_requests_share_a_connection(directory):
    server = serve(directory / "s", "--on", f"={REPLY}")
    same("bodies", curl("--unix-socket", directory / "s", "http://any/1", "http://any/2").out,
         b"hello\nhello\n")
    same("status", server.terminate(), 0)
    assert b"connection 2" not in server.err.bytes, server.describe()


def test_an_abstract_name_is_reached(directory):
    name = f"hallway-curl-{directory.name}"
    serve(f"@{name}", "--on", f"={REPLY}")
    same("body", curl("--abstract-unix-socket", name, "http://any/").out, b"hello\n")


def test_a_handler_sees_a_small_request_whole(directory):
    serve(directory / "s", "--framing", "raw", "--hangup", "--handlers", "1", "--handler", HANDLER,
          cwd=directory)
    back = curl("--unix-socket", directory / "s", "-d", "body", "http://any/path").out
    assert back.startswith(b"POST /path HTTP/1.1\r\n") and back.endswith(b"\r\n\r\nbody"), back


def test_a_program_per_connection_answers_anything(directory):
    (directory / "program.py").write_text(PROGRAM)
    serve(directory / "s", "--", sys.executable, directory / "program.py")
    to = ["--unix-socket", directory / "s"]
    same("GET", curl(*to, "http://any/a").out, b"GET /a, 0 bytes, request 1")
    (directory / "large").write_bytes(b"x" * 3_000_000)
    same("POST", curl(*to, "-H", "Expect:", "--data-binary", f"@{directory}/large",
                      "http://any/b").out, b"POST /b, 3000000 bytes, request 1")
    same("two on one connection", curl(*to, "http://any/c", "http://any/d").out,
         b"GET /c, 0 bytes, request 1GET /d, 0 bytes, request 2")


def test_exit_codes_for_no_server_and_no_answer_are_those_of_curl(directory):
    same("status", curl("--unix-socket", directory / "s", "http://any/", status=None).status, 7)
    serve(directory / "s")
    same("status", curl("--max-time", "1", "--unix-socket", directory / "s", "http://any/",
                        status=None).status, 28)


main(globals())
