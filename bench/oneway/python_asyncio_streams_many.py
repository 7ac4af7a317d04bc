# SPDX-License-Identifier: Apache-2.0
"""Python's asyncio streams: messages are joined by hand and written at once, one readline() each."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import asyncio_one_way  # noqa: E402  found by the line above


def write(writer, batch):
    writer.write(b'\n'.join(batch) + b'\n')


asyncio_one_way.run(write)
