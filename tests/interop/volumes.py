# SPDX-License-Identifier: Apache-2.0
"""A socket in a directory that another mount namespace sees, as containers do with volumes.

Mounting the directory works over any number of restarts; mounting the socket file does not, and
what is said then names the remedy.
"""

import os
import shlex

from _support import HALLWAY, Process, Skip, main, need, need_root, run, same, serve, wait_until


class Elsewhere:
    """A shell in a mount namespace of its own, in which `source` is mounted at `target`."""

    def __init__(self, source, target, *options):
        need_root()
        need("unshare", "mount")
        mount = shlex.join(["mount", "--bind", str(source), str(target)])
        for option in options:
            mount += f" && mount -o remount,bind,{option} {shlex.quote(str(target))}"
        self.shell = Process("unshare", "--mount", "--propagation", "private", "sh", "-c",
                             f"{mount} && echo mounted && exec sleep infinity")
        wait_until(lambda: self.shell.out.bytes or self.shell.popen.poll() is not None, "a mount")
        if self.shell.popen.poll() is not None:
            raise Skip("mounting is forbidden here")

    def run(self, *command, **how):
        inside = ["nsenter", f"--mount=/proc/{self.shell.popen.pid}/ns/mnt"]
        return run(*inside, *command, **how)


def volume(directory):
    """A directory that is shared, and where others see it."""
    shared, seen = directory / "shared", directory / "seen"
    shared.mkdir()
    seen.mkdir()
    return shared, seen


def test_a_mounted_directory_survives_ten_restarts(directory):
    shared, seen = volume(directory)
    elsewhere = Elsewhere(shared, seen)
    for number in range(10):
        server = serve(shared / "s", "--ack", str(number))
        reply = elsewhere.run(HALLWAY, "request", seen / "s", "x").out
        same("reply", reply, b"%d\n" % number)
        if number % 2:
            server.popen.kill()
            server.wait()
        else:
            same("status", server.terminate(), 0)


def test_a_read_only_mount_keeps_no_client_away(directory):
    shared, seen = volume(directory)
    elsewhere = Elsewhere(shared, seen, "ro")
    serve(shared / "s", "--ack")
    same("reply", elsewhere.run(HALLWAY, "request", seen / "s", "x").out, b"__ACK__\n")
    refused = elsewhere.run(HALLWAY, "serve", seen / "new", status=1).err
    assert b"Read-only file system" in refused, refused


def test_a_mounted_socket_file_stays_the_dead_servers(directory):
    shared, seen = volume(directory)
    (seen / "s").touch()
    server = serve(shared / "s", "--ack")
    elsewhere = Elsewhere(shared / "s", seen / "s")
    same("reply", elsewhere.run(HALLWAY, "request", seen / "s", "x").out, b"__ACK__\n")
    same("status", server.terminate(), 0)
    serve(shared / "s", "--ack")
    elsewhere.run(HALLWAY, "request", seen / "s", "x", status=7)
    refused = elsewhere.run(HALLWAY, "serve", seen / "s", status=1).err
    assert b"mount the directory" in refused, refused


def test_a_directory_that_was_made_in_the_sockets_place_is_named(directory):
    os.mkdir(directory / "s")
    refused = run(HALLWAY, "serve", directory / "s", status=1).err
    assert b"a directory is in the way" in refused, refused
    run(HALLWAY, "request", directory / "s", "x", status=7)


main(globals())
