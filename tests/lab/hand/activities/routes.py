"""What the lab's site answers, whichever protocol carries the question, and the partner at the other end of a chat."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.lab import typist
from tests.lab.hand.activities.pages import PAGES


@dataclass(slots=True)
class Partner:
    """Another person who types: a notice for each key, a message at each line's end."""

    seed: int
    notices: list[dict[str, object]] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def type(self) -> None:
        """Type without end, resting now and then."""
        rng, line = random.Random(self.seed), ""
        for pause, letter in typist.keys(self.seed):
            await asyncio.sleep(pause)
            line += letter
            number = len(self.notices)
            if letter == "\n":
                self.notices.append({"kind": "message", "id": number, "text": line, "from": "partner"})
                line = ""
            else:
                self.notices.append({"kind": "typing", "id": number, "length": len(line), "from": "partner"})
            self.wake.set()
            self.wake = asyncio.Event()
            if letter == "\n":
                await asyncio.sleep(rng.uniform(0.5, 3.0))

    async def after(self, number: int) -> list[dict[str, object]]:
        """Return the notices from a number on, waiting for one if there is none yet."""
        if len(self.notices) <= number:
            await asyncio.wait_for(self.wake.wait(), 25)
        return self.notices[number:]


async def answer(path: str, partner: Partner) -> tuple[str, bytes]:
    """Return the content type and body for a path (with its query)."""
    split = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    rng = random.Random(path)
    match split.path.strip("/").split("/"):
        case ["page", name] if name in PAGES:
            return "text/html; charset=utf-8", PAGES[name].encode()
        case ["search"]:
            await asyncio.sleep(rng.uniform(0.004, 0.05))
            found = [{"title": rng.choice(typist.WORDS), "rank": rng.random()} for _ in range(rng.randrange(4, 30))]
            return "application/json", json.dumps(found).encode()
        case ["poll"]:
            start = int(query.get("after", "0"))
            try:
                notices = await partner.after(start)
            except TimeoutError:
                notices = []
            return "application/json", json.dumps({"after": start + len(notices), "notices": notices}).encode()
        case ["blob", _]:
            return "image/jpeg", rng.randbytes(rng.randrange(2_000, 60_000))
        case ["segment", size]:
            return "video/mp4", rng.randbytes(min(int(size.split("-")[0]), 4_000_000))
        case ["inbox"]:
            return "application/json", json.dumps([rng.random() for _ in range(40)]).encode()
        case ["metrics"]:
            return "text/plain", b"".join(b"series_%d %d\n" % (at, rng.randrange(10**6)) for at in range(600))
        case _:
            return "application/json", b'{"ok": true}'


async def ticks(seed: int) -> AsyncIterator[str]:
    """Yield prices in uneven bursts, about fifteen a second."""
    rng = random.Random(seed)
    while True:
        await asyncio.sleep(rng.expovariate(8))
        for _ in range(rng.choice((1, 1, 2, 3))):
            yield json.dumps({"symbol": rng.choice(("AAA", "BBB", "CC")), "price": round(rng.uniform(10, 900), 2)})
