# SPDX-License-Identifier: Apache-2.0
"""examples/chat: a message reaches all other clients."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, main, receive_line, same, start_example


def test_a_message_reaches_all_other_clients(directory):
    server = start_example("chat", directory / "s")
    uid = os.geteuid()
    guests = []
    for number in (1, 2, 3):
        guest = connect(directory / "s")
        same("welcome", receive_line(guest), f"you are guest {number} (uid {uid})\n".encode())
        for other in guests:
            same("news", receive_line(other), f"guest {number} (uid {uid}) has come\n".encode())
        guests.append(guest)
    guests[1].sendall(b"hello\n")
    for number in (0, 2):
        same("talk", receive_line(guests[number]), f"guest 2 (uid {uid}): hello\n".encode())
    guests[2].close()
    for number in (0, 1):
        same("news", receive_line(guests[number]), f"guest 3 (uid {uid}) has left\n".encode())
    same("status", server.terminate(), 0)


main(globals())
