"""What a remote tool's recipe is: how to serve a desktop, how to view it, and how a person's input gets into it.

Recipes live in ``tests/lab/hand/tools``, one file for each family of tools. They work on a :class:`tests.lab.net.Lab`
and name its namespaces by their short names: ``l`` laptop, ``g`` home router, ``r`` relay, ``o`` operator, ``w``
office.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.lab.net import Lab


@dataclass(frozen=True, slots=True)
class Desk:
    """A served desktop: the namespace it stands in, its X display (0 where there is none), and what else it needs."""

    namespace: str
    display: int
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Screen:
    """A viewer ready to be typed into: its namespace, X display and window name, and what else it needs."""

    namespace: str
    display: int
    window: str
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Human:
    """What the human model did: counts, and Unix times of key presses and clicks. Never which keys."""

    keys: int
    clicks: int
    moves: int
    key_times: tuple[float, ...] = ()
    click_times: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A recipe for one remote tool.

    ``serve`` starts a desktop with something to work in, and its server, in a namespace. ``view`` starts the viewer in
    another namespace towards an address and port, ready to be typed into. ``drive`` lets the human model work for so
    many seconds with a seed. ``reverse``, where the tool can, makes the driven side dial a listening viewer at an
    address and port; ``loops`` says whether the driven side sends anything the viewer's software answers at once.
    """

    name: str
    programs: tuple[str, ...]
    proto: str
    port: int
    serve: Callable[[Lab, str], Desk]
    view: Callable[[Lab, str, str, int, Desk], Screen]
    drive: Callable[[Lab, Screen, float, int], Human]
    reverse: Callable[[Lab, str, str, int, Desk], None] | None = None
    loops: bool = True
