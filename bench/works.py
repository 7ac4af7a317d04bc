# SPDX-License-Identifier: Apache-2.0
"""What is measured, and what has to come out: one Row for each target of docs/PERFORMANCE.md.

A Case is one work done by several programs in several placements. A Check asks something of the
measured lines, nearly always the ratio of two programs in the same round, because absolute times
drift. A Curve runs a work at growing values of one argument.
"""

from dataclasses import dataclass, field
from statistics import median
from typing import Callable

SPLIT, SAME, UNPINNED = "split", "same", "unpinned"
EVERYWHERE = (SPLIT, SAME, UNPINNED)


@dataclass(frozen=True)
class Case:
    work: str
    programs: tuple[str, ...]
    placements: tuple[str, ...] = EVERYWHERE
    size: int = 64
    arguments: dict = field(default_factory=dict)  # {"subscribers": 10}: further --options
    better: str = "less"  # or "more"
    rounds: int | None = None  # fewer than the run asks for


@dataclass(frozen=True)
class Check:
    text: str
    asked: str  # ">= 0.6"
    reached: Callable  # of a Measured; None where a program is not there


@dataclass(frozen=True)
class Curve:
    title: str
    x: str
    y: str
    work: str
    programs: tuple[str, ...]
    argument: str  # the option that grows
    values: tuple[int, ...]
    point: Callable  # of one line: its y
    placement: str = SPLIT
    arguments: dict = field(default_factory=dict)
    rounds: int = 3


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    target: str
    cases: tuple[Case, ...] = ()
    checks: tuple[Check, ...] = ()
    curves: tuple[Curve, ...] = ()


def ratio(program, others, work, placement, size=64, value="value", **arguments):
    """The median of program / other in the same round. Of several others the best one counts, in
    each round anew; others that are not there do not count."""
    if isinstance(others, str):
        others = (others,)

    def of(measured):
        ours = measured.lines(work, program, placement, size, arguments)
        theirs = [measured.lines(work, other, placement, size, arguments) for other in others]
        theirs = [lines for lines in theirs if lines]
        if not ours or not theirs:
            return None
        best = min if measured.better(work) == "less" else max
        return median(
            mine[value] / best(line[value] for line in same_round)
            for mine, *same_round in zip(ours, *theirs)
        )

    return of


def absolute(program, work, placement, size=64, value="value", **arguments):
    """The median of a figure."""

    def of(measured):
        lines = measured.lines(work, program, placement, size, arguments)
        return median(line[value] for line in lines) if lines else None

    return of


# --- round trips ----------------------------------------------------------------------------------

ROUND_TRIP_PEERS = ("asio", "libuv", "libevent", "zmq", "nng", "python", "python_asyncio", "node")

ROWS = (
    Row(
        "P1",
        "round trip of 64 B, stream, split and unpinned",
        "at most 1.10x raw hybrid, at most 1/15 of every peer",
        (Case("pingpong", ("hallway", "raw_blocking"), (SPLIT, UNPINNED)),),
        (
            Check(
                "split: x raw blocking",
                "<= 1.10",
                ratio("hallway", "raw_blocking", "pingpong", SPLIT),
            ),
        ),
    ),
)
