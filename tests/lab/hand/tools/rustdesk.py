"""A recipe with the traffic of RustDesk: its framing, messages, sizes, acknowledgements and clock; not its program.

One TCP connection. Frames have the length prefix of hbb_common ``bytes_codec.rs``; bodies are protobuf messages with
the field numbers of hbb_common ``message.proto``, each sealed with a 16-byte tag as libsodium's secretbox does (here
ChaCha20-Poly1305, with a key that is sent in the open: nothing in the laboratory is secret). The driven side speaks
first (SignedId), asks TestDelay once a second as long as the last one was answered, and sends a VP9 frame when the
screen changed and the last frame was acknowledged or 300 ms old; the viewer echoes TestDelay at once and sends
VideoReceived when it has decoded a frame (rustdesk ``server/connection.rs``, ``server/video_service.rs``,
``client.rs``). The screen is a real X display and the input goes into it.

As a program: ``python -m tests.lab.hand.tools.rustdesk host DISPLAY SCREEN listen PORT`` or ``host ... dial ADDRESS
PORT`` on the driven side, ``view HAND dial ADDRESS PORT`` or ``view HAND listen PORT`` at the viewer.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.hand.tool import Desk, Screen, Tool
from tests.lab.hand.tools import desktop, feed, machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.lab.net import Lab

PORT = 21118
"""Direct access listens here: the rendezvous port and two (``rendezvous_mediator.rs``)."""
FRAMES_PER_SECOND = 15
ACKNOWLEDGED_WITHIN = 0.3
SIGNED_ID, PUBLIC_KEY, TEST_DELAY, VIDEO_FRAME, LOGIN_REQUEST, LOGIN_RESPONSE, HASH, MOUSE = 3, 4, 5, 6, 7, 8, 9, 10
KEY, MISC = 15, 19
VP9S, VIDEO_RECEIVED, PERMISSION_INFO = 6, 12, 6
DOWN, UP, WHEEL = 1, 2, 3
"""Kinds of mouse events: the low three bits of a mask, with the button above them (``input.rs``)."""


def varint(value: int) -> bytes:
    """Return a protobuf varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def zigzag(value: int) -> int:
    """Return the unsigned number that stands for a signed one (``sint32``)."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def field(number: int, value: int | bytes) -> bytes:
    """Return one protobuf field; a zero number is left out, as proto3 does."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data: bytes) -> dict[int, int | bytes]:
    """Return the fields of a protobuf message by number, which must be of the two kinds :func:`field` writes."""
    out: dict[int, int | bytes] = {}
    place = 0

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while place < len(data):
        tag = number()
        value: int | bytes = number()
        if tag & 7 == 2:
            assert isinstance(value, int)
            value, place = data[place : place + value], place + value
        out[tag >> 3] = value
    return out


def frame(body: bytes) -> bytes:
    """Return a body with its length before it: 1 to 4 bytes, whose low two bits say how many (``bytes_codec.rs``)."""
    length = len(body)
    extra = 0 if length <= 0x3F else 1 if length <= 0x3FFF else 2 if length <= 0x3FFFFF else 3
    return (length << 2 | extra).to_bytes(extra + 1, "little") + body


