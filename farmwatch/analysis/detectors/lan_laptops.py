"""Many managed office computers on one local network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    devices_on_lan,
    evidence_by_input,
    heard_beside,
    param,
)
from farmwatch.records import Announcement, Arp, Claim, DhcpRequest, Family, Finding, LanMember, Tables, TenantSign

__all__ = ["LanLaptops"]

_FEW, _MANY = 3, 5  #: computers from which there are some, and from which there are many


@dataclass(frozen=True, slots=True)
class LanLaptops(Detector):
    """The number of hosts that look like managed office computers (signal N9, grade B for a big roster alone).

    Raids found about 6 to 9 computers a site. An office has more, all of one company: that is clear only where the
    profile says which company, for several laptops of one employer may also stand in one home. Then the number is told
    and weighs nothing.
    """

    id: ClassVar = "lan.many_laptops"
    title: ClassVar = "Are there many office computers on the network?"
    topic: ClassVar = "number of office computers"
    signals: ClassVar = ("N9",)
    family: ClassVar = Family.PLACE
    claims: ClassVar = (Claim.FARM,)
    needs: ClassVar = (LanMember,)
    group: ClassVar = "who is on the network"
    benign: ClassVar = ("an office or co-working space", "a household of home workers", "a repair or staging depot")
    when_clear: ClassVar = "few office computers on the network"
    weight_reason: ClassVar = (
        "judged from grade B of signal N9 (docs/evidence.md); raided sites held 6.5 to 9 computers on average"
    )
    check: ClassVar = "ask what kind of place this is: home, office or co-working space"
    some_decibans: float = param(4.0, "Three or four: a busy household.", low=0, high=24)
    many_decibans: float = param(10.0, "Five or more outside an office.", low=0, high=24)

    def examine(self, tables: Tables) -> Findings:
        """At most one hit per device, or a clear that says why."""
        found: Findings = {}
        for lan, devices in devices_on_lan(tables).items():
            finding = self._finding(lan, tables)
            if finding is not None:
                found |= {device: [finding] for device in devices}
        return found

    def _finding(self, lan: str, tables: Tables) -> Finding | None:
        """What the network says, the same for everybody on it; ``None`` for few computers."""
        members, signs = tables[LanMember], tables[TenantSign]
        hosts = sorted(set(members["host"][(members["lan"] == lan) & members["laptop_like"]].tolist()))
        if len(hosts) < _FEW:
            return None
        here = np.flatnonzero((signs["lan"] == lan) & ~np.isin(signs["layer"], ("dns", "sni")))
        shown = here[np.isin(signs["host"][here], hosts)]
        proof = evidence_by_input(TenantSign, signs["input"][shown], signs["packet"][shown])
        own = set(signs["host"][here[signs["own"][here]]].tolist())
        others = set(signs["tenant"][here[~np.isin(signs["host"][here], sorted(own))]].tolist())
        if 2 * len(own) > len(hosts):
            return self.clear(
                Claim.FARM, f"{len(hosts)} office computers, most of the own company: its own place", rows=proof
            )
        weight = self.many_decibans if len(hosts) >= _MANY else self.some_decibans
        summary, expected = f"{len(hosts)} managed office computers on one network", "one or two in a home"
        if len(others) + bool(own) < 2:
            weight, expected = 0.0, "an office; in a home, one or two"
            summary = (
                f"{len(hosts)} office computers, no second company named: an office, "
                "or several laptops of one employer in one place"
            )
        return self.hit(
            Claim.FARM,
            weight,
            summary,
            observed=f"{len(hosts)} hosts with company names or directory searches",
            expected=expected,
            rows=proof,
        )

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices whose network gave no announcement, lease or ARP of any other host."""
        heard = heard_beside(tables, Announcement, DhcpRequest, Arp)
        return {
            device: "nothing of its local network captured"
            for devices in devices_on_lan(tables).values()
            for device in devices
            if device not in heard
        }
