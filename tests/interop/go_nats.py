# SPDX-License-Identifier: Apache-2.0
"""The official Go client of NATS: as it is over TCP, and with a dialer that opens our Unix socket."""

import re

from _go import nats_program
from _nats import hubs
from _support import Process, SOURCE_DIR, main, run, same


def sentences():
    text = (SOURCE_DIR / "tests/interop/programs/nats_client.go").read_text(encoding="utf-8")
    return re.findall(r'^\t\{"(.*)", \w+\},$', text, re.MULTILINE)


def test_it_finds_everything_as_it_expects_it(directory):
    program = nats_program("nats_client")
    for hub in hubs(directory):
        held = run(program, "suite", hub.where).out.decode()
        same(f"what holds at {hub.name}", held.splitlines(), sentences())


def test_it_comes_back_to_a_hub_that_was_killed(directory):
    program = nats_program("nats_client")
    for hub in hubs(directory):
        client = Process(program, "return", hub.where)
        client.expect(b"connected\n")
        hub.process.end_now()
        client.expect(b"gone\n")
        hub.again()
        client.expect_exactly(b"connected\ngone\nback\nheard what was said meanwhile and after\n")


def test_it_is_notified_when_the_hub_goes(directory):
    program = nats_program("nats_client")
    for hub in hubs(directory):
        client = Process(program, "return", hub.where)
        client.expect(b"connected\n")
        same("status", hub.process.terminate(), 0)
        client.expect_exactly(b"connected\ntold that the hub goes\ngone\n")


main(globals())
