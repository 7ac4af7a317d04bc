# SPDX-License-Identifier: Apache-2.0
"""Hallway on asyncio: one send() a message, received in batches."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import hallway_one_way  # noqa: E402  found by the line above

hallway_one_way.run(hallway_one_way.read_batches)
