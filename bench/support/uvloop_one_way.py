# SPDX-License-Identifier: Apache-2.0
"""`oneway` with a Protocol on uvloop: what the two programs share. What arrives is split by hand."""

import asyncio

import peer
import uvloop


class Lines(asyncio.Protocol):
    """Checks each line that arrives."""

    def __init__(self, arrivals, done):
        self._arrivals, self._done = arrivals, done
        self._rest = b''

    def data_received(self, data):
        *lines, self._rest = (self._rest + data).split(b'\n')
        if not self._arrivals.take_all(lines):
            self._done.set()


class Writer(asyncio.Protocol):
    """Says when there is room for more."""

    def __init__(self):
        self.room = asyncio.Event()
        self.room.set()
        self.over = asyncio.Event()

    def pause_writing(self):
        self.room.clear()

    def resume_writing(self):
        self.room.set()

    def connection_lost(self, _error):
        self.over.set()


def run(write):
    """`write(transport, batch)` writes messages."""

    def receive(side, options, path):
        async def main():
            arrivals = peer.Arrivals(side, options.size)
            done = asyncio.Event()
            await asyncio.get_running_loop().create_unix_server(lambda: Lines(arrivals, done), path)
            side.ready()
            await done.wait()

        asyncio.run(main())

    def send(side, options, path):
        async def main():
            loop = asyncio.get_running_loop()
            transport, writer = await loop.create_unix_connection(Writer, path)
            departures = peer.Departures(side, options)
            for batch in departures.batches():
                write(transport, batch)
                await writer.room.wait()
            departures.end()
            transport.close()
            await writer.over.wait()

        asyncio.run(main())

    uvloop.install()
    peer.run_one_way(receive, send)
