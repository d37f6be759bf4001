"""A seeded person at a keyboard and a pointer: what they do, and when, and a player that does it.

:func:`actions` says what a person does: words typed in bursts, a line ended, a stop to read, the pointer moved in one
sweep, a click, a turn of the wheel. Shapes are the published ones and nobody's in particular: key intervals
log-logistic (Heliyon 2021, e08413), person medians between the fast and the slow tenth of CHI 2018
(10.1145/3173574.3174220), holds about 0.1 s so that quick keys overlap, pointer sweeps of minimum jerk at 60 to 125
reports a second. Run as a program it plays into the display of ``DISPLAY``:
``python -m tests.lab.hand.human SECONDS SEED LOG [X,Y,WIDTH,HEIGHT]``. The log holds kinds and times, never which key.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from tests.lab import typist
from tests.lab.hand.tool import Human, Screen
from tests.lab.net import Lab

AREA = (60, 60, 480, 340)
"""Where the pointer goes unless told: left, top, width, height of a part of the screen."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing done: seconds after the start, its kind, and the key, or the place, or the button."""

    at: float
    kind: str
    key: str = ""
    x: int = 0
    y: int = 0
    button: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """How one seeded person works: pace and evenness of typing in seconds, and the share of time at the pointer."""

    interval: float
    shape: float
    hold: float
    thinking: float
    pointer: float
    reports: float

    @classmethod
    def of(cls, rng: random.Random) -> Person:
        """Draw a person."""
        return cls(
            interval=rng.uniform(0.13, 0.24),
            shape=rng.uniform(2.6, 4.2),
            hold=rng.uniform(0.075, 0.12),
            thinking=rng.uniform(0.05, 0.2),
            pointer=rng.uniform(0.3, 0.7),
            reports=rng.choice((60.0, 90.0, 125.0)),
        )


def _loglogistic(rng: random.Random, median: float, shape: float) -> float:
    chance = rng.uniform(0.001, 0.999)
    return min(1.5, max(0.035, median * (chance / (1 - chance)) ** (1 / shape)))


def _keys(rng: random.Random, who: Person, at: float) -> Iterator[Action]:
    """Type one or two short lines; a slip is taken back with the backspace key."""
    for _ in range(rng.randrange(1, 3)):
        for _ in range(rng.randrange(2, 7)):
            for letter in (*rng.choice(typist.WORDS), " "):
                slip = rng.random() < 0.02
                for key in (rng.choice("qwertzasdf"), "\b", letter) if slip else (letter,):
                    pause = _loglogistic(rng, who.interval * (2 if key == "\b" else 1), who.shape)
                    held = min(rng.lognormvariate(0, 0.25) * who.hold, 0.3)
                    at += pause
                    yield Action(at, "down", key)
                    yield Action(at + held, "up", key)
            if rng.random() < who.thinking:
                at += rng.uniform(0.5, 2.0)
        at += rng.uniform(0.2, 0.6)
        yield Action(at, "down", "\n")
        yield Action(at + who.hold, "up", "\n")
        at += rng.uniform(0.3, 1.0)


def _pointer(
    rng: random.Random, who: Person, at: float, here: list[int], area: tuple[int, int, int, int]
) -> Iterator[Action]:
    """Sweep the pointer to a place; click there, or turn the wheel, or only look."""
    left, top, width, height = area
    there = [rng.randrange(left, left + width), rng.randrange(top, top + height)]
    lasts = rng.uniform(0.3, 0.9)
    steps = max(2, int(lasts * who.reports))
    for step in range(1, steps + 1):
        part = step / steps
        way = part**3 * (10 - 15 * part + 6 * part**2)  # Flash and Hogan 1985: the hand's path of minimum jerk
        x, y = (round(a + (b - a) * way) for a, b in zip(here, there, strict=True))
        yield Action(at + step / who.reports, "move", x=x, y=y)
    here[:] = there
    at += lasts + rng.uniform(0.1, 0.3)
    what = rng.random()
    if what < 0.6:
        for _ in range(1 if what < 0.5 else 2):
            yield Action(at, "press", button=1)
            yield Action(at + rng.uniform(0.06, 0.12), "release", button=1)
            at += rng.uniform(0.16, 0.24)
    elif what < 0.85:
        button = rng.choice((4, 5))
        for _ in range(rng.randrange(3, 9)):
            yield Action(at, "wheel", button=button)
            at += rng.uniform(0.05, 0.16)


