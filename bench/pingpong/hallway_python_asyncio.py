# SPDX-License-Identifier: Apache-2.0
"""Hallway on asyncio, at both sides."""

import asyncio
import pathlib
import sys

import hallway

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import peer  # noqa: E402  found by the line above


def serve(side, options, path):
    async def main():
        echoes = peer.Echoes(side, options.size)
        done = asyncio.Event()

        async def echo(client):
            async for question in client:
                echoes.asked(question)
                await client.send(question)
            echoes.end()
            done.set()

        async with hallway.serve(path, echo, framing='len32'):
            side.ready()
            await done.wait()

    asyncio.run(main())


def ask(side, options, path):
    async def main():
        trips = peer.RoundTrips(side, options)
        async with hallway.open(path, framing='len32') as server:
            while trips.answered(await server.request(trips.question())):
                pass

    asyncio.run(main())


peer.run_round_trips(serve, ask)
