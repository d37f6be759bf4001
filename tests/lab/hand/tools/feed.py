"""A person's hand for viewers that have no window: what it does goes to the viewer's program over a local socket.

An action is a JSON list in one datagram: ``["key", keysym, down]``, ``["button", number, down]`` (4 and 5 are the
wheel) or ``["point", x, y]`` with the place in pixels of the driven screen.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Self

from tests.lab import net
from tests.lab.hand import human

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.lab.hand.tool import Human, Screen
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def tell(self, kind: str, one: int, two: int) -> None:
        """Send one action."""
        self.socket.send(json.dumps((kind, one, two)).encode())

    def key(self, letter: str, *, down: bool) -> None:
        """Press or release a key."""
        self.tell("key", keysym(letter), int(down))

    def button(self, button: int, *, down: bool) -> None:
        """Press or release a pointer button."""
        self.tell("button", button, int(down))

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
    """Let the seeded person work at a viewer that listens at ``screen.extra["hand"]`` for so many seconds."""
    path = lab.folder / screen.extra["hand"]
    net.wait_for(path.exists, f"the viewer to take input\n{lab.logs()}")
    with Line(str(path)) as line:
        return human.play(line, seconds, seed)
