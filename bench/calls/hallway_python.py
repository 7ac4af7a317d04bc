# SPDX-License-Identifier: Apache-2.0
"""What a call of Hallway costs that hands over messages which have arrived: one, or a list of them."""

import pathlib
import socket
import sys
import time

import hallway

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import peer  # noqa: E402  found by the line above

ARRIVED = 1000  # messages in the socket before the clock runs; they fit into its buffer


def receive_batches(client, expected):
    """Nanoseconds for all of them, the share of reading the socket included."""
    received = []
    began = time.perf_counter_ns()
    while len(received) < ARRIVED:
        received += client.receive_many()
    took = time.perf_counter_ns() - began
    return took, received == expected


def receive_each(client, expected):
    receive, received = client.receive, [b''] * ARRIVED
    began = time.perf_counter_ns()
    for at in range(ARRIVED):
        received[at] = receive()
    took = time.perf_counter_ns() - began
    return took, received == expected


chosen = peer.options(mode=('batch', 'each'))
peer.pin(chosen, 0)
messages = (peer.Numbered(chosen.size).window * 2)[:ARRIVED]
frames = b''.join(message + b'\n' for message in messages)
ours, theirs = socket.socketpair()
receiver = receive_batches if chosen.mode == 'batch' else receive_each
with hallway.Client.adopt(ours.detach()) as taking:
    rounds, end = [], time.monotonic() + chosen.duration
    while not rounds or time.monotonic() < end:
        theirs.sendall(frames)
        nanoseconds, right = receiver(taking, messages)
        if not right:
            peer.fail('lost or out of order')
        rounds.append(nanoseconds / ARRIVED)
peer.print_alone(rounds, ARRIVED)
