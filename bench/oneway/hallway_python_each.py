# SPDX-License-Identifier: Apache-2.0
"""Hallway on asyncio: one send() a message, and one received at a time."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import hallway_one_way  # noqa: E402  found by the line above


async def read(client, arrivals):
    async for message in client:
        if not arrivals.take(message):
            return


hallway_one_way.run(read)
