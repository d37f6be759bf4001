"""The laboratory's captures as samples: every flow with a series, its features, and its true role."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from farmwatch.analysis.addresses import AddressBook
from farmwatch.analysis.flows import device_flows
from farmwatch.analysis.identity import find_hosts
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.sessions.features import behaviour, feature_values
from farmwatch.analysis.sessions.flow_series import DeviceSeries, device_series
from farmwatch.analysis.sessions.hands import is_long_enough
from farmwatch.collectors.captures import collect_capture
from farmwatch.knowledge import load_knowledge

LEAST_PART_S = 20.0  #: a session is also judged by its halves, when they last so long


@dataclass(frozen=True, slots=True)
class Truth:
    """One row of ``labels.csv``."""

    file: str
    scenario: str
    group: str
    tool: str
    role: str
    way: str
    evasion: str
    vantage: str
    local: str
    remote: str
    facts: dict[str, str]

    def number(self, name: str) -> float | None:
        """A numeric fact; ``None`` where the cell is empty."""
        return float(self.facts[name]) if self.facts.get(name) else None

    def fits(self, local: str, remote: str) -> bool:
        """Whether a flow between two ends is the labelled one."""
        return fnmatchcase(local, self.local) and fnmatchcase(remote, self.remote)


@dataclass(frozen=True, slots=True)
class Sample:
    """One flow, or a part of it, with its features."""

    file: str
    tool: str  #: the tool or activity the capture is about: what is left out together
    group: str
    evasion: str
    way: str
    role: str
    whole: bool
    events: int  #: input events found in the direction that drives
    values: NDArray[np.float64]


def lab_folder() -> Path:
    """Where the laboratory keeps its captures."""
    return Path(os.environ.get("FARMWATCH_LAB") or platformdirs.user_cache_path("farmwatch") / "lab")


def read_truth(folder: Path) -> list[Truth]:
    """All labelled flows.

    Raises:
        OSError: nothing was recorded yet.
    """
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        named = Truth.__dataclass_fields__.keys() - {"facts"}
        return [Truth(**{name: row[name] for name in named}, facts=row) for row in csv.DictReader(stream)]


def samples(folder: Path, *, jobs: int = 2) -> list[Sample]:
    """Samples of every capture that was taken on the laptop, in order of their files."""
    of_file: dict[str, list[Truth]] = {}
    for truth in read_truth(folder):
        of_file.setdefault(truth.file, []).append(truth)
    work = [(folder / file, truths) for file, truths in sorted(of_file.items()) if truths[0].vantage == "laptop"]
    with ProcessPoolExecutor(jobs) as pool:
        return [sample for found in pool.map(_of_capture, *zip(*work, strict=True)) for sample in found]


def _of_capture(path: Path, truths: list[Truth]) -> list[Sample]:
    tables = collect_capture(path, 0).tables
    book = AddressBook(Profile())
    flows = device_flows(tables, find_hosts(tables, Profile(), book), book, load_knowledge())
    found: list[Sample] = []
    for series in device_series(flows, tables):
        row = series.rows[0]
        local = f"{flows['local_h'][row]}:{flows['local_p'][row]}"
        remote = f"{flows['remote_h'][row]}:{flows['remote_p'][row]}"
        if not fnmatchcase(local, f"{truths[0].local.partition(':')[0]}:*"):
            continue  # the flow as its other end, a device too, would see it
        truth = next((one for one in truths if one.fits(local, remote)), None)
        for part in _parts(series):
            seen = behaviour(part.times_s, part.out, part.sizes, datagrams=part.datagrams)
            role = truth.role if truth else "none"
            hand = seen.out.hand if role == "controlling" else seen.into.hand
            found.append(
                Sample(
                    path.name, truths[0].tool, truths[0].group, truths[0].evasion, truths[0].way, role,
                    part is series, len(hand.events_s) + hand.sweeps, feature_values(seen),
                )
            )  # fmt: skip
    return found


def _parts(series: DeviceSeries) -> Iterable[DeviceSeries]:
    """The whole, and its halves where they are long: sessions of all lengths are to be judged."""
    if not is_long_enough(series):
        return
    yield series
    middle = (series.times_s[0] + series.times_s[-1]) / 2
    for chosen in (series.times_s < middle, series.times_s >= middle):
        part = DeviceSeries(
            series.rows, series.times_s[chosen], series.out[chosen], series.sizes[chosen], series.datagrams, series.cut
        )
        if is_long_enough(part) and part.times_s[-1] - part.times_s[0] >= LEAST_PART_S:
            yield part
