# SPDX-License-Identifier: Apache-2.0
"""examples/line_server: the Python line server's features."""

import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import (connect, default_address, gone, main, receive_all, receive_line, same,
                      start_example)


def test_logs_each_payload_and_sends_nothing_back(directory):
    server = start_example("line_server", directory / "s")
    client = connect(directory / "s")
    client.sendall(b"foobar\nbaz\n")
    server.expect_exactly(b"foobar\nbaz\n")
    client.shutdown(socket.SHUT_WR)
    same("answer", receive_all(client), b"")
    same("status", server.terminate(), 0)
    gone(directory / "s")


def test_listens_at_the_default_address(directory):
    with default_address() as address:
        server = start_example("line_server")
        connect(address).sendall(b"hello\n")
        server.expect_exactly(b"hello\n")
        server.terminate()


def test_acknowledges_after_processing(directory):
    server = start_example("line_server", directory / "s", "--ack")
    client = connect(directory / "s")
    client.sendall(b"foobar\n")
    same("ack", client.recv(1024), b"__ACK__\n")
    server.expect_exactly(b"foobar\n")


def test_acknowledges_with_a_text_of_its_own(directory):
    start_example("line_server", directory / "s", "--ack=ack_event")
    client = connect(directory / "s")
    client.sendall(b"foobar\n")
    same("ack", client.recv(1024), b"ack_event\n")


def test_gives_payloads_to_another_handler(directory):
    server = start_example("line_server", directory / "s", "--shout")
    connect(directory / "s").sendall(b"foobar\n")
    server.expect_exactly(b"FOOBAR!\n")


def test_broadcasts_to_the_others_only(directory):
    start_example("line_server", directory / "s", "--broadcast", "--ack")
    clients = []
    for word in (b"one\n", b"two\n", b"three\n"):
        clients.append(connect(directory / "s"))
        clients[-1].sendall(word)
        same("ack, and nothing of its own", receive_line(clients[-1]), b"__ACK__\n")
        for other in clients[:-1]:
            same("broadcast", receive_line(other), word)
    clients[0].sendall(b"foobar\n")
    same("ack, and nothing of its own", receive_line(clients[0]), b"__ACK__\n")
    for other in clients[1:]:
        same("broadcast", receive_line(other), b"foobar\n")


def test_exit_ends_one_connection_and_not_the_server(directory):
    server = start_example("line_server", directory / "s")
    client, other = connect(directory / "s"), connect(directory / "s")
    client.sendall(b"exit\n")
    same("end", receive_all(client), b"")
    other.sendall(b"still here\n")
    server.expect_exactly(b"still here\n")


main(globals())
