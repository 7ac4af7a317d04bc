# SPDX-License-Identifier: Apache-2.0
"""Publishers as fast as they can be, with the official clients of NATS: nobody who reads is cut, and nothing
is lost. The shapes are those of `nats bench`."""

import pathlib
import re

from _go import go_program
from _nats import Hub
from _support import SOURCE_DIR, Process, Skip, main, need, run, sanitized, same

# Publishers, subscribers, messages, bytes of each.
SHAPES = ((1, 1, 200_000, 128), (2, 2, 100_000, 128), (2, 4, 50_000, 1024), (1, 2, 20_000, 16384))
ALL = b"everything came in order\n"

PART = 10 if sanitized() else 1


def shapes():
    for publishers, subscribers, messages, size in SHAPES:
        yield [str(number) for number in (publishers, subscribers, messages // PART, size)]


def test_readers_in_go_get_all_of_a_burst(directory):
    program = go_program("nats_burst", "github.com/nats-io/nats.go")
    hub = Hub(directory)
    for shape in shapes():
        same(" ".join(shape), run(program, hub.address, *shape).out, ALL)


def test_a_client_in_go_gets_250_mebibytes_of_its_own(directory):
    program = go_program("nats_burst", "github.com/nats-io/nats.go")
    hub = Hub(directory)
    for size in (1 << 10, 1 << 18):
        messages = str((250 << 20) // size // PART)
        same(f"of {size}", run(program, hub.address, "itself", messages, str(size)).out, ALL)


def test_readers_in_c_get_all_of_a_burst(directory):
    need("cc", "socat")
    if not pathlib.Path("/usr/include/nats/nats.h").exists():
        raise Skip("libnats-dev is not installed")
    program = directory / "nats_burst"
    run("cc", "-O2", "-o", program, SOURCE_DIR / "tests/interop/programs/nats_burst.c", "-lnats", "-lpthread")
    hub = Hub(directory)
    bridge = Process("socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork", f"UNIX-CONNECT:{hub.address}")
    listening = re.compile(rb"listening on \S+ (\S+:\d+)\n")
    url = b"nats://" + listening.search(bridge.err.wait_for(listening.search, "an address"))[1]
    for shape in shapes():
        same(" ".join(shape), run(program, url.decode(), *shape).out, ALL)


main(globals())
