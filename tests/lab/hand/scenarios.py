"""The scenarios: which tool, reached how, from how far, over what kind of line, and what is not remote control at all.

Names say what is in them: ``tigervnc-splice-f150-j10-l1`` is TigerVNC through a splice relay, far leg 150 ms, jitter
10 ms, loss 1 %.
"""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.lab.hand.activities import ACTIVITIES
from tests.lab.hand.ground import Legs
from tests.lab.hand.tool import Tool
from tests.lab.hand.tools import TOOLS
from tests.lab.hand.ways import EVASIONS, TCP_ONLY, WAYS

FAR = (5, 20, 60, 95, 150, 230)
JITTER = (0, 2, 5, 10, 20, 40)
LOSS = (0.0, 0.005, 0.01, 0.02)
TUNNELS = ("wireguard", "wireguard-operator", "openvpn", "openvpn-tcp", "ssh-R")
NEAR = (5, 8, 12, 18, 26)
OFFICE = (8, 16, 30, 60, 110)
"""Round trips from the laptop to the office; the last stands for an office on another continent."""
HELPDESK = (10, 20, 30)
_QUIET = 0.3  # ms of jitter on a line said to have none: no real line is without


@dataclass(frozen=True, slots=True)
class Scenario:
    """One capture to make: ``kind`` is ``control``, ``stepping`` or ``activity``; ``driven`` is ``l`` or ``w``."""

    name: str
    kind: str
    group: str
    tool: str = ""
    way: str = "direct"
    evasion: str = ""
    driven: str = "l"
    operator: str = ""
    legs: Legs = field(default_factory=Legs)
    seconds: float = 45.0
    vantages: tuple[str, ...] = ("laptop",)

    @property
    def seed(self) -> int:
        """A number that follows from the name, so that a scenario is the same each time and unlike all others."""
        return zlib.crc32(self.name.encode()) % 10**6


def _line(name: str, far: float, jitter: float = 0.0, loss: float = 0.0, near: float = 0.0) -> Legs:
    rng = random.Random(zlib.crc32(name.encode()))
    law = rng.choice(("exponential", "lognormal"))
    return Legs(near or rng.choice(NEAR), far, rng.choice(OFFICE), max(jitter, _QUIET), loss, law)


def possible(tool: Tool, way: str, evasion: str = "") -> bool:
    """Say whether a tool's traffic can go a way: relays of connections carry no datagrams."""
    if tool.proto == "tcp" or (way == "reverse" and tool.reverse is not None):
        return True
    return way not in TCP_ONLY and not evasion


def controlled(tool: Tool, way: str, far: float, jitter: float = 0, loss: float = 0.0, evasion: str = "") -> Scenario:
    """Return the scenario of a laptop driven from far away."""
    parts = [tool.name, evasion or way, f"f{far:g}"]
    parts += [f"j{jitter:g}"] if jitter else []
    parts += [f"l{loss * 100:g}"] if loss else []
    name, group = "-".join(parts), "evasion" if evasion else "controlled"
    way, vantages = EVASIONS.get(evasion, way), ("laptop", "gateway") if far == 95 else ("laptop",)
    operator = "direct" if way in {"direct", "wireguard-operator"} else "beyond-relay"
    return Scenario(
        name, "control", group, tool.name, way, evasion, "l", operator, _line(name, far, jitter, loss),
        vantages=vantages,
    )  # fmt: skip


def mirrored(tool: Tool, way: str, office: float) -> Scenario:
    """Return the mirror image: the laptop's own person drives a desktop in the office."""
    name = f"{tool.name}-mirror-{way}-w{office:g}"
    legs = _line(name, 60)
    legs = Legs(legs.near_ms, legs.far_ms, office, legs.jitter_ms, 0.0, legs.law)
    return Scenario(name, "control", "controlling", tool.name, way, "", "w", "local", legs)


def helpdesk(tool: Tool, total: float) -> Scenario:
    """Return lawful control: a help desk 10 to 30 ms away, without a relay."""
    name = f"{tool.name}-helpdesk-{total:g}"
    return Scenario(
        name, "control", "lawful", tool.name, "direct", "", "l", "office", _line(name, total / 2, near=total / 2)
    )


def stepping(tool: Tool, way: str, far: float) -> Scenario:
    """Return a driven laptop whose driver goes on to the office over SSH, seen on the laptop and in the office."""
    name = f"{tool.name}-stepping-{way}-f{far:g}"
    return Scenario(
        name, "stepping", "stepping", tool.name, way, "", "l", "beyond-relay", _line(name, far),
        vantages=("laptop", "corporate"),
    )  # fmt: skip


def activity(name: str, number: int = 1) -> Scenario:
    """Return one kind of work that is not remote control of the laptop; each further time the line is worse."""
    title = f"{name}-{number}"
    jitter, loss = ((0, 0.0), (5, 0.0), (2, 0.005))[(number - 1) % 3]
    return Scenario(title, "activity", ACTIVITIES[name].group, legs=_line(title, 60, jitter, loss))


