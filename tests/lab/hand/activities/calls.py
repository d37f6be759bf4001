"""Calls, shared screens without control, and a game streamed to the laptop: media over UDP on a real WebRTC stack."""

from __future__ import annotations

import functools
import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

from tests.lab.hand.activities.party import Part
from tests.lab.hand.ground import Ground, Label
from tests.lab.hand.tools import machine


def _meet(ground: Ground, seconds: float, seed: int, *, video: tuple[str, str], messages: str) -> list[Label]:
    """Have the laptop and somebody else meet; ``video`` is what each of them shows, the laptop first.

    ``screen`` stands for a desktop somebody works at, right there. The other one is in the office or, one call in two,
    far away. Raises OSError when a party ended early.
    """
    lab = ground.lab
    other = random.Random(seed).choice("wo") if messages == "talk" else "w"
    shown, workers = list(video), []
    for number, short in enumerate(("l", other)):
        if video[number] == "screen":
            display, path = machine.start(lab, short)
            shown[number] = str(path)
            log = lab.folder / "human.json"
            workers.append((short, display, log))
    parties = [
        lab.start(
            short, sys.executable, "-m", "tests.lab.hand.activities.party",
            json.dumps(asdict(Part(
                str(lab.folder), side, shown[number], messages == "talk" or number == 1,
                messages if messages == "talk" or number == 0 else "", seconds, seed,
            ))),
        )
        for number, (short, side) in enumerate((("l", "offer"), (other, "answer")))
    ]  # fmt: skip
    hands: list[subprocess.Popen[bytes]] = [
        lab.start(
            short, sys.executable, "-m", "tests.lab.hand.human", str(seconds), str(seed), str(log),
            env={"DISPLAY": f":{display}"},
        )
        for short, display, log in workers
    ]  # fmt: skip
    for job in (*parties, *hands):
        if job.wait(seconds + 60):
            raise OSError(lab.logs())
    if messages == "play":
        return [ground.label(remote=f"{ground.office}:*", role="controlling", tool="game-streaming", proto="udp")]
    return []


def meeting(video: tuple[str, str], messages: str = "talk") -> Callable[[Ground, float, int], list[Label]]:
    """Return the activity of a meeting in which the laptop shows the first and the other one the second."""
    return functools.partial(_meet, video=video, messages=messages)


call = meeting(("camera", "camera"))
"""A call with pictures and voices both ways."""
call_heard = meeting(("", ""))
"""A call with voices only."""
call_sharing = meeting(("screen", ""))
"""The laptop's person works and shows it in a call; the others only speak."""
call_watching = meeting(("camera", "screen"))
"""Somebody else works and shows it; the laptop's person looks on, with the camera on."""
game_streaming = meeting(("", "game"), messages="play")
"""A game runs elsewhere: its picture and sound come in, the player's input goes out. The laptop controls."""
