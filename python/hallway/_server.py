# SPDX-License-Identifier: Apache-2.0
"""Servers."""

from __future__ import annotations

import asyncio
import atexit
import builtins
import contextlib
import inspect
import os
import signal
import socket
import threading
from types import TracebackType
from typing import Any, Awaitable, Callable, Iterable, NamedTuple, Optional, Union

from . import _core
from ._connection import Address, Client, Connection, Data
from ._host import BlockingHost, running_guest
from ._peer import Peer

AsyncHandler = Callable[[Connection], Awaitable[object]]
ThreadHandler = Callable[[Client], object]
Handler = Union[AsyncHandler, ThreadHandler]

_CONNECTION_OPTIONS = frozenset({
    "framing", "descriptors", "overflow", "max_message", "message_time", "handshake_time",
    "idle_time", "outbound_soft", "outbound_soft_time", "outbound_hard", "send_buffer"})


class ServerEvent(NamedTuple):
    """Something a program may want to log."""

    kind: str
    """connected, turned_away, closed, accepting_paused, accepting_resumed, handler_threw, path_lost,
    path_regained or taken_over."""
    connection: int
    """The number of the connection; 0: the event is not about one."""
    peer: Peer
    reason: str
    counters: dict[str, int]
    path: str


class Server:
    """A server, which serve() makes. It listens as long as `with` or `async with` lasts."""

    def __init__(self, address: Address, handler: Handler,
                 on_event: Callable[[ServerEvent], object] | None, options: dict[str, Any]) -> None:
        self._address = address
        self._handler: Any = handler
        self._on_event = on_event
        self._options = {name: value for name, value in options.items() if value is not None}
        self._core: _core.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: _ServerThread | None = None
        self._name = ""

    @property
    def address(self) -> str:
        """Where it listens, as text."""
        return self._name

    @property
    def connections(self) -> int:
        """How many connections are open."""
        if self._thread is not None:
            return self._thread.connections
        return self._open_core().connections

    # asyncio ------------------------------------------------------------------------------------

    async def __aenter__(self) -> Server:
        if not _is_async(self._handler):
            raise TypeError("with `async with`, the handler must be an async function")
        self._start(running_guest(), Connection, self._admit)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stops at once: closes every connection, cancels the handlers and removes the name."""
        if self._core is not None:
            self._core.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def run(self, drain_on: Iterable[str] = ("SIGINT", "SIGTERM")) -> None:
        """Serves until one of these signals arrives, then drains. A second signal ends it at once.

        Without signals it serves until the task is cancelled.
        """
        loop = asyncio.get_running_loop()
        arrived = asyncio.Semaphore(0)
        signals = _signals(drain_on)
        for number in signals:
            loop.add_signal_handler(number, arrived.release)
        try:
            await arrived.acquire()
            drain = asyncio.ensure_future(self.drain())
            again = asyncio.ensure_future(arrived.acquire())
            await asyncio.wait([drain, again], return_when=asyncio.FIRST_COMPLETED)
            drain.cancel()
            again.cancel()
            await asyncio.gather(drain, again, return_exceptions=True)
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def drain(self, within: float | None = None) -> bool:
        """Ends gracefully: refuses new clients, serves what has arrived, and lets the handlers end.

        Their receives end once what the peer has sent is taken. After `within` seconds (10, or the
        option drain_time) the rest is closed; then the result is False.
        """
        core = self._open_core()
        if within is None:
            within = float(self._options.get("drain_time", 10.0))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        core.drain()
        # The kernel's queue is served first: a server that looks idle twice in a row is.
        idle = 0
        while idle < 2:
            await asyncio.sleep(0.005)
            idle = idle + 1 if core.connections == 0 and not self._tasks else 0
            if loop.time() >= deadline:
                break
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=min(0.05, deadline - loop.time()))
        await self.aclose()
        return idle >= 2

    async def broadcast(self, message: Data) -> None:
        """Sends to every connection."""
        await self._open_core().broadcast(message)

    def set_allow(self, rules: Iterable[str]) -> None:
        """Replaces the rules of serve(allow=...). Connections that are open stay."""
        self._open_core().set_allow(rules)

    @property
    def lost(self) -> str | None:
        """Why the address no longer leads to this server; None while it does."""
        return self._open_core().lost

    def _open_core(self) -> _core.Server:
        if self._core is None:
            raise RuntimeError("this server is not open: use it with `with` or `async with`")
        return self._core

    def _start(self, guest: _core.Guest, kind: type[Connection] | None,
               admit: Callable[[Any], object]) -> None:
        if self._core is not None:
            raise RuntimeError("a server is used once: call serve() again")
        report = None if self._on_event is None else self._report
        self._core = _core.Server._open(guest, self._address, kind, admit, on_event=report,
                                        **self._options)
        self._name = self._core.address

    def _report(self, event: tuple[str, int, tuple[int, int, int], str, dict[str, int], str]
                ) -> None:
        kind, number, ids, reason, counters, path = event
        assert self._on_event is not None
        self._on_event(ServerEvent(kind, number, Peer(*ids), reason, counters, path))

    def _admit(self, peer: Connection) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, peer: Connection) -> None:
        try:
            await self._handler(peer)
        except Exception as exception:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"hallway: the handler of {peer.peer} has raised an exception",
                 "exception": exception})
        finally:
            peer.close()

    # threads ------------------------------------------------------------------------------------

    def __enter__(self) -> Server:
        if self._core is not None or self._thread is not None:
            raise RuntimeError("a server is used once: call serve() again")
        self._thread = _ServerThread(self)
        try:
            self._thread.begin()
        except BaseException:
            self._thread = None
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Of a server in a thread: stops, closes every connection, and waits for the threads.

        A handler or on_event that calls it does not wait.
        """
        if self._thread is not None:
            self._thread.end()

    def wait(self) -> None:
        """Of a server in a thread: blocks until close(), or Ctrl-C."""
        if self._thread is not None:
            self._thread.ended.wait()


