# SPDX-License-Identifier: Apache-2.0
"""Datagram sockets."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Awaitable, Iterator, Optional

from . import _core
from ._connection import Address, Data, Descriptors
from ._host import BlockingHost, running_guest
from ._peer import Peer

Pair = tuple[bytes, Optional[str]]


@dataclass(frozen=True)
class Datagram:
    """One datagram, with what the kernel knows of its sender."""

    data: bytes
    sender: str | None
    """The name that the sender bound, as it wrote it; None: it has none and cannot be answered."""
    peer: Peer
    descriptors: list[int] | None
    """Owned by the program, which closes them. None: some that came were lost."""


def _datagram(taken: tuple[bytes, str | None, tuple[int, int, int], list[int] | None]) -> Datagram:
    data, sender, ids, descriptors = taken
    return Datagram(data, sender, Peer(*ids), descriptors)


class AsyncDatagramSocket(_core.DatagramSocket):
    """A datagram socket on an asyncio loop: every call that waits is awaited.

        async with hallway.AsyncDatagramSocket.bind("/run/app.log") as socket:
            async for data, sender in socket:
                ...

    Thread: that of the event loop.
    """

    __slots__ = ()

    @classmethod
    def bind(cls, address: Address, *, mode: int = 0o600, owner: str | int | None = None,
             group: str | int | None = None, descriptors: int = 0,
             max_message: int | None = None, on_path_lost: str | None = None
             ) -> AsyncDatagramSocket:
        """A socket with this name, which receives from any process that may write to it."""
        return cls._bind(running_guest(), address, mode=mode, owner=owner, group=group,
                         descriptors=descriptors, max_message=max_message,
                         on_path_lost=on_path_lost)

    @classmethod
    def connect(cls, address: Address, *, descriptors: int = 0, max_message: int | None = None,
                server_uid: int | None = None) -> AsyncDatagramSocket:
        """A socket for send() to `address`, with a name of its own so that it can be answered."""
        return cls._connect(running_guest(), address, descriptors=descriptors,
                            max_message=max_message, server_uid=server_uid)

    async def receive_full(self, timeout: float | None = None) -> Datagram:
        """The next datagram with its sender's ids and its descriptors."""
        return _datagram(await self.receive_datagram(timeout))

    def answer_to(self, datagram: Datagram, message: Data, descriptors: Descriptors = None,
                  timeout: float | None = None) -> Awaitable[None]:
        """Await it: sends to the sender of `datagram`, but only if its address is provably its own.

        send_to() to an address that a sender wrote would lend the sender this program's rights.
        PermissionError: the address is not the sender's; nothing was sent.
        """
        peer = datagram.peer
        return self.answer(datagram.sender, (peer.uid, peer.gid, peer.pid), message, descriptors,
                           timeout)

    async def __aenter__(self) -> AsyncDatagramSocket:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()


class DatagramSocket:
    """A datagram socket for programs without an event loop: every call blocks until it is done.

        with hallway.DatagramSocket.bind("/run/app.log") as socket:
            for data, sender in socket:
                ...

    It can be used by the thread that made it only. Ctrl-C ends a call.
    """

    __slots__ = ("_host", "_socket")

    def __init__(self, host: BlockingHost, socket: _core.DatagramSocket) -> None:
        self._host = host
        self._socket = socket

    @classmethod
    def bind(cls, address: Address, *, mode: int = 0o600, owner: str | int | None = None,
             group: str | int | None = None, descriptors: int = 0,
             max_message: int | None = None, on_path_lost: str | None = None) -> DatagramSocket:
        """A socket with this name, which receives from any process that may write to it.

        descriptors   how many one datagram may carry
        max_message   bytes; a longer datagram raises hallway.Truncated
        on_path_lost  as of serve()
        """
        host = BlockingHost()
        return cls(host, _core.DatagramSocket._bind(
            host.guest, address, mode=mode, owner=owner, group=group, descriptors=descriptors,
            max_message=max_message, on_path_lost=on_path_lost))

    @classmethod
    def connect(cls, address: Address, *, descriptors: int = 0, max_message: int | None = None,
                server_uid: int | None = None) -> DatagramSocket:
        """A socket for send() to `address`, with a name of its own so that it can be answered.

        server_uid  refuse to send to a socket of any other user
        """
        host = BlockingHost()
        return cls(host, _core.DatagramSocket._connect(
            host.guest, address, descriptors=descriptors, max_message=max_message,
            server_uid=server_uid))

    def receive(self, timeout: float | None = None) -> Pair:
        """The next datagram and the name of its sender (None: it has none)."""
        return self._host.run(self._socket.receive(timeout))

    def receive_full(self, timeout: float | None = None) -> Datagram:
        """The next datagram with its sender's ids and its descriptors."""
        return _datagram(self._host.run(self._socket.receive_datagram(timeout)))

    def send(self, message: Data, timeout: float | None = None) -> None:
        """Sends to the connected address; waits while the receiver's queue is full."""
        self._host.run(self._socket.send(message, timeout))

    def send_to(self, address: Address, message: Data, descriptors: Descriptors = None,
                timeout: float | None = None) -> None:
        """Sends to an address that this program chose; see answer_to() for one a sender wrote."""
        self._host.run(self._socket.send_to(address, message, descriptors, timeout))

    def answer_to(self, datagram: Datagram, message: Data, descriptors: Descriptors = None,
                  timeout: float | None = None) -> None:
        """Sends to the sender of `datagram`, but only if its address is provably its own.

        PermissionError: it is not; nothing was sent.
        """
        peer = datagram.peer
        self._host.run(self._socket.answer(datagram.sender, (peer.uid, peer.gid, peer.pid),
                                           message, descriptors, timeout))

    def __iter__(self) -> Iterator[Pair]:
        while True:
            yield self.receive()

    @property
    def address(self) -> str:
        """Its own name, as text."""
        return self._socket.address

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._socket.closed

    def fileno(self) -> int:
        """The number of the socket, which stays the socket's; -1 once closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """Closes the socket and removes its name."""
        self._socket.close()

    def __enter__(self) -> DatagramSocket:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
