# SPDX-License-Identifier: Apache-2.0
"""Unix domain sockets: messages, servers, peers and a hub.

Without an event loop:

    import hallway

    with hallway.connect("/run/app.sock", timeout=1.0) as client:
        print(client.request(b"status", timeout=1.0), client.peer.uid)

With asyncio:

    async def echo(peer: hallway.Connection) -> None:
        async for message in peer:
            await peer.send(message)

    async def main() -> None:
        async with hallway.serve("/run/app.sock", echo, mode=0o660) as server:
            await server.run(drain_on=("SIGINT", "SIGTERM"))

    asyncio.run(main())

Messages are bytes. Errors are OSError, by errno: FileNotFoundError, PermissionError and so on, with
.operation, .subject and .hint. A receive gives None at the end of the stream.

Threads: a Client is used by one thread at a time; what lives on an event loop belongs to the loop's
thread. After a fork the child uses no object of the parent. The free-threaded build of Python is not
supported.
"""

from __future__ import annotations

from ._child import Child, spawn
from ._connection import Batches, Client, Connection, adopt, connect, open, pair
from ._core import (Closed, HubMessage, Listener, NoResponders, Truncated, default_address,
                    default_hub_address)
from ._core import version as __version__
from ._datagram import AsyncDatagramSocket, Datagram, DatagramSocket
from ._host import set_spin
from ._hub import BlockingHub, BlockingSubscription, Hub, HubEvent, Subscription, hub
from ._peer import Peer
from ._server import Server, ServerEvent, serve

__all__ = [
    "AsyncDatagramSocket", "Batches", "BlockingHub", "BlockingSubscription", "Child", "Client",
    "Closed", "Connection", "Datagram", "DatagramSocket", "Hub", "HubEvent", "HubMessage",
    "Listener", "NoResponders", "Peer", "Server", "ServerEvent", "Subscription", "Truncated",
    "__version__", "adopt", "connect", "default_address", "default_hub_address", "hub", "open",
    "pair", "serve", "set_spin", "spawn",
]
