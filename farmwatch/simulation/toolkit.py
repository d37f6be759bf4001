"""Programs that let somebody in, hide where one is, or keep a session awake: what each leaves, and who has it.

Names of programs, services and hosts are those of the knowledge (its entries say where they come from).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farmwatch.simulation.chunk import Chunk, Days
from farmwatch.simulation.lines import Events, events
from farmwatch.simulation.towns import rows_of

__all__ = ["TOOLS", "Tool", "Use", "uses", "visits"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tool:
    """What a program looks like from outside."""

    program: str
    path: str  #: with backslashes doubled, as JSON has them
    company: str
    software: str
    service: str = ""
    hosts: tuple[str, ...] = ()  #: ``#`` stands for eight hex digits of the device
    port: int = 443
    logs: bool = False  #: writes who came in
    visit: str = ""  #: program, and its options, that the service starts on Windows whenever somebody comes in


TOOLS: dict[str, Tool] = {
    row["id"]: Tool(
        row["program"], row["path"].replace("\\", "\\\\"), row["company"], row["software"], row["service"],
        tuple(row["hosts"].split()), int(row["port"]), row["logs"] == "yes", row["visit"],
    )
    for row in rows_of("tools.csv")
}  #: by id in the knowledge  # fmt: skip


@dataclass(frozen=True, slots=True)
class Use:
    """Who has a program, on which days it runs, and how sessions come in."""

    tool: str
    days: Days  #: of the chunk's devices
    installed: Ints  #: day, of the chunk's devices; far in the past where the image had it
    incoming: float = 0.0  #: sessions a day in which this device is driven
    attended: bool = False  #: somebody at it clicked accept
    outgoing: float = 0.0  #: sessions a day in which it drives another
    stays: bool = True  #: installed with a service, not run once


def uses(chunk: Chunk) -> list[Use]:
    """All programs of that kind in a chunk, in a fixed order."""
    dice, day, world = chunk.world.dice, chunk.day, chunk.world
    first = world.first_day
    long_ago = np.full(chunk.size, first - 400) - dice.whole("installed", 500, chunk.at)

    def only(mask: NDArray[np.bool_], part: int = 0, parts: int = 1, name: str = "which tool") -> NDArray[np.bool_]:
        return np.asarray(mask & (dice.whole(name, parts, chunk.at) == part))

    def one_day(mask: NDArray[np.bool_], name: str) -> Days:
        chosen = day == first + dice.whole(name, world.days, chunk.at)[:, None]
        return np.asarray(mask[:, None] & chunk.worked & chosen)

    def each_day(mask: NDArray[np.bool_], share: float = 1.0, name: str = "tool day") -> Days:
        chosen = dice.whether(name, share, chunk.at[:, None], day)
        return mask[:, None] & chunk.there & (chunk.worked | chunk.awake[:, None]) & chosen

    found = [Use("ninjaone", each_day(np.ones(chunk.size, np.bool_)), long_ago)]
    desk = chunk.has("helpdesk")
    found += [
        Use("teamviewer", each_day(desk), long_ago, outgoing=5.0),
        Use("anydesk", each_day(only(desk, 0, 3)), long_ago, outgoing=1.0),
        Use(
            "teamviewer",
            one_day(chunk.has("supported"), "support day"),
            long_ago,
            incoming=1.0,
            attended=True,
            stays=False,
        ),
        Use(
            "anydesk",
            one_day(chunk.has("vendor-supported"), "vendor day"),
            long_ago,
            incoming=1.0,
            attended=True,
            stays=False,
        ),
    ]
    own = chunk.has("own-remote")
    found += [
        Use("chrome-remote-desktop", each_day(only(own, 0, 3)), long_ago, incoming=0.4),
        Use("anydesk", each_day(only(own, 1, 3)), long_ago, incoming=0.4),
        Use("teamviewer", each_day(only(own, 2, 3)), long_ago, incoming=0.4),
    ]
    out = chunk.has("outgoing-remote")
    found += [
        Use("anydesk", each_day(only(out, 0, 2), 0.3), long_ago, outgoing=0.5),
        Use("teamviewer", each_day(only(out, 1, 2), 0.3), long_ago, outgoing=0.5),
    ]
    for part, tool in enumerate(("tailscale", "tailscale", "ngrok", "cloudflare-tunnel")):
        found.append(Use(tool, each_day(only(chunk.has("developer"), part, 4)), long_ago))
    for part, tool in enumerate(("mouse-jiggler", "caffeine", "powertoys-awake")):
        found.append(Use(tool, each_day(only(chunk.has("jiggler-software"), part, 3)) & chunk.worked, long_ago))
    hidden = chunk.has("consumer-vpn")
    on = dice.whether("vpn on", 0.4, chunk.at[:, None], day)
    for part, tool in enumerate(("mullvad", "nordvpn")):
        found.append(Use(tool, each_day(only(hidden, part, 2)) & on, long_ago))
    return found + _of_farms(chunk)


def visits(chunk: Chunk, number: int, use: Use) -> Events:
    """Sessions in which somebody comes in; ``number`` is the place of ``use`` among :func:`uses`."""
    return events(chunk, f"session {number}", use.incoming, use.days & chunk.worked, routine=False)


def _of_farms(chunk: Chunk) -> list[Use]:
    """Tools that a farm put on its laptops, some days after it got them, all of them alike."""
    world, dice, day = chunk.world, chunk.world.dice, chunk.day
    issued = chunk.of(world.issued_day)
    farm = chunk.of(world.farm)
    found = []
    for tool in ("anydesk", "chrome-remote-desktop", "teamviewer", "rustdesk"):
        has = chunk.hand(tool)
        if tool in ("anydesk", "chrome-remote-desktop"):
            has |= chunk.hand("two-tools")
        later = chunk.hand("two-tools") & (tool == "chrome-remote-desktop")
        since = (
            issued
            + 1
            + dice.whole("tool after", 3, chunk.at)
            + np.where(later, 2 + dice.whole("second tool", 5, farm), 0)
        )
        since = np.where(
            later & (since < world.first_day - 30), world.first_day - dice.whole("late", 20, chunk.at), since
        )
        days = has[:, None] & chunk.there & (day >= since[:, None])
        found.append(Use(tool, days, since, incoming=1.6))
    client = chunk.driven & dice.whether("vpn client", 0.25, farm)
    found.append(Use("astrill", client[:, None] & chunk.worked, issued + 2))
    return found
