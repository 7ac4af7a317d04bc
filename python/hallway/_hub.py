# SPDX-License-Identifier: Apache-2.0
"""Clients of a hub."""

from __future__ import annotations

import json
from types import TracebackType
from typing import (Any, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping,
                    NamedTuple, Optional, Union)

from . import _core
from ._connection import Address, Data
from ._core import HubMessage
from ._host import BlockingHost, running_guest

Header = Optional[Union[Mapping[str, str], Iterable[tuple[str, str]]]]
_STATISTICS = "$SYS.HUB.STATS"


class HubEvent(NamedTuple):
    """Something a program may want to log or act upon."""

    kind: str
    """disconnected, reconnected, complaint, messages_lost or given_up."""
    reason: str


class Subscription(_core.Subscription):
    """What Hub.subscribe() returns. It ends with unsubscribe(), or at the end of `async with`.

        async with hub.subscribe("clicks.*") as clicks:
            async for click in clicks:
                print(click.subject, click.payload)
    """

    __slots__ = ()

    def batches(self) -> AsyncIterator[list[HubMessage]]:
        """For `async for`: lists of messages, each what was there, until the subscription ends."""
        return _HubBatches(self)

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.unsubscribe()


class _HubBatches:
    __slots__ = ("_next",)

    def __init__(self, subscription: Subscription) -> None:
        self._next = subscription._next_batch

    def __aiter__(self) -> _HubBatches:
        return self

    def __anext__(self) -> Awaitable[list[HubMessage]]:
        return self._next()


class Hub(_core.Hub):
    """A client of a hub on an asyncio loop: `async with hallway.hub(...) as hub`.

    A client whose hub goes away connects again and subscribes again. Messages on their way to and
    from the hub that went away are lost; once flush() has returned, the hub has everything.
    """

    __slots__ = ()

    def subscribe(self, subject: str, *, queue: str | None = None, max: int = 0,
                  inbox: int | None = None, full: str = "drop_newest") -> Subscription:
        """Subscribes to a subject or a pattern: * is any one token, > at the end one or more.

        queue  the queue group: each message goes to only one of the subscriptions of a group
        max    it ends after this many messages; 0: never
        inbox  bytes that may wait here, 8 MiB
        full   what happens to a message when the inbox is full: "drop_newest", "drop_oldest",
               "wait" (stops reading from the hub), "disconnect" (ends the subscription)
        """
        return self._subscribe(Subscription, subject, queue=queue, max=max, inbox=inbox, full=full)

    async def statistics(self, timeout: float | None = 30.0) -> dict[str, Any]:
        """What the hub counts: connections, messages_in, dropped and so on; see docs/HUB.md."""
        answer = await self.request(_STATISTICS, b"", timeout)
        result: dict[str, Any] = json.loads(answer.payload)
        return result

    async def __aenter__(self) -> Hub:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()


class BlockingSubscription:
    """A subscription of a BlockingHub."""

    __slots__ = ("_host", "_subscription")

    def __init__(self, host: BlockingHost, subscription: Subscription) -> None:
        self._host = host
        self._subscription = subscription

    def receive(self, timeout: float | None = None) -> HubMessage | None:
        """The next message; None once the subscription has ended."""
        return self._host.run(self._subscription.receive(timeout))

    def receive_many(self, timeout: float | None = None) -> list[HubMessage]:
        """The messages that are there, at least one; empty once the subscription has ended."""
        return self._host.run(self._subscription.receive_many(timeout))

    def batches(self) -> Iterator[list[HubMessage]]:
        """Iterates over lists of messages, each what was there."""
        while batch := self.receive_many():
            yield batch

    def __iter__(self) -> Iterator[HubMessage]:
        while (message := self.receive()) is not None:
            yield message

    @property
    def subject(self) -> str:
        return self._subscription.subject

    @property
    def dropped(self) -> int:
        """Messages lost because there was no room for them, here or at the hub."""
        return self._subscription.dropped

    def unsubscribe(self) -> None:
        """Ends it. Messages that have arrived can still be received."""
        self._subscription.unsubscribe()

    def __enter__(self) -> BlockingSubscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.unsubscribe()


