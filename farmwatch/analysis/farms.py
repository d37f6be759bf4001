"""Groups of devices tied by what they share: the same gateway, the same KVM, the same controlling end.

A place counts only where it is suspicious by itself: two networks that a travelling laptop visited are two places, and
who was met in a café does not join a farm seen elsewhere. Each link weighs as much as its attribute is rare among the
run's devices (Fellegi-Sunter with term frequency, docs/evidence.md, M7); an attribute that very many share is an office
or a carrier, not a farm. A group is reported only where it reaches review. Office computers
that were only heard on the network belong to the group by name: nothing they do was seen, so they have no verdict of
their own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from farmwatch.analysis.addresses import mask_mac
from farmwatch.analysis.detectors.contract import Findings, devices_on_lan
from farmwatch.analysis.grouping import components, group_id
from farmwatch.analysis.scoring import assess_claim
from farmwatch.records import (
    Claim,
    ClaimAssessment,
    DeviceSeen,
    Evidence,
    Family,
    Farm,
    FarmLink,
    Finding,
    LanMember,
    Level,
    Outcome,
    RemoteSession,
    Table,
    Tables,
)  # fmt: skip

__all__ = ["find_farms"]

_NETWORK, _KVM, _CONTROLLER = "local network", "KVM on the network", "controlling end"
_REPORTED = (Level.REVIEW, Level.STRONG)
_CAP = 50  #: devices sharing one attribute beyond which it is a company network or a carrier (M7)
_NETWORK_DECIBANS = 6.0  #: sharing a local network: what couples and offices do too
_KVM_DECIBANS = 10.0  #: a KVM on that network
_CONTROLLER_DECIBANS = 18.0
"""One outside end, no relay and not approved, drives devices: 10·log10 of their number is added, for each further one
is another coincidence to explain, so that two are just worth a person's time. A help desk outside the company looks the
same until its tool or address is declared."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A link with the inputs that show it."""

    link: FarmLink
    inputs: frozenset[int]


def find_farms(tables: Tables, findings: Findings, prior: float) -> tuple[Farm, ...]:
    """Groups of at least two computers whose shared attributes and own findings make a case for review."""
    places = [place for place in _places(tables) if 2 <= len(place.link.devices) <= _CAP]
    suspicious = [
        place
        for place in places
        if place.link.attribute == _CONTROLLER or _assessed(_beside(place, places), findings, prior).level in _REPORTED
    ]
    farms = []
    for members in components(place.link.devices for place in suspicious):
        own = [place for place in suspicious if set(place.link.devices) <= members]
        assessment = _assessed(own, findings, prior)
        if assessment.level in _REPORTED:
            farms.append(
                Farm(
                    farm_id=group_id(members),
                    devices=tuple(sorted(members)),
                    assessment=assessment,
                    links=tuple(place.link for place in own),
                    summary=_summary(members, [place.link for place in own]),
                )
            )
    return tuple(farms)


def _beside(place: _Place, places: Sequence[_Place]) -> list[_Place]:
    """A network with the KVMs on it: what is tied to the same computers in the same inputs."""
    return [other for other in places if other.link.devices == place.link.devices and other.inputs == place.inputs]


def _assessed(places: Sequence[_Place], findings: Findings, prior: float) -> ClaimAssessment:
    """The farm claim of some places: their links, and what their members' own findings say in those inputs."""
    members = sorted({device for place in places for device in place.link.devices})
    inputs = frozenset().union(*(place.inputs for place in places))
    evidence = [
        finding
        for device in members
        for finding in findings.get(device, [])
        if _speaks(finding) and (not finding.rows or inputs.intersection(row.input for row in finding.rows))
    ]
    return assess_claim(Claim.FARM, [*_shared(evidence), *(_as_finding(place) for place in places)], prior)


