# SPDX-License-Identifier: Apache-2.0
"""The seed "packets with commands SEND and DOWN" (C server, Python client), both directions.

The C server runs as it was written, with a connection.h that its document does not show.
"""

import socket

from _support import (HALLWAY, SEEDS, connect, example, gone, main, need, run, same, seed, serve,
                      start, start_example)

ADDRESS = "/tmp/9Lq7BNBnBycd6nxy.socket"
ANSWERED = b"13\nHello World!\n\n"
SAID = b"Sending buffer of size: 13\nSending contents of Buffer\n"


def seed_server(directory):
    need("cc")
    run("cc", f'-DSOCKET_NAME="{directory}/s"', "-o", directory / "server",
        SEEDS / "packet_server.c")
    return start(directory / "server")


def seed_client(directory, command="SEND"):
    changes = [(ADDRESS, directory / "s"), ('b"SEND"', f'b"{command}"')]
    return run(*seed(directory, "packet_client.py", *changes)).out


def serve_packets(directory):
    return serve(directory / "s", "--type", "seqpacket", "--sized", "--hangup",
                 "--on", r"SEND=Hello World!\n", "--on", r"DOWN=Hello World!\n",
                 "--stop-word", "DOWN")


def request(directory, command):
    return run(HALLWAY, "request", directory / "s", command, "--type", "seqpacket", "--sized").out


def test_the_seeds_talk_to_each_other(directory):
    server = seed_server(directory)
    same("client", seed_client(directory), ANSWERED)
    same("client", seed_client(directory, "DOWN"), ANSWERED)
    same("server", server.ends_well(),
         b"SEND\nSending Data\n" + SAID + b"DOWN\nClosing Program" + SAID)


def test_the_command_asks_the_seeds_server(directory):
    server = seed_server(directory)
    same("reply", request(directory, "SEND"), b"Hello World!\n\n")
    same("reply", request(directory, "DOWN"), b"Hello World!\n\n")
    same("server", server.ends_well(),
         b"SEND\nSending Data\n" + SAID + b"DOWN\nClosing Program" + SAID)


def test_the_example_asks_the_seeds_server(directory):
    server = seed_server(directory)
    same("client", run(example("packet_client"), directory / "s").out, ANSWERED)
    same("client", run(example("packet_client"), directory / "s", "DOWN").out, ANSWERED)
    server.ends_well()


def test_the_command_serves_the_seeds_client(directory):
    server = serve_packets(directory)
    same("client", seed_client(directory), ANSWERED)
    same("client", seed_client(directory, "DOWN"), ANSWERED)
    same("server", server.ends_well(), b"SEND\nDOWN\n")
    gone(directory / "s")


def test_the_example_serves_the_seeds_client(directory):
    server = start_example("packet_server", directory / "s")
    same("client", seed_client(directory), ANSWERED)
    same("client", seed_client(directory, "DOWN"), ANSWERED)
    server.ends_well()
    gone(directory / "s")


def test_other_commands_are_printed_and_waited_out(directory):
    server = serve_packets(directory)
    client = connect(directory / "s", socket.SOCK_SEQPACKET)
    client.send(b"HELLO")
    server.expect_exactly(b"HELLO\n")
    client.send(b"SEND")
    same("packets", [len(client.recv(1024)) for _ in range(3)], [4, 13, 0])


def test_a_client_that_leaves_without_a_command_does_no_harm(directory):
    server = serve_packets(directory)
    connect(directory / "s", socket.SOCK_SEQPACKET).close()
    server.expect_error(b"connection 1: closed")
    same("client", seed_client(directory), ANSWERED)


def test_while_one_client_waits_others_are_served(directory):
    serve_packets(directory)
    waiting = [connect(directory / "s", socket.SOCK_SEQPACKET) for _ in range(25)]
    same("client", seed_client(directory), ANSWERED)
    for client in waiting:
        client.send(b"SEND")
        same("size", len(client.recv(1024)), 4)


main(globals())
