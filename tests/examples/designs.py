# SPDX-License-Identifier: Apache-2.0
"""The programs of the first page of the design: what they promise to the letter."""

import array
import grp
import os
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import (DEADLINE, Process, Skip, as_nobody, connect, default_address, example, gone,
                      main, need_root, receive_line, run, same, start_example, stops_at_once)


def test_design_echo_answers_every_line_and_drains_on_sigterm(directory):
    with default_address() as address:
        server = start_example("design_echo")
        client = connect(address)
        client.sendall(b"hello\n\nlast")
        same("echo", receive_line(client) + receive_line(client), b"hello\n\n")
        client.shutdown(socket.SHUT_WR)
        same("the last line", receive_line(client), b"last\n")
        same("status", server.terminate(), 0)
        gone(address)


def test_design_echo_names_the_process_that_has_the_address(directory):
    with default_address() as address:
        first = start_example("design_echo")
        second = run(example("design_echo"), status=1)
        wanted = (f"bind unix:{address}: in use by pid {first.popen.pid} (design_echo), "
                  f"uid {os.geteuid()}\n")
        assert second.err.startswith(wanted.encode()), second.words
        first.terminate()


def test_design_client_prints_the_reply(directory):
    address = directory / "app"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    listener.settimeout(DEADLINE)
    client = Process(example("design_client"), address)
    server, _ = listener.accept()
    same("request", receive_line(server), b"status\n")
    server.sendall(b"all is well\n")
    same("output", client.ends_well(), b"all is well\n")


def test_design_client_gives_up_after_a_second(directory):
    address = directory / "app"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    silent = run(example("design_client"), address, status=1)
    assert b"no message came in time" in silent.err, silent.words


def test_design_client_reports_that_there_is_no_server(directory):
    nobody = run(example("design_client"), directory / "app", status=1)
    assert nobody.err.startswith(f"connect unix:{directory}/app: ".encode()), nobody.words


def camera(directory):
    try:
        video = grp.getgrnam("video").gr_gid
    except KeyError:
        raise Skip("there is no group video") from None
    if os.geteuid() != 0 and video not in os.getgroups():
        raise Skip("only root or a member of group video may give a file to it")
    directory.chmod(0o755)
    return start_example("design_camera", directory / "camera"), video


def test_design_camera_writes_into_the_memory_it_is_given(directory):
    server, video = camera(directory)
    if os.geteuid() == 0:
        os.setgroups([video])
    status = os.stat(directory / "camera")
    same("mode and group", (oct(status.st_mode & 0o777), status.st_gid), ("0o660", video))
    viewer = connect(directory / "camera", socket.SOCK_SEQPACKET)
    memory = [os.memfd_create("frame") for _ in range(2)]
    socket.send_fds(viewer, [b"frame, please"], memory)
    same("answer", viewer.recv(100), b"frame 1 is in 2 descriptors")
    same("memory", [os.pread(one, 100, 0) for one in memory], [b"frame 1", b"frame 1"])
    viewer.close()
    same("status", server.terminate(), 0)


def test_design_camera_turns_others_away(directory):
    need_root()
    camera(directory)
    program = ("import socket, sys\n"
               "client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
               "try: client.connect(sys.argv[1])\n"
               "except PermissionError as error: print(error)\n")
    other = run(*as_nobody("/usr/bin/env", "python3", "-c", program, directory / "camera"))
    same("output", other.out, b"[Errno 13] Permission denied\n")


def test_design_child_gives_its_words_to_the_worker(directory):
    worker = directory / "worker"
    worker.write_text('#!/bin/sh\nwhile read word; do echo "$1: $word"; done\nexit 0\n')
    worker.chmod(0o755)
    parent = run(example("design_child"), "one", "two", cwd=directory)
    same("output", parent.out, b"--fast: one\n--fast: two\nthe worker ended: exit status 0\n")


def test_design_child_says_how_the_worker_ended(directory):
    worker = directory / "worker"
    worker.write_text("#!/bin/sh\nkill -TERM $$\n")
    worker.chmod(0o755)
    parent = run(example("design_child"), cwd=directory, status=1)
    same("output", parent.out, b"the worker ended: signal 15 (Terminated)\n")


def test_design_child_reports_that_there_is_no_worker(directory):
    parent = run(example("design_child"), cwd=directory, status=1)
    same("words", parent.err, b"start ./worker: No such file or directory\n")


def test_design_tasks_gives_jobs_to_clients_and_stops_at_once(directory):
    server = start_example("design_tasks", directory / "jobs")
    client = connect(directory / "jobs")
    client.sendall(b"sweep\n")
    lines = {receive_line(client), receive_line(client)}
    same("lines", lines, {b"kept\n", b"do sweep\n"})
    stops_at_once(server)


main(globals())
