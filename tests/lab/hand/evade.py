"""Relays that try to spoil timing: what an operator who reads the literature would put between.

Run inside a namespace: ``python -m tests.lab.hand.evade JSON`` with the fields of :class:`Plan`. Two kinds:

* part ``splice``: joins who connects to ``listen`` with ``target``. ``hold`` keeps each reply towards the target back
  by a uniform random time up to ``hold_ms``, in order; ``schedule`` lets data go on, both ways, only at ticks.
* parts ``agent`` and ``broker``: the agent, on the driven machine, dials the broker over TLS (``plain``: bare TCP) and
  waits; the broker joins whoever connects to ``listen`` with a waiting agent, which then connects to ``target``. In
  between run frames: ``pad`` makes all of one size, ``constant`` sends one size at ticks whether there is data or not,
  ``chaff`` adds frames of nothing, ``split`` spreads the frames over two connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import random
import ssl
import struct
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

HEAD = struct.Struct("!IHB")
DATA, NOTHING, OPEN, END = range(4)
CELL = 576
"""Bytes of every frame under ``pad`` and ``constant``."""
TICK_S = 0.01
OUT_CELLS = 8
"""Frames the driven side sends at each tick under ``constant``; the other side sends one."""
CHAFF_S = 0.05
"""Mean time between frames of nothing under ``chaff``, in each direction."""
SCHEDULE_S = 0.05

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one relay process does; addresses are (host, port)."""

    part: str
    evasion: str
    listen: int
    target: tuple[str, int]
    broker: tuple[str, int] = ("", 0)
    plain: bool = False
    certificate: tuple[str, str] = ("", "")
    hold_ms: float = 200.0
    seed: int = 1


