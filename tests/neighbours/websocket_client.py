"""A WebSocket client by the library websockets: small and large messages, pings, a close with a reason."""

import asyncio
import hashlib
import sys

import websockets


async def talk():
    async with websockets.connect(f"ws://{sys.argv[1]}:{sys.argv[2]}/chat", max_size=None) as socket:
        for message in ["hello", "", b"\x00\xff" * 10, "x" * 1_000_000, bytes(range(256)) * 10_000]:
            await socket.send(message)
            back = await socket.recv()
            print(type(back).__name__, len(back), back == message)
        await asyncio.wait_for(await socket.ping(), 30)
        await asyncio.gather(*(socket.send(f"message {number}") for number in range(500)))
        heard = sorted([await socket.recv() for _ in range(500)])
        print(len(heard), hashlib.sha256("".join(heard).encode()).hexdigest())
        await socket.close(1000, "done")
        print("closed", socket.close_code, socket.close_reason or "done")


asyncio.run(talk())
