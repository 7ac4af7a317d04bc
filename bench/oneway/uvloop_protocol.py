# SPDX-License-Identifier: Apache-2.0
"""uvloop with a Protocol that splits what arrives by hand: one write() a message."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import uvloop_one_way  # noqa: E402  found by the line above


def write(transport, batch):
    for message in batch:
        transport.write(message + b'\n')


uvloop_one_way.run(write)
