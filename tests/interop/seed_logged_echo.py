# SPDX-License-Identifier: Apache-2.0
"""The seed "echo that logs with process name and number" (python-cookbook), both directions, with
its programs as they were written."""

from _support import HALLWAY, example, main, run, same, seed, serve, start, start_example


def logged(process, *lines):
    return "".join(f"[MainProcess ({process})] {line}\n" for line in lines).encode()


CLIENT_LOG = ["connecting ...", "connected", "sent: b'data'", "recv: b'data'"]
SERVER_LOG = ["wait for request ...", "start to handle request ...", "recv: b'data'",
              "sent: b'data'", "no data recv", "end handling request", "wait for request ..."]


def client_log(directory):
    client = run(*seed(directory, "logged_echo_client.py"), cwd=directory)
    process = client.err.split(b"(")[1].split(b")")[0].decode()
    return client.err, lambda *lines: logged(process, *lines)


def served_by_the_seed(directory, *client):
    server = start(*seed(directory, "logged_echo_server.py"), cwd=directory)
    out = run(*client, cwd=directory).out
    wanted = logged(server.popen.pid, *SERVER_LOG)
    server.err.wait_for(lambda got: len(got) >= len(wanted), wanted)
    same("server", server.err.bytes, wanted)
    return out


def test_the_command_talks_to_the_seeds_server(directory):
    out = served_by_the_seed(directory, HALLWAY, "request", "xxx.sock", "data", "--framing", "raw")
    same("reply", out, b"data\n")


def test_the_example_talks_to_the_seeds_server(directory):
    served_by_the_seed(directory, example("logged_echo_client"))


def test_the_command_serves_the_seeds_client_and_logs_the_process(directory):
    server = serve("xxx.sock", "--echo", "--framing", "raw:1024", "-v", cwd=directory)
    log, wanted = client_log(directory)
    same("client", log, wanted(*CLIENT_LOG))
    server.expect_error(b"connection 1: closed")
    same("status", server.terminate(), 0)
    process = f"[hallway ({server.popen.pid})] ".encode()
    lines = server.err.bytes.splitlines(keepends=True)
    assert all(line.startswith(process) for line in lines), server.describe()
    words = [line[len(process):] for line in lines]
    same("conversation", [line for line in words if b"bytes: " in line],
         [b"connection 1: received: 4 bytes: data\n", b"connection 1: sent: 4 bytes: data\n"])


def test_the_example_serves_the_seeds_client(directory):
    start_example("logged_echo_server", cwd=directory)
    log, wanted = client_log(directory)
    same("client", log, wanted(*CLIENT_LOG))


def test_the_seeds_client_logs_that_there_is_no_server(directory):
    log, wanted = client_log(directory)
    same("client", log, wanted("connecting ...", "[Errno 2] No such file or directory"))
    refused = run(HALLWAY, "request", "xxx.sock", "data", cwd=directory, status=7)
    assert refused.err.startswith(b"hallway: connect: unix:xxx.sock: "), refused.words


main(globals())
