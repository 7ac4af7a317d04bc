# SPDX-License-Identifier: Apache-2.0
"""`oneway` with Hallway on asyncio: what its programs share."""

import asyncio

import hallway
import peer


async def send_each(server, batch):
    send_one = server.send
    for message in batch:
        await send_one(message)


async def read_batches(client, arrivals):
    async for batch in client.batches():
        if not arrivals.take_all(batch):
            return


def run(read, write=send_each):
    """Both are awaited: `read(connection, arrivals)` takes messages until the last, and
    `write(connection, batch)` sends some."""

    def receive(side, options, path):
        async def main():
            arrivals = peer.Arrivals(side, options.size)
            done = asyncio.Event()

            async def handle(client):
                await read(client, arrivals)
                done.set()

            async with hallway.serve(path, handle):
                side.ready()
                await done.wait()

        asyncio.run(main())

    def send(side, options, path):
        async def main():
            departures = peer.Departures(side, options)
            async with hallway.open(path) as server:
                for batch in departures.batches():
                    await write(server, batch)
                await server.flush()
                departures.end()

        asyncio.run(main())

    peer.run_one_way(receive, send)
