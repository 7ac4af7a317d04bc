# SPDX-License-Identifier: Apache-2.0
"""Makes the official Python client of NATS, nats-py 2, connect to the Unix socket of a hub.

nats-py has a class for transports, but chooses one by the scheme of the URL. So this sets a private
member of its client, which keeps a transport that is true when it connects.
"""

import asyncio

from nats.aio.client import Client
from nats.aio.transport import TcpTransport


class UnixTransport(TcpTransport):
    def __init__(self, path):
        super().__init__()
        self._path = path

    def __bool__(self):
        return True

    async def connect(self, uri, buffer_size, connect_timeout):
        reader, writer = await asyncio.wait_for(
            asyncio.open_unix_connection(self._path, limit=buffer_size), connect_timeout)
        self._bare_io_reader = self._io_reader = reader
        self._bare_io_writer = self._io_writer = writer


async def connect(path, **options):
    """As nats.connect(), but to the socket file at `path`. The URL is not used."""
    client = Client()
    client._transport = UnixTransport(path)
    await client.connect("nats://127.0.0.1", **options)
    return client
