"""An echo server and a client of WebSockets, by the library `websockets`.

serve         prints its port, and echoes until standard input ends
ask URL       has messages of every kind echoed, and prints `echoed`
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

LARGE = 16 << 20


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def run_server():
    async with serve(echo, "127.0.0.1", 0, max_size=2 * LARGE) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def ask(url):
    for compression in ["deflate", None]:
        async with connect(url, max_size=2 * LARGE, compression=compression) as socket:
            for message in ["text, also beyond ASCII: ü", "", b"\x00\xff binary", bytes(range(256)) * (LARGE // 256)]:
                await socket.send(message)
                assert await socket.recv() == message
            await socket.send(part for part in ["in ", "three ", "parts"])
            assert await socket.recv() == "in three parts"
            await (await socket.ping())
    print("echoed")


asyncio.run(run_server() if sys.argv[1] == "serve" else ask(sys.argv[2]))
