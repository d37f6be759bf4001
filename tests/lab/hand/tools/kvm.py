"""A recipe with the traffic of a KVM over IP such as PiKVM: JPEG pictures over HTTP, keys and pointer on a WebSocket.

One TCP port, without TLS as on a NanoKVM. The pictures are a stream in the form of ustreamer's HTTP server
(``multipart/x-mixed-replace``, a picture when it changed, else one in :data:`SAME_FRAMES`); ustreamer itself needs a
video device to grab from. The WebSocket carries kvmd's binary messages (``web/share/js/kvm/session.js``): the viewer
asks for a sign of life once a second, spaces pointer moves by its slider's 10 to 100 ms, and flushes them before a
click (``mouse.js``); the driven side sends its state as JSON. The viewer's software answers nothing of this by
itself: kvmd's own pings start only when the viewer was silent. The machine that the input goes into, a real X
display, stands for the KVM too: its capture is what the KVM's gateway sees.

As a program: ``python -m tests.lab.hand.tools.kvm host DISPLAY SCREEN PORT`` and ``view HAND ADDRESS PORT``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import random
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import net
from tests.lab.hand.tool import Desk, Human, Screen, Tool
from tests.lab.hand.tools import desktop, feed, machine

if TYPE_CHECKING:
    from tests.lab.net import Lab

PORT = 80
FRAMES_PER_SECOND, SAME_FRAMES, QUALITY = 10, 30, 30
TEXT, BINARY = 1, 2
PING, KEY, BUTTON, MOVE, WHEEL, PONG = 0, 1, 2, 3, 5, 255
ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
STREAM_HEAD = (
    b"HTTP/1.0 200 OK\r\nAccess-Control-Allow-Origin: *\r\nCache-Control: no-store, no-cache, must-revalidate\r\n"
    b"Pragma: no-cache\r\nContent-Type: multipart/x-mixed-replace;boundary=boundarydonotcross\r\n\r\n"
    b"--boundarydonotcross\r\n"
)
NAMED_KEYS = {0x20: "Space", 0xFF0D: "Enter", 0xFF08: "Backspace", 0xFF09: "Tab", 0xFF1B: "Escape"}
BUTTONS = {1: "left", 2: "middle", 3: "right"}


def code(symbol: int) -> str:
    """Return a browser's name of the key of a keysym (UI Events ``code``)."""
    letter = chr(symbol & 0x7F)
    return NAMED_KEYS.get(symbol) or (f"Digit{letter}" if letter.isdigit() else f"Key{letter.upper()}")


def symbol(name: str) -> int:
    """Return the keysym of a key's name."""
    return {named: value for value, named in NAMED_KEYS.items()}.get(name) or ord(name[-1].lower())


def packed(kind: int, payload: bytes, *, masked: bool) -> bytes:
    """Return a WebSocket message as one frame (RFC 6455 section 5.2); what a browser sends is masked."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)
    if not masked:
        return bytes([0x80 | kind]) + length + payload
    mask = os.urandom(4)
    return bytes([0x80 | kind, length[0] | 0x80]) + length[1:] + mask + _mask(payload, mask)


def _mask(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


async def received(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return kind and payload of the next WebSocket message.

    Raises:
        asyncio.IncompleteReadError: when the other end is gone.
    """
    kind, size = await reader.readexactly(2)
    mask = b""
    masked, size = size & 0x80, size & 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    if masked:
        mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return kind & 15, _mask(payload, mask) if masked else payload


