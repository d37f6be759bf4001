"""What an activity is: something done on or with the laptop that is not remote control of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.lab.hand.ground import Ground, Label


@dataclass(frozen=True, slots=True)
class Activity:
    """One kind of work: how it is done for so many seconds with a seed, and the group its rows belong to.

    ``run`` returns a label for each flow whose role is not *none*. ``programs`` are the system programs it calls.
    ``note`` says what makes it look like remote control, where it does.
    """

    name: str
    group: str
    run: Callable[[Ground, float, int], list[Label]]
    programs: tuple[str, ...] = ()
    note: str = ""


Run = Callable[[Ground, float, int], list[Label]]
"""What an activity's ``run`` is."""


def together(*runs: Run) -> Run:
    """Return the activity of doing several at the same time, begun four seconds apart, each with a seed of its own."""

    def run(ground: Ground, seconds: float, seed: int) -> list[Label]:
        with ThreadPoolExecutor(len(runs)) as pool:
            jobs = []
            for number, one in enumerate(runs):
                time.sleep(4.0 if number else 0.0)  # what starts programs waits for them: not all in one moment
                jobs.append(pool.submit(one, ground, seconds - 4 * number, seed + number))
            return [label for job in jobs for label in job.result()]

    return run
