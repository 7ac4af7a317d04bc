# SPDX-License-Identifier: Apache-2.0
"""The identity of a peer, as the kernel reports it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from . import _core


@dataclass(frozen=True)
class Peer:
    """The ids of the process at the other end, recorded when it connected or began to listen.

    If that process has since changed its uid or passed the socket on, they are still those of the
    process that connected. Decide about rights by `uid` and `gid` only: a `pid` may be used again
    by another process.
    """

    uid: int
    gid: int
    pid: int
    """0: unknown, because the peer lives outside of this pid namespace."""

    _connection: _core.Client | _core.Connection | None = field(default=None, repr=False,
                                                                compare=False)

    @property
    def name(self) -> str:
        """The name of the process; empty if unknown. For people: a process chooses its own name."""
        try:
            with open(f"/proc/{self.pid}/comm", "rb") as comm:
                return os.fsdecode(comm.read().removesuffix(b"\n"))
        except OSError:
            return ""

    def groups(self) -> list[int]:
        """The supplementary groups of the peer. Asks the kernel, not the user database.

        hallway.Closed: the connection is closed. ValueError: the peer of a datagram or an event,
        for which the kernel has no list.
        """
        return self._asked()._peer_groups()

    def pidfd(self) -> int:
        """A pidfd of the peer, which the caller closes. Unlike a pid it never means another process.

        OSError with errno ENOPROTOOPT: the kernel is older than 6.5. Otherwise as groups().
        """
        return self._asked()._peer_pidfd()

    def _asked(self) -> _core.Client | _core.Connection:
        # The connection and not the number of its socket, which another one may have later.
        if self._connection is None:
            raise ValueError("this peer is not that of a connection: only its ids are known")
        return self._connection

    def __str__(self) -> str:
        name = self.name
        return f"pid {self.pid}{f' ({name})' if name else ''}, uid {self.uid}"
