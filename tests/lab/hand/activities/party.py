"""One party of a call or a game stream: a WebRTC end (aiortc) with made-up pictures, speech and messages.

``python -m tests.lab.hand.activities.party JSON`` takes the fields of :class:`Part`. The parties exchange their session
descriptions through files of a folder; everything else goes over one UDP flow between them.
"""

from __future__ import annotations

import asyncio
import fractions
import json
import random
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.lab.hand import human
from tests.lab.hand.tools import rtc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiortc import RTCDataChannel, RTCPeerConnection
    from numpy.typing import NDArray

RATE = 48_000
AUDIO_FRAME = 960  # 20 ms, as every call uses


@dataclass(frozen=True, slots=True)
class Part:
    """What a party does: whether it offers or answers, what it shows, says and sends.

    ``video`` is ``camera``, ``game``, the path of a frame buffer to share, or nothing; ``messages`` is ``talk``, for
    what meetings tell each other beside the media, ``point``, for a pointer shown over a shared screen, ``play``, for a
    player's input, or nothing.
    """

    folder: str
    side: str
    video: str
    audio: bool
    messages: str
    seconds: float
    seed: int


def turns(seed: int) -> Iterator[tuple[float, bool]]:
    """Yield (how long, whether the first party speaks) without end; the other one speaks the rest of the time."""
    rng = random.Random(seed)
    first = rng.random() < 0.5
    while True:
        yield rng.uniform(1.0, 9.0), first
        first = not first