def core() -> dict[str, Scenario]:
    """Return the selection that has every tool, way, distance and evasion, the most telling first."""
    tcp = [tool for tool in TOOLS if tool.proto == "tcp"]
    rest = [way for way in WAYS if way not in {"direct", "splice", "tls"}]
    found: list[Scenario] = []
    for turn in (1, 0, 2):
        for number, tool in enumerate(TOOLS):
            for way, far in zip(("splice", "tls", "direct"), (0, 1, 2), strict=True):
                if possible(tool, way):
                    found.append(controlled(tool, way, (60, 150, 20)[(far + turn + number) % 3]))
        if turn == 1:
            found += [mirrored(tool, "direct", OFFICE[number % 5]) for number, tool in enumerate(TOOLS)]
            found += [helpdesk(tool, HELPDESK[number % 3]) for number, tool in enumerate(TOOLS)]
            found += _ways(rest)
        if turn == 0:
            found += _evasions(tcp)
            stones = (("splice", 95), ("tls", 150), ("reverse", 60))
            found += [stepping(tool, way, far) for tool, (way, far) in zip(tcp[:3], stones, strict=True)]
            found += _lines()
    found += [mirrored(tool, way, 30) for tool in tcp for way in ("tls", "splice")]
    found += _tunnels({(scenario.tool, scenario.way) for scenario in found if scenario.group == "controlled"})
    return {scenario.name: scenario for scenario in found}


def _ways(names: list[str]) -> list[Scenario]:
    """Every way at least twice, every tool on at least two."""
    turns = itertools.cycle(FAR)
    out = []
    for number, tool in enumerate(TOOLS):
        chosen = [name for name in names if possible(tool, name)]
        out += [controlled(tool, chosen[(2 * number + step) % len(chosen)], next(turns)) for step in (0, 1, 3)]
    return out


def _tunnels(there: set[tuple[str, str]]) -> list[Scenario]:
    """Every tool through every tunnel it can go through, where that is not there yet."""
    return [
        controlled(tool, way, FAR[(number + step) % 6])
        for number, tool in enumerate(TOOLS)
        for step, way in enumerate(TUNNELS)
        if possible(tool, way) and (tool.name, way) not in there
    ]


def _evasions(tools: list[Tool]) -> list[Scenario]:
    return [
        controlled(tools[(number + 2 * step) % len(tools)], "", far, evasion=evasion)
        for number, evasion in enumerate(EVASIONS)
        for step, far in enumerate((60, 150, 95))
    ]


def _lines() -> list[Scenario]:
    """Every distance, jitter and loss, on the tools whose loops are sharp and on one that sends pictures."""
    by_name = {tool.name: tool for tool in TOOLS}
    chosen = [by_name[name] for name in ("tigervnc", "x11vnc", "freerdp-gfx", "novnc") if name in by_name]
    out = [controlled(tool, "splice", far) for tool in chosen for far in (5, 95, 230)]
    for number, tool in enumerate(chosen):
        out += [
            controlled(tool, ("splice", "tls")[jitter // 5 % 2], FAR[(number + jitter) % 6], jitter)
            for jitter in JITTER[1:]
        ]
        out += [controlled(tool, "tls", FAR[(number + 3) % 6], 2, loss) for loss in LOSS[1:]]
    return out


def activities(repeats: int = 1) -> dict[str, Scenario]:
    """Return every activity, so many times with different lines and seeds."""
    found = [activity(name, number) for number in range(1, repeats + 1) for name in ACTIVITIES]
    return {scenario.name: scenario for scenario in found}


def full() -> dict[str, Scenario]:
    """Return the whole product of tools, ways, distances, jitter and loss, with mirrors, evasions and activities."""

    def product() -> Iterable[Scenario]:
        for tool, way, far, jitter, loss in itertools.product(TOOLS, WAYS, FAR, JITTER, LOSS):
            if possible(tool, way):
                yield controlled(tool, way, far, jitter, loss)
        for tool, evasion, far in itertools.product(TOOLS, EVASIONS, FAR):
            if possible(tool, "", evasion):
                yield controlled(tool, "", far, evasion=evasion)
        for tool, way, far in itertools.product(TOOLS, WAYS, FAR):
            if possible(tool, way) and tool.proto == "tcp":
                yield stepping(tool, way, far)
        for tool, way, office in itertools.product(TOOLS, ("direct", "splice", "tls", "wireguard", "ssh-R"), OFFICE):
            if possible(tool, way):
                yield mirrored(tool, way, office)
        for tool, total in itertools.product(TOOLS, HELPDESK):
            yield helpdesk(tool, total)

    return {scenario.name: scenario for scenario in product()} | activities(3)


def every() -> dict[str, Scenario]:
    """Return all scenarios by name."""
    return full() | core() | activities(3)
