"""Groups that could be worth reporting, with what telemetry and roster say of their members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from farmwatch.analysis.addresses import mask_mac
from farmwatch.analysis.fleet.cotiming import CUT, START, Moments, Together
from farmwatch.analysis.fleet.declared import Declared, declared_of
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.linking import LINE_BITS, Group
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.traits import HARDWARE, IDENTITY, MEETING, PLACE, TRAITS
from farmwatch.analysis.grouping import components

__all__ = ["Candidate", "Shared", "candidates_of", "declared_at", "people_of", "shown", "summary_of"]

_MAC_TRAITS = ("gateway MAC", "BSSID")
_HASHED = ("LAN neighbour", "second factor", "device token")


@dataclass(frozen=True, slots=True)
class Shared:
    """A value, as telemetry has it, and who shares it."""

    kind: int
    value: str
    bits: float
    line: bool  #: an address that is one line's
    devices: tuple[str, ...]
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group with everything the telemetry says of it."""

    devices: tuple[str, ...]
    ties: tuple[Shared, ...]
    at_site: tuple[str, ...]  #: of the devices: those that live at one place
    days: float  #: median days that pairs of them spent there together
    people: Mapping[str, Mapping[str, Any]]
    cuts: Together | None
    starts: Together | None


def candidates_of(fleet: Fleet, groups: Sequence[Group], showing: Iterable[str]) -> Iterable[Candidate]:
    """Groups that could be worth reporting, with what is known of their members.

    Two devices at one place of which nothing else is known are left out: that is a couple, and never reported.
    """
    fleet.load("farm_hit_names", pa.table({"device_id": pa.array(sorted(showing), pa.string())}))
    hit = fleet.arrow("SELECT code FROM farm_devices SEMI JOIN farm_hit_names USING (device_id) ORDER BY code")
    codes = hit.column("code").to_numpy()
    groups = [
        group
        for group in groups
        if len(group.members) > 2
        or any(group.bits[aspect].any() for aspect in (HARDWARE, IDENTITY, MEETING, "timing"))
        or np.isin(group.members, codes).any()
    ]
    if not groups:
        return
    fleet.load(
        "farm_candidates",
        pa.table(
            {
                "code": pa.array(np.concatenate([group.members for group in groups]), pa.int32()),
                "number": pa.array(np.repeat(np.arange(len(groups)), [len(group.members) for group in groups])),
            }
        ),
    )
    people: dict[int, dict[str, Any]] = {
        row["code"]: row
        for row in fleet.rows(
            "SELECT code, device_id, person, household, site, place, country, latitude, longitude, coarse "
            "FROM farm_candidates JOIN farm_devices USING (code) JOIN farm_people USING (code) ORDER BY code"
        )
    }
    ties: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in fleet.rows(
        """
        SELECT c.number, l.kind, t.value, list_sort(list(l.bits), 'DESC')[2] AS bits, bool_or(l.line) AS line,
               list(l.code ORDER BY l.code) AS codes,
               bit_or(l.mask) AS days
        FROM farm_candidates AS c JOIN farm_links AS l USING (code) JOIN farm_traits AS t USING (code, kind, thing)
        GROUP BY c.number, l.kind, t.value HAVING count(*) > 1 ORDER BY c.number, l.kind, t.value
        """
    ):
        ties[row["number"]].append(row)
    moments = Moments(fleet)
    for number, group in enumerate(groups):
        yield _candidate(group, people, ties[number], moments)


def _candidate(
    group: Group, people: Mapping[int, Mapping[str, Any]], ties: Sequence[Mapping[str, Any]], moments: Moments
) -> Candidate:
    name = {code: str(people[code]["device_id"]) for code in group.members.tolist()}
    near = group.bits[PLACE] >= LINE_BITS
    pairs = [
        (name[one], name[two]) for one, two in zip(group.one[near].tolist(), group.two[near].tolist(), strict=True)
    ]
    sites = sorted((sorted(site) for site in components(pairs)), key=lambda site: (-len(site), site))
    site = sites[0] if sites else []
    shared = []
    for row in ties:
        devices = [name[code] for code in row["codes"]]
        if TRAITS[row["kind"]].aspect == PLACE:
            devices = [device for device in devices if device in site]
        if len(devices) > 1:
            first, last = _day_span(row["days"])
            shared.append(
                Shared(row["kind"], row["value"], row["bits"], row["line"], tuple(sorted(devices)), first, last)
            )
    shared.sort(key=lambda tie: (-len(tie.devices), tie.kind, tie.value))
    return Candidate(
        devices=tuple(sorted(name.values())),
        ties=tuple(shared),
        at_site=tuple(site),
        days=float(np.median(group.days[near])) if near.any() else 0.0,
        people={name[code]: people[code] for code in name},
        cuts=moments.together(group.members, CUT),
        starts=moments.together(group.members, START),
    )


def _day_span(mask: int) -> tuple[int, int]:
    return (mask & -mask).bit_length() - 1, mask.bit_length() - 1


def declared_at(candidate: Candidate, devices: Iterable[str]) -> Declared:
    """What the roster says of some of its devices."""
    return declared_of([candidate.people[device] for device in devices])


def summary_of(candidate: Candidate) -> str:
    """One sentence: how many, of whom, what they share, and what they do together."""
    declared = declared_at(candidate, candidate.devices)
    parts = []
    told: set[str] = set()
    for tie in candidate.ties:
        name = TRAITS[tie.kind].name
        if name not in told and len(told) < 3:
            who = "share" if len(tie.devices) == len(candidate.devices) and not told else f"{len(tie.devices)} share"
            parts.append(f"{who} {name} {shown(tie)}")
            told.add(name)
    cuts, starts = candidate.cuts, candidate.starts
    if cuts is not None and cuts.decibans >= 20:
        parts.append(f"{cuts.most} of them were cut off in the same {many(cuts.stretch_s // 60, 'minute')}")
    if starts is not None and starts.times >= 3 and starts.decibans >= 30:
        parts.append(f"{starts.most} of them start in the same minute, in {many(starts.times, 'hour')}")
    whole = f"{people_of(declared)} " if parts and parts[0].startswith("share ") else f"{people_of(declared)}: "
    tail = f"; where {declared.unplaced} of them should be is not declared" if declared.unplaced else ""
    return whole + "; ".join(parts or ["belong together"]) + tail


def people_of(declared: Declared) -> str:
    """How many laptops, of how many people and places, as far as the roster says."""
    people = f" of {many(declared.people, 'person', 'people')}" if declared.people else ""
    if declared.unowned and declared.people:
        people += f" ({declared.unowned} of nobody declared)"
    places = f" with {many(declared.places, 'declared place')}" if declared.places else ""
    return f"{many(declared.devices, 'laptop')}{people}{places}"


def shown(tie: Shared) -> str:
    """A value as people are told it: neighbours' and persons' things masked."""
    name = TRAITS[tie.kind].name
    if name in _MAC_TRAITS:
        return mask_mac(tie.value)[:40]
    if name in _HASHED:
        return f"{tie.value[:8]}…"
    if name == "IPv6 network":
        return ":".join(part or "0" for part in tie.value.split(":")) + "::/64"
    return tie.value if len(tie.value) <= 60 else f"{tie.value[:59]}…"
