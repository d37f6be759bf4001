"""Many managed office computers on one local network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, devices_on_lan, evidence, param
from farmwatch.records import Claim, Family, LanMember, Tables, TenantSign

__all__ = ["LanLaptops"]


@dataclass(frozen=True, slots=True)
class LanLaptops(Detector):
    """The number of hosts that look like managed office computers (signal N9, grade B for a big roster alone).

    Raids found about 6 to 9 computers a site. An office has more, all of one company: where every sign names the
    company of the profile, or one company only, the answer is clear.
    """

    id: ClassVar = "lan.many_laptops"
    title: ClassVar = "Are there many office computers on the network?"
    topic: ClassVar = "number of office computers"
    family: ClassVar = Family.PLACE
    claims: ClassVar = (Claim.FARM,)
    needs: ClassVar = (LanMember,)
    group: ClassVar = "who is on the network"
    benign: ClassVar = ("an office or co-working space", "a household of home workers", "a repair or staging depot")
    when_clear: ClassVar = "few office computers on the network, or all of one company"
    weight_reason: ClassVar = (
        "judged from grade B of signal N9 (docs/evidence.md); raided sites held 6.5 to 9 computers on average"
    )
    check: ClassVar = "ask what kind of place this is: home, office or co-working space"
    some_decibans: float = param(4.0, "Three or four: a busy household.", low=0, high=24)
    many_decibans: float = param(10.0, "Five or more outside an office.", low=0, high=24)

    def examine(self, tables: Tables) -> Findings:
        """At most one hit per device, or a clear that says why."""
        members, signs = tables[LanMember], tables[TenantSign]
        found: Findings = {}
        for lan, devices in devices_on_lan(tables).items():
            rows = np.flatnonzero((members["lan"] == lan) & members["laptop_like"])
            here = (signs["lan"] == lan) & ~np.isin(signs["layer"], ("dns", "sni"))
            companies = set(signs["tenant"][here])
            if len(rows) < 3:
                continue
            proof = [evidence(LanMember, members["input"][rows[0]], members["packet"][rows])]
            for device in devices:
                if len(companies) < 2:
                    found[device] = [
                        self.clear(
                            Claim.FARM, f"{len(rows)} office computers, all of one company: an office", rows=proof
                        )
                    ]
                    continue
                found[device] = [
                    self.hit(
                        Claim.FARM,
                        self.many_decibans if len(rows) >= 5 else self.some_decibans,
                        f"{len(rows)} managed office computers on one network",
                        observed=f"{len(rows)} hosts with company names, directory searches or a managed DHCP class",
                        expected="one or two in a home",
                        rows=proof,
                    )
                ]
        return found
