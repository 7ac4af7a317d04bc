# SPDX-License-Identifier: Apache-2.0
"""asyncio's Unix sockets, on Hallway's listeners.

`start_unix_server`, `create_unix_server` and `open_unix_connection` have the signatures of
asyncio's own and serve with the loop that runs, also uvloop's. Every other name of this module is
asyncio's, so that one import is all that changes:

    from hallway import asyncio        # instead of: import asyncio

    server = await asyncio.start_unix_server(connected, "/run/app.sock", mode=0o660, group="staff")

What differs from asyncio:

- A live server's path is never taken: OSError EADDRINUSE names its pid and uid
  (python/cpython#121252). A dead server's socket is replaced; any other file is left alone, with
  FileExistsError.
- Mode, owner and group are in effect before the first client can connect, whatever the umask is
  (python/cpython#94984). Without `mode` only the own user can connect: 0o600.
- Closing the server removes the path if it is still the socket that was bound. A socket passed as
  `sock`, as a service manager does, keeps its name (python/cpython#133354). The argument
  cleanup_socket of Python 3.13 would have nothing to decide, and does not exist.
- A lock file, the path with ".lock" added, stands beside the socket while the server lives.
- Clients can connect from the start, also with start_serving=False: they wait until the server
  serves.
- A path may be longer than the 107 bytes that fit into a socket address.
- `writer.get_extra_info("peercred")` gives the peer's PeerCredentials.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl as tls
import struct
import sys

# By other names, so that a program may put ours in the place of these in the module asyncio.
from asyncio import open_unix_connection as _open_unix_connection
from asyncio import start_unix_server as _start_unix_server
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from hallway._core import Listener
from hallway._path import StrOrBytesPath, address_of

__all__ = [
    "PeerCredentials",
    "Server",
    "StreamWriter",
    "create_unix_server",
    "open_unix_connection",
    "peer_credentials",
    "start_unix_server",
]

_LIMIT = 2**16  # asyncio's own, of a StreamReader's buffer, in bytes
_BACKLOG = 100  # asyncio's own
_MODE = 0o600
_SUN_PATH_MAX = 107  # bytes of a path in a socket address
# Seconds between attempts to connect to a server whose queue is full; they double.
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05


def __getattr__(name: str) -> Any:
    return getattr(asyncio, name)


class PeerCredentials(NamedTuple):
    """The ids of a peer as the kernel recorded them when it connected, or when it began to
    listen."""

    pid: int  # 0 if the peer lives outside our pid namespace
    uid: int
    gid: int


def peer_credentials(connection: asyncio.BaseTransport | asyncio.StreamWriter) -> PeerCredentials:
    """The ids of the peer of a transport or writer. OSError if it is closed or closing."""
    if connection.is_closing():
        # uvloop's socket remembers its number, which another descriptor may have by now.
        raise OSError(errno.ENOTCONN, "the connection is closed")
    ids = struct.Struct("iII")
    connected = connection.get_extra_info("socket")
    answer = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, ids.size)
    return PeerCredentials(*ids.unpack(answer))


class StreamWriter(asyncio.StreamWriter):
    """asyncio's StreamWriter, whose get_extra_info() also knows "peercred", the PeerCredentials of
    the peer."""

    _peercred: PeerCredentials | None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peercred":
            return default if self._peercred is None else self._peercred
        return super().get_extra_info(name, default)


def _with_peercred(writer: asyncio.StreamWriter) -> StreamWriter:
    # asyncio's protocol makes the writer and lets nobody choose its class.
    writer.__class__ = StreamWriter
    assert isinstance(writer, StreamWriter)
    try:
        writer._peercred = peer_credentials(writer)
    except OSError:
        writer._peercred = None  # the connection has ended by now
    return writer


class _ListeningSocket(socket.socket):
    """The socket of a Listener, for the loop to serve. Whoever closes it closes the listener with
    it: asyncio calls close(), uvloop detach(). The loop holds the socket, and so the path lasts
    even if the program drops its Server."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(fileno=os.dup(listener.fileno()))
        self._listener = listener

    def close(self) -> None:
        self._listener.close()
        super().close()

    def detach(self) -> int:
        self._listener.close()
        return super().detach()


class Server(asyncio.AbstractServer):
    """A server on a Hallway listener. Whatever is not documented here is as in asyncio.Server."""

    def __init__(self, served: asyncio.AbstractServer, listener: Listener | None) -> None:
        self._served = served
        self._listener = listener

    @property
    def address(self) -> str | None:
        """The address as Hallway prints it, such as "unix:/run/app.sock". None if a socket was
        passed as `sock`."""
        return None if self._listener is None else self._listener.address

    def lost(self) -> str | None:
        """Why the path no longer leads to this server, such as "the socket file is gone", or None.
        Asks the file system. None also if the server is closed, or a socket was passed as
        `sock`."""
        if self._listener is None or self._listener.fileno() < 0:
            return None
        return self._listener.lost()

    @property
    def sockets(self) -> tuple[Any, ...]:
        # AbstractServer has none, every server of a loop does.
        return tuple(self._served.sockets)  # type: ignore[attr-defined]

    def close(self) -> None:
        # uvloop closes the socket an iteration later, and a new server may start before that.
        if self._listener is not None:
            self._listener.close()
        self._served.close()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._served.get_loop()

    def is_serving(self) -> bool:
        return self._served.is_serving()

    async def start_serving(self) -> None:
        await self._served.start_serving()

    async def serve_forever(self) -> None:
        await self._served.serve_forever()

    async def wait_closed(self) -> None:
        await self._served.wait_closed()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._served, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address} sockets={self.sockets!r}>"