# So many may have ended before a _ServerThread looks which of its threads are left.
_FEW_THREADS = 16


class _ServerThread:
    """The thread in which a Server accepts, and the threads of its handlers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._begun = threading.Event()
        self.ended = threading.Event()
        self._failure: BaseException | None = None
        self._wake, self._waker = os.pipe()  # written to when it is to stop; under the lock
        self._stopping = False
        self._clients: set[Client] = set()
        self._threads: set[threading.Thread] = set()  # and some that have ended
        self._most_threads = _FEW_THREADS
        self._host: BlockingHost | None = None
        self._lock = threading.RLock()  # a signal handler may call end()
        self._thread = threading.Thread(target=self._run, name="hallway server", daemon=True)
        self._process = os.getpid()
        self.connections = 0

    def begin(self) -> None:
        try:
            self._thread.start()
        except RuntimeError:  # there are too many threads
            self._close_pipe()
            raise
        try:
            self._begun.wait()
        except BaseException:  # Ctrl-C, while it takes over
            self._stop()
            raise
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        atexit.register(self.end)

    def end(self) -> None:
        atexit.unregister(self.end)
        if self._process != os.getpid():
            return
        self._stop()
        threads = [self._thread, *self._threads]
        # Who is called by one of them would wait for itself, or for another that waits for it.
        if threading.current_thread() not in threads:
            for thread in threads:
                thread.join()

    def _stop(self) -> None:
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            clients = list(self._clients)
            if not self.ended.is_set():
                os.write(self._waker, b"x")
        for client in clients:
            try:
                client.close()
            except BufferError:
                # Its handler uses a view of a message. The next receive finds the end of the stream.
                with contextlib.suppress(OSError), \
                        socket.socket(fileno=os.dup(client.fileno())) as connection:
                    connection.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            self._run_server()
        finally:
            with self._lock:
                self.ended.set()
                self._close_pipe()
            # Until they end, they hold what belongs to the loop, which only this thread can destroy.
            for thread in list(self._threads):
                thread.join()
            self._host = None

    def _close_pipe(self) -> None:
        os.close(self._wake)
        os.close(self._waker)

    def _run_server(self) -> None:
        try:
            if _is_async(self._server._handler):
                asyncio.run(self._run_loop())
            else:
                self._run_accepting()
        except BaseException as exception:
            if self._begun.is_set():
                raise
            self._failure = exception
            self._begun.set()

    async def _run_loop(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        async with self._server:
            loop.add_reader(self._wake, stop.set)
            self._begun.set()
            await stop.wait()
            loop.remove_reader(self._wake)

    def _run_accepting(self) -> None:
        self._host = host = BlockingHost()
        server = self._server
        server._start(host.guest, None, self._accept)
        core = server._open_core()
        host.watch(self._wake)
        self._begun.set()
        while not self._stopping:
            host.turn()
            self.connections = core.connections
        core.close()
        del core
        server._core = None
        host.turn_once()

    def _accept(self, accepted: _core.AcceptedSocket) -> None:
        thread = threading.Thread(target=self._serve, args=(accepted,), name="hallway handler",
                                  daemon=True)
        if len(self._threads) >= self._most_threads:
            self._threads = {one for one in self._threads if one.is_alive()}
            self._most_threads = max(_FEW_THREADS, 2 * len(self._threads))
        self._threads.add(thread)
        try:
            thread.start()
        except BaseException:  # there are too many
            self._threads.discard(thread)
            raise

    def _serve(self, accepted: _core.AcceptedSocket) -> None:
        options = {name: value for name, value in self._server._options.items()
                   if name in _CONNECTION_OPTIONS}
        try:
            with Client.adopt(accepted.detach(), **options) as client:
                try:
                    if self._begin(client):
                        self._server._handler(client)
                finally:
                    with self._lock:
                        self._clients.discard(client)
        except _core.Closed:
            if not self._stopping:
                raise
        finally:
            accepted.release()

    def _begin(self, client: Client) -> bool:
        with self._lock:
            if not self._stopping:
                self._clients.add(client)
            return not self._stopping


def _signals(names: Iterable[str]) -> list[signal.Signals]:
    if isinstance(names, str):
        raise TypeError("drain_on must be an iterable of names of signals, not a str")
    try:
        return [signal.Signals[name] for name in names]
    except KeyError as unknown:
        raise ValueError(f"drain_on: not the name of a signal: {unknown}") from None


def _is_async(handler: object) -> bool:
    return (inspect.iscoroutinefunction(handler)
            or inspect.iscoroutinefunction(getattr(handler, "__call__", None)))


def serve(address: Address, handler: Handler, *, type: str = "stream", framing: str = "lines",
          mode: int = 0o600, owner: str | int | None = None, group: str | int | None = None,
          allow: Iterable[str] = (), max_message: int | None = None, descriptors: int = 0,
          max_connections: int | None = None, max_connections_per_uid: int | None = None,
          drain_time: float | None = None, on_path_lost: str | None = None, takeover: bool = False,
          backlog: int | None = None,
          on_event: Optional[Callable[[ServerEvent], object]] = None, **limits: Any) -> Server:
    """A server on one address, which gives each connection to `handler`.

    On asyncio, where the handler is an async function and gets a Connection:

        async with hallway.serve("/run/app.sock", echo, mode=0o660, allow=["group:staff"]) as server:
            print(server.address)                       # unix:/run/app.sock
            await server.run(drain_on=("SIGINT", "SIGTERM"))

    Without a loop, where the server accepts in a thread, and calls the handler in a thread for each
    connection, with a Client (an async handler runs on a loop in that one thread):

        with hallway.serve("/run/app.sock", echo) as server:
            server.wait()

    When the handler returns, what it sent is written and the connection is closed.

    address      as of connect(); also "activation" for a socket that systemd hands over
    mode, owner, group
                 of the socket file, in effect before the first client can connect
    allow        who may connect: "uid:alice", "group:staff", "same-uid", "root", "any"; any matching
                 rule admits. Without rules the file's permissions alone decide
    max_connections, max_connections_per_uid
                 1024 and 256; above the first, clients wait, and above the second they are refused
    on_path_lost what to do when the socket file is removed or replaced: "report" (an event), "ignore",
                 "rebind", "drain"
    takeover     take over from a running server that was also started with it, and offer the same to
                 a successor: see docs/TAKEOVER.md
    on_event     called with each ServerEvent
    limits       as of connect(); also max_memory, max_memory_per_uid, send_buffers

    The name of a live server is never taken: OSError with errno EADDRINUSE. A dead one's is replaced.
    """
    if not callable(handler):
        raise TypeError(f"handler must be callable, not {builtins.type(handler)}")
    if on_event is not None and not callable(on_event):
        raise TypeError(f"on_event must be callable, not {builtins.type(on_event)}")
    return Server(address, handler, on_event, dict(
        type=type, framing=framing, mode=mode, owner=owner, group=group, allow=allow,
        max_message=max_message, descriptors=descriptors, max_connections=max_connections,
        max_connections_per_uid=max_connections_per_uid, drain_time=drain_time,
        on_path_lost=on_path_lost, takeover=takeover, backlog=backlog, **limits))
