# SPDX-License-Identifier: Apache-2.0
"""examples/logged_echo_server and _client: every line names the process."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, example, main, run, same, start_example


def logged(name, process, *lines):
    return "".join(f"[{name} ({process})] {line}\n" for line in lines).encode()


def test_both_sides_log_the_conversation(directory):
    server = start_example("logged_echo_server", cwd=directory)
    client = run(example("logged_echo_client"), cwd=directory)
    number = client.err.split(b"(")[1].split(b")")[0].decode()
    same("client", client.err, logged("logged_echo_client", number, "connecting ...", "connected",
                                      "sent: 'data'", "recv: 'data'"))
    wanted = logged("logged_echo_server", server.popen.pid, "wait for request ...",
                    "start to handle request ...", "recv: 'data'", "sent: 'data'", "no data recv",
                    "end handling request")
    server.err.wait_for(lambda got: len(got) >= len(wanted), wanted)
    same("server", server.err.bytes, wanted)


def test_the_client_logs_its_failure(directory):
    client = run(example("logged_echo_client"), directory / "s", status=1)
    assert f" connect unix:{directory}/s: ".encode() in client.err.splitlines()[1], client.words


def test_a_megabyte_comes_back(directory):
    start_example("logged_echo_server", directory / "s")
    client = connect(directory / "s")
    piece, back = b"x" * 65536, 0
    for _ in range(16):
        client.sendall(piece)
        while back < len(piece):
            back += len(client.recv(65536))
        back -= len(piece)
    same("rest", back, 0)


main(globals())