async def _serve(
    start: Callable[..., Awaitable[asyncio.AbstractServer]],
    callback: Callable[..., object],
    path: StrOrBytesPath | None,
    sock: socket.socket | None,
    backlog: int,
    mode: int | None,
    owner: str | int | None,
    group: str | int | None,
    options: dict[str, Any],
) -> Server:
    """`start` is asyncio's function for `callback`, which says what is wrong with the arguments
    that are not ours."""
    # From 3.13 on, asyncio's loop removes the name itself, and also that of a socket passed to it.
    # uvloop neither does that nor knows the option.
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 13) and isinstance(loop, asyncio.SelectorEventLoop):
        options["cleanup_socket"] = False
    if path is None or sock is not None:
        if (mode, owner, group) != (None, None, None):
            raise ValueError("mode, owner and group are only meaningful with path")
        return Server(await start(callback, path, sock=sock, backlog=backlog, **options), None)

    listener = Listener.bind(
        address_of(path),
        mode=_MODE if mode is None else mode,
        owner=owner,
        group=group,
        backlog=backlog,
    )
    start_serving = options.pop("start_serving")
    listening = _ListeningSocket(listener)
    try:
        served = await start(
            callback, sock=listening, backlog=backlog, start_serving=False, **options
        )
    except BaseException:
        listening.close()  # an argument was refused: no loop has the socket
        raise
    server = Server(served, listener)
    if start_serving:
        try:
            await server.start_serving()
        except BaseException:
            server.close()
            raise
    return server


async def start_unix_server(
    client_connected_cb: Callable[[asyncio.StreamReader, StreamWriter], Awaitable[None] | None],
    path: StrOrBytesPath | None = None,
    *,
    limit: int = _LIMIT,
    sock: socket.socket | None = None,
    backlog: int = _BACKLOG,
    ssl: tls.SSLContext | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    start_serving: bool = True,
    mode: int | None = None,
    owner: str | int | None = None,
    group: str | int | None = None,
) -> Server:
    """asyncio.start_unix_server() on a Hallway listener: see the module for what differs.

    mode: permissions of the socket file; a client needs write permission. owner, group: names or
    numbers; without them, ours. Binding asks the file system, and the user database for names, on
    the loop's thread.

    OSError by errno, with operation, subject and hint: EADDRINUSE if a live server has the path,
    EEXIST if a file that is not a dead socket of ours is there, and those of bind(2).
    """

    def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Awaitable[None] | None:
        return client_connected_cb(reader, _with_peercred(writer))

    options = {
        "limit": limit,
        "ssl": ssl,
        "ssl_handshake_timeout": ssl_handshake_timeout,
        "ssl_shutdown_timeout": ssl_shutdown_timeout,
        "start_serving": start_serving,
    }
    return await _serve(
        _start_unix_server, connected, path, sock, backlog, mode, owner, group, options
    )


async def create_unix_server(
    protocol_factory: Callable[[], asyncio.BaseProtocol],
    path: StrOrBytesPath | None = None,
    *,
    sock: socket.socket | None = None,
    backlog: int = _BACKLOG,
    ssl: tls.SSLContext | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    start_serving: bool = True,
    mode: int | None = None,
    owner: str | int | None = None,
    group: str | int | None = None,
) -> Server:
    """The running loop's create_unix_server() on a Hallway listener: as start_unix_server(), for
    protocols. peer_credentials(transport) gives the peer's ids."""
    options = {
        "ssl": ssl,
        "ssl_handshake_timeout": ssl_handshake_timeout,
        "ssl_shutdown_timeout": ssl_shutdown_timeout,
        "start_serving": start_serving,
    }
    start = asyncio.get_running_loop().create_unix_server
    return await _serve(start, protocol_factory, path, sock, backlog, mode, owner, group, options)


async def open_unix_connection(
    path: StrOrBytesPath | None = None, *, limit: int = _LIMIT, **kwds: Any
) -> tuple[asyncio.StreamReader, StreamWriter]:
    """asyncio.open_unix_connection(), with "peercred" in the writer's extra info: the ids of the
    process that called listen(2). A path may have any length. If the server's queue of connections
    is full, this waits for room; asyncio returns a connection that is none."""
    if path is not None and kwds.get("sock") is None:
        kwds["sock"] = await _connect(path)
        path = None
    opened = _open_unix_connection(path, limit=limit, **kwds)  # type: ignore[arg-type]
    reader, writer = await opened
    return reader, _with_peercred(writer)


async def _connect(path: StrOrBytesPath) -> socket.socket:
    where = os.fsencode(path)
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        if len(where) <= _SUN_PATH_MAX or where.startswith(b"\0"):
            await _connect_to(connecting, where)
        else:
            # The kernel follows the link in /proc to the socket file itself.
            name = os.open(where, os.O_PATH | os.O_CLOEXEC)
            try:
                await _connect_to(connecting, os.fsencode(f"/proc/self/fd/{name}"))
            finally:
                os.close(name)
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _connect_to(connecting: socket.socket, where: bytes) -> None:
    # A Unix socket connects at once. If the queue is full it does not, with EAGAIN, and no descriptor
    # becomes ready when there is room.
    pause = _FIRST_PAUSE
    while True:
        try:
            return connecting.connect(where)
        except BlockingIOError:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
