# SPDX-License-Identifier: Apache-2.0
"""Where a loop of the library lives: on asyncio's loop, or on one that blocks."""

from __future__ import annotations

import asyncio
import select
import sys
import traceback
from collections import deque
from typing import Any, Awaitable, Callable, Generator, TypeVar

from . import _core

T = TypeVar("T")

_ATTRIBUTE = "_hallway_guest"
_SPIN = "_hallway_spin"


def running_guest() -> _core.Guest:
    """The guest of the asyncio loop that runs in this thread; made if there is none.

    The loop refers to it, so it cannot outlive the loop. It ends by itself once nothing lives on it.
    """
    loop = asyncio.get_running_loop()
    guest: _core.Guest | None = getattr(loop, _ATTRIBUTE, None)
    if guest is None or guest.closed:
        guest = _core.Guest(loop, spin=getattr(loop, _SPIN, None))
        loop.add_reader(guest.fileno(), guest.turn)
        setattr(loop, _ATTRIBUTE, guest)
    return guest


def set_spin(seconds: float | None) -> None:
    """How long Hallway polls for the next message before the running asyncio loop sleeps again.

    It polls while messages come and go and the loop has nothing else to call, which makes an answer
    several times as fast: waking up takes longer than most answers. Other events can wait up to
    500 us for that, and for the poll that then goes on: at most 100 us, or `seconds` if that is more.
    Where it does not help, it stops by itself. 0 turns it off, for programs to which processor time
    matters more; None: the library's choice, 20 us.

    RuntimeError if something of Hallway is open on this loop: call it first.
    """
    if not isinstance(seconds, (int, float, type(None))):
        raise TypeError(f"seconds must be a number or None, not {type(seconds)}")
    if seconds is not None and not seconds >= 0:
        raise ValueError(f"seconds must not be negative: {seconds}")
    loop = asyncio.get_running_loop()
    guest: _core.Guest | None = getattr(loop, _ATTRIBUTE, None)
    if guest is not None and not guest.closed:
        raise RuntimeError("set_spin() is called before anything is opened on this loop")
    setattr(loop, _SPIN, seconds)


class BlockingHost:
    """Runs what is otherwise awaited, for programs without asyncio.

    It works only during its calls. Thread: the one that made it.
    """

    # As asyncio's loops have it. This host is never idle: a call that has ended returns at once.
    _ready = ("what follows the call",)

    def __init__(self) -> None:
        self._soon: deque[Callable[[], object]] = deque()
        self.guest = _core.Guest(self)
        self._poll = select.poll()
        self._poll.register(self.guest.fileno(), select.POLLIN)

    # What the guest asks of its host.

    def call_soon(self, call: Callable[[], object]) -> object:
        self._soon.append(call)
        return self

    def remove_reader(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        print(context["message"], file=sys.stderr)
        exception = context.get("exception")
        if exception is not None:
            traceback.print_exception(exception)

    # What the program asks.

    def turn(self) -> None:
        """Does what is to be done, or else waits for it. Ctrl-C ends the wait."""
        if not self._soon:
            self._poll.poll()
            self.guest.turn()
        self.turn_once()

    def turn_once(self) -> None:
        """Does what is to be done now, if anything."""
        while self._soon:
            self._soon.popleft()()

    def watch(self, descriptor: int) -> None:
        """Lets turn() return also when this descriptor is readable."""
        self._poll.register(descriptor, select.POLLIN)

    def run(self, awaitable: Awaitable[T]) -> T:
        """Awaits it. If that is interrupted, the awaitable is cancelled as a task would be."""
        steps = awaitable.__await__()
        try:
            future: Any = next(steps)
            while True:
                while not future.done():
                    self.turn()
                future = steps.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result
        except BaseException:
            steps.close()
            raise

    def close(self) -> None:
        self.turn_once()
        if not self.guest.closed:
            self.guest.close()
