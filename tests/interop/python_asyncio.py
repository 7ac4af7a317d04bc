# SPDX-License-Identifier: Apache-2.0
"""Python's asyncio streams, both directions, and socketserver's other end of a half close."""

import asyncio
import os
import threading

from _support import DEADLINE, HALLWAY, Process, main, run, same, serve


async def within(work):
    return await asyncio.wait_for(work, DEADLINE)


def test_a_thousand_lines_pipelined_come_back_in_order(directory):
    serve(directory / "s", "--echo", "--no-print")
    lines = [f"line {number}\n".encode() for number in range(1000)]

    async def client():
        reader, writer = await asyncio.open_unix_connection(str(directory / "s"))
        writer.writelines(lines)
        writer.write_eof()
        back = await reader.read()
        writer.close()
        return back

    same("echo", asyncio.run(within(client())), b"".join(lines))


def test_a_hundred_clients_at_once(directory):
    serve(directory / "s", "--echo", "--no-print")

    async def client(number):
        reader, writer = await asyncio.open_unix_connection(str(directory / "s"))
        for turn in range(10):
            writer.write(f"{number} {turn}\n".encode())
            same("echo", await reader.readline(), f"{number} {turn}\n".encode())
        writer.close()
        await writer.wait_closed()

    async def clients():
        await asyncio.gather(*(client(number) for number in range(100)))

    asyncio.run(within(clients()))


class Server:
    """An asyncio server on a thread of its own: answers in capitals, line by line."""

    def __init__(self, path):
        self.path = str(path)
        self.listening = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self.thread.start()
        assert self.listening.wait(DEADLINE)

    async def serve(self):
        self.done = asyncio.Event()
        async with await asyncio.start_unix_server(self.answer, self.path, limit=1 << 20):
            self.listening.set()
            await within(self.done.wait())

    async def answer(self, reader, writer):
        line = b""
        while more := await reader.readline():
            line = more
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        if line == b"done\n":
            self.done.set()


def test_our_client_talks_to_an_asyncio_server(directory):
    server = Server(directory / "s")
    same("reply", run(HALLWAY, "request", directory / "s", "hello").out, b"HELLO\n")
    client = Process(HALLWAY, "connect", directory / "s")
    client.write(b"one\n")
    client.expect_exactly(b"ONE\n")
    client.write(b"done\n")
    client.close_input()
    same("client", client.ends_well(), b"ONE\nDONE\n")
    server.thread.join(DEADLINE)


def test_large_lines_survive_an_asyncio_server(directory):
    server = Server(directory / "s")
    lines = b"".join(os.urandom(40_000).hex().encode() + b"\n" for _ in range(125))
    back = run(HALLWAY, "connect", directory / "s", input=lines + b"done\n").out
    same("echo", back, lines.upper() + b"DONE\n")
    server.thread.join(DEADLINE)


main(globals())
