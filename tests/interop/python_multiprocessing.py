# SPDX-License-Identifier: Apache-2.0
"""Python's multiprocessing.connection: its frames are ours with --framing len32be."""

import multiprocessing.connection
import threading

from _support import HALLWAY, main, run, same, serve


def test_its_client_talks_to_our_server(directory):
    serve(directory / "s", "--echo", "--framing", "len32be", "--no-print")
    client = multiprocessing.connection.Client(str(directory / "s"), family="AF_UNIX")
    for message in (b"", b"hello", bytes(range(256)), b"x" * 16384, b"x" * 1_000_000):
        client.send_bytes(message)
        same("echo", client.recv_bytes(), message)
    client.send({"any": ["object", 1]})
    same("echo", client.recv(), {"any": ["object", 1]})
    client.close()


def test_our_client_talks_to_its_server(directory):
    with multiprocessing.connection.Listener(str(directory / "s"), family="AF_UNIX") as listener:
        def answer():
            with listener.accept() as connection:
                connection.send_bytes(connection.recv_bytes().upper())

        server = threading.Thread(target=answer, daemon=True)
        server.start()
        reply = run(HALLWAY, "request", directory / "s", "hello\nworld", "--framing", "len32be")
        same("reply", reply.out, b"HELLO\nWORLD\n")
        server.join()


main(globals())
