# SPDX-License-Identifier: Apache-2.0
"""The seed "echo in pieces of 16 bytes" (socket_echo_server_uds.py and its client), both
directions, and what it says about files and permissions."""

import os
import signal
import socket
import stat

from _support import (HALLWAY, as_nobody, connect, example, gone, main, need_root, run, same, seed,
                      serve, start, start_example)

MESSAGE = "This is the message.  It will be repeated."

CLIENT_SAYS = b"""connecting to ./uds_socket
sending b'This is the message.  It will be repeated.'
received b'This is the mess'
received b'age.  It will be'
received b' repeated.'
closing socket
"""

SERVER_SAYS = b"""starting up on ./uds_socket
waiting for a connection
connection from \n\
received b'This is the mess'
sending data back to the client
received b'age.  It will be'
sending data back to the client
received b' repeated.'
sending data back to the client
received b''
no data from \n\
waiting for a connection
"""


def seed_server(directory):
    return start(*seed(directory, "socket_echo_server_uds.py"), cwd=directory)


def seed_client(directory, **how):
    return run(*seed(directory, "socket_echo_client_uds.py"), cwd=directory, **how)


def test_the_command_serves_the_seeds_client(directory):
    server = serve("./uds_socket", "--echo", "--framing", "raw:16", cwd=directory)
    same("client", seed_client(directory).out, CLIENT_SAYS)
    server.expect_exactly(b"This is the mess\nage.  It will be\n repeated.\n")


def test_the_example_serves_the_seeds_client(directory):
    start_example("echo_server", cwd=directory)
    same("client", seed_client(directory).out, CLIENT_SAYS)


def test_the_command_talks_to_the_seeds_server(directory):
    server = seed_server(directory)
    client = run(HALLWAY, "send", "./uds_socket", MESSAGE, "--framing", "raw:16", "--wait-reply=3",
                 cwd=directory)
    same("client", client.out, b"This is the mess\nage.  It will be\n repeated.\n")
    server.expect_exactly(SERVER_SAYS)


def test_the_example_talks_to_the_seeds_server(directory):
    server = seed_server(directory)
    client = run(example("echo_client"), cwd=directory)
    assert client.out.endswith(b"received ' repeated.'\nclosing socket\n"), client.words
    server.expect_exactly(SERVER_SAYS)


def test_connect_in_a_pipe_waits_for_the_whole_echo(directory):
    seed_server(directory)
    client = run(HALLWAY, "connect", "./uds_socket", "--framing", "raw:16", cwd=directory,
                 input=MESSAGE.encode() + b"\n")
    same("pieces", client.out, b"This is the mess\nage.  It will be\n repeated.\n")


def test_the_file_that_a_dead_server_left_is_replaced(directory):
    dead = seed_server(directory)
    dead.popen.send_signal(signal.SIGKILL)
    dead.wait()
    assert stat.S_ISSOCK(os.lstat(directory / "uds_socket").st_mode), "the node persists"
    run(HALLWAY, "request", "./uds_socket", "x", cwd=directory, status=7)
    server = serve("./uds_socket", "--echo", "--framing", "raw:16", cwd=directory)
    same("client", seed_client(directory).out, CLIENT_SAYS)
    same("status", server.terminate(), 0)
    gone(directory / "uds_socket")


def test_the_file_of_a_live_server_is_not_taken(directory):
    server = seed_server(directory)
    refused = run(HALLWAY, "serve", "./uds_socket", cwd=directory, status=1)
    wanted = f"hallway: bind: unix:./uds_socket: in use by pid {server.popen.pid} ("
    assert refused.err.startswith(wanted.encode()), refused.words
    same("client", seed_client(directory).out, CLIENT_SAYS)


def test_a_node_of_another_owner_keeps_others_out(directory):
    need_root()
    directory.chmod(0o755)
    serve("./uds_socket", "--mode", "0755", "--owner", "root", "--echo", cwd=directory)
    status = os.stat(directory / "uds_socket")
    same("ls -l", (stat.filemode(status.st_mode), status.st_uid), ("srwxr-xr-x", 0))
    command = as_nobody(*seed(directory, "socket_echo_client_uds.py"))
    denied = run(*command, cwd=directory, status=1)
    same("client", denied.out, b"connecting to ./uds_socket\n[Errno 13] Permission denied\n")
    ours = run(*as_nobody(HALLWAY, "request", "./uds_socket", "x"), cwd=directory, status=77)
    assert ours.err.startswith(b"hallway: connect: unix:./uds_socket: "), ours.words


def test_a_node_of_the_seeds_server_keeps_ours_out(directory):
    need_root()
    directory.chmod(0o755)
    seed_server(directory)
    run(*as_nobody(HALLWAY, "send", "./uds_socket", "x"), cwd=directory, status=77)


def test_a_new_node_is_for_its_owner_alone(directory):
    server = serve(directory / "s")
    same("mode", stat.filemode(os.stat(directory / "s").st_mode), "srw-------")
    server.terminate()
    serve(directory / "s", "--mode", "0666", "--echo")
    same("mode", stat.filemode(os.stat(directory / "s").st_mode), "srw-rw-rw-")


def test_what_the_mode_allows_another_user_can_do(directory):
    need_root()
    directory.chmod(0o755)
    serve("./uds_socket", "--mode", "0666", "--echo", "--framing", "raw:16", cwd=directory)
    command = as_nobody(*seed(directory, "socket_echo_client_uds.py"))
    same("client", run(*command, cwd=directory).out, CLIENT_SAYS)


def test_ten_megabytes_come_back_as_they_went(directory):
    serve(directory / "s", "--echo", "--framing", "raw:16", "--no-print")
    client = connect(directory / "s")
    piece = bytes(range(256)) * 64
    back = bytearray()
    for _ in range(640):
        client.sendall(piece)
        while len(back) < len(piece):
            back += client.recv(1 << 16)
        same("echo", bytes(back[:len(piece)]), piece)
        del back[:len(piece)]
    client.shutdown(socket.SHUT_WR)
    same("end", client.recv(1), b"")


main(globals())
