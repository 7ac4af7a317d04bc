"""`mypy --strict` finds nothing in the packages, nor in programs that use them as documented."""

import os
import subprocess
import sys
import unittest

from _support import InOwnDirectory

try:
    import mypy  # noqa: F401
except ImportError:
    print('skipped: mypy is not installed')
    sys.exit(77)

GOOD = '''
import array
import asyncio as standard
import hallway
from hallway.asyncio import PeerCredentials, StreamWriter, open_unix_connection, start_unix_server
from unix_socket.unix_socket import UnixSocket

async def connected(reader: standard.StreamReader, writer: StreamWriter) -> None:
    peer: PeerCredentials = writer.get_extra_info("peercred")
    writer.write(str(peer.uid).encode())

def plain(reader: standard.StreamReader, writer: standard.StreamWriter) -> None:
    writer.close()

async def main() -> None:
    async with await start_unix_server(connected, "/run/a", mode=0o660, group="staff") as server:
        print(server.address, server.lost(), server.sockets)
        reader, writer = await open_unix_connection(b"/run/a")
        await server.serve_forever()
    await start_unix_server(plain, sock=None, start_serving=False)

async def echo(peer: hallway.Connection) -> None:
    async for message in peer:
        await peer.send(message)
    async for batch in peer.batches():
        sizes: list[int] = [len(one) for one in batch]
    answer: bytes = await peer.request("x", timeout=1)
    await standard.wait_for(peer.receive(), 1)

def block(client: hallway.Client) -> None:
    for message in client:
        client.send(message, descriptors=[0])
    answer: bytes = client.request(array.array("b"))

async def modern() -> None:
    async with hallway.serve("/run/a", echo, mode=0o660, allow=["group:staff"]) as server:
        await server.run(drain_on=("SIGINT", "SIGTERM"))
    async with hallway.open("/run/a") as peer:
        print(peer.peer.uid)
    peer = await hallway.open("/run/a", framing="len32")
    async with hallway.hub("/run/hub", name="counter") as hub:
        async with hub.subscribe("clicks.*", queue="counters") as clicks:
            async for batch in clicks.batches():
                for click in batch:
                    await hub.publish("count", str(len(click)), header={"Name": "value"})
    status: int = await hallway.spawn(["true"]).wait()

with hallway.serve("/run/a", block) as blocking:
    blocking.wait()
with hallway.hub() as blocking_hub:
    payload: bytes = blocking_hub.request("x").payload
with hallway.DatagramSocket.bind("/run/d") as datagrams:
    for data, sender in datagrams:
        print(data, sender)

with UnixSocket(cust_add_namespace="/tmp/s", with_ack=True, custom_handler=print) as ipc:
    ipc.broadcast(None, "payload")
    ipc.run()
'''

BAD = '''
import hallway
from hallway.asyncio import start_unix_server
from unix_socket.unix_socket import UnixSocket

async def main() -> None:
    await start_unix_server(lambda reader, writer: None, "/run/a", mode="0660")
    await start_unix_server(lambda reader, writer: None, path=7)

async def modern() -> None:
    async with hallway.open(7) as peer:
        await peer.send(7)

UnixSocket(with_ack="yes")
UnixSocket(with_acknowledgment=True)
'''


class Strict(InOwnDirectory):
    def mypy(self, *words):
        environment = {**os.environ, 'MYPYPATH': os.environ['PYTHONPATH']}
        return subprocess.run([sys.executable, '-m', 'mypy', '--strict', '--no-error-summary',
                               '--cache-dir', self.path('cache'), *words],
                              capture_output=True, text=True, env=environment)

    def test_the_packages(self):
        checked = self.mypy('-p', 'hallway', '-p', 'unix_socket')
        self.assertEqual((checked.stdout, checked.returncode), ('', 0), checked.stderr)

    def test_the_extension_is_what_its_stub_says(self):
        checked = subprocess.run([sys.executable, '-m', 'mypy.stubtest', 'hallway._core'],
                                 capture_output=True, text=True,
                                 env={**os.environ, 'MYPYPATH': os.environ['PYTHONPATH']})
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_programs(self):
        for name, program in (('good.py', GOOD), ('bad.py', BAD)):
            with open(name, 'w') as file:
                file.write(program)
        checked = self.mypy('good.py')
        self.assertEqual((checked.stdout, checked.returncode), ('', 0), checked.stderr)
        checked = self.mypy('bad.py')
        self.assertEqual(checked.stdout.count(': error: '), 6, checked.stdout)


if __name__ == '__main__':
    unittest.main()
