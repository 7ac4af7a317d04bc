# SPDX-License-Identifier: Apache-2.0
"""The seed "one-way datagrams until DONE" (Python server.py and client.py), both directions.

Both programs are Python 2. They are kept as they were written; for Python 3 they get the changes
below and no others: names that moved, and bytes where Python 2 had text.
"""

import signal

from _support import (HALLWAY, Process, Skip, example, gone, main, need, run, same, seed, serve,
                      start, wait_bound)

SERVER_CHANGES = [('"DONE" == datagram', 'b"DONE" == datagram')]
CLIENT_CHANGES = [("raw_input", "input"),
                  ("client.send(x)", "client.send(x.encode())"),
                  ("KeyboardInterrupt, k", "KeyboardInterrupt")]

RULE = "-" * 20 + "\n"
CONNECTED = ("Подключение...\nВыполнено.\nCtrl-C что бы выйти.\n"
             "Отправьте 'DONE' что бы выключить сервер.\n")


def seed_server(directory):
    command = seed(directory, "datagram_server.py2", *SERVER_CHANGES)
    return start(*command, flags=0, cwd=directory)


def received(*messages):
    return ("Открываем UNIX сокет...\nСлушаем...\n" +
            "".join(f"{RULE}{message!r}\n" for message in messages) +
            f"{RULE}Выключение...\nВыполнено\n").encode()


def sent(*messages):
    return (CONNECTED + "".join(f"> ОТПРАВЛЕНО: {message}\n" for message in messages) +
            "Выключение.\nВыполнено\n").encode()


def seed_client(directory, text):
    command = seed(directory, "datagram_client.py2", *CLIENT_CHANGES)
    return run(*command, cwd=directory, input=text).out


def test_send_reaches_the_seeds_server(directory):
    server = seed_server(directory)
    run(HALLWAY, "send", "./echo.socket", "--type", "datagram", "hello", "two words", "DONE",
        cwd=directory)
    same("server", server.ends_well(), received(b"hello", b"two words", b"DONE"))


def test_connect_sends_lines_until_done(directory):
    server = seed_server(directory)
    run(HALLWAY, "connect", "echo.socket", "--type", "dgram", "--stop-word", "DONE", cwd=directory,
        input=b"hello\nDONE\nnever sent\n")
    same("server", server.ends_well(), received(b"hello", b"DONE"))


def test_the_example_client_reaches_the_seeds_server(directory):
    server = seed_server(directory)
    run(example("datagram_client"), cwd=directory, input="привет\nDONE\n".encode())
    same("server", server.ends_well(), received("привет".encode(), b"DONE"))


def test_the_command_serves_the_seeds_client(directory):
    server = serve("./echo.socket", "--type", "datagram", "--stop-word", "DONE", cwd=directory)
    same("client", seed_client(directory, "привет\n\nDONE\n".encode()).replace(b"> > ", b"> "),
         sent("привет", "DONE"))
    same("server", server.ends_well(), "привет\nDONE\n".encode())
    gone(directory / "echo.socket")


def test_the_example_serves_the_seeds_client(directory):
    server = wait_bound(Process(example("datagram_server"), cwd=directory), flags=0)
    same("client", seed_client(directory, b"hello\nDONE\n"), sent("hello", "DONE"))
    assert b"\nhello\n" in server.ends_well(), server.describe()
    gone(directory / "echo.socket")


def test_the_seeds_client_finds_no_server(directory):
    same("client", seed_client(directory, b""),
         "Подключение...\nНе могу соединиться!\nВыполнено\n".encode())
    run(HALLWAY, "send", "./echo.socket", "--type", "datagram", "x", cwd=directory, status=7)


def test_an_unnamed_sender_cannot_be_answered_and_does_no_harm(directory):
    server = serve("./echo.socket", "--type", "datagram", "--echo", "--stop-word", "DONE",
                   cwd=directory)
    seed_client(directory, b"hello\nDONE\n")
    same("server", server.ends_well(), b"hello\nDONE\n")
    assert b"not answered" in server.err.bytes, server.describe()


def test_ctrl_c_ends_the_client(directory):
    server = seed_server(directory)
    client = Process(HALLWAY, "connect", "echo.socket", "--type", "datagram", cwd=directory)
    client.write(b"hello\n")
    server.expect(b"b'hello'\n")
    client.popen.send_signal(signal.SIGINT)
    client.ends_well()
    client = Process(example("datagram_client"), cwd=directory)
    client.expect(b"> ")
    client.popen.send_signal(signal.SIGINT)
    same("status", client.wait(), -signal.SIGINT)


def test_a_datagram_over_the_limit_is_refused_with_its_size(directory):
    server = serve("./echo.socket", "--type", "datagram", "--max-message", "1K", "--stop-word",
                   "DONE", cwd=directory)
    seed_client(directory, b"x" * 1025 + b"\n" + b"x" * 1024 + b"\nDONE\n")
    same("server", server.ends_well(), b"x" * 1024 + b"\nDONE\n")
    assert b"refused: 1025 bytes" in server.err.bytes, server.describe()


def python_2(directory, name):
    """The program as it was written; Python 2 only has to be told its encoding."""
    need("python2")
    if run("python2", "--version", status=None).status != 0:
        raise Skip("there is no Python 2")
    original = seed(directory, name)[-1]
    original.write_bytes(b"# -*- coding: utf-8 -*-\n" + original.read_bytes())
    return ["python2", "-u", original]


def test_the_original_client_talks_to_the_command(directory):
    client = python_2(directory, "datagram_client.py2")
    server = serve("./echo.socket", "--type", "datagram", "--stop-word", "DONE", cwd=directory)
    same("client", run(*client, cwd=directory, input=b"hello\nDONE\n").out, sent("hello", "DONE"))
    same("server", server.ends_well(), b"hello\nDONE\n")


def test_the_command_talks_to_the_original_server(directory):
    server = start(*python_2(directory, "datagram_server.py2"), flags=0, cwd=directory)
    run(HALLWAY, "send", "./echo.socket", "--type", "datagram", "hello", "DONE", cwd=directory)
    same("server", server.ends_well(), received("hello", "DONE").replace(b"'", b""))


main(globals())
