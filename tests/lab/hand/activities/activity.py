"""What an activity is: something done on or with the laptop that is not remote control of it."""

from __future__ import annotations

from collections.abc import Callable
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
