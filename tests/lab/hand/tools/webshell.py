"""A terminal in the browser: a server that joins a pseudo-terminal with a WebSocket, and what the page does.

Messages are those of ttyd (``src/protocol.c``, ``html/src/components/terminal/xterm``): binary, the first byte says
what it is. The page says its size in JSON first and sends every key as a message; the server sends what the terminal
prints, and a ping every 5 s (ttyd's ``--ping-interval``), which a browser answers by itself.

As a program: ``python -m tests.lab.hand.tools.webshell serve PORT CERTIFICATE KEY COMMAND...`` and
``view ADDRESS PORT``, the latter on a terminal in raw mode.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import ssl
import struct
import sys
import termios

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

OUTPUT = INPUT = b"0"
TITLE, PREFERENCES = b"1", b"2"
PING_S = 5.0
PROTOCOL = Subprotocol("tty")
CHUNK = 65536


async def _print(door: ServerConnection, terminal: int) -> None:
    """Send what the terminal prints, as it comes; close when the command has ended."""
    printed, loop = asyncio.Queue[bytes](), asyncio.get_running_loop()

    def take() -> None:
        try:
            printed.put_nowait(os.read(terminal, CHUNK))
        except OSError:  # EIO: nobody holds the other end any more
            loop.remove_reader(terminal)
            printed.put_nowait(b"")

    loop.add_reader(terminal, take)
    try:
        while text := await printed.get():
            await door.send(OUTPUT + text)
        await door.close()
    finally:
        loop.remove_reader(terminal)


async def _join(door: ServerConnection, command: list[str]) -> None:
    """Run a command on a terminal for one page, until either is gone."""
    size = json.loads(await door.recv())
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", size["rows"], size["columns"], 0, 0))
    job = await asyncio.create_subprocess_exec(
        *command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    await door.send(TITLE + command[0].encode())
    await door.send(PREFERENCES + b"{}")
    printing = asyncio.create_task(_print(door, ours))
    try:
        async for message in door:
            if isinstance(message, bytes) and message.startswith(INPUT):
                os.write(ours, message[1:])
    finally:
        printing.cancel()
        if job.returncode is None:
            job.terminate()
        await job.wait()
        os.close(ours)


async def host(port: int, certificate: str, key: str, command: list[str]) -> None:
    """Serve the terminal to whoever comes."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def talk(door: ServerConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await _join(door, command)

    options = {"ssl": context, "subprotocols": [PROTOCOL], "ping_interval": PING_S, "ping_timeout": None}
    async with serve(talk, "0.0.0.0", port, **options) as server:
        await server.serve_forever()


async def view(address: str, port: int) -> None:
    """Be the page: send each key, show what comes."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    where, keys = f"wss://{address}:{port}/ws", asyncio.Queue[bytes]()
    async with connect(where, ssl=context, subprotocols=[PROTOCOL], ping_interval=None) as door:
        rows, columns, _, _ = struct.unpack("4H", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
        await door.send(json.dumps({"AuthToken": "", "columns": columns, "rows": rows}).encode())
        asyncio.get_running_loop().add_reader(0, lambda: keys.put_nowait(os.read(0, CHUNK)))

        async def type_in() -> None:
            while True:
                await door.send(INPUT + await keys.get())

        typing = asyncio.create_task(type_in())
        async for message in door:
            if isinstance(message, bytes) and message.startswith(OUTPUT):
                os.write(1, message[1:])
        typing.cancel()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(host(int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]))
    else:
        asyncio.run(view(sys.argv[2], int(sys.argv[3])))
