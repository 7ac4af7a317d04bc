# SPDX-License-Identifier: Apache-2.0
"""examples/echo_server and examples/echo_client: an echo in pieces of 16 bytes."""

import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import (Skip, as_nobody, connect, example, main, need_root, receive_all, run, same,
                      start_example)

CONVERSATION = (b"sending 'This is the message.  It will be repeated.'\n"
                b"received 'This is the mess'\n"
                b"received 'age.  It will be'\n"
                b"received ' repeated.'\n"
                b"closing socket\n")


def test_the_message_comes_back_in_pieces(directory):
    server = start_example("echo_server", cwd=directory)
    client = run(example("echo_client"), cwd=directory)
    same("client", client.out, b"connecting to ./uds_socket\n" + CONVERSATION)
    server.out.wait_for(lambda got: b"no data" in got and got.endswith(b"\n"), "the end")
    lines = server.out.bytes.decode().splitlines()
    assert lines[2].startswith("connection from pid "), lines
    same("server", lines[:2] + lines[3:-1],
         ["starting up on unix:./uds_socket", "waiting for connections",
          "received 'This is the mess'", "sending data back to the client",
          "received 'age.  It will be'", "sending data back to the client",
          "received ' repeated.'", "sending data back to the client"])
    assert lines[-1].startswith("no data from pid "), lines


def test_clients_are_served_side_by_side(directory):
    start_example("echo_server", directory / "s")
    idle = connect(directory / "s")
    client = run(example("echo_client"), directory / "s")
    same("client", client.out.split(b"\n", 1)[1], CONVERSATION)
    idle.sendall(b"now me")
    idle.shutdown(socket.SHUT_WR)
    same("echo", receive_all(idle), b"now me")


def test_another_user_is_denied(directory):
    need_root()
    directory.chmod(0o755)
    start_example("echo_server", directory / "s")
    denied = run(*as_nobody(example("echo_client"), directory / "s"), status=None)
    if b"failed to execute" in denied.err:
        raise Skip("built where another user may not even run it")
    same("status", denied.status, 1)
    same("output", denied.out, f"connecting to {directory}/s\n".encode())
    wanted = f"connect unix:{directory}/s: permission denied".encode()
    assert denied.err.lower().startswith(wanted), denied.words


main(globals())
