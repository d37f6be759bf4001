"""Small messages on long-lived connections, over TLS or UDP, by a plan both sides know.

``beats serve ADDRESS PORT PLAN SEED [CERTIFICATE KEY]`` answers, ``beats dial ADDRESS PORT PLAN SEED SECONDS`` dials;
PLAN names one of :data:`PLANS`. Payloads are random bytes: what counts is who sends how much when.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lab import typist


@dataclass(frozen=True, slots=True)
class Beat:
    """Messages one side sends by itself: pace, spread of the pace, sizes, and the size of the other side's answer.

    ``pace_s`` is the mean pause. ``how`` is ``steady`` (spread by ``spread_s``), ``random`` (exponential), or ``human``
    (the typist's pauses). An ``answer`` of 0 bytes is none.
    """

    side: str
    pace_s: float
    how: str
    low: int
    high: int
    answer: int = 0
    spread_s: float = 0.0

    def pauses(self, seed: int) -> Iterator[float]:
        """Yield pauses in seconds without end."""
        rng = random.Random(seed)
        if self.how == "human":
            for pause, _ in typist.keys(seed):
                yield pause
        while True:
            spread = rng.uniform(-self.spread_s, self.spread_s)
            yield rng.expovariate(1 / self.pace_s) if self.how == "random" else max(0.001, self.pace_s + spread)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one kind of traffic does: its transport and its beats."""

    transport: str
    beats: tuple[Beat, ...]


PLANS = {
    "heartbeat-out": Plan("tls", (Beat("laptop", 5.0, "steady", 40, 40, 32),)),
    "heartbeat-in": Plan("tls", (Beat("server", 3.0, "steady", 24, 24, 24),)),
    "heartbeat-fast": Plan("tls", (Beat("server", 0.5, "steady", 17, 17, 17, 0.01),)),
    "heartbeat-both": Plan(
        "tls", (Beat("laptop", 10.0, "steady", 60, 64, 40), Beat("server", 7.3, "steady", 30, 34, 30, 0.2))
    ),
    "push": Plan("tls", (Beat("server", 2.5, "random", 180, 900, 45), Beat("laptop", 20.0, "steady", 20, 20, 20))),
    "push-human": Plan("tls", (Beat("server", 0.25, "human", 60, 110, 38),)),
    "telemetry": Plan(
        "tls", (Beat("laptop", 1.0, "random", 200, 4000, 30), Beat("server", 9.0, "random", 60, 200, 300))
    ),
    "voip": Plan(
        "udp",
        (
            Beat("laptop", 0.02, "steady", 172, 172), Beat("server", 0.02, "steady", 172, 172),
            Beat("laptop", 5.0, "steady", 72, 84, 0, 1.0), Beat("server", 5.0, "steady", 72, 84, 0, 1.0),
        ),
    ),
    "game": Plan(
        "udp",
        (
            Beat("laptop", 1 / 30, "steady", 38, 62, 0, 0.002), Beat("server", 1 / 20, "steady", 60, 420, 0, 0.002),
            Beat("laptop", 0.25, "human", 70, 90, 24),
        ),
    ),
    "game-fast": Plan(
        "udp",
        (Beat("laptop", 1 / 60, "steady", 40, 48, 0, 0.001), Beat("server", 1 / 60, "steady", 90, 300, 0, 0.001)),
    ),
    "music-udp": Plan("udp", (Beat("server", 0.04, "steady", 1000, 1000), Beat("laptop", 1.0, "steady", 32, 32))),
    "video-udp": Plan(
        "udp", (Beat("server", 0.006, "steady", 1150, 1200, 0, 0.003), Beat("laptop", 0.1, "steady", 40, 60))
    ),
    "camera-udp": Plan(
        "udp", (Beat("laptop", 0.008, "steady", 900, 1200, 0, 0.004), Beat("server", 0.1, "steady", 40, 60))
    ),
    "live-stream": Plan(
        "tls",
        (
            Beat("laptop", 1 / 25, "steady", 700, 7000, 0, 0.004), Beat("server", 1.0, "steady", 30, 30),
            Beat("server", 0.25, "human", 60, 140),
        ),
    ),
    "sip": Plan(
        "udp", (Beat("laptop", 8.0, "steady", 480, 520, 410, 0.5), Beat("server", 6.0, "steady", 390, 400, 350))
    ),
    "ntp": Plan("udp", (Beat("laptop", 4.0, "steady", 48, 48, 48),)),
}  # fmt: skip
"""Plans by name. Voice is 20 ms of G.711 in RTP (RFC 3550, 3551); game rates are those of common shooters."""


class Talk:
    """One side of a conversation: sends its beats and answers the other side's, message by message."""

    def __init__(self, side: str, plan: Plan, seed: int, send: Callable[[bytes], object]) -> None:
        self.side, self.plan, self.send, self.rng = side, plan, send, random.Random(seed)
        self.tasks = [
            asyncio.create_task(self._beat(beat, seed * 31 + number))
            for number, beat in enumerate(plan.beats)
            if beat.side == side
        ]

    async def _beat(self, beat: Beat, seed: int) -> None:
        clock = asyncio.get_running_loop()
        due = clock.time()
        for pause in beat.pauses(seed):
            due += pause
            await asyncio.sleep(max(0.0, due - clock.time()))
            size = self.rng.randint(beat.low, beat.high)
            self.send(struct.pack("!HH", size, beat.answer) + self.rng.randbytes(size - 4))

    def heard(self, message: bytes) -> None:
        """Answer one whole message if it asks for an answer."""
        answer = struct.unpack_from("!HH", message)[1]
        if answer:
            self.send(struct.pack("!HH", answer, 0) + self.rng.randbytes(answer - 4))

    def close(self) -> None:
        """Send nothing more."""
        for task in self.tasks:
            task.cancel()


class Stream(asyncio.Protocol):
    """A side on a TLS connection."""

    def __init__(self, side: str, plan: Plan, seed: int) -> None:
        self.side, self.plan, self.seed, self.buffer = side, plan, seed, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.talk = Talk(self.side, self.plan, self.seed, transport.write)

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages by their length."""
        self.buffer += data
        while len(self.buffer) >= 4 and len(self.buffer) >= (size := struct.unpack_from("!H", self.buffer)[0]):
            message, self.buffer = self.buffer[:size], self.buffer[size:]
            self.talk.heard(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.talk.close()


class Datagrams(asyncio.DatagramProtocol):
    """A side on a UDP socket; a server begins when it first hears from somebody."""

    def __init__(self, side: str, plan: Plan, seed: int, peer: tuple[str, int] | None = None) -> None:
        self.side, self.plan, self.seed, self.peer = side, plan, seed, peer
        self.talk: Talk | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """Begin if the peer is known."""
        self.transport = transport
        if self.peer:
            self._begin()
            transport.sendto(struct.pack("!HH", 20, 0) + bytes(16), self.peer)

    def _begin(self) -> None:
        self.talk = Talk(self.side, self.plan, self.seed, lambda message: self.transport.sendto(message, self.peer))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take the first sender for the peer; answer what asks for it."""
        if self.talk is None:
            self.peer = addr
            self._begin()
        assert self.talk is not None
        self.talk.heard(data)


async def _serve(address: str, port: int, name: str, seed: int, pair: list[str]) -> None:
    plan, clock = PLANS[name], asyncio.get_running_loop()
    if plan.transport == "udp":
        await clock.create_datagram_endpoint(lambda: Datagrams("server", plan, seed + 1), local_addr=(address, port))
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        await clock.create_server(lambda: Stream("server", plan, seed + 1), address, port, ssl=context)
    await asyncio.Event().wait()


async def _dial(address: str, port: int, name: str, seed: int, seconds: float) -> None:
    plan, clock = PLANS[name], asyncio.get_running_loop()
    if plan.transport == "udp":
        await clock.create_datagram_endpoint(
            lambda: Datagrams("laptop", plan, seed, (address, port)), local_addr=("0.0.0.0", 0)
        )
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await clock.create_connection(lambda: Stream("laptop", plan, seed), address, port, ssl=context)
    await asyncio.sleep(seconds)


if __name__ == "__main__":
    where, what = (sys.argv[2], int(sys.argv[3])), (sys.argv[4], int(sys.argv[5]))
    if sys.argv[1] == "serve":
        asyncio.run(_serve(*where, *what, sys.argv[6:8]))
    else:
        asyncio.run(_dial(*where, *what, float(sys.argv[6])))
