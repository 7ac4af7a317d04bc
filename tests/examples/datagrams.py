# SPDX-License-Identifier: Apache-2.0
"""examples/datagram_server and examples/datagram_client: datagrams until DONE."""

import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import Process, example, gone, main, run, same, start

RULE = b"-" * 20 + b"\n"


def serve(directory, *words):
    return start(example("datagram_server"), *words, flags=0, cwd=directory)


def test_print_what_was_sent_until_done(directory):
    server = serve(directory)
    client = run(example("datagram_client"), cwd=directory, input=b"hello\n\ntwo words\nDONE\nno\n")
    same("client", client.out,
         b"Connecting...\nConnected.\nCtrl-C to quit.\nSend 'DONE' to shut the server down.\n"
         b"> SENT: hello\n> > SENT: two words\n> SENT: DONE\nShutting down.\nDone\n")
    same("server", server.ends_well(),
         b"Opening a UNIX socket...\nListening...\n" + RULE + b"hello\n" + RULE + b"two words\n" +
         RULE + b"DONE\n" + RULE + b"Shutting down...\nDone\n")
    gone(directory / "echo.socket")


def test_an_empty_datagram_also_ends_the_server(directory):
    server = serve(directory, directory / "s")
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.sendto(b"", str(directory / "s"))
    same("server", server.ends_well(),
         b"Opening a UNIX socket...\nListening...\n" + RULE + b"Shutting down...\nDone\n")


def test_a_stale_socket_file_is_replaced(directory):
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(directory / "echo.socket"))
    left.close()
    server = serve(directory)
    run(example("datagram_client"), cwd=directory, input=b"DONE\n")
    server.ends_well()


def test_the_client_reports_that_there_is_no_server(directory):
    client = run(example("datagram_client"), directory / "s", status=1)
    same("output", client.out, b"Connecting...\nCannot connect!\n")
    assert client.err.startswith(f"connect unix:{directory}/s: ".encode()), client.words


def test_the_client_ends_with_its_input(directory):
    serve(directory)
    client = Process(example("datagram_client"), cwd=directory)
    client.expect(b"> ")
    client.close_input()
    client.ends_well()


main(globals())
