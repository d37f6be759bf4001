"""Small messages by a clock or by chance: heartbeats, pushes, things, voice, games, streams over UDP."""

from __future__ import annotations

import functools
import random
import subprocess
import sys
from collections.abc import Callable

from tests.lab.hand.activities import shells, site
from tests.lab.hand.ground import Ground, Label

_PROGRAM = "tests.lab.hand.activities.beats"
_PORTS = {"voip": 16384, "game": 27015, "game-fast": 27016, "sip": 5060, "ntp": 123}


def _talk(ground: Ground, seconds: float, seed: int, *, plans: tuple[str, ...]) -> list[Label]:
    lab = ground.lab
    pair = site.certificate(lab)
    for number, plan in enumerate(plans):
        port = _PORTS.get(plan, 8443 + number)
        lab.start("w", sys.executable, "-m", _PROGRAM, "serve", ground.office, str(port), plan, str(seed), *pair)
        lab.listening("w", port)
    jobs = [
        lab.start(
            "l", sys.executable, "-m", _PROGRAM, "dial", ground.office, str(_PORTS.get(plan, 8443 + number)), plan,
            str(seed), str(seconds),
        )
        for number, plan in enumerate(plans)
    ]  # fmt: skip
    for job in jobs:
        if job.wait(seconds + 60):
            raise OSError(lab.logs())
    return []


def talk(*plans: str) -> Callable[[Ground, float, int], list[Label]]:
    """Return the activity of one connection for each plan, all at the same time."""
    return functools.partial(_talk, plans=plans)


def things(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Hear from a message broker (MQTT over TCP, mosquitto): small publications at uneven times, each acknowledged."""
    lab, rng = ground.lab, random.Random(seed)
    (lab.folder / "broker.conf").write_text(f"listener 1883 {ground.office}\nallow_anonymous true\nuser root\n")
    lab.start("w", "/usr/sbin/mosquitto", "-c", str(lab.folder / "broker.conf"))
    lab.listening("w", 1883)
    lab.start("l", "mosquitto_sub", "-h", ground.office, "-t", "house/#", "-q", "1", "-k", "10")
    job = lab.start(
        "w", "mosquitto_pub", "-h", ground.office, "-t", "house/door", "-q", "1", "-l", stdin=subprocess.PIPE
    )
    assert job.stdin is not None
    pipe = job.stdin

    def publish(turn: int) -> None:
        pipe.write(b'{"n": %d, "v": "%s"}\n' % (turn, b"x" * rng.randrange(5, 60)))
        pipe.flush()

    shells.repeat(seconds, rng, (0.05, 1.5), publish)
    return []
