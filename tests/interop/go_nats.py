# SPDX-License-Identifier: Apache-2.0
"""The official Go client of NATS, whose dialer opens our Unix socket."""

import re

from _go import go_program
from _nats import Hub
from _support import Process, SOURCE_DIR, main, run, same

LIBRARY = "github.com/nats-io/nats.go"


def sentences():
    text = (SOURCE_DIR / "tests/interop/programs/nats_client.go").read_text(encoding="utf-8")
    return re.findall(r'^\t\{"(.*)", \w+\},$', text, re.MULTILINE)


def test_it_finds_everything_as_it_expects_it(directory):
    program = go_program("nats_client", LIBRARY)
    hub = Hub(directory)
    held = run(program, "suite", hub.address).out.decode()
    same("what holds", held.splitlines(), sentences())


def test_it_comes_back_to_a_hub_that_was_killed(directory):
    program = go_program("nats_client", LIBRARY)
    hub = Hub(directory)
    client = Process(program, "return", hub.address)
    client.expect(b"connected\n")
    hub.process.end_now()
    client.expect(b"gone\n")
    Hub(directory)
    client.expect_exactly(b"connected\ngone\nback\nheard what was said meanwhile and after\n")


def test_it_is_told_when_the_hub_goes(directory):
    program = go_program("nats_client", LIBRARY)
    hub = Hub(directory)
    client = Process(program, "return", hub.address)
    client.expect(b"connected\n")
    same("status", hub.process.terminate(), 0)
    client.expect_exactly(b"connected\ntold that the hub goes\ngone\n")


main(globals())
