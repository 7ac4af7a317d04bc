# SPDX-License-Identifier: Apache-2.0
"""Connections: Client for programs that block, Connection for asyncio."""

from __future__ import annotations

import os
from types import TracebackType
from typing import (Any, AsyncIterator, Awaitable, Generator, Iterable, Iterator, Optional, Protocol,
                    Union)

from . import _core
from ._host import running_guest
from ._peer import Peer

Address = Union[str, bytes, "os.PathLike[str]"]
Data = Union[bytes, bytearray, memoryview, str]


class HasFileno(Protocol):
    """A file, a socket, or anything else with a descriptor."""

    def fileno(self) -> int: ...


Descriptors = Optional[Iterable[Union[int, HasFileno]]]


class Client(_core.Client):
    """A connection for programs without an event loop; connect() makes it.

        with hallway.connect("/run/app.sock", timeout=1.0) as client:
            print(client.request(b"status", timeout=1.0), client.peer.uid)
            for message in client:          # until the end of the stream
                client.send(message)

    Every call blocks until it is done or its timeout is over. Ctrl-C ends it, as does any signal
    whose handler raises; the client can be used further. One call at a time: another thread may only
    call close(), which ends the call that waits.
    """

    __slots__ = ()

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return Peer(*self._peer, self)

    def batches(self) -> Iterator[list[bytes]]:
        """Iterates over lists of messages: each list is what was there, until the stream ends."""
        while batch := self.receive_many():
            yield batch


class Connection(_core.Connection):
    """A connection on an asyncio loop: what a handler of serve() gets, and what open() makes.

        async def echo(peer: hallway.Connection) -> None:
            async for message in peer:                 # until the end of the stream
                await peer.send(message)

    Messages that are there already are given without a pass of the event loop. One task at a time
    receives; any number may send. Thread: that of the event loop.
    """

    __slots__ = ()

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return Peer(*self._peer, self)

    def batches(self) -> Batches:
        """For `async for`: lists of messages, each what was there, until the stream ends."""
        return Batches(self)

    def request(self, message: Data, timeout: float | None = 30.0) -> Awaitable[bytes]:
        """Await it: sends one message and gives the next that arrives.

        `timeout` limits the wait for the answer. BrokenPipeError: the stream has ended without one.
        """
        if self.try_send(message):
            return self._receive_answer(timeout)
        return self._request_slowly(message, timeout)

    async def _request_slowly(self, message: Data, timeout: float | None) -> bytes:
        await self.send(message)
        return await self._receive_answer(timeout)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()


class Batches:
    """What Connection.batches() returns."""

    __slots__ = ("_next",)

    def __init__(self, connection: Connection) -> None:
        self._next = connection._next_batch

    def __aiter__(self) -> AsyncIterator[list[bytes]]:
        return self

    def __anext__(self) -> Awaitable[list[bytes]]:
        return self._next()


class Opening:
    """What open() returns: await it, or use it with `async with`."""

    __slots__ = ("_address", "_options", "_opened")

    def __init__(self, address: Address, options: dict[str, Any]) -> None:
        self._address = address
        self._options = options

    def __await__(self) -> Generator[Any, None, Connection]:
        return Connection._connect(running_guest(), self._address, **self._options).__await__()

    async def __aenter__(self) -> Connection:
        self._opened = await self
        return self._opened

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self._opened.close()


def connect(address: Address, *, timeout: float | None = 5.0, retry_for: float = 0.0,
            type: str = "stream", framing: str = "lines", max_message: int | None = None,
            descriptors: int = 0, server_uid: int | None = None, spin: float | None = None,
            **limits: Any) -> Client:
    """Connects, and returns a Client; use it with `with`. For asyncio, see open().

    address      "/run/app.sock", "@name" (abstract), "fd:3", any text of hallway(1)
    timeout      seconds for each attempt to connect
    retry_for    seconds to try again while no server listens there, so that programs can start in
                 any order
    type         "stream" or "seqpacket"
    framing      how a stream is divided into messages: "lines", "null", "len32", "len32be",
                 "len32le", "raw", "raw:N"
    max_message  bytes of the largest message, in both directions; 1 MiB
    descriptors  how many one message may carry here; 0 refuses them
    server_uid   refuse a server of any other user, before a byte is sent
    spin         seconds to poll before each sleep; None: the library's choice
    limits       message_time, idle_time, outbound_soft, ...: see docs/LIMITS.md

    FileNotFoundError or ConnectionRefusedError: no server listens there.
    """
    return Client.connect(address, timeout=timeout, retry_for=retry_for, type=type,
                          framing=framing, max_message=max_message, descriptors=descriptors,
                          server_uid=server_uid, spin=spin, **limits)


def open(address: Address, *, timeout: float | None = 5.0, retry_for: float = 0.0,
         type: str = "stream", framing: str = "lines", max_message: int | None = None,
         descriptors: int = 0, server_uid: int | None = None, **limits: Any) -> Opening:
    """Connects from asyncio: `await hallway.open(...)`, or `async with hallway.open(...) as peer`.

    The arguments are those of connect().
    """
    return Opening(address, dict(timeout=timeout, retry_for=retry_for, type=type, framing=framing,
                                 max_message=max_message, descriptors=descriptors,
                                 server_uid=server_uid, **limits))


def pair(*, type: str = "stream", **options: Any) -> tuple[Connection, Connection]:
    """Two connections on the running asyncio loop, connected to each other."""
    return Connection._pair(running_guest(), type=type, **options)


def adopt(descriptor: int, **options: Any) -> Connection:
    """A connection on the running asyncio loop from the number of a connected socket.

    The connection owns it from then on: pass `sock.detach()`.
    """
    return Connection._adopt(running_guest(), descriptor, **options)
