# SPDX-License-Identifier: Apache-2.0
"""examples/job_broker: it waits for a job, the end of its worker, or a time."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import connect, example, main, receive_line, run, start_example, stops_at_once

WORKER = """
while read job; do
  case $job in end) echo ended; exit 3;; wait) cat fifo;; *) echo "did $job";; esac
done
"""


def broker(directory, idle=3_600_000):
    return start_example("job_broker", directory / "s", idle, "/bin/sh", "-c", WORKER,
                         cwd=directory)


def test_jobs_of_all_clients_are_done_in_turn(directory):
    server = broker(directory)
    first, second = connect(directory / "s"), connect(directory / "s")
    first.sendall(b"one\n")
    server.expect(b"one: did one\n")
    second.sendall(b"two\nthree\n")
    server.expect(b"two: did two\nthree: did three\n")
    assert receive_line(first) == b"queued\n"
    stops_at_once(server)


def test_a_worker_that_ends_is_started_again(directory):
    server = broker(directory)
    client = connect(directory / "s")
    client.sendall(b"end\n")
    server.expect(b"end: ended\nthe worker ended: exit status 3\n")
    client.sendall(b"again\n")
    server.expect(b"again: did again\n")
    stops_at_once(server)


def test_the_jobs_that_wait_are_done_before_it_ends(directory):
    os.mkfifo(directory / "fifo")
    server = broker(directory)
    client = connect(directory / "s")
    client.sendall(b"wait\ntwo\n")
    assert receive_line(client) + receive_line(client) == b"queued\nqueued\n"
    server.popen.send_signal(signal.SIGTERM)
    assert client.recv(1) == b"", "it drains"
    with open(directory / "fifo", "w", encoding="utf-8") as fifo:
        fifo.write("waited\n")
    assert server.ends_well() == b"wait: waited\ntwo: did two\n", server.describe()


def test_it_notices_that_there_is_nothing_to_do(directory):
    server = broker(directory, idle=10)
    server.expect(b"nothing to do\nnothing to do\n")
    stops_at_once(server)


def test_it_reports_that_there_is_no_worker(directory):
    server = run(example("job_broker"), directory / "s", 10, "./worker", cwd=directory, status=1)
    assert server.err == b"start ./worker: No such file or directory\n", server.words


main(globals())
