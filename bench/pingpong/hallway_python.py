# SPDX-License-Identifier: Apache-2.0
"""Hallway without an event loop: blocking calls at both sides."""

import pathlib
import sys
import threading

import hallway

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import peer  # noqa: E402  found by the line above


def serve(side, options, path):
    echoes = peer.Echoes(side, options.size)
    done = threading.Event()

    def echo(client):
        for question in client:
            echoes.asked(question)
            client.send(question)
        echoes.end()
        done.set()

    with hallway.serve(path, echo, framing='len32'):
        side.ready()
        done.wait()


def ask(side, options, path):
    trips = peer.RoundTrips(side, options)
    with hallway.connect(path, framing='len32') as server:
        while trips.answered(server.request(trips.question())):
            pass


peer.run_round_trips(serve, ask)