async def _held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plan: Plan, *, reply: bool) -> None:
    """Carry one direction of a splice, late or at ticks."""
    loop, rng = asyncio.get_running_loop(), random.Random(plan.seed + reply)
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def write() -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    job, last = asyncio.create_task(write()), 0.0
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            now = loop.time()
            if plan.evasion == "schedule":
                last = (now // SCHEDULE_S + 1) * SCHEDULE_S
            elif reply:
                last = max(last, now + rng.uniform(0, plan.hold_ms / 1000))
            queue.put_nowait((last, data))
    queue.put_nowait((0.0, b""))
    with contextlib.suppress(ConnectionError):
        await job


async def splice(plan: Plan) -> None:
    """Run a splice relay until the process ends."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(*plan.target)
        await asyncio.gather(_held(reader, there[1], plan, reply=True), _held(there[0], writer, plan, reply=False))
        there[1].close()
        writer.close()

    async with await asyncio.start_server(join, "0.0.0.0", plan.listen) as door:
        await door.serve_forever()


@dataclass(slots=True)
class Tunnel:
    """Frames over one or two connections: numbered, so that the far side can put them in order again."""

    plan: Plan
    flows: list[Streams]
    agent: bool
    sent: int = 0
    waiting: list[bytes] = field(default_factory=list)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    @property
    def padded(self) -> bool:
        """Whether all frames are of one size."""
        return self.plan.evasion in {"pad", "constant"}

    def frame(self, kind: int, data: bytes) -> bytes:
        """Return the next frame, padded where the evasion pads."""
        out = HEAD.pack(self.sent, len(data), kind) + data
        self.sent += 1
        return out.ljust(CELL, b"\0") if self.padded else out

    async def send(self, kind: int, data: bytes = b"") -> None:
        """Send data as frames, or, under ``constant``, leave them for the ticks."""
        step = CELL - HEAD.size if self.padded else 16000
        for at in range(0, max(1, len(data)), step):
            frame = self.frame(kind, data[at : at + step])
            if self.plan.evasion == "constant":
                self.waiting.append(frame)
                continue
            writer = self.rng.choice(self.flows)[1]
            writer.write(frame)
            await writer.drain()
        while len(self.waiting) > 40:
            self.room.clear()
            await self.room.wait()

    async def noise(self) -> None:
        """Send what the evasion adds, for ever."""
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            if self.plan.evasion == "chaff":
                await asyncio.sleep(self.rng.expovariate(1 / CHAFF_S))
                size = min(1200, int(self.rng.lognormvariate(4.2 if not self.agent else 5.0, 1.0)))
                await self.send(NOTHING, bytes(size))
                continue
            at += TICK_S
            await asyncio.sleep(max(0.0, at - loop.time()))
            for _ in range(OUT_CELLS if self.agent else 1):
                self.flows[0][1].write(self.waiting.pop(0) if self.waiting else self.frame(NOTHING, b""))
            self.room.set()
            await self.flows[0][1].drain()

    async def _frames(self, reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, int, bytes]]:
        while True:
            number, length, kind = HEAD.unpack(await reader.readexactly(HEAD.size))
            body = await reader.readexactly(CELL - HEAD.size if self.padded else length)
            yield number, kind, body[:length]

    async def receive(self) -> AsyncIterator[tuple[int, bytes]]:
        """Yield (kind, data) in the order sent, until a connection ends."""
        queue: asyncio.Queue[tuple[int, int, bytes] | None] = asyncio.Queue()

        async def read(reader: asyncio.StreamReader) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                async for frame in self._frames(reader):
                    queue.put_nowait(frame)
            queue.put_nowait(None)

        jobs = [asyncio.create_task(read(reader)) for reader, _ in self.flows]
        early: list[tuple[int, int, bytes]] = []
        due = 0
        # Under ``constant`` a frame of nothing may be numbered before data that still waits: order is as written.
        while (got := await queue.get()) is not None:
            heapq.heappush(early, got)
            if self.plan.evasion == "constant":
                _, kind, data = heapq.heappop(early)
                yield kind, data
                continue
            while early and early[0][0] == due:
                _, kind, data = heapq.heappop(early)
                due += 1
                yield kind, data
        for job in jobs:
            job.cancel()

    def close(self) -> None:
        """Close all connections."""
        for _, writer in self.flows:
            writer.close()


async def _join(tunnel: Tunnel, inner: AsyncIterator[tuple[int, bytes]], ends: Streams) -> None:
    """Carry between a tunnel and a plain connection until either is over."""
    reader, writer = ends

    async def into() -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(16384):
                await tunnel.send(DATA, data)
            await tunnel.send(END)

    async def out() -> None:
        with contextlib.suppress(ConnectionError):
            async for kind, data in inner:
                if kind == END:
                    break
                if kind == DATA:
                    writer.write(data)
                    await writer.drain()
            writer.write_eof()

    jobs = [asyncio.create_task(into()), asyncio.create_task(out())]
    noise = asyncio.create_task(tunnel.noise()) if tunnel.plan.evasion in {"chaff", "constant"} else None
    await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(jobs, timeout=5.0)  # one direction may end before the other
    for job in jobs:
        job.cancel()
    if noise is not None:
        noise.cancel()
    tunnel.close()
    writer.close()


async def agent(plan: Plan) -> None:
    """Run the agent until the process ends: one tunnel always waits to be used."""
    context = None
    if not plan.plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    number, running = 0, set[asyncio.Task[None]]()
    while True:
        number += 1
        flows: list[Streams] = []
        for _ in range(2 if plan.evasion == "split" else 1):
            flows.append(await asyncio.open_connection(*plan.broker, ssl=context))
            flows[-1][1].write(struct.pack("!I", number))
        tunnel = Tunnel(plan, flows, agent=True, rng=random.Random(plan.seed + 10 * number))
        inner = tunnel.receive()
        async for kind, _ in inner:
            if kind == OPEN:
                break
        else:
            await asyncio.sleep(0.5)
            continue
        job = asyncio.create_task(_join(tunnel, inner, await asyncio.open_connection(*plan.target)))
        running.add(job)
        job.add_done_callback(running.discard)


async def broker(plan: Plan) -> None:
    """Run the broker until the process ends."""
    context = None
    if not plan.plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*plan.certificate)
    flows: dict[int, list[Streams]] = {}
    idle: asyncio.Queue[Tunnel] = asyncio.Queue()

    async def dialled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = struct.unpack("!I", await reader.readexactly(4))[0]
        flows.setdefault(number, []).append((reader, writer))
        if len(flows[number]) == (2 if plan.evasion == "split" else 1):
            idle.put_nowait(Tunnel(plan, flows.pop(number), agent=False, rng=random.Random(plan.seed + number)))

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnel = await idle.get()
        await tunnel.send(OPEN)
        await _join(tunnel, tunnel.receive(), (reader, writer))

    inside = await asyncio.start_server(dialled, "0.0.0.0", plan.broker[1], ssl=context)
    outside = await asyncio.start_server(called, "0.0.0.0", plan.listen)
    async with inside, outside:
        await outside.serve_forever()


def main() -> int:
    """Run one part."""
    values = json.loads(sys.argv[1])
    for name in ("target", "broker", "certificate"):
        values[name] = tuple(values[name])
    plan = Plan(**values)
    asyncio.run({"splice": splice, "agent": agent, "broker": broker}[plan.part](plan))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
