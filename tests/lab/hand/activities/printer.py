"""A raw-socket printer and who prints on it: ``serve ADDRESS SEED`` and ``print ADDRESS SEED SECONDS``.

The printer sends PJL unsolicited status lines while it prints (HP PJL Technical Reference, USTATUS), port 9100.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time

_STATUS = b"@PJL USTATUS PAGE\r\n%d\r\n\x0c"


async def _serve(address: str, seed: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rng, pages = random.Random(seed), 0
        with contextlib.suppress(ConnectionError):
            while await reader.read(50_000):
                pages += 1
                await asyncio.sleep(rng.uniform(0.1, 0.6))
                writer.write(_STATUS % pages)
        writer.close()

    async with await asyncio.start_server(talk, address, 9100) as door:
        await door.serve_forever()


async def _print(address: str, seed: int, seconds: float) -> None:
    rng, end = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        reader, writer = await asyncio.open_connection(address, 9100)
        writer.write(b"\x1b%-12345X@PJL USTATUS PAGE = ON\r\n" + rng.randbytes(rng.randrange(100_000, 900_000)))
        writer.write_eof()
        while await reader.read(1000):
            pass
        writer.close()
        await asyncio.sleep(max(0.0, min(rng.uniform(3, 9), end - time.monotonic())))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve(sys.argv[2], int(sys.argv[3])))
    else:
        asyncio.run(_print(sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
