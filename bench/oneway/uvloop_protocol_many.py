# SPDX-License-Identifier: Apache-2.0
"""uvloop with a Protocol that splits and joins by hand: messages are written at once."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import uvloop_one_way  # noqa: E402  found by the line above


def write(transport, batch):
    transport.write(b'\n'.join(batch) + b'\n')


uvloop_one_way.run(write)