def actions(seed: int, area: tuple[int, int, int, int] = AREA) -> Iterator[Action]:
    """Yield what a seeded person does, in order of time, without end."""
    rng = random.Random(seed)
    who = Person.of(rng)
    here = [area[0] + area[2] // 2, area[1] + area[3] // 2]
    at, first = 0.4, True
    while True:
        pointing = not first and rng.random() < who.pointer
        for _ in range(rng.randrange(1, 4) if pointing else 1):
            spell = list(_pointer(rng, who, at, here, area) if pointing else _keys(rng, who, at))
            yield from _in_order(spell)
            at = max(action.at for action in spell) + rng.uniform(0.2, 0.7)
        first = False
        if rng.random() < 0.5:
            at += rng.uniform(1.0, 6.0)  # reading


def _in_order(spell: list[Action]) -> list[Action]:
    """Sort by time; a key that comes again while still held is let go just before."""
    out: list[Action] = []
    last_up: dict[str, float] = {}
    downs = [action for action in spell if action.kind == "down"]
    following: dict[int, float] = {}
    seen: dict[str, float] = {}
    for action in reversed(downs):
        if action.key in seen:
            following[id(action)] = seen[action.key]
        seen[action.key] = action.at
    for action in spell:
        if action.kind == "down":
            last_up[action.key] = following.get(id(action), float("inf"))
        if action.kind == "up" and action.at >= last_up[action.key] - 0.01:
            action = Action(last_up[action.key] - 0.01, "up", action.key)  # noqa: PLW2901 (the release is moved)
        out.append(action)
    return sorted(out, key=lambda action: action.at)


class Hand(Protocol):
    """What the person's fingers are on: an X display, or the line to a viewer that has no window."""

    def key(self, letter: str, *, down: bool) -> None:
        """Press or release a key."""

    def point(self, x: int, y: int) -> None:
        """Move the pointer."""

    def button(self, button: int, *, down: bool) -> None:
        """Press or release a pointer button."""


def play_display(seconds: float, seed: int, area: tuple[int, int, int, int] = AREA) -> Human:
    """Do it in the display of ``DISPLAY``."""
    return play(typist.Display(), seconds, seed, area)


def play(display: Hand, seconds: float, seed: int, area: tuple[int, int, int, int] = AREA) -> Human:
    """Do it; keys still held at the end are let go."""
    held: set[str] = set()
    times: dict[str, list[float]] = {"down": [], "press": [], "wheel": [], "move": []}
    start = time.monotonic()
    for action in actions(seed, area):
        if action.at >= seconds:
            break
        time.sleep(max(0.0, start + action.at - time.monotonic()))
        if action.kind in times:
            times[action.kind].append(time.time())
        if action.kind in {"down", "up"}:
            display.key(action.key, down=action.kind == "down")
            (held.add if action.kind == "down" else held.discard)(action.key)
        elif action.kind == "move":
            display.point(action.x, action.y)
        else:
            for down in (True, False) if action.kind == "wheel" else (action.kind == "press",):
                display.button(action.button, down=down)
    for key in held:
        display.key(key, down=False)
    display.button(1, down=False)
    clicks = sorted(times["press"] + times["wheel"])
    return Human(len(times["down"]), len(clicks), len(times["move"]), tuple(times["down"]), tuple(clicks))


def play_terminal(terminal: int, seconds: float, seed: int) -> Human:
    """Type it into the file descriptor of a terminal; the pointer's actions are pauses there."""
    times: list[float] = []
    start = time.monotonic()
    for action in actions(seed):
        if action.at >= seconds:
            break
        if action.kind != "down":
            continue
        time.sleep(max(0.0, start + action.at - time.monotonic()))
        times.append(time.time())
        os.write(terminal, {"\n": b"\r", "\b": b"\x7f"}.get(action.key, action.key.encode()))
    return Human(len(times), 0, 0, tuple(times))


def drive_display(lab: Lab, screen: Screen, seconds: float, seed: int) -> Human:
    """Have the seeded person work in a viewer's window: the ``drive`` of any tool with a window.

    Raises:
        subprocess.CalledProcessError: when the window is not there.
    """
    env = {"DISPLAY": f":{screen.display}"}
    find = ("xdotool", "search", "--sync", "--onlyvisible", "--name", screen.window)
    lab.run(screen.namespace, *find, "windowfocus", env=env, timeout=20)
    shape = lab.run(screen.namespace, *find, "getwindowgeometry", "--shell", env=env, timeout=20)
    left, top, width, height = (
        int(found.group(1)) if (found := re.search(rf"^{name}=(-?\d+)$", shape, re.MULTILINE)) else 0
        for name in ("X", "Y", "WIDTH", "HEIGHT")
    )
    area = (max(left, 0) + width // 8, max(top, 0) + height // 6, max(width * 5 // 8, 40), max(height * 5 // 8, 40))
    log = lab.folder / f"human-{screen.namespace}-{seed}.json"
    lab.run(
        screen.namespace, sys.executable, "-m", "tests.lab.hand.human", str(seconds), str(seed), str(log),
        ",".join(map(str, area)), env=env, timeout=seconds + 60,
    )  # fmt: skip
    values = json.loads(log.read_text())
    return Human(**{**values, **{name: tuple(values[name]) for name in ("key_times", "click_times")}})


def main() -> int:
    """Run the command line."""
    seconds, seed, log = float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    area = AREA
    if len(sys.argv) > 4:
        left, top, width, height = map(int, sys.argv[4].split(","))
        area = (left, top, width, height)
    log.write_text(json.dumps(asdict(play_display(seconds, seed, area))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
