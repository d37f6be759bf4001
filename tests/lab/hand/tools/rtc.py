"""A recipe for a WebRTC screen share with control: one UDP flow with video, its reports, and input the other way.

Both ends run a real WebRTC stack (aiortc): ICE with host candidates and consent checks, DTLS, SRTP with VP8, RTCP, and
a data channel on SCTP. The messages on the channel are those of neko (m1k1o/neko ``webrtc/payload``): a kind, a
length, then numbers, big-endian; the driven side offers, the viewer asks for the time once a second. The screen is a
real X display and the input goes into it. Session descriptions pass through the lab's folder, with the address and
port to be used written into them: a forwarder in between needs to know nothing.

As a program: ``python -m tests.lab.hand.tools.rtc host FOLDER DISPLAY SCREEN PORT`` on the driven side,
``view FOLDER HAND ADDRESS PORT`` at the viewer, whose address is empty where it listens.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab import net
from tests.lab.hand.tool import Desk, Screen, Tool
from tests.lab.hand.tools import desktop, feed, machine

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection

    from tests.lab.net import Lab

PORT = 52100
FRAMES_PER_SECOND = 12
MOVE, SCROLL, KEY_DOWN, KEY_UP, BUTTON_DOWN, BUTTON_UP, PING = 1, 2, 3, 4, 5, 6, 7
PONG = 3


class FixedPort(asyncio.SelectorEventLoop):
    """An event loop whose UDP sockets with no port of their own get this one, on every address.

    ICE libraries take any free port, and only the addresses there are: a tunnel may come up later.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    async def create_datagram_endpoint(self, protocol_factory: Any, local_addr: Any = None, **rest: Any) -> Any:
        """Open a UDP socket, on the fixed port where none is asked for."""
        if local_addr is not None and local_addr[1] == 0:
            local_addr = ("0.0.0.0", self.port)
        return await super().create_datagram_endpoint(protocol_factory, local_addr=local_addr, **rest)


def connection() -> RTCPeerConnection:
    """Return a peer connection with one socket, that asks no server for anything."""
    from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection

    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


def aimed(sdp: str, address: str, port: int) -> str:
    """Return a session description whose only candidate is this address and port; without an address it has none."""
    out: list[str] = []
    for line in sdp.splitlines():
        if line == "a=end-of-candidates" and not address:
            continue  # more may come: the other end is learnt from its checks
        if not line.startswith("a=candidate:"):
            out.append(line)
        elif address and not out[-1].startswith("a=candidate:"):
            out.append(f"a=candidate:1 1 udp 2130706431 {address} {port} typ host")
    return "\r\n".join(out) + "\r\n"


async def read(path: Path) -> Any:
    """Return what the other end has left in a file, once it has."""
    while not path.exists():  # noqa: ASYNC110, ASYNC240 (another process makes the file; a look takes microseconds)
        await asyncio.sleep(0.05)
    return json.loads(path.read_text())  # noqa: ASYNC240 (a few kilobytes)