class BlockingHub:
    """A client of a hub for programs without an event loop: `with hallway.hub(...) as hub`.

    It works only during its calls. A hub disconnects a client that makes no call for about four
    minutes; the next call connects again, and what was published meanwhile is lost. It can be used
    by the thread that made it only.
    """

    __slots__ = ("_host", "_hub")

    def __init__(self, host: BlockingHost, hub: Hub) -> None:
        self._host = host
        self._hub = hub

    def publish(self, subject: str, payload: Data = b"", reply: str | None = None,
                header: Header = None) -> None:
        """Publishes one message; blocks until the kernel has it. flush() waits until the hub has it.

        While the hub is away it is queued, and one of the next calls sends it.
        """
        self._host.run(self._hub.publish(subject, payload, reply, header))
        while self._hub.unsent_bytes and self._hub.connected:
            self._host.turn()

    def request(self, subject: str, payload: Data = b"", timeout: float | None = 30.0,
                header: Header = None) -> HubMessage:
        """Publishes, and returns the first answer. hallway.NoResponders: nothing subscribes."""
        return self._host.run(self._hub.request(subject, payload, timeout, header))

    def subscribe(self, subject: str, *, queue: str | None = None, max: int = 0,
                  inbox: int | None = None, full: str = "drop_newest") -> BlockingSubscription:
        """As Hub.subscribe(); returns once the hub has the subscription."""
        made = self._hub.subscribe(subject, queue=queue, max=max, inbox=inbox, full=full)
        self.flush()
        return BlockingSubscription(self._host, made)

    def flush(self, timeout: float | None = 30.0) -> None:
        """Waits until the hub has everything that was published."""
        self._host.run(self._hub.flush(timeout))

    def statistics(self, timeout: float | None = 30.0) -> dict[str, Any]:
        """As Hub.statistics()."""
        return self._host.run(self._hub.statistics(timeout))

    @property
    def address(self) -> str:
        return self._hub.address

    @property
    def connected(self) -> bool:
        """At the end of the last call."""
        return self._hub.connected

    @property
    def counters(self) -> dict[str, int]:
        return self._hub.counters

    def close(self) -> None:
        """Writes what is queued, then closes."""
        self._hub.close()
        self._host.turn_once()

    def __enter__(self) -> BlockingHub:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


class HubOpening:
    """What hub() returns: use it with `async with` or `with`, or await it."""

    __slots__ = ("_address", "_options", "_opened")

    def __init__(self, address: Address | None, options: dict[str, Any]) -> None:
        self._address = address
        self._options = options

    def __await__(self) -> Generator[Any, None, Hub]:
        return Hub._connect(running_guest(), self._address, **self._options).__await__()

    async def __aenter__(self) -> Hub:
        opened = await self
        self._opened: Hub | BlockingHub = opened
        return opened

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self._opened.close()

    def __enter__(self) -> BlockingHub:
        host = BlockingHost()
        made = host.run(Hub._connect(host.guest, self._address, **self._options))
        opened = BlockingHub(host, made)
        self._opened = opened
        return opened

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._opened.close()


def hub(address: Address | None = None, *, name: str = "", timeout: float | None = 5.0,
        retry_for: float = 0.0, server_uid: int | None = None, echo: bool = True,
        full: str = "wait", delivery: str | None = None, max_reconnects: int | None = None,
        outbound: int | None = None, inbox: int | None = None, max_message: int | None = None,
        on_event: Callable[[HubEvent], object] | None = None) -> HubOpening:
    """A client of a hub, or of any server that speaks the NATS client protocol on a Unix socket.

        async with hallway.hub("/run/hallway/hub", name="counter") as hub:
            async with hub.subscribe("clicks.*", queue="counters") as clicks:
                async for batch in clicks.batches():
                    for click in batch: await hub.publish("count", str(len(batch)))

    address         default: the first that is served of $HALLWAY_HUB, $XDG_RUNTIME_DIR/hallway/hub,
                    /run/hallway/hub and /tmp/hallway-hub.sock, if root or this user runs it
    name            sent to the hub, for its logs
    timeout, retry_for, server_uid
                    as of connect()
    echo            whether its subscriptions also receive what it publishes
    full            what publish() does without room: "wait", "drop_newest", or "fail" with
                    BlockingIOError
    delivery        what the hub does with messages that this client does not read in time:
                    "drop_oldest", "drop_newest", "latest_only"; by default it disconnects the client
    max_reconnects  attempts in a row to reach a hub that went away; None: without end, 0: none
    outbound, inbox, max_message
                    limits, in bytes
    on_event        called with each HubEvent
    """
    report = None
    if on_event is not None:
        if not callable(on_event):
            raise TypeError(f"on_event must be callable, not {type(on_event)}")
        call = on_event

        def report(event: tuple[str, str]) -> None:
            call(HubEvent(*event))

    return HubOpening(address, dict(
        name=name, timeout=timeout, retry_for=retry_for, server_uid=server_uid, echo=echo,
        full=full, delivery=delivery, max_reconnects=max_reconnects, outbound=outbound,
        inbox=inbox, max_message=max_message, on_event=report))
