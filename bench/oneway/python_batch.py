# SPDX-License-Identifier: Apache-2.0
"""Blocking sockets of Python's standard library with batches of 64 KiB made by hand."""

import pathlib
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import peer  # noqa: E402  found by the line above

BATCH = 64 << 10
ROOM = 256 << 10


def receive(side, options, path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    side.ready()
    client = listener.accept()[0]
    arrivals = peer.Arrivals(side, options.size)
    length, head = peer.LENGTH.unpack_from, peer.LENGTH.size
    received = bytearray()
    while True:
        received += client.recv(ROOM)
        at, end = 0, len(received)
        while end - at >= head:
            after = at + head + length(received, at)[0]
            if after > end:
                break
            if not arrivals.take(received[at + head : after]):
                return
            at = after
        del received[:at]


def send(side, options, path):
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    departures = peer.Departures(side, options)
    head = peer.LENGTH.pack(options.size)
    batch = bytearray()
    for message in departures:
        batch += head + message
        if len(batch) >= BATCH:
            server.sendall(batch)
            batch.clear()
    server.sendall(batch)
    departures.end()


peer.run_one_way(receive, send)
