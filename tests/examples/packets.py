# SPDX-License-Identifier: Apache-2.0
"""examples/packet_server and examples/packet_client: a size packet, then the contents."""

import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, example, gone, main, run, same, start_example

SIZE = (13).to_bytes(4, sys.byteorder)


def test_send_is_answered_with_size_and_contents(directory):
    server = start_example("packet_server", directory / "s")
    client = run(example("packet_client"), directory / "s")
    same("client", client.out, b"13\nHello World!\n\n")
    server.expect(b"SEND\nSending data\nSending buffer of size: 13\nSending contents of buffer\n")


def test_each_is_a_packet_of_its_own_and_the_connection_ends(directory):
    start_example("packet_server", directory / "s")
    client = connect(directory / "s", socket.SOCK_SEQPACKET)
    client.send(b"what?")
    client.send(b"SEND")
    same("packets", [client.recv(1024) for _ in range(3)], [SIZE, b"Hello World!\n", b""])


def test_down_is_answered_and_stops_the_server(directory):
    server = start_example("packet_server", directory / "s")
    client = run(example("packet_client"), directory / "s", "DOWN")
    same("client", client.out, b"13\nHello World!\n\n")
    same("server", server.ends_well(),
         b"DOWN\nClosing program\nSending buffer of size: 13\nSending contents of buffer\n")
    gone(directory / "s")


main(globals())
