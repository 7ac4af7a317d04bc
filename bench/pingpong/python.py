# SPDX-License-Identifier: Apache-2.0
"""Blocking sockets of Python's standard library."""

import pathlib
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))

import peer  # noqa: E402  found by the line above

ROOM = 128 << 10


class Frames:
    """The frames that arrive on a socket."""

    def __init__(self, connected):
        self._socket = connected
        self._received = b''

    def send(self, message):
        self._socket.sendall(peer.LENGTH.pack(len(message)) + message)

    def receive(self):
        """The next message; None at the end of the stream."""
        received = self._received
        while True:
            if len(received) >= peer.LENGTH.size:
                end = peer.LENGTH.size + peer.LENGTH.unpack_from(received)[0]
                if len(received) >= end:
                    self._received = received[end:]
                    return received[peer.LENGTH.size : end]
            more = self._socket.recv(ROOM)
            if not more:
                return None
            received += more


def serve(side, options, path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    side.ready()
    client = Frames(listener.accept()[0])
    echoes = peer.Echoes(side, options.size)
    while (question := client.receive()) is not None:
        echoes.asked(question)
        client.send(question)
    echoes.end()


def ask(side, options, path):
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(path)
    server = Frames(connected)
    trips = peer.RoundTrips(side, options)
    more = True
    while more:
        server.send(trips.question())
        more = trips.answered(server.receive())


peer.run_round_trips(serve, ask)
