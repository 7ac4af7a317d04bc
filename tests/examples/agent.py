# SPDX-License-Identifier: Apache-2.0
"""examples/agent: what datagrams bring, it publishes."""

import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

from _support import (HALLWAY, Process, example, gone, main, run, start, start_example,
                      stops_at_once)


def start_agent(directory):
    start(HALLWAY, "hub", directory / "hub")
    agent = Process(example("agent"), directory / "s", directory / "hub")
    agent.expect(b"ready\n")
    return agent


def test_it_publishes_each_datagram_and_counts_them(directory):
    agent = start_agent(directory)
    sink = Process(HALLWAY, "subscribe", "-v", "reports", "--at", directory / "hub", "--count", "2")
    sink.expect_error(b"subscribed")
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.sendto(b"one", str(directory / "s"))
    sender.sendto(b"two", str(directory / "s"))
    out = sink.ends_well()
    assert b"one" in out and b"two" in out, out
    count = run(HALLWAY, "request", "--subject", "agent.count", "--at", directory / "hub", "?")
    assert count.out == b"2\n", count.words
    stops_at_once(agent)
    gone(directory / "s")


def test_it_stops_at_once_while_nothing_comes(directory):
    stops_at_once(start_agent(directory))


def test_it_reports_that_there_is_no_hub(directory):
    agent = run(example("agent"), directory / "s", directory / "hub", status=1)
    assert agent.err.startswith(f"connect unix:{directory}/hub: ".encode()), agent.words


main(globals())
