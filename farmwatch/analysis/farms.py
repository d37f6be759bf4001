"""Groups of devices tied by what they share: the same gateway, the same KVM, the same controlling end.

Each link weighs as much as its attribute is rare among the run's devices (Fellegi-Sunter with term frequency,
docs/evidence.md, M7); an attribute that very many share is an office or a carrier, not a farm. Components come from
scipy. A group is reported only where its members' own *farm* evidence reaches review, or where a rare link other than
the network itself (one far end driving several devices) ties them. Office computers that were only heard on the network
belong to the group by name: nothing they do was seen, so they have no verdict of their own.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from farmwatch.analysis.addresses import mask_mac
from farmwatch.analysis.detectors.contract import Findings, devices_on_lan
from farmwatch.analysis.scoring import assess_claim
from farmwatch.records import (
    Claim,
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

_CAP = 50  #: devices sharing one attribute beyond which it is a company network or a carrier (M7)
_NETWORK_DECIBANS = 6.0  #: sharing a local network: what couples and offices do too
_KVM_DECIBANS = 10.0  #: a KVM on that network
_CONTROLLER_DECIBANS = 14.0  #: one outside end driving several devices


def find_farms(tables: Tables, findings: Findings, prior: float) -> tuple[Farm, ...]:
    """Groups of at least two computers whose shared attributes and own findings make a case for review."""
    links = [link for link in _links(tables) if 2 <= len(link.devices) <= _CAP]
    farms = []
    for members in _components(links):
        own = [link for link in links if set(link.devices) <= members]
        evidence = [finding for device in sorted(members) for finding in findings.get(device, []) if _speaks(finding)]
        assessment = assess_claim(Claim.FARM, [*_shared(evidence), *(_as_finding(link) for link in own)], prior)
        if assessment.level in (Level.REVIEW, Level.STRONG):
            farms.append(
                Farm(
                    farm_id="F-" + hashlib.sha256("\n".join(sorted(members)).encode()).hexdigest()[:8],
                    devices=tuple(sorted(members)),
                    assessment=assessment,
                    links=tuple(own),
                    summary=_summary(members, own),
                )
            )
    return tuple(farms)


def _links(tables: Tables) -> list[FarmLink]:
    found = []
    members = tables[LanMember]
    for lan, judged in devices_on_lan(tables).items():
        devices = [*judged, *_heard(members, lan, judged)]
        found.append(FarmLink("local network", lan, tuple(devices), _NETWORK_DECIBANS))
        for row in range(len(members)):
            if members["lan"][row] == lan and members["role"][row] == "kvm":
                name = f"{members['product_name'][row]} {members['host'][row][:8]}…"
                found.append(FarmLink("KVM on the network", name, tuple(devices), _KVM_DECIBANS))
    found.extend(_controllers(tables))
    return found


def _heard(members: Table[LanMember], lan: str, judged: Sequence[str]) -> list[str]:
    """Office computers on a network that are not judged: by name, else by masked link-layer address."""
    rows = np.flatnonzero((members["lan"] == lan) & members["laptop_like"] & (members["role"] == "neighbour"))
    found: list[str] = []
    for row in rows.tolist():
        name = members["names"][row].split(",")[0].upper() or mask_mac(members["host"][row])
        found.append(f"{name} (neighbour)" if name in judged or name in found else name)
    return sorted(set(found))


def _controllers(tables: Tables) -> Iterable[FarmLink]:
    """Far ends outside the local network that drive more than one device; relays serve everybody and do not count."""
    sessions = tables[RemoteSession]
    driven: dict[str, set[str]] = defaultdict(set)
    for row in range(len(sessions)):
        if (
            sessions["role"][row] == "controlled"
            and sessions["remote_scope"][row] == "public"
            and sessions["relayed"][row] != 1
        ):
            driven[str(sessions["remote"][row]).rsplit(":", 1)[0]].add(str(sessions["device_id"][row]))
    total = max(2, len(set(tables[DeviceSeen]["device_id"])))
    for remote, devices in sorted(driven.items()):
        rarity = 10 * math.log10(total / len(devices)) if total > len(devices) else 0.0
        yield FarmLink("controlling end", remote, tuple(sorted(devices)), _CONTROLLER_DECIBANS + min(rarity, 6.0))


def _components(links: list[FarmLink]) -> list[set[str]]:
    """Groups of devices connected by links."""
    if not links:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    devices = sorted({device for link in links for device in link.devices})
    index = {device: number for number, device in enumerate(devices)}
    pairs = [(index[link.devices[0]], index[other]) for link in links for other in link.devices[1:]]
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    graph = coo_array((np.ones(len(pairs)), (left, right)), shape=(len(devices), len(devices)))
    count, labels = connected_components(graph, directed=False)
    groups: list[set[str]] = [set() for _ in range(count)]
    for device, label in zip(devices, labels, strict=True):
        groups[int(label)].add(device)
    return [group for group in groups if len(group) > 1]


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
_LINK_GROUPS: Mapping[str, str] = {"KVM on the network": "kvm", "local network": "who is on the network"}


def _as_finding(link: FarmLink) -> Finding:
    return Finding(
        detector=f"link: {link.attribute}",
        family=Family.HARDWARE if link.attribute == "KVM on the network" else Family.PLACE,
        claim=Claim.FARM,
        outcome=Outcome.HIT,
        decibans=link.decibans,
        summary=f"{len(link.devices)} devices share {link.attribute} {link.value}",
        rows=(Evidence("lan_members", 0),),
        group=_LINK_GROUPS.get(link.attribute, link.attribute),
        weight_reason="judged; rarity of the shared attribute (docs/evidence.md, M7",
    )


def _summary(members: set[str], links: list[FarmLink]) -> str:
    shared = "; ".join(f"{link.attribute} {link.value}" for link in links)
    return f"{len(members)} devices share {shared}"
