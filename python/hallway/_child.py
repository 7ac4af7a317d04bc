# SPDX-License-Identifier: Apache-2.0
"""Child processes with a connection to this one."""

from __future__ import annotations

import signal
from types import TracebackType
from typing import Any, Iterable, Mapping

from . import _core
from ._connection import Connection
from ._host import running_guest


class Child(_core.Child):
    """A process that spawn() has started. Closing its connection does not kill it."""

    __slots__ = ("connection",)

    connection: Connection
    """Its standard input and output."""

    async def wait(self) -> int:
        """Waits until it has ended. Its exit status; -N: signal N has ended it."""
        code, number = await self._wait()
        return -number if number else code

    async def __aenter__(self) -> Child:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.connection.close()


def spawn(command: Iterable[str], *, type: str = "stream",
          environment: Mapping[str, str] | None = None, own_group: bool = False,
          **options: Any) -> Child:
    """Starts a program with one end of a socket pair as its standard input and output.

        async with hallway.spawn(["sort"]) as child:
            for line in lines: await child.connection.send(line)
            child.connection.half_close()
            async for line in child.connection: print(line)
            status = await child.wait()

    command      the program, found through PATH, and its arguments
    environment  variables that are added, or replace inherited ones
    own_group    start it in a process group of its own: Ctrl-C in the terminal does not reach it
    options      framing, max_message and so on, as of connect()

    It inherits the standard error and no other descriptor. Needs a running asyncio loop.
    """
    entries = None if environment is None else [_entry(*item) for item in environment.items()]
    child, connection = Child._spawn(running_guest(), command, Connection, type=type,
                                     environment=entries, own_group=own_group, **options)
    child.connection = connection
    return child


def _entry(name: str, value: str) -> str:
    if not name or "=" in name:
        raise ValueError(f"environment: not the name of a variable: {name!r}")
    return f"{name}={value}"