def _texture(rng: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture with coarse and fine structure, three times as wide and high as asked."""
    coarse = rng.integers(0, 200, (height // 8, width // 8, 3))
    big = np.kron(coarse, np.ones((24, 24, 1), dtype=np.int64))
    return (big + rng.integers(0, 40, big.shape)).astype(np.uint8)


def _video(kind: str, seed: int) -> Any:
    """Return a video track: a face that moves a little before a wall, or a landscape that a player runs through."""
    import av
    from aiortc import VideoStreamTrack

    width, height, rate = (320, 240, 15) if kind == "camera" else (480, 272, 30)
    rng = np.random.default_rng(seed)
    texture, start = _texture(rng, width, height), time.monotonic()

    class Track(VideoStreamTrack):
        shown, x, y = 0, 0.0, 0.0

        async def recv(self) -> av.VideoFrame:
            self.shown += 1
            await asyncio.sleep(max(0.0, start + self.shown / rate - time.monotonic()))
            pull = 4.0 if kind == "game" else 1.5
            self.x, self.y = (
                float(np.clip(place + rng.normal(0, pull), 0, size))
                for place, size in ((self.x, width), (self.y, height))
            )
            left, top = int(self.x), int(self.y)
            image = texture[top : top + height, left : left + width]
            if kind == "camera":
                image = texture[:height, :width].copy()
                face = slice(60 + top // 8, 180 + top // 8), slice(110 + left // 8, 210 + left // 8)
                image[face] = texture[height : height + 120, width : width + 100]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = int((time.monotonic() - start) * 90_000), fractions.Fraction(1, 90_000)
            return frame

    return Track()


def _speech(part: Part) -> Any:
    """Return an audio track: noise of speech's loudness while it is the party's turn, else a quiet room."""
    import av
    from aiortc import AudioStreamTrack

    rng, plan, start = np.random.default_rng(part.seed), turns(part.seed), time.monotonic()

    class Track(AudioStreamTrack):
        said, until, speaking = 0, 0.0, False

        async def recv(self) -> av.AudioFrame:
            at = self.said * AUDIO_FRAME / RATE
            await asyncio.sleep(max(0.0, start + at - time.monotonic()))
            while at >= self.until:
                lasts, first = next(plan)
                self.until, self.speaking = self.until + lasts, first == (part.side == "offer")
            loud = 4000 * (0.3 + abs(np.sin(11 * at))) if self.speaking else 3
            samples = rng.normal(0, loud, AUDIO_FRAME).clip(-32000, 32000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self.said * AUDIO_FRAME, fractions.Fraction(1, RATE)
            self.said += 1
            return frame

    return Track()


async def _talk(channel: RTCDataChannel, part: Part) -> None:
    """Tell who speaks at every turn, and write a line or send a sign of approval now and then."""
    rng, plan = random.Random(part.seed + (part.side == "offer")), turns(part.seed)
    while True:
        lasts, first = next(plan)
        if first == (part.side == "offer"):
            channel.send(json.dumps({"type": "speaker", "id": f"{part.seed:08x}", "level": rng.randrange(128)}))
        await asyncio.sleep(lasts)
        if rng.random() < 0.3:
            kind, size = ("chat", rng.randrange(10, 160)) if rng.random() < 0.6 else ("reaction", 2)
            channel.send(json.dumps({"type": kind, "id": f"{part.seed:08x}", "text": "x" * size}))


async def _point(channel: RTCDataChannel, part: Part) -> None:
    """Tell where the pointer is over what the other one shows, whenever it moves: at the latest every 4 s."""
    due, before = time.monotonic(), 0.0
    for action in human.actions(part.seed + 1):
        if action.kind == "move":
            due += min(action.at - before, 4.0)
            before = action.at
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            channel.send(json.dumps({"type": "pointer", "x": action.x, "y": action.y}))


async def _play(channel: RTCDataChannel, part: Part) -> None:
    """Aim, run and shoot: the pointer's way at 60 to 125 reports a second for most of the time, keys held for long."""
    rng = random.Random(part.seed)
    report = 1 / rng.choice((60, 100, 125))
    held: dict[int, float] = {}
    aiming, change, next_key = True, 0.0, 0.0
    at = 0.0
    start = time.monotonic()
    while True:
        await asyncio.sleep(max(0.0, start + at - time.monotonic()))
        if at >= change:
            aiming, change = not aiming, at + (rng.uniform(0.3, 2.0) if not aiming else rng.uniform(0.05, 0.5))
        if aiming:
            channel.send(struct.pack(">BBHhhI", 1, 0, 8, rng.randrange(-9, 10), rng.randrange(-5, 6), int(at * 1000)))
        if at >= next_key and len(held) < 3:
            key = rng.choice(b"wwwasd rf\x01")
            next_key = at + rng.expovariate(3.0)
            if key not in held:
                held[key] = at + rng.uniform(0.08, 1.5)
                channel.send(struct.pack(">BBHII", 2, 1, 8, key, int(at * 1000)))
        for key in [key for key, end in held.items() if at >= end]:
            del held[key]
            channel.send(struct.pack(">BBHII", 2, 0, 8, key, int(at * 1000)))
        at += report


def _furnish(peer: RTCPeerConnection, part: Part) -> None:
    """Add what the party shows and says."""
    if part.video in {"camera", "game"}:
        peer.addTrack(_video(part.video, part.seed + len(part.side)))
    elif part.video:
        peer.addTrack(rtc.screen_track(Path(part.video)))
    if part.audio:
        peer.addTrack(_speech(part))


async def take(part: Part) -> None:
    """Take part for so many seconds after everything is connected."""
    from aiortc import RTCSessionDescription
    from aiortc.contrib.media import MediaBlackhole

    peer, watched, folder = rtc.connection(), MediaBlackhole(), Path(part.folder)
    opened: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    peer.on("track", watched.addTrack)
    if part.side == "offer":
        _furnish(peer, part)
        for kind in ("video", "audio"):  # what only the other one shows needs a place in the offer
            if not any(each.kind == kind for each in peer.getTransceivers()):
                peer.addTransceiver(kind, direction="recvonly")
        # A player's input that comes late is worth nothing: it is not sent again. The channel comes last: aiortc
        # closes the shared transport when the channel was there before the media.
        options = {"ordered": False, "maxRetransmits": 0} if part.messages == "play" else {}
        channel = peer.createDataChannel("messages", **options)
        channel.on("open", lambda: opened.set_result(channel))
        await peer.setLocalDescription(await peer.createOffer())
        rtc.leave(folder / "call.json", peer.localDescription.sdp)
        await peer.setRemoteDescription(RTCSessionDescription(await rtc.read(folder / "taken.json"), "answer"))
    else:
        peer.on("datachannel", opened.set_result)
        sdp = await rtc.read(folder / "call.json")
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        _furnish(peer, part)
        await peer.setLocalDescription(await peer.createAnswer())
        rtc.leave(folder / "taken.json", peer.localDescription.sdp)
    await watched.start()
    speak = {"talk": _talk, "point": _point, "play": _play}.get(part.messages)
    async with asyncio.timeout(30):
        channel = await opened
    job = asyncio.create_task(speak(channel, part)) if speak else None
    await asyncio.sleep(part.seconds)
    if job is not None:
        job.cancel()
    await peer.close()


if __name__ == "__main__":
    asyncio.run(take(Part(**json.loads(sys.argv[1]))))
