"""A peer in Python on asyncio: run by tests/interop/languages.py. See _languages.py for its words."""

import asyncio
import sys

import hallway
from peer_blocking import DEADLINE, TYPES, report


async def client(network, address, *messages):
    if network == "unixgram":
        async with hallway.AsyncDatagramSocket.connect(address) as socket:
            for message in messages:
                await socket.send(message, DEADLINE)
                print((await socket.receive(DEADLINE))[0].decode())
        return
    async with hallway.open(address, type=TYPES[network]) as server:
        for message in messages:
            print((await server.request(message, timeout=DEADLINE)).decode())


async def server(network, address):
    if network == "unixgram":
        async with hallway.AsyncDatagramSocket.bind(address) as socket:
            while True:
                datagram = await socket.receive_full()
                await socket.answer_to(datagram, datagram.data.upper())
                if datagram.data == b"DONE":
                    return
    done = asyncio.Event()

    async def answer(peer):
        async for message in peer:
            await peer.send(message.upper())
            if message == b"DONE":
                done.set()

    async with hallway.serve(address, answer, type=TYPES[network]) as serving:
        await done.wait()
        await serving.drain()


async def give(address, name):
    async with hallway.open(address) as taker:
        with open(name, "rb") as file:
            await taker.send(name, descriptors=[file])
        print((await taker.receive(timeout=DEADLINE)).decode())


async def take(address):
    done = asyncio.Event()

    async def take_one(peer):
        report(*await peer.receive_with_descriptors(timeout=DEADLINE))
        await peer.send(b"taken\n")
        done.set()

    async with hallway.serve(address, take_one, framing="raw", descriptors=1) as serving:
        await done.wait()
        await serving.drain()


if __name__ == "__main__":
    asyncio.run({"client": client, "server": server, "give": give, "take": take}[sys.argv[1]](*sys.argv[2:]))
