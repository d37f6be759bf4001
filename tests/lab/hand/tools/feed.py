"""A person's hand for viewers that have no window: what it does goes to the viewer's program over a local socket.

An action is a JSON list in one datagram: ``["key", keysym, down]``, ``["button", number, down]``,
``["point", x, y]`` with the place in pixels of the driven screen, or ``["end"]``.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from typing import TYPE_CHECKING

from tests.lab import net, typist
from tests.lab.hand.tool import Human

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.lab.hand.tool import Screen
    from tests.lab.net import Lab

KEYSYMS = {"\n": 0xFF0D, "\b": 0xFF08, "\t": 0xFF09, "\x1b": 0xFF1B}
Action = tuple[str, int, int]


def keysym(letter: str) -> int:
    """Return the X keysym of a letter: Latin-1 letters are their own, keys without one are in X11/keysymdef.h."""
    return KEYSYMS.get(letter, ord(letter))


class Line:
    """The person's end: an object with the hand's verbs, each sent to the viewer at once."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(path)

    def tell(self, *action: str | int) -> None:
        """Send one action."""
        self.socket.send(json.dumps(action).encode())

    def press(self, letter: str) -> None:
        """Press and release a key, held down for 60 ms."""
        self.tell("key", keysym(letter), 1)
        time.sleep(0.06)
        self.tell("key", keysym(letter), 0)

    def point(self, x: int, y: int) -> None:
        """Move the pointer."""
        self.tell("point", x, y)


async def actions(path: str) -> AsyncIterator[Action]:
    """Yield what the person does, as it comes in on the socket of this path."""
    queue: asyncio.Queue[Action] = asyncio.Queue()

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _: object) -> None:
            queue.put_nowait(tuple(json.loads(data)))

    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(path)
    await asyncio.get_running_loop().create_datagram_endpoint(Ear, sock=ear)
    while True:
        yield await queue.get()


def drive(lab: Lab, screen: Screen, seconds: float, seed: int) -> Human:
    """Let the person work at a viewer that listens at ``screen.extra["hand"]`` for so many seconds."""
    path = lab.folder / screen.extra["hand"]
    net.wait_for(path.exists, f"the viewer to take input\n{lab.logs()}")
    line, rng = Line(str(path)), random.Random(seed + 1)
    times: list[float] = []
    moves = 0
    end = time.monotonic() + seconds
    for pause, letter in typist.keys(seed):
        time.sleep(max(0.0, pause - 0.06))
        if time.monotonic() >= end:
            break
        times.append(time.time())
        line.press(letter)
        if len(times) % 40 == 0:
            x, y = rng.randrange(100, 300), rng.randrange(100, 300)
            for step in range(25):
                line.point(x + 6 * step, y + 3 * step)
                moves += 1
                time.sleep(0.016)
    return Human(len(times), 0, moves, tuple(times))