class Wire:
    """One end of a connection: messages in, messages out, sealed once a key is there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, side: int) -> None:
        self.reader, self.writer, self.side = reader, writer, side
        self.cipher: object | None = None
        self.sent = self.got = 0
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def seal_with(self, key: bytes) -> None:
        """Seal everything from here on."""
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self.cipher = ChaCha20Poly1305(key)

    def send(self, number: int, value: int | bytes) -> None:
        """Send a message whose only field is this one."""
        body = field(number, value)
        if self.cipher is not None:
            self.sent += 1
            body = self.cipher.encrypt(bytes([self.side]) * 4 + self.sent.to_bytes(8, "little"), body, None)
        self.writer.write(frame(body))

    async def receive(self) -> tuple[int, int | bytes]:
        """Return the next message's only field and its value.

        Raises:
            asyncio.IncompleteReadError: when the other end is gone.
        """
        first = await self.reader.readexactly(1)
        head = first + await self.reader.readexactly(first[0] & 3)
        body = await self.reader.readexactly(int.from_bytes(head, "little") >> 2)
        if self.cipher is not None:
            self.got += 1
            body = self.cipher.decrypt(bytes([1 - self.side]) * 4 + self.got.to_bytes(8, "little"), body, None)
        return next(iter(fields(body).items()))


class Host:
    """The driven side of one session."""

    def __init__(self, wire: Wire, display: int, screen: Path) -> None:
        self.wire, self.fingers, self.picture = wire, machine.Fingers(display), machine.Picture(screen)
        self.shown = asyncio.Event()
        self.waiting, self.delay = False, 0

    async def run(self) -> None:
        """Greet, let the viewer in, then show the screen and take its input until it leaves."""
        wire = self.wire
        wire.send(SIGNED_ID, field(1, os.urandom(109)))
        _, value = await wire.receive()
        assert isinstance(value, bytes)
        key = fields(value)[2]
        assert isinstance(key, bytes)
        wire.seal_with(key[:32])
        wire.send(HASH, field(1, os.urandom(6).hex().encode()) + field(2, os.urandom(6).hex().encode()))
        await wire.receive()
        wire.send(LOGIN_RESPONSE, field(2, os.urandom(260)))
        for permission in range(7):
            wire.send(MISC, field(PERMISSION_INFO, field(1, permission) + field(2, 1)))
        jobs = [asyncio.create_task(job) for job in (self._show(), self._ask())]
        try:
            while True:
                self._take(*await wire.receive())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for job in jobs:
                job.cancel()

    async def _ask(self) -> None:
        """Measure the delay once a second, unless the last question is still open."""
        while True:
            await asyncio.sleep(1.0)
            if not self.waiting:
                self.waiting = True
                now = int(time.time() * 1000)
                self.wire.send(TEST_DELAY, field(1, now) + field(3, self.delay) + field(4, 600))

    async def _show(self) -> None:
        """Send a picture whenever the screen changed, one at a time."""
        import av

        codec = av.CodecContext.create("libvpx-vp9", "w")
        codec.width, codec.height = machine.SIZE
        codec.pix_fmt, codec.time_base, codec.bit_rate = "yuv420p", Fraction(1, 1000), 600_000
        codec.gop_size, codec.thread_count = 240, 1
        codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        start = time.monotonic()
        while True:
            await asyncio.sleep(1 / FRAMES_PER_SECOND)
            if not self.picture.changed():
                continue
            image = av.VideoFrame.from_ndarray(self.picture.last, format="bgra").reformat(format="yuv420p")
            image.pts = int((time.monotonic() - start) * 1000)
            for packet in codec.encode(image):
                one = field(1, bytes(packet)) + field(2, int(packet.is_keyframe)) + field(3, image.pts)
                self.shown.clear()
                self.wire.send(VIDEO_FRAME, field(VP9S, field(1, one)))
                try:
                    await asyncio.wait_for(self.shown.wait(), ACKNOWLEDGED_WITHIN)
                except TimeoutError:
                    continue

    def _take(self, number: int, value: int | bytes) -> None:
        """Act on one message of the viewer."""
        assert isinstance(value, bytes)
        inside = fields(value)
        if number == TEST_DELAY:
            self.waiting, self.delay = False, int(time.time() * 1000) - int(inside[1])
        elif number == MISC and VIDEO_RECEIVED in inside:
            self.shown.set()
        elif number == KEY:
            code = int(inside[4])
            self.fingers.key(code if code >= 0x20 else 0xFF00 | code, down=bool(inside.get(1)))
        elif number == MOUSE:
            mask, x, y = (int(inside.get(each, 0)) for each in (1, 2, 3))
            if mask & 7 == WHEEL:
                for down in (True, False):
                    self.fingers.button(5 if y & 1 else 4, down=down)
            elif mask:
                self.fingers.button({1: 1, 2: 3, 4: 2}[mask >> 3], down=mask & 7 == DOWN)
            else:
                self.fingers.point(x >> 1, y >> 1)


class Viewer:
    """The driving side of one session."""

    def __init__(self, wire: Wire, hand: str) -> None:
        self.wire, self.hand, self.place = wire, hand, (0, 0)

    async def run(self) -> None:
        """Log in, then acknowledge what is shown and pass on what the person does."""
        import av

        wire, key = self.wire, os.urandom(32)
        await wire.receive()
        wire.send(PUBLIC_KEY, field(1, os.urandom(32)) + field(2, key + os.urandom(16)))
        wire.seal_with(key)
        await wire.receive()
        wire.send(LOGIN_REQUEST, field(1, b"123456789") + field(2, os.urandom(32)) + field(6, os.urandom(140)))
        codec = av.CodecContext.create("vp9", "r")
        codec.thread_count = 1
        job = asyncio.create_task(self._act())
        try:
            while True:
                number, value = await wire.receive()
                assert isinstance(value, bytes)
                if number == TEST_DELAY:
                    wire.send(number, value)
                elif number == VIDEO_FRAME:
                    picture = fields(value)[VP9S]
                    assert isinstance(picture, bytes)
                    one = fields(picture)[1]
                    assert isinstance(one, bytes)
                    data = fields(one)[1]
                    assert isinstance(data, bytes)
                    codec.decode(av.Packet(data))
                    wire.send(MISC, field(VIDEO_RECEIVED, 1))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            job.cancel()

    async def _act(self) -> None:
        """Send each action of the person as it happens."""
        async for kind, one, two in feed.actions(self.hand):
            if kind == "key":
                # A key's code is below 128 and so takes one byte, in either of the ways the real tool numbers keys.
                self.wire.send(KEY, field(1, two) + field(4, one & 0x7F) + field(9, 1))
                continue
            mask, x, y = 0, *self.place
            if kind == "point":
                x, y = self.place = (one, two)
            elif one in {4, 5}:
                mask, x, y = WHEEL, 0, 1 if one == 4 else -1
                if not two:
                    continue
            else:
                mask = (DOWN if two else UP) | {1: 1, 2: 4, 3: 2}[one] << 3
            self.wire.send(MOUSE, field(1, mask) + field(2, zigzag(x)) + field(3, zigzag(y)))


async def meet(words: list[str], talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
    """Talk to whoever ``dial ADDRESS PORT`` reaches, or to everybody who comes to ``listen PORT``."""
    if words[0] == "dial":
        await talk(*await asyncio.open_connection(words[1], int(words[2])))
    else:
        async with await asyncio.start_server(talk, "0.0.0.0", int(words[1])) as server:
            await server.serve_forever()


def _program(lab: Lab, short: str, *arguments: str) -> None:
    lab.start(short, sys.executable, "-m", __spec__.name, *arguments)


def _serve(lab: Lab, short: str) -> Desk:
    display, screen = machine.start(lab, short)
    _program(lab, short, "host", str(display), str(screen), "listen", str(PORT))
    lab.listening(short, PORT)
    return Desk(short, display, {"screen": str(screen)})


def _view(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    hand = f"hand-{short}"
    way = ("dial", address, str(port)) if address else ("listen", str(port))
    _program(lab, short, "view", str(lab.folder / hand), *way)
    if not address:
        lab.listening(short, port)
    return Screen(short, 0, "", {"hand": hand})


def _dial(lab: Lab, short: str, address: str, port: int, desk: Desk) -> None:
    _program(lab, short, "host", str(desk.display), desk.extra["screen"], "dial", address, str(port))


TOOLS = (
    Tool(
        "rustdesk-like", desktop.PROGRAMS, "tcp", PORT, _serve, _view, feed.drive, _dial,
    ),
)  # fmt: skip
"""The recipe."""


async def main() -> None:
    """Run the command line."""
    role, *rest = sys.argv[1:]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if role == "host":
            await Host(Wire(reader, writer, 0), int(rest[0]), Path(rest[1])).run()
        else:
            await Viewer(Wire(reader, writer, 1), rest[0]).run()

    await meet(rest[2:] if role == "host" else rest[1:], talk)


if __name__ == "__main__":
    asyncio.run(main())
