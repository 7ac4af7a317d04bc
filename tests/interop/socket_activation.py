# SPDX-License-Identifier: Apache-2.0
"""systemd-socket-activate hands its socket to `hallway serve activation`, for every type."""

from _support import HALLWAY, LISTENS, Process, main, need, run, same, wait_bound

SERVE = [HALLWAY, "serve", "activation", "--echo"]


def activate(directory, *words, kind="stream", flags=LISTENS):
    need("systemd-socket-activate")
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
    assert alone.err.startswith(b"hallway: take over: activation: "), alone.words


main(globals())