def _places(tables: Tables) -> list[_Place]:
    found = []
    members, seen = tables[LanMember], tables[DeviceSeen]
    known = {
        mac: device
        for macs, device in zip(seen["macs"].tolist(), seen["device_id"].tolist(), strict=True)
        for mac in macs.split(",")
    }
    for lan, judged in devices_on_lan(tables).items():
        inputs = frozenset(seen["input"][seen["lan"] == lan].tolist())
        devices = (*judged, *_heard(members, lan, judged, known))
        found.append(_Place(FarmLink(_NETWORK, lan, devices, _NETWORK_DECIBANS), inputs))
        for row in np.flatnonzero((members["lan"] == lan) & (members["role"] == "kvm")).tolist():
            name = f"{members['product_name'][row]} {members['host'][row][:8]}…"
            found.append(_Place(FarmLink(_KVM, name, devices, _KVM_DECIBANS), inputs))
    found.extend(_controllers(tables))
    return found


def _heard(members: Table[LanMember], lan: str, judged: Collection[str], known: Mapping[str, str]) -> list[str]:
    """Office computers on a network that are not judged: by name, else by masked link-layer address.

    ``known`` names devices by link-layer address: one that is judged by what it did elsewhere keeps its own name.
    """
    rows = np.flatnonzero((members["lan"] == lan) & members["laptop_like"] & (members["role"] == "neighbour"))
    found: set[str] = set()
    for row in rows.tolist():
        mac = members["host"][row]
        name = members["names"][row].split(",")[0].upper() or mask_mac(mac)
        found.add(known.get(mac) or (f"{name} (neighbour)" if name in judged or name in found else name))
    return sorted(found - set(judged))


def _controllers(tables: Tables) -> Iterable[_Place]:
    """Far ends outside the local network that drive more than one device; relays serve everybody and do not count."""
    sessions = tables[RemoteSession]
    outside = (
        (sessions["role"] == "controlled")
        & (sessions["remote_scope"] == "public")
        & (sessions["relayed"] != 1)
        & sessions["live"]
        & ~sessions["approved"]
    )
    driven: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(outside).tolist():
        driven[str(sessions["remote"][row]).rsplit(":", 1)[0]].append(row)
    total = max(2, len(set(tables[DeviceSeen]["device_id"])))
    for remote, rows in sorted(driven.items()):
        devices = tuple(sorted({str(sessions["device_id"][row]) for row in rows}))
        rarity = 10 * math.log10(total / len(devices)) if total > len(devices) else 0.0
        weight = _CONTROLLER_DECIBANS + 10 * math.log10(len(devices)) + min(rarity, 6.0)
        link = FarmLink(_CONTROLLER, remote, devices, weight)
        yield _Place(link, frozenset(int(sessions["input"][row]) for row in rows))


def _speaks(finding: Finding) -> bool:
    return finding.claim is Claim.FARM and finding.outcome is Outcome.HIT


def _shared(findings: Iterable[Finding]) -> list[Finding]:
    """One finding of each detector: members of one network tell the same story, and it counts once."""
    strongest: dict[str, Finding] = {}
    for finding in findings:
        if finding.detector not in strongest or finding.decibans > strongest[finding.detector].decibans:
            strongest[finding.detector] = finding
    return list(strongest.values())


#: Causes that links share with detectors: they count once with them.
_LINK_GROUPS: Mapping[str, str] = {_KVM: "kvm", _NETWORK: "who is on the network"}
_LINK_TABLES: Mapping[str, str] = {_KVM: "lan_members", _NETWORK: "lan_members", _CONTROLLER: "sessions"}


def _as_finding(place: _Place) -> Finding:
    link = place.link
    return Finding(
        detector=f"link: {link.attribute}",
        family=Family.HARDWARE if link.attribute == _KVM else Family.PLACE,
        claim=Claim.FARM,
        outcome=Outcome.HIT,
        decibans=link.decibans,
        summary=f"{len(link.devices)} devices share {link.attribute} {link.value}",
        rows=tuple(Evidence(_LINK_TABLES[link.attribute], number) for number in sorted(place.inputs)),
        group=_LINK_GROUPS.get(link.attribute, link.attribute),
        weight_reason="judged; rarity of the shared attribute (docs/evidence.md, M7)",
    )


def _summary(members: set[str], links: Sequence[FarmLink]) -> str:
    """One sentence: how many computers, and which attribute ties how many of them."""
    tied = "; ".join(f"{len(link.devices)} by {link.attribute} {link.value}" for link in links)
    return f"{len(members)} computers belong together: {tied}"