class Host:
    """The KVM: whoever asks for the stream gets pictures, whoever asks for the WebSocket is listened to."""

    def __init__(self, display: int, screen: Path) -> None:
        self.fingers, self.screen = machine.Fingers(display), screen

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            if b" /streamer/stream" in lines[0]:
                await self._stream(writer)
            else:
                (key,) = (line.split(b": ")[1] for line in lines if line.startswith(b"Sec-WebSocket-Key"))
                accept = base64.b64encode(hashlib.sha1(key + ACCEPT, usedforsecurity=False).digest())
                writer.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                    b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
                )
                await self._listen(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        """Send pictures; while the last one is still waiting to be sent, none is added."""
        from PIL import Image

        picture, same = machine.Picture(self.screen), SAME_FRAMES
        writer.write(STREAM_HEAD)
        while not writer.is_closing():
            await asyncio.sleep(1 / FRAMES_PER_SECOND)
            if writer.transport.get_write_buffer_size():
                continue
            if not picture.changed() and same < SAME_FRAMES:
                same += 1
                continue
            same = 0
            out = io.BytesIO()
            Image.fromarray(picture.last[:, :, 2::-1]).save(out, "JPEG", quality=QUALITY)
            head = f"Content-Type: image/jpeg\r\nContent-Length: {out.tell()}\r\nX-Timestamp: {time.time():.6f}\r\n\r\n"
            writer.write(head.encode() + out.getvalue() + b"\r\n--boundarydonotcross\r\n")

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Tell the state of things, then act on messages."""
        for name, size in (("info", 1100), ("gpio", 300), ("hid", 420), ("atx", 140), ("msd", 560)):
            writer.write(packed(TEXT, state(name, size), masked=False))
        telling = asyncio.create_task(self._tell(writer))
        try:
            while True:
                kind, payload = await received(reader)
                if kind == BINARY:
                    self._take(payload, writer)
        finally:
            telling.cancel()

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        """Tell the streamer's state when a look at it once a second shows another frame rate than before.

        The clock is the KVM's own: it does not start with the connection.
        """
        await asyncio.sleep(random.uniform(0.0, 1.0))
        while True:
            if random.random() < 0.7:
                writer.write(packed(TEXT, state("streamer", 830), masked=False))
            await asyncio.sleep(1.0)

    def _take(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        """Act on one message of the viewer."""
        kind = payload[0]
        if kind == PING:
            writer.write(packed(BINARY, bytes([PONG]), masked=False))
        elif kind == KEY:
            self.fingers.key(symbol(payload[2:].decode()), down=bool(payload[1]))
        elif kind == BUTTON:
            name = payload[2:].decode()
            self.fingers.button({named: number for number, named in BUTTONS.items()}[name], down=bool(payload[1]))
        elif kind == MOVE:
            place = struct.unpack(">hh", payload[1:5])
            self.fingers.point(
                *((part + 32768) * size // 65535 for part, size in zip(place, machine.SIZE, strict=True))
            )
        elif kind == WHEEL:
            for down in (True, False):
                self.fingers.button(4 if payload[3] < 128 else 5, down=down)


def state(name: str, size: int) -> bytes:
    """Return a state message of a size, give or take the length of a changing number."""
    event = {"fps": random.randrange(0, 12), "about": "x" * (size - 60)}
    return json.dumps({"event_type": name, "event": event}).encode()


class Viewer:
    """The browser's page: watches one connection and sends on another."""

    def __init__(self, address: str, port: int, hand: str) -> None:
        self.address, self.port, self.hand = address, port, hand
        self.rate, self.planned, self.sent = 0.01, (0, 0), (0, 0)

    async def run(self) -> None:
        """Watch, and send what the person does, for as long as the connections last."""
        watching = asyncio.create_task(self._watch())
        reader, self.writer = await asyncio.open_connection(self.address, self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        self._ask("/api/ws", f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {key}\r\n", self.writer)
        await reader.readuntil(b"\r\n\r\n")
        jobs = [asyncio.create_task(job) for job in (self._act(), self._beat(), self._move())]
        try:
            while True:
                await received(reader)
        finally:
            for job in (watching, *jobs):
                job.cancel()

    def _ask(self, path: str, lines: str, writer: asyncio.StreamWriter) -> None:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {self.address}\r\n{lines}User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
            "Accept: */*\r\n\r\n".encode()
        )

    async def _watch(self) -> None:
        reader, writer = await asyncio.open_connection(self.address, self.port)
        self._ask("/streamer/stream", "", writer)
        while await reader.read(65536):
            pass

    def _send(self, *parts: int | bytes) -> None:
        payload = b"".join(bytes([part]) if isinstance(part, int) else part for part in parts)
        self.writer.write(packed(BINARY, payload, masked=True))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._send(PING)

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(self.rate)
            self._flush()

    def _flush(self) -> None:
        """Send the newest place of the pointer, if it is not the last one sent."""
        if self.planned != self.sent:
            self.sent = self.planned
            spots = (place * 65535 // size - 32768 for place, size in zip(self.sent, machine.SIZE, strict=True))
            self._send(MOVE, struct.pack(">hh", *spots))

    async def _act(self) -> None:
        async for kind, one, two in feed.actions(self.hand):
            if kind == "rate":
                self.rate = one / 1000
            elif kind == "point":
                self.planned = one, two
            elif kind == "key":
                self._send(KEY, two, code(one).encode())
            elif one in BUTTONS:
                self._flush()
                self._send(BUTTON, two, BUTTONS[one].encode())
            elif two:
                self._send(WHEEL, 0, 0, 5 if one == 4 else 251)


def _serve(lab: Lab, short: str) -> Desk:
    display, screen = machine.start(lab, short)
    lab.start(short, sys.executable, "-m", __spec__.name, "host", str(display), str(screen), str(PORT))
    lab.listening(short, PORT)
    return Desk(short, display, {"screen": str(screen)})


def _view(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    hand = f"hand-{short}"
    lab.start(short, sys.executable, "-m", __spec__.name, "view", str(lab.folder / hand), address, str(port))
    net.wait_for((lab.folder / hand).exists, f"the viewer\n{lab.logs()}")
    return Screen(short, 0, "", {"hand": hand})


def _drive(lab: Lab, screen: Screen, seconds: float, seed: int) -> Human:
    """Let the person work, at the pace they chose on the page's slider for pointer moves."""
    with feed.Line(str(lab.folder / screen.extra["hand"])) as line:
        line.tell("rate", random.Random(seed).choice((10, 10, 20, 50, 100)), 0)
    return feed.drive(lab, screen, seconds, seed)


TOOLS = (Tool("kvm-like", desktop.PROGRAMS, "tcp", PORT, _serve, _view, _drive, loops=False),)
"""The recipe."""


async def main() -> None:
    """Run the command line."""
    role, *rest = sys.argv[1:]
    if role == "host":
        host = Host(int(rest[0]), Path(rest[1]))
        async with await asyncio.start_server(host.serve, "0.0.0.0", int(rest[2])) as server:
            await server.serve_forever()
    else:
        await Viewer(rest[1], int(rest[2]), rest[0]).run()


if __name__ == "__main__":
    asyncio.run(main())
