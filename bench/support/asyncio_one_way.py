# SPDX-License-Identifier: Apache-2.0
"""`oneway` with asyncio's streams: what the two programs share, one readline() a message."""

import asyncio

import peer


def run(write):
    """`write(writer, batch)` writes messages."""

    def receive(side, options, path):
        async def main():
            arrivals = peer.Arrivals(side, options.size)
            done = asyncio.Event()

            async def read(reader, _writer):
                while arrivals.take((await reader.readline())[:-1]):
                    pass
                done.set()

            await asyncio.start_unix_server(read, path)
            side.ready()
            await done.wait()

        asyncio.run(main())

    def send(side, options, path):
        async def main():
            _, writer = await asyncio.open_unix_connection(path)
            departures = peer.Departures(side, options)
            for batch in departures.batches():
                write(writer, batch)
                await writer.drain()
            departures.end()
            writer.close()
            await writer.wait_closed()

        asyncio.run(main())

    peer.run_one_way(receive, send)
