# SPDX-License-Identifier: Apache-2.0
"""contrib/nats/py on a hub's Unix socket: run by tests/interop/contrib_nats.py.

    nats_py_client.py DIRECTORY ADDRESS    prints what it heard, and "back" once it has reconnected
"""

import asyncio
import sys

sys.path.insert(0, sys.argv[1])
import hallway_nats  # noqa: E402


async def main(address):
    back = asyncio.Event()

    async def reconnected():
        back.set()

    async def answer(message):
        await message.respond(message.data.upper())

    client = await hallway_nats.connect(address, reconnected_cb=reconnected,
                                        reconnect_time_wait=0.01, max_reconnect_attempts=-1)
    heard = await client.subscribe("news.*")
    await client.subscribe("capitals", cb=answer)
    await client.publish("news.today", b"it rains")
    print((await client.request("capitals", b"paris", timeout=30)).data.decode(), flush=True)
    message = await heard.next_msg(30)
    print(message.subject, message.data.decode(), flush=True)
    await back.wait()
    print("back", flush=True)
    await client.drain()


asyncio.run(main(sys.argv[2]))
