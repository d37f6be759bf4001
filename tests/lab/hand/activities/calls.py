"""Calls, shared screens without control, and a game streamed to the laptop: media over UDP on a real WebRTC stack."""

from __future__ import annotations

import functools
import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict

from tests.lab.hand.activities.party import Part
from tests.lab.hand.ground import Ground, Label
from tests.lab.hand.tools import machine

TALK, PLAY = ("talk", "talk"), ("play", "")
"""What the two send beside pictures and voices: what meetings tell each other; a player's input one way."""


def _meet(
    ground: Ground, seconds: float, seed: int, *, video: tuple[str, str], messages: tuple[str, str]
) -> list[Label]:
    """Have the laptop and somebody else meet; ``video`` is what each of them shows, the laptop first.

    ``screen`` stands for a desktop somebody works at, right there. The other one is in the office or, one call in two,
    far away.

    Raises:
        OSError: when a party, or who works at a desktop, ended early.
    """
    lab, playing = ground.lab, messages == PLAY
    other = "w" if playing else random.Random(seed).choice("wo")
    jobs = []
    for short, side, shows, says in (("l", "offer", video[0], messages[0]), (other, "answer", video[1], messages[1])):
        if shows == "screen":
            display, path = machine.start(lab, short)
            shows = str(path)  # noqa: PLW2901 (what is shown is the desktop just made)
            hand = ("tests.lab.hand.human", str(seconds), str(seed), str(lab.folder / f"human-{short}.json"))
            jobs.append(lab.start(short, sys.executable, "-m", *hand, env={"DISPLAY": f":{display}"}))
        part = Part(str(lab.folder), side, shows, says != "play", says, seconds, seed)
        program = ("tests.lab.hand.activities.party", json.dumps(asdict(part)))
        jobs.append(lab.start(short, sys.executable, "-m", *program))
    for job in jobs:
        if job.wait(seconds + 60):
            raise OSError(lab.logs())
    if playing:
        return [ground.label(remote=f"{ground.office}:*", role="controlling", tool="game-streaming", proto="udp")]
    return []


def meeting(video: tuple[str, str], messages: tuple[str, str] = TALK) -> Callable[[Ground, float, int], list[Label]]:
    """Return the activity of a meeting in which the laptop shows the first and the other one the second."""
    return functools.partial(_meet, video=video, messages=messages)


call = meeting(("camera", "camera"))
"""A call with pictures and voices both ways."""
call_voices = meeting(("", ""))
"""A call with voices only."""
call_sharing = meeting(("screen", ""))
"""The laptop's person works and shows it in a call; the others only speak."""
call_pointing = meeting(("screen", ""), ("talk", "point"))
"""The laptop's person works and shows it; somebody else points at it now and then, and can do nothing more."""
call_watching = meeting(("camera", "screen"))
"""Somebody else works and shows it; the laptop's person looks on, with the camera on."""
game_streaming = meeting(("", "game"), PLAY)
"""A game runs elsewhere: its picture and sound come in, the player's input goes out. The laptop controls."""
