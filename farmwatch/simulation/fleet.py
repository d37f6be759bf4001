"""The feeds of a synthetic fleet: in memory, part by part, or as files that ``farmwatch ingest`` takes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from farmwatch.errors import SimulationError
from farmwatch.simulation.card import card, card_text
from farmwatch.simulation.chunk import Chunk
from farmwatch.simulation.hardware import usb_devices
from farmwatch.simulation.identity import entra, globalprotect, okta
from farmwatch.simulation.input import hooks, input_timing
from farmwatch.simulation.meetings import meetings, zoom
from farmwatch.simulation.parameters import EVASIONS, SETUPS, Parameters
from farmwatch.simulation.power import power
from farmwatch.simulation.programs import dns, processes, services, sockets, software
from farmwatch.simulation.sessions import ROSTER_HEADER, anydesk, remote_tool_log, roster, windows_events
from farmwatch.simulation.snapshots import agent, displays, osquery
from farmwatch.simulation.surroundings import location, sightings
from farmwatch.simulation.texts import line_bytes
from farmwatch.simulation.world import World, confusers, made

__all__ = ["FEEDS", "PART_DEVICES", "FeedPart", "Simulation", "simulate", "write_fleet"]

PART_DEVICES = 2000  #: devices whose rows stand in one file of each feed
#: Feed -> what makes its lines; the name is the file's, by which farmwatch tells its own tables
FEEDS: dict[str, Callable[[Chunk], pa.Array]] = {
    "agent": agent, "osquery": osquery, "okta": okta, "entra": entra, "zoom": zoom, "globalprotect": globalprotect,
    "windows": windows_events, "processes": processes, "dns": dns, "sockets": sockets, "services": services,
    "software": software, "sightings": sightings, "usb_devices": usb_devices, "displays": displays, "power": power,
    "input_timing": input_timing, "input_hooks": hooks, "meetings": meetings, "remote_tool_log": remote_tool_log,
    "location": location,
}  # fmt: skip
_EPOCH = date(1970, 1, 1)
_ENDINGS = {"globalprotect": "log"}
_PROFILE = """# What the company of this fleet declares: give it to 'farmwatch assess --profile'.
[company]
cidrs = ["33.32.0.0/11", "10.20.0.0/16", "10.64.0.0/16"]   # offices outside and inside, and the VPN
domains = ["acme.example", "corp.example"]
approved_tools = ["ninjaone"]
"""
_TRUTH = ("device_id", "farm_id", "driven", "setup", "evasions", "confusers")


@dataclass(frozen=True, slots=True)
class FeedPart:
    """Some records of one sender, as it would send them."""

    feed: str  #: key of :data:`FEEDS`, ``roster`` or ``anydesk``
    name: str  #: of the file, without compression
    data: bytes


@dataclass(frozen=True)
class Simulation:
    """A laid out fleet. Its parts are made when they are asked for, in bounded memory."""

    world: World
    seed: int
    since: datetime
    until: datetime
    feeds: tuple[str, ...]
    evasions: tuple[str, ...]

    def parts(self, devices: int = PART_DEVICES) -> Iterator[FeedPart]:
        """All feeds, so many devices at a time; the roster comes first.

        The rows are the same whatever ``devices`` is.
        """
        if "roster" in self.feeds:
            yield FeedPart("roster", "roster.csv", ROSTER_HEADER.encode() + line_bytes(roster(self.world)))
        for number, first in enumerate(range(0, self.world.count, devices)):
            yield from self.part(number, first, min(first + devices, self.world.count))

    def part(self, number: int, first: int, last: int) -> Iterator[FeedPart]:
        """All feeds of the devices from ``first`` to ``last`` - 1."""
        chunk = Chunk(self.world, first, last)
        for feed, make in FEEDS.items():
            if feed in self.feeds:
                data = line_bytes(make(chunk))
                if data:
                    yield FeedPart(feed, f"{feed}.{number:05d}.{_ENDINGS.get(feed, 'ndjson')}", data)
        if "anydesk" in self.feeds:
            at = self.until.strftime("%Y-%m-%dT%H_%M_%SZ")
            for device, lines in anydesk(chunk):
                yield FeedPart("anydesk", f"Collection-{device}-{at}/ad_svc.trace", line_bytes(lines))

    def truth(self) -> list[dict[str, str]]:
        """What is true of each device: farm, setup, evasions, what is unusual about a lawful one."""
        world, found = self.world, []
        unusual = confusers(world)
        names = Chunk(world, 0, world.count).names.to_pylist()
        for number, name in enumerate(names):
            farm, hand = int(world.farm[number]), int(world.hand[number])
            flags = [one for one in EVASIONS if world.evasions[one][number]]
            found.append(
                {
                    "device_id": name,
                    "farm_id": f"farm-{farm:04d}" if farm >= 0 else "",
                    "driven": str(int(farm >= 0)),
                    "setup": SETUPS[hand] if hand >= 0 else "",
                    "evasions": ";".join(flags),
                    "confusers": unusual[number],
                }
            )
        return found


def simulate(
    parameters: Parameters, devices: int, *, seed: int = 1, days: int = 7, until: datetime | None = None,
    farms: int | None = None, evasions: Sequence[str] = (), feeds: Sequence[str] = (),
) -> Simulation:  # fmt: skip
    """Lay out a synthetic fleet.

    Args:
        parameters: assumptions.
        devices: how many.
        seed: of all chance; equal seeds give equal bytes.
        days: length of the window.
        until: its end, at midnight UTC; left out: the start of today.
        farms: how many farms; left out: as many as the base rate asks for.
        evasions: what every farm does, beside what some do by the parameters' shares; ``none`` takes those away.
        feeds: of :data:`FEEDS`, ``roster`` and ``anydesk``; left out: all.

    Raises:
        SimulationError: no such evasion or feed, or no such amount.
    """
    if devices < 1 or not 1 <= days <= 60:
        raise SimulationError("expected at least one device, and 1 to 60 days")
    end = (until or datetime.now(UTC)).astimezone(UTC).date()
    known = (*FEEDS, "roster", "anydesk")
    for what, given, allowed in (("evasion", evasions, (*EVASIONS, "none")), ("feed", feeds, known)):
        if wrong := sorted(set(given) - set(allowed)):
            raise SimulationError(f"no {what} is called {wrong[0]!r}; expected {', '.join(allowed)}")
    if "none" in evasions:
        shares = {one.name: 0.0 for one in parameters.assumptions() if one.name.startswith("evade_")}
        parameters = Parameters(**({one.name: one.value for one in parameters.assumptions()} | shares))
    first = (end - _EPOCH).days - days
    wanted = tuple(name for name in EVASIONS if name in evasions)
    world = made(parameters, devices, seed, first, days, farms=farms, evasions=wanted)
    stop = datetime(end.year, end.month, end.day, tzinfo=UTC)
    return Simulation(world, seed, stop - timedelta(days=days), stop, tuple(feeds) or known, wanted)


def write_fleet(
    simulation: Simulation, folder: Path, *, compression: str = "zst", workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> int:  # fmt: skip
    """Write feeds, truth, profile and card; returns how many bytes the feeds have before compression.

    Args:
        simulation: what to write.
        folder: gets ``feeds/``, ``truth.csv``, ``profile.toml``, ``card.json`` and ``card.txt``; must not hold feeds.
        compression: ``zst``, ``gz`` or ``none``.
        workers: threads.
        progress: is told how many parts of how many are done.

    Raises:
        SimulationError: there are feeds in the folder already.
    """
    feeds = folder / "feeds"
    if feeds.exists() and any(feeds.iterdir()):
        raise SimulationError(f"{feeds} holds feeds already; choose another folder")
    feeds.mkdir(parents=True, exist_ok=True)
    world = simulation.world
    starts = list(range(0, world.count, PART_DEVICES))

    def one(number: int) -> int:
        first = starts[number]
        return sum(
            _written(feeds, part, compression)
            for part in simulation.part(number, first, min(first + PART_DEVICES, world.count))
        )

    total = 0
    if "roster" in simulation.feeds:
        total += _written(
            feeds, FeedPart("roster", "roster.csv", ROSTER_HEADER.encode() + line_bytes(roster(world))), "none"
        )
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, size in enumerate(pool.map(one, range(len(starts))), 1):
            total += size
            if progress is not None:
                progress(done, len(starts))
    text = io.StringIO()
    writer = csv.DictWriter(text, _TRUTH, lineterminator="\n")
    writer.writeheader()
    writer.writerows(simulation.truth())
    (folder / "truth.csv").write_text(text.getvalue(), "utf-8")
    (folder / "profile.toml").write_text(_PROFILE, "utf-8")
    document = card(world, simulation.seed, simulation.since, simulation.until, simulation.evasions, simulation.feeds)
    (folder / "card.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    (folder / "card.txt").write_text(card_text(document), "utf-8")
    return total


def _written(folder: Path, part: FeedPart, compression: str) -> int:
    """Write a part; a trace of a tool stays plain, for its name says whose it is."""
    place = folder / part.feed if part.feed != "roster" else folder
    path = place / part.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if compression == "none" or part.feed in ("anydesk", "roster"):
        path.write_bytes(part.data)
    elif compression == "gz":
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(part.data, 3, mtime=0))
    else:
        packed = pa.Codec("zstd", compression_level=1).compress(part.data, asbytes=True)
        path.with_name(path.name + ".zst").write_bytes(packed)
    return len(part.data)
