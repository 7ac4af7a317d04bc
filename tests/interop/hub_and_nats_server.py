# SPDX-License-Identifier: Apache-2.0
"""Our hub and a nats-server get the same input, and what every client receives is compared.

Transcripts are made from seeds: HALLWAY_TRANSCRIPTS is how many (300), HALLWAY_SEED the first (1).
docs/NATS.md says what is compared, and where the two differ.
"""

import os
import re

from _differences import DIFFERENCES
from _nats import Client, Hub, NatsServer, TcpHub, normalised, play
from _support import SOURCE_DIR, main, same
from _transcripts import Operation, Step, Writer, shortened


def differ(servers, transcript):
    """What each server's clients heard, where that is not the same."""
    heard = [normalised(play(server, transcript)) for server in servers]
    return heard if heard[0] != heard[1] else None


def shrunk(servers, transcript):
    """The same difference with less said."""
    index = 0
    while index < transcript.size():
        less = transcript.without(index)
        if differ(servers, less):
            transcript = less
        else:
            index += 1
    return transcript


def explain(servers, seed, transcript):
    transcript = shrunk(servers, transcript)
    heard = [normalised(play(server, transcript)) for server in servers]
    lines = [f"seed {seed}:", str(transcript)]
    for who in range(transcript.clients):
        ours, theirs = (streams[who] for streams, _ in heard)
        if ours != theirs:
            for server, stream in zip(servers, (ours, theirs)):
                lines.append(f"client {who} of {server.name} received")
                lines += [f"    {shortened(one.line + one.payload)}" for one in stream]
    groups = [groups for _, groups in heard]
    for server, one, other in zip(servers, groups, reversed(groups)):
        lines += [f"only members of {server.name}: {shortened(message.line + message.payload)}"
                  for message in one - other]
    return "\n".join(lines)


def test_every_client_receives_the_same(directory):
    compare((Hub(directory), NatsServer(directory)))


def test_every_client_receives_the_same_over_tcp(directory):
    compare((TcpHub(directory), NatsServer(directory)))


def compare(servers):
    count = int(os.environ.get("HALLWAY_TRANSCRIPTS", 300))
    first = int(os.environ.get("HALLWAY_SEED", 1))
    avoided = [difference.avoided for difference in DIFFERENCES]
    for seed in range(first, first + count):
        transcript = Writer(seed, avoided).transcript()
        if differ(servers, transcript):
            raise AssertionError(explain(servers, seed, transcript))


def fits(heard, wanted):
    """Whether it is what is wanted, where ... stands for anything."""
    pattern = b".*".join(re.escape(part) for part in wanted.split(b"..."))
    return re.fullmatch(pattern, heard, re.DOTALL)


def test_the_differences_are_those_we_want(directory):
    servers = Hub(directory), NatsServer(directory)
    for difference in DIFFERENCES:
        for server, wanted in zip(servers, (difference.ours, difference.theirs)):
            client = Client(server)
            client.play(Step(0, (Operation(difference.said),)))
            client.close()
            heard = [one.line + one.payload for one in client.heard[1:]]
            assert len(heard) == len(wanted) and all(map(fits, heard, wanted)), (
                f"{difference.what}: {server.name} says {heard}")


def test_the_differences_are_documented(_):
    text = (SOURCE_DIR / "docs/NATS.md").read_text(encoding="utf-8").partition("# Where it differs")[2]
    rows = [row.strip("|").split("|") for row in text.splitlines() if row.startswith("| ")][1:]
    same("table", [tuple(cell.strip().replace("`", "") for cell in row) for row in rows],
         [(difference.what, difference.why) for difference in DIFFERENCES])


main(globals())
