"""The site's application server, behind a real web server: ``backend PORT SOCKETS SEED``.

HTTP/1.1 on loopback port PORT for :mod:`tests.lab.hand.activities.routes`, WebSockets on port SOCKETS.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time

import websockets
from websockets.asyncio.server import ServerConnection, serve

from tests.lab import typist
from tests.lab.hand import human
from tests.lab.hand.activities.routes import Partner, answer, ticks


async def _request(reader: asyncio.StreamReader) -> tuple[str, int]:
    """Read one request's head; returns its path and the length of its body."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lengths = [line.split(":")[1] for line in lines if line.lower().startswith("content-length:")]
    return lines[0].split(" ")[1], int(lengths[0]) if lengths else 0


async def _serve_pages(port: int, partner: Partner, seed: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                path, length = await _request(reader)
                while length:
                    length -= len(await reader.read(min(length, 65536)))
                if path == "/events":
                    await _events(writer, seed)
                kind, body = await answer(path, partner)
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", port) as door:
        await door.serve_forever()


async def _events(writer: asyncio.StreamWriter, seed: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    for pause, letter in typist.keys(seed):
        await asyncio.sleep(pause)
        writer.write(f"data: {letter!r} came\n\n".encode())
        await writer.drain()


async def _hear(door: ServerConnection) -> None:
    """Answer what the browser sends: an acknowledgement for each edit and each message."""
    async for text in door:
        what = json.loads(text)
        if what["kind"] in {"edit", "message"}:
            await door.send(json.dumps({"kind": "ack", "of": what.get("revision", 0)}))


async def _edits(door: ServerConnection, seed: int) -> None:
    for number, (pause, letter) in enumerate(typist.keys(seed)):
        await asyncio.sleep(pause)
        await door.send(json.dumps({"kind": "edit", "at": number, "text": letter, "revision": number}))


async def _chat(door: ServerConnection, partner: Partner) -> None:
    sent = len(partner.notices)
    while True:
        with contextlib.suppress(TimeoutError):
            for notice in await partner.after(sent):
                await door.send(json.dumps(notice))
                sent += 1


async def _board(door: ServerConnection, seed: int) -> None:
    """Be the other person at a whiteboard: pointer positions thirty times a second while it moves, keys, clicks."""
    start, sent = time.monotonic(), 0.0
    for action in human.actions(seed):
        if action.kind in {"up", "release"} or (action.kind == "move" and action.at - sent < 1 / 30):
            continue
        await asyncio.sleep(max(0.0, start + action.at - time.monotonic()))
        sent = action.at
        kind = "cursor" if action.kind == "move" else "draw"
        await door.send(json.dumps({"kind": kind, "x": action.x, "y": action.y, "who": "partner"}))


async def _terminal(door: ServerConnection, seed: int) -> None:
    """Echo keys; answer a line with some lines of output."""
    rng = random.Random(seed)
    async for key in door:
        await door.send(key if isinstance(key, str) and len(key) == 1 else "\r\n" + "output " * rng.randrange(5, 200))


async def _main(port: int, sockets: int, seed: int) -> None:
    partner = Partner(seed + 1)

    async def talk(door: ServerConnection) -> None:
        assert door.request is not None
        with contextlib.suppress(websockets.ConnectionClosed):
            if door.request.path == "/ws/ticker":
                async for text in ticks(seed):
                    await door.send(text)
            if door.request.path == "/ws/terminal":
                await _terminal(door, seed)
            hearing = asyncio.create_task(_hear(door))
            try:
                match door.request.path:
                    case "/ws/edit":
                        await _edits(door, seed + 2)
                    case "/ws/board":
                        await _board(door, seed + 2)
                    case _:
                        await _chat(door, partner)
            finally:
                hearing.cancel()

    typing = asyncio.create_task(partner.type())
    async with serve(talk, "127.0.0.1", sockets, compression=None):
        await _serve_pages(port, partner, seed)
    typing.cancel()


if __name__ == "__main__":
    asyncio.run(_main(*(int(word) for word in sys.argv[1:4])))
