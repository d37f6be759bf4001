"""The laboratory's captures as samples: every flow with a series, its features, and its true role."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from farmwatch.analysis.addresses import AddressBook
from farmwatch.analysis.flow_truth import FlowTruth, read_flow_truth
from farmwatch.analysis.flows import device_flows
from farmwatch.analysis.identity import find_hosts
from farmwatch.analysis.sessions.features import behaviour, feature_values
from farmwatch.analysis.sessions.flow_series import DeviceSeries, device_series, merged, sharing
from farmwatch.analysis.sessions.hands import LEAST_EVENTS, is_long_enough
from farmwatch.collectors.captures import collect_capture
from farmwatch.knowledge import load_knowledge
from farmwatch.records import DeviceFlow, Table

LEAST_PART_S = 20.0  #: a session is also judged by its halves, when they last so long


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
    typed: float  #: share of the gaps between them that keys have
    values: NDArray[np.float64]


def lab_folder() -> Path:
    """Where the laboratory keeps its captures."""
    return Path(os.environ.get("FARMWATCH_LAB") or platformdirs.user_cache_path("farmwatch") / "lab")


def samples(folder: Path, *, jobs: int = 2) -> list[Sample]:
    """Samples of every capture that was taken on the laptop, in order of their files."""
    of_file: dict[Path, list[FlowTruth]] = {}
    for truth in read_flow_truth(folder / "labels.csv"):
        if truth.vantage == "laptop":
            of_file.setdefault(truth.path, []).append(truth)
    with ProcessPoolExecutor(jobs) as pool:
        return [
            sample for found in pool.map(_of_capture, *zip(*sorted(of_file.items()), strict=True)) for sample in found
        ]


def _of_capture(path: Path, truths: list[FlowTruth]) -> list[Sample]:
    tables = collect_capture(path, 0).tables
    profile = truths[0].profile()
    book = AddressBook(profile)
    flows = device_flows(tables, find_hosts(tables, profile, book), book, load_knowledge())
    every = list(device_series(flows, tables))
    roles = {one.rows: _role(one, flows, truths) for one in every}
    groups = sharing(flows, [one for one in every if is_long_enough(one)])
    channels = {one.rows for group in groups if roles[group[0].rows] != "none" for one in group}
    # A session of several flows is one sample; that one of its channels carries input alone is nothing to learn from.
    units = [(one, roles[one.rows]) for one in every if one.rows not in channels]
    units += [(merged(group), roles[group[0].rows]) for group in groups]
    about = (path.name, truths[0].tool, truths[0].group, truths[0].evasion, truths[0].way)
    found: list[Sample] = []
    for series, role in units:
        for part in _parts(series):
            seen = behaviour(part.times_s, part.out, part.sizes, datagrams=part.datagrams)
            hand = seen.out.hand if role == "controlling" else seen.into.hand
            events = len(hand.events_s) + hand.sweeps
            if role == "none" or events >= LEAST_EVENTS / 2:
                found.append(Sample(*about, role, part is series, events, hand.typed, feature_values(seen)))
    return found


def _role(series: DeviceSeries, flows: Table[DeviceFlow], truths: list[FlowTruth]) -> str:
    """The true role of a flow; none where no label fits."""
    row = series.rows[0]
    local = f"{flows['local_h'][row]}:{flows['local_p'][row]}"
    remote = f"{flows['remote_h'][row]}:{flows['remote_p'][row]}"
    return next((one.role for one in truths if one.fits(local, remote)), "none")


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
