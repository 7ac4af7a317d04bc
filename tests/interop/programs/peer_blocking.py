"""A peer in Python without an event loop: run by tests/interop/languages.py. See _languages.py for its words."""

import os
import sys
import threading

import hallway

DEADLINE = 40.0
TYPES = {"unix": "stream", "unixpacket": "seqpacket"}


def client(network, address, *messages):
    if network == "unixgram":
        with hallway.DatagramSocket.connect(address) as socket:
            for message in messages:
                socket.send(message, timeout=DEADLINE)
                print(socket.receive(timeout=DEADLINE)[0].decode())
        return
    with hallway.connect(address, type=TYPES[network]) as server:
        for message in messages:
            print(server.request(message, timeout=DEADLINE).decode())


def server(network, address):
    if network == "unixgram":
        with hallway.DatagramSocket.bind(address) as socket:
            while True:
                datagram = socket.receive_full()
                socket.answer_to(datagram, datagram.data.upper())
                if datagram.data == b"DONE":
                    return
    done = threading.Event()

    def answer(peer):
        for message in peer:
            peer.send(message.upper())
            if message == b"DONE":
                peer.confirm(timeout=DEADLINE)
                done.set()

    with hallway.serve(address, answer, type=TYPES[network]):
        done.wait()


def give(address, name):
    with hallway.connect(address) as taker, open(name, "rb") as file:
        taker.send(name, descriptors=[file])
        print(taker.receive(timeout=DEADLINE).decode())


def take(address):
    done = threading.Event()

    def take_one(peer):
        message, descriptors = peer.receive_with_descriptors(timeout=DEADLINE)
        report(message, descriptors)
        peer.send(b"taken\n")
        peer.confirm(timeout=DEADLINE)
        done.set()

    with hallway.serve(address, take_one, framing="raw", descriptors=1):
        done.wait()


def report(message, descriptors):
    with os.fdopen(descriptors[0]) as file:
        text = file.read()

    def quoted(words):
        return '"' + words.replace("\n", "\\n") + '"'

    print(f"{quoted(message.decode())} brought {len(descriptors)}: {quoted(text)} (truncated: false)", flush=True)


if __name__ == "__main__":
    {"client": client, "server": server, "give": give, "take": take}[sys.argv[1]](*sys.argv[2:])
