# SPDX-License-Identifier: Apache-2.0
"""A server for lines of text on a Hallway listener, with the interface of py-unix-socket.

    from unix_socket.unix_socket import UnixSocket

    with UnixSocket(with_ack=True, with_broadcast=True) as ipc:
        ipc.run()       # until Ctrl-C or ipc.shutdown()

Each line of a client is a payload. For each payload the server calls the handler, or logs the
payload without one; then sends the acknowledgment; then sends the line to all other clients. The
line "exit" closes the connection.

What differs from the original, on purpose:

- The name of a live server is never taken (OSError EADDRINUSE names its process); a dead one's is
  replaced. The original removes whatever file is there.
- Every line of a packet is a payload, and a line may come in many packets. The original drops all
  but the first line of each packet. What comes before the end of the stream without a line feed is
  a line as well.
- A client that closes ends its thread, which in the original then spins at 100 % of a processor.
- A client that does not read delays nobody: what is sent to it waits, and beyond MAX_PENDING bytes
  it is disconnected. A client whose own acknowledgments wait is not read from. In the original each
  of them blocks who sends to it.
- Lines of several senders are never mixed, and each reaches every client: the original removes
  clients from a list it is going through.
- An exception of the handler is logged; that payload is neither acknowledged nor broadcast, and the
  connection goes on. run() returns after Ctrl-C or shutdown() and raises everything else, where the
  original swallows it.
- A line longer than MAX_LINE bytes ends its connection. More than MAX_CLIENTS clients wait until
  one leaves.
- Only the own user can connect, whatever the umask is, unless `mode` says otherwise.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from hallway._core import Listener
from hallway._path import StrOrBytesPath, address_of

__all__ = ["DEFAULT_ADDRESS", "MAX_CLIENTS", "MAX_LINE", "MAX_PENDING", "UnixSocket"]

DEFAULT_ADDRESS = "/tmp/unix_socket.sock"
MAX_LINE = 2**20  # bytes, without the line feed
MAX_PENDING = 2**20  # bytes that wait for one client
MAX_CLIENTS = 1000  # each has a thread

_ENOUGH_PENDING = 2**16  # bytes: above it, nothing more is read from the client itself
_PATIENCE = 5.0  # seconds in which a client that ends may read what still waits for it
_ACCEPT_PAUSE = 0.1  # seconds without accepting, after the descriptors or threads ran out
_CHUNK = 2**16  # bytes read at once


class _LineTooLong(Exception):
    pass


class _Client:
    """One connection. Its own thread reads and finally closes it; any thread sends."""

    def __init__(self, connection: socket.socket, wake: Callable[[], None]) -> None:
        self.connection = connection
        self._wake = wake  # has the server's thread flush() when the socket takes more
        self._changed = threading.Condition()
        self._pending = bytearray()
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def pending(self) -> bool:
        return bool(self._pending)

    def lines(self) -> Iterator[str]:
        """What the client sends. Bytes that are not UTF-8 pass as surrogates, and are the same when
        sent again."""
        received = bytearray()
        while True:
            self._wait_until_at_most(_ENOUGH_PENDING, None)
            chunk = self.connection.recv(_CHUNK)
            searched = len(received)
            received += chunk
            start = 0
            while (end := received.find(b"\n", max(start, searched))) >= 0:
                yield self._decode(received[start:end])
                start = end + 1
            del received[:start]
            if len(received) > MAX_LINE:
                raise _LineTooLong
            if not chunk:
                if received:
                    yield self._decode(received)
                return

    @staticmethod
    def _decode(line: bytearray) -> str:
        if len(line) > MAX_LINE:
            raise _LineTooLong
        return line.removesuffix(b"\r").decode(errors="surrogateescape")

    def send(self, text: str) -> bool:
        """Sends now what the socket takes and keeps the rest. Never waits. False if that would be
        too much, and then the connection is over."""
        with self._changed:
            if self._ended:
                return True
            had_some = bool(self._pending)
            self._pending += text.encode(errors="surrogateescape")
            if not had_some:
                self._send_some()
            if len(self._pending) > MAX_PENDING:
                self._end()
                return False
            wait = not had_some and bool(self._pending)
        if wait:
            self._wake()
        return True

    def flush(self) -> None:
        with self._changed:
            self._send_some()

    def _send_some(self) -> None:
        try:
            while self._pending and not self._ended:
                sent = self.connection.send(self._pending, socket.MSG_DONTWAIT)
                del self._pending[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._end()
        self._changed.notify_all()

    def _wait_until_at_most(self, most: int, timeout: float | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._pending) <= most, timeout)

    def end(self) -> None:
        """Ends the connection in both directions; its thread notices, and closes it."""
        with self._changed:
            self._end()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._pending.clear()
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the peer ended it first
        self._changed.notify_all()

    def close(self) -> None:
        """Called by the thread that reads, as its last act."""
        self._wait_until_at_most(0, _PATIENCE)
        with self._changed:
            self._end()
            self.connection.close()


class UnixSocket:
    """The server; see the module. It listens from the start of the `with` block to its end.

    cust_add_namespace: the path; DEFAULT_ADDRESS if None.
    with_ack: whether the sender of a payload gets `ack_message`, as it stands: no line feed is
    added.
    with_broadcast: whether all other clients get each payload, with a line feed.
    custom_handler: called with each payload, in the thread of the connection: several calls may run
    at once.
    mode: permissions of the socket file; a client needs write permission.
    """

    def __init__(
        self,
        cust_add_namespace: StrOrBytesPath | None = None,
        with_ack: bool = False,
        ack_message: str = "__ACK__\n",
        with_broadcast: bool = False,
        custom_handler: Callable[[str], object] | None = None,
        *,
        mode: int = 0o600,
    ) -> None:
        self.logger = logging.getLogger("unix_socket.logger")
        if not self.logger.hasHandlers():
            # The program has set up no logging, and payloads are to be seen.
            self.logger.addHandler(logging.StreamHandler())
            self.logger.setLevel(logging.INFO)
        self._path = DEFAULT_ADDRESS if cust_add_namespace is None else cust_add_namespace
        self._ack = ack_message if with_ack else None
        self._with_broadcast = with_broadcast
        self._handler = self._log if custom_handler is None else custom_handler
        self._mode = mode
        self._listener: Listener | None = None
        self._clients: set[_Client] = set()
        # Of _clients and _wakeup. A signal handler may call shutdown() while its thread holds it.
        self._lock = threading.RLock()
        self._stopping = False
        self._running = threading.Lock()  # held by run()
        self._wakeup: tuple[int, int] | None = None  # a pipe: the thread in run() is to look again

    def __enter__(self) -> UnixSocket:
        self._listener = Listener.bind(address_of(self._path), mode=self._mode)
        self._wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._stopping = False
        self.logger.info("unix socket is opened: %s", self._listener.address)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        with self._running:  # another thread may be in run()
            assert self._listener is not None
            self._listener.close()
            with self._lock:
                pipe, self._wakeup = self._wakeup, None
            for end in pipe or ():
                os.close(end)
        self.logger.info("unix socket is closed")

    def run(self) -> None:
        """Serves until shutdown() is called, or Ctrl-C ends it. Handlers that run then finish in
        their threads."""
        if self._listener is None or self._listener.fileno() < 0:
            raise RuntimeError("the server is not open: call run() in `with UnixSocket() as ipc:`")
        try:
            with self._running, socket.socket(fileno=os.dup(self._listener.fileno())) as listening:
                listening.setblocking(False)
                try:
                    while not self._stopping:
                        self._turn(listening)
                finally:
                    self._listener.close()
                    for client in self._all():
                        client.end()
        except KeyboardInterrupt:
            pass

    def shutdown(self) -> None:
        """Closes all connections and ends run(). Any thread may call it, a handler too, and more
        than once."""
        self._stopping = True
        self._wake()

    def broadcast(self, sender: socket.socket | None, payload: str) -> None:
        """Sends the payload, as a line, to every client but the one whose connection is `sender`.
        Never waits."""
        for client in self._all():
            if client.connection is not sender:
                self._send(client, payload + "\n")

    def _turn(self, listening: socket.socket) -> None:
        """Waits, then accepts one connection and sends what sockets take."""
        clients = self._all()
        pending = {client.connection.fileno(): client for client in clients if client.pending}
        assert self._wakeup is not None
        wakeup = self._wakeup[0]
        poll = select.poll()
        poll.register(wakeup, select.POLLIN)
        if len(clients) < MAX_CLIENTS:
            poll.register(listening, select.POLLIN)
        for descriptor in pending:
            if descriptor >= 0:
                poll.register(descriptor, select.POLLOUT)
        for descriptor, _ in poll.poll():
            if descriptor == wakeup:
                os.read(wakeup, _CHUNK)
            elif descriptor == listening.fileno():
                self._accept(listening)
            else:
                pending[descriptor].flush()

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                raise
            self._pause(error)
            return
        connection.setblocking(True)
        client = _Client(connection, self._wake)
        with self._lock:
            self._clients.add(client)
        try:
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        except RuntimeError as error:
            self._drop(client)
            self._pause(error)

    def _pause(self, error: Exception) -> None:
        self.logger.warning("cannot accept: %s", error)
        time.sleep(_ACCEPT_PAUSE)

    def _serve(self, client: _Client) -> None:
        try:
            for payload in client.lines():
                if payload == "exit" or client.ended:
                    break
                self._process(client, payload)
        except _LineTooLong:
            self.logger.warning("disconnected a client: a line is longer than %d bytes", MAX_LINE)
        except OSError as error:
            self.logger.info("a client's connection ended: %s", error)
        finally:
            self._drop(client)

    def _process(self, client: _Client, payload: str) -> None:
        try:
            self._handler(payload)
        except Exception:
            self.logger.exception("the handler failed with the payload %r", payload)
            return
        if self._ack is not None:
            self._send(client, self._ack)
        if self._with_broadcast:
            self.broadcast(client.connection, payload)

    def _send(self, client: _Client, text: str) -> None:
        if not client.send(text):
            self.logger.warning(
                "disconnected a client that did not read: over %d bytes waited for it", MAX_PENDING
            )

    def _log(self, payload: str) -> None:
        self.logger.info("Event received : %s", ascii(payload)[1:-1])

    def _drop(self, client: _Client) -> None:
        client.close()
        with self._lock:
            self._clients.discard(client)
        self._wake()  # there may be room for another one

    def _all(self) -> list[_Client]:
        with self._lock:
            return list(self._clients)

    def _wake(self) -> None:
        # Under the lock that __exit__ closes it under: a thread may outlive the server.
        with self._lock:
            if self._wakeup is None:
                return
            try:
                os.write(self._wakeup[1], b"!")
            except BlockingIOError:
                pass  # it is full, and wakes the thread in any case
