# SPDX-License-Identifier: Apache-2.0
"""Publishers as fast as they can be, with the official clients of NATS: no client that reads is disconnected, and nothing
is lost. The shapes are those of `nats bench`."""

import pathlib

from _go import nats_program
from _nats import hubs
from _support import SOURCE_DIR, Skip, main, need, run, sanitized, same

# Publishers, subscribers, messages, bytes of each.
SHAPES = ((1, 1, 200_000, 128), (2, 2, 100_000, 128), (2, 4, 50_000, 1024), (1, 2, 20_000, 16384))
ALL = b"everything came in order\n"

PART = 10 if sanitized() else 1

# Seconds, more than the programs themselves wait.
LONGEST = 110


def shapes():
    for publishers, subscribers, messages, size in SHAPES:
        yield [str(number) for number in (publishers, subscribers, messages // PART, size)]


def test_readers_in_go_get_all_of_a_burst(directory):
    program = nats_program("nats_burst")
    for hub in hubs(directory):
        for shape in shapes():
            same(f"{hub.name}: {shape}", run(program, hub.where, *shape, within=LONGEST).out, ALL)


def test_a_client_in_go_gets_250_mebibytes_of_its_own(directory):
    program = nats_program("nats_burst")
    for hub in hubs(directory):
        for size in (1 << 10, 1 << 18):
            messages = str((250 << 20) // size // PART)
            got = run(program, hub.where, "itself", messages, str(size), within=LONGEST).out
            same(f"{hub.name}: of {size}", got, ALL)


def test_readers_in_c_get_all_of_a_burst(directory):
    need("cc")
    if not pathlib.Path("/usr/include/nats/nats.h").exists():
        raise Skip("libnats-dev is not installed")
    program = directory / "nats_burst"
    run("cc", "-O2", "-o", program, SOURCE_DIR / "tests/interop/programs/nats_burst.c", "-lnats", "-lpthread")
    for hub in hubs(directory):
        url = hub.url()
        for shape in shapes():
            same(f"{hub.name}: {shape}", run(program, url, *shape, within=LONGEST).out, ALL)


main(globals())
