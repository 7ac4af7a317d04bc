# SPDX-License-Identifier: Apache-2.0
"""systemd-socket-activate hands its socket to `hallway serve activation`, for every type."""

import socket

from _support import HALLWAY, LISTENS, Process, connect, main, need, run, same, wait_bound

KINDS = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET,
         "datagram": socket.SOCK_DGRAM}
SERVE = [HALLWAY, "serve", "activation", "--echo"]


def activate(directory, *words, kind="stream", flags=LISTENS):
    need("systemd-socket-activate")
    directory.mkdir(exist_ok=True)
    program = [*SERVE, "--type", kind]
    return wait_bound(Process("systemd-socket-activate", *words, "-l", directory / "s", *program),
                      flags)


def test_stream(directory):
    manager = activate(directory)
    same("reply", run(HALLWAY, "request", directory / "s", "hello").out, b"hello\n")
    same("reply", run(HALLWAY, "request", directory / "s", "again").out, b"again\n")
    same("status", manager.terminate(), 0)
    assert (directory / "s").is_socket(), "the name is the manager's, and stays"


def test_seqpacket(directory):
    manager = activate(directory, "--seqpacket", kind="seqpacket")
    reply = run(HALLWAY, "request", directory / "s", "hello", "--type", "seqpacket")
    same("reply", reply.out, b"hello\n")
    same("status", manager.terminate(), 0)


def test_datagram(directory):
    manager = activate(directory, "--datagram", kind="datagram", flags=0)
    reply = run(HALLWAY, "request", directory / "s", "hello", "--type", "datagram")
    same("reply", reply.out, b"hello\n")
    same("status", manager.terminate(), 0)
    assert (directory / "s").is_socket(), "the name is the manager's, and stays"


def test_a_socket_is_found_by_its_name(directory):
    need("systemd-socket-activate")
    manager = wait_bound(Process(
        "systemd-socket-activate", "-l", directory / "a", "-l", directory / "b",
        "--fdname=first:second", HALLWAY, "serve", "activation:second", "--echo"))
    same("reply", run(HALLWAY, "request", directory / "b", "hello").out, b"hello\n")
    same("status", manager.terminate(), 0)


def test_the_socket_of_a_name_is_served_whatever_its_type(directory):
    for kind, words in [("stream", []), ("seqpacket", ["--seqpacket"]), ("datagram", ["-d"])]:
        need("systemd-socket-activate")
        sockets = [directory / f"{kind}{n}" for n in range(2)]
        manager = wait_bound(Process(
            "systemd-socket-activate", *words, "-l", sockets[0], "-l", sockets[1],
            "--fdname=one:two", HALLWAY, "serve", "activation:two", "--echo", "--type", kind),
            0 if kind == "datagram" else LISTENS)
        reply = run(HALLWAY, "request", sockets[1], "hello", "--type", kind)
        same("reply", reply.out, b"hello\n")
        manager.expect_error(f"{sockets[1]} ({kind}".encode())
        same("status", manager.terminate(), 0)
        assert all(name.is_socket() for name in sockets), "the names are the manager's, and stay"


def test_a_type_that_does_not_fit_is_an_error_that_names_both(directory):
    for kind, words, wanted in [("seqpacket", ["--seqpacket"], "stream"),
                                ("stream", [], "seqpacket"), ("datagram", ["-d"], "stream"),
                                ("stream", [], "datagram")]:
        manager = activate(directory / f"{kind}{wanted}", *words, kind=wanted,
                           flags=0 if kind == "datagram" else LISTENS)
        waker = connect(directory / f"{kind}{wanted}" / "s", KINDS[kind])
        if kind == "datagram":
            waker.send(b"wake up")
        same("status", manager.wait(), 1)
        manager.expect_error(f"it is a {kind} socket, not {wanted}: use --type {kind}".encode())


def test_the_client_that_woke_it_is_served(directory):
    manager = activate(directory)
    client = Process(HALLWAY, "connect", directory / "s")  # the program is not running yet
    client.write(b"early\n")
    client.expect_exactly(b"early\n")
    client.close_input()
    client.ends_well()
    same("status", manager.terminate(), 0)


def test_without_a_manager_there_is_nothing_to_take_over(directory):
    alone = run(*SERVE, status=1)
    assert alone.err.startswith(b"hallway: adopt: activation: "), alone.words


main(globals())
