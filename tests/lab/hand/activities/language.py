"""An editor and its language server, sending JSON messages the way the Language Server Protocol frames them.

``serve PORT SEED`` answers on loopback; ``edit PORT SEED SECONDS`` types. Each key brings a change message, and the
server answers some of them with completions and, after a while without keys, with diagnostics; it also tells by itself
of files that changed. (Framing: Language Server Protocol 3.17, base protocol.)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time

from tests.lab import typist

_FILE = "file:///srv/project/src/service/handlers.py"


def frame(method: str, **params: object) -> bytes:
    """Return one message with its header."""
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def read(stream: asyncio.StreamReader) -> dict[str, object]:
    """Read one message.

    Raises:
        asyncio.IncompleteReadError: when the other side is gone.
    """
    head = await stream.readuntil(b"\r\n\r\n")
    message = json.loads(await stream.readexactly(int(head.split(b":")[1])))
    assert isinstance(message, dict)
    return message


def _items(rng: random.Random, low: int, high: int) -> list[dict[str, object]]:
    return [
        {"label": rng.choice(typist.WORDS) * 2, "kind": 3, "at": number} for number in range(rng.randint(low, high))
    ]


async def _serve(port: int, seed: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rng = random.Random(seed)

        async def watch() -> None:
            while True:
                await asyncio.sleep(rng.uniform(2, 9))
                writer.write(frame("workspace/didChangeWatchedFiles", changes=_items(rng, 1, 4)))

        watching, late = asyncio.create_task(watch()), None
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await read(reader)
                if rng.random() < 0.6:
                    await asyncio.sleep(rng.uniform(0.005, 0.04))
                    writer.write(frame("completion", items=_items(rng, 3, 60)))
                if late is not None:
                    late.cancel()
                message = frame("textDocument/publishDiagnostics", uri=_FILE, diagnostics=_items(rng, 0, 12))
                late = asyncio.get_running_loop().call_later(0.5, writer.write, message)
        watching.cancel()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", port) as door:
        await door.serve_forever()


async def _edit(port: int, seed: int, seconds: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def hear() -> None:
        while True:
            message = await read(reader)
            if message["method"] == "workspace/didChangeWatchedFiles":
                writer.write(frame("workspace/diagnostic", identifier="refresh"))

    hearing, end = asyncio.create_task(hear()), time.monotonic() + seconds
    for number, (pause, letter) in enumerate(typist.keys(seed)):
        await asyncio.sleep(pause)
        if time.monotonic() >= end:
            break
        change = {"range": {"line": number // 40, "character": number % 40}, "text": letter}
        writer.write(frame("textDocument/didChange", textDocument={"uri": _FILE, "version": number}, change=change))
    hearing.cancel()
    writer.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve(int(sys.argv[2]), int(sys.argv[3])))
    else:
        asyncio.run(_edit(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
