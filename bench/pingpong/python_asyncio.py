# SPDX-License-Identifier: Apache-2.0
"""Python's asyncio with a Protocol, which is faster than its streams."""

import asyncio
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import peer  # noqa: E402  found by the line above


class Frames(asyncio.Protocol):
    """Hands each frame that arrives to on_message."""

    def __init__(self, on_connected, on_message):
        self._on_connected, self._on_message = on_connected, on_message
        self._received = b''
        self._transport = None
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self._transport = transport
        self._on_connected(self)

    def send(self, message):
        self._transport.write(peer.LENGTH.pack(len(message)) + message)

    def close(self):
        self._transport.close()

    def data_received(self, data):
        received = self._received + data
        while len(received) >= peer.LENGTH.size:
            end = peer.LENGTH.size + peer.LENGTH.unpack_from(received)[0]
            if len(received) < end:
                break
            self._on_message(self, received[peer.LENGTH.size : end])
            received = received[end:]
        self._received = received

    def connection_lost(self, _error):
        self.over.set_result(None)


def serve(side, options, path):
    async def main():
        echoes = peer.Echoes(side, options.size)
        clients = asyncio.Queue()

        def echo(client, question):
            echoes.asked(question)
            client.send(question)

        await asyncio.get_running_loop().create_unix_server(
            lambda: Frames(clients.put_nowait, echo), path
        )
        side.ready()
        client = await clients.get()
        await client.over
        echoes.end()

    asyncio.run(main())


def ask(side, options, path):
    async def main():
        trips = peer.RoundTrips(side, options)

        def again(server, answer):
            if trips.answered(answer):
                server.send(trips.question())
            else:
                server.close()

        _, server = await asyncio.get_running_loop().create_unix_connection(
            lambda: Frames(lambda server: server.send(trips.question()), again), path
        )
        await server.over

    asyncio.run(main())


peer.run_round_trips(serve, ask)
