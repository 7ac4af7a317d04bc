# SPDX-License-Identifier: Apache-2.0
"""The seed "Python line server" (py-unix-socket), both directions.

Its document shows the client, which runs here as it stands there; the server is only described,
so a small one made from socketserver stands in for it.
"""

from _support import (HALLWAY, Process, connect, default_address, example, main, receive_line, run,
                      same, seed, serve, start, start_example)

ADDRESS = "/tmp/unix_socket.sock"


def seed_client(directory):
    return seed(directory, "line_client.py", (ADDRESS, directory / "s"))


def seed_server(directory, *words):
    return start(*seed(directory, "line_server.py"), directory / "s", *words)


def test_the_command_serves_the_seeds_client_at_the_default_address(directory):
    with default_address():
        server = serve("--ack")
        same("client", run(*seed(directory, "line_client.py")).out, b"Received : __ACK__\n\n")
        server.expect_error(b"connection 1: closed")
        same("server", server.terminate(), 0)
        server.expect_exactly(b"foobar\n")


def test_the_example_serves_the_seeds_client_at_the_default_address(directory):
    with default_address():
        server = start_example("line_server", "--ack")
        same("client", run(*seed(directory, "line_client.py")).out, b"Received : __ACK__\n\n")
        same("server", server.terminate(), 0)
        server.expect_exactly(b"foobar\n")


def test_the_command_acknowledges_with_a_text_of_its_own(directory):
    serve(directory / "s", "--ack", "ack_event")
    same("client", run(*seed_client(directory)).out, b"Received : ack_event\n\n")


def test_the_command_gives_payloads_to_a_handler(directory):
    server = serve(directory / "s", "--handler", "tr a-z A-Z")
    same("client", run(*seed_client(directory)).out, b"Received : FOOBAR\n\n")
    server.expect_exactly(b"foobar\n")


def test_after_the_handler_comes_the_ack_and_then_the_broadcast(directory):
    serve(directory / "s", "--handler", "tr a-z A-Z", "--ack", "--broadcast")
    other = connect(directory / "s")
    other.sendall(b"hello\n")
    same("answers", receive_line(other) + receive_line(other), b"HELLO\n__ACK__\n")
    client = connect(directory / "s")
    client.sendall(b"foobar\n")
    same("answers", receive_line(client) + receive_line(client), b"FOOBAR\n__ACK__\n")
    same("broadcast", receive_line(other), b"foobar\n")


def test_the_command_broadcasts_to_the_others_only(directory):
    serve(directory / "s", "--broadcast", "--ack")
    clients = []
    for word in (b"one\n", b"two\n", b"three\n"):
        clients.append(connect(directory / "s"))
        clients[-1].sendall(word)
        same("ack, and nothing of its own", receive_line(clients[-1]), b"__ACK__\n")
        for other in clients[:-1]:
            same("broadcast", receive_line(other), word)


def test_exit_ends_one_connection_and_not_the_server(directory):
    server = serve(directory / "s")
    client, other = connect(directory / "s"), connect(directory / "s")
    client.sendall(b"exit\n")
    same("end", client.recv(1), b"")
    other.sendall(b"still here\n")
    server.expect_exactly(b"still here\n")


def test_the_command_talks_to_the_seeds_server(directory):
    server = seed_server(directory, "ack")
    same("reply", run(HALLWAY, "request", directory / "s", "foobar").out, b"__ACK__\n")
    same("replies", run(HALLWAY, "send", directory / "s", "--wait-reply=2", "a", "b").out,
         b"__ACK__\n__ACK__\n")
    # The seed's server hangs up at "exit": what follows it is never read.
    same("conversation", run(HALLWAY, "connect", directory / "s", input=b"c\nexit\n").out,
         b"__ACK__\n")
    server.expect_exactly(b"foobar\na\nb\nc\n")


def test_send_without_waiting_reaches_the_seeds_server(directory):
    server = seed_server(directory)
    run(HALLWAY, "send", directory / "s", "foobar", "exit")
    server.expect_exactly(b"foobar\n")


def test_the_command_receives_the_broadcast_of_the_seeds_server(directory):
    server = seed_server(directory, "broadcast", "ack=yes")
    listener = Process(HALLWAY, "connect", directory / "s")
    listener.write(b"here\n")
    listener.expect_exactly(b"yes\n")  # so it is in
    same("reply", run(HALLWAY, "request", directory / "s", "foobar").out, b"yes\n")
    listener.expect_exactly(b"yes\nfoobar\n")
    listener.close_input()
    listener.ends_well()
    server.expect_exactly(b"here\nfoobar\n")


def test_the_example_client_talks_to_the_seeds_server(directory):
    server = seed_server(directory, "ack=fine")
    same("reply", run(example("design_client"), directory / "s").out, b"fine\n")
    server.expect_exactly(b"status\n")


main(globals())