def leave(path: Path, value: object) -> None:
    """Leave something in a file for the other end: all of it or nothing."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value))
    part.rename(path)


def screen_track(path: Path) -> Any:
    """Return a video track of a frame buffer: a picture when it changed, at least one a second."""
    import av
    from aiortc import VideoStreamTrack

    picture, start = machine.Picture(path), time.monotonic()

    class Track(VideoStreamTrack):
        async def recv(self) -> av.VideoFrame:
            for _ in range(FRAMES_PER_SECOND):
                await asyncio.sleep(1 / FRAMES_PER_SECOND)
                if picture.changed():
                    break
            image = av.VideoFrame.from_ndarray(picture.last, format="bgra").reformat(format="yuv420p")
            image.pts, image.time_base = int((time.monotonic() - start) * 90_000), Fraction(1, 90_000)
            return image

    return Track()


def message(kind: int, layout: str, *values: int) -> bytes:
    """Return a message: its kind, the length of the rest, the rest."""
    return struct.pack(">BH" + layout, kind, struct.calcsize(">" + layout), *values)


async def host(folder: Path, display: int, screen: Path) -> None:
    """Offer the screen, then show it and take input for as long as the program runs."""
    from aiortc import RTCSessionDescription

    fingers, peer = machine.Fingers(display), connection()
    peer.addTrack(screen_track(screen))
    channel = peer.createDataChannel("data")

    @channel.on("message")
    def take(data: bytes) -> None:
        kind, _ = struct.unpack_from(">BH", data)
        if kind == MOVE:
            fingers.point(*struct.unpack_from(">HH", data, 3))
        elif kind == SCROLL:
            _, turn = struct.unpack_from(">hh", data, 3)
            for down in (True, False):
                fingers.button(4 if turn > 0 else 5, down=down)
        elif kind in {KEY_DOWN, KEY_UP}:
            fingers.key(struct.unpack_from(">I", data, 3)[0], down=kind == KEY_DOWN)
        elif kind in {BUTTON_DOWN, BUTTON_UP}:
            fingers.button(struct.unpack_from(">I", data, 3)[0], down=kind == BUTTON_DOWN)
        elif kind == PING:
            channel.send(message(PONG, "IIII", *struct.unpack_from(">II", data, 3), *_now()))

    await peer.setLocalDescription(await peer.createOffer())
    leave(folder / "offer.json", {"sdp": peer.localDescription.sdp})
    answer = await read(folder / "answer.json")
    to = await read(folder / "dial.json") if answer["listens"] else ("", 0)
    await peer.setRemoteDescription(RTCSessionDescription(aimed(answer["sdp"], *to), "answer"))
    await asyncio.Event().wait()


def _now() -> tuple[int, int]:
    milliseconds = int(time.time() * 1000)
    return milliseconds >> 32, milliseconds & 0xFFFFFFFF


async def view(folder: Path, hand: str, address: str, port: int) -> None:
    """Answer the offer, then watch and pass on what the person does for as long as the program runs."""
    from aiortc import RTCSessionDescription
    from aiortc.contrib.media import MediaBlackhole

    peer, watched = connection(), MediaBlackhole()
    opened: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    peer.on("track", watched.addTrack)
    peer.on("datachannel", opened.set_result)
    offer = await read(folder / "offer.json")
    await peer.setRemoteDescription(RTCSessionDescription(aimed(offer["sdp"], address, port), "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    leave(folder / "answer.json", {"sdp": peer.localDescription.sdp, "listens": not address})
    await watched.start()
    channel = await opened

    async def ask() -> None:
        while True:
            channel.send(message(PING, "II", *_now()))
            await asyncio.sleep(1.0)

    asking = asyncio.create_task(ask())
    async for kind, one, two in feed.actions(hand):
        if kind == "key":
            channel.send(message(KEY_DOWN if two else KEY_UP, "I", one))
        elif kind == "point":
            channel.send(message(MOVE, "HH", one, two))
        elif one in {4, 5}:
            if two:
                channel.send(message(SCROLL, "hhB", 0, 120 if one == 4 else -120, 0))
        else:
            channel.send(message(BUTTON_DOWN if two else BUTTON_UP, "I", one))
    await asking


def _serve(lab: Lab, short: str) -> Desk:
    display, screen = machine.start(lab, short)
    lab.start(
        short, sys.executable, "-m", __spec__.name, "host", str(lab.folder), str(display), str(screen), str(PORT)
    )  # fmt: skip
    net.wait_for((lab.folder / "offer.json").exists, f"the offer\n{lab.logs()}")
    return Desk(short, display, {"screen": str(screen)})


def _view(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    hand = f"hand-{short}"
    arguments = ("view", str(lab.folder), str(lab.folder / hand), address, str(port))
    lab.start(short, sys.executable, "-m", __spec__.name, *arguments)
    ready = lab.folder / (hand if address else "answer.json")
    net.wait_for(ready.exists, f"the viewer\n{lab.logs()}", 30)
    return Screen(short, 0, "", {"hand": hand})


def _dial(lab: Lab, short: str, address: str, port: int, desk: Desk) -> None:
    leave(lab.folder / "dial.json", (address, port))


TOOLS = (
    Tool("webrtc", desktop.PROGRAMS, "udp", PORT, _serve, _view, feed.drive, _dial),
)  # fmt: skip
"""The recipe."""


def main() -> None:
    """Run the command line."""
    role, folder, *rest = sys.argv[1:]
    listens = role == "host" or not rest[1]
    with asyncio.Runner(loop_factory=(lambda: FixedPort(int(rest[2]))) if listens else None) as runner:
        if role == "host":
            runner.run(host(Path(folder), int(rest[0]), Path(rest[1])))
        else:
            runner.run(view(Path(folder), rest[0], rest[1], int(rest[2])))


if __name__ == "__main__":
    main()
