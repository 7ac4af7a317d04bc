# SPDX-License-Identifier: Apache-2.0
"""examples/hub: subjects, and the identity of publishers where configured."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, main, receive_line, same, start_example


def greeted(directory):
    client = connect(directory / "s")
    same("greeting", receive_line(client)[:6], b"INFO {")
    return client


def test_a_person_who_types_receives_what_others_type(directory):
    hub = start_example("hub", directory / "s")
    reader = greeted(directory)
    reader.sendall(b"SUB news.* 1\r\n")
    same("subscribed", receive_line(reader), b"+OK\r\n")
    writer = greeted(directory)
    writer.sendall(b"PUB news.today 5\r\nhello\r\n")
    same("line", receive_line(reader), b"MSG news.today 1 5\r\n")
    same("payload", receive_line(reader), b"hello\r\n")
    same("status", hub.terminate(), 0)
    same("what is left", list(directory.iterdir()), [])


def test_stamped_subjects_carry_the_identity_of_the_publisher(directory):
    hub = start_example("hub", directory / "s")
    client = greeted(directory)
    client.sendall(b'CONNECT {"verbose":false,"headers":true}\r\nSUB signed.a 1\r\n'
                   b"PUB signed.a 0\r\n\r\n")
    lines = [receive_line(client) for _ in range(4)]
    same("uid", lines[2], b"Hallway-Uid: %d\r\n" % os.getuid())
    same("pid", lines[3], b"Hallway-Pid: %d\r\n" % os.getpid())
    same("status", hub.terminate(), 0)


main(globals())
