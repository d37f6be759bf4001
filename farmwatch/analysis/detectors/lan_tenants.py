"""Computers of several companies on one local network."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    devices_on_lan,
    evidence_by_input,
    heard_beside,
    listed,
    param,
)
from farmwatch.records import Announcement, Claim, DhcpRequest, Family, LanMember, NameQuery, Table, Tables, TenantSign

__all__ = ["LanTenants"]

_FIRM = ("dhcp", "nbns", "browser", "ldap")  #: a computer's own membership; searches and cloud names are weaker

_OWN = "the own company"  #: all domains that the profile declares


@dataclass(frozen=True, slots=True)
class LanTenants(Detector):
    """Several hosts of one network belong to different companies: by DHCP names, NetBIOS domains, directory searches.

    Signal N9: a farm holds one's own laptop beside those of other employers. Couples explain two companies, flat shares
    three; co-working spaces and cafes explain many, so the place must be known before anybody is asked. A company with
    several NetBIOS or DNS domains looks like several companies unless the profile declares them. A domain that the
    network hands out (DHCP, router advertisements) is its provider's or the office's: a client that repeats it in its
    name or its searches shows no employer.
    """

    id: ClassVar = "lan.several_companies"
    title: ClassVar = "Are other companies' computers on the network?"
    topic: ClassVar = "other companies' computers"
    signals: ClassVar = ("N9",)
    family: ClassVar = Family.PLACE
    claims: ClassVar = (Claim.FARM,)
    needs: ClassVar = (LanMember,)
    group: ClassVar = "who is on the network"
    benign: ClassVar = (
        "a couple or flat share with different employers",
        "co-working space, cafe or hotel",
        "a consultant's computers",
        "several domains of one company",
    )
    when_clear: ClassVar = "computers of fewer than two companies were seen on the network"
    weight_reason: ClassVar = (
        "judged from grade A of signal N9 (docs/evidence.md), which stands beside a KVM; lowered without one"
    )
    check: ClassVar = (
        "ask whether the employee shares the line with others who work from home, or works from a shared office"
    )
    two_decibans: float = param(4.0, "Two companies: a couple.", low=0, high=24)
    three_decibans: float = param(12.0, "Three: flat shares become rare.", low=0, high=24)
    many_decibans: float = param(18.0, "Four or more outside an office.", low=0, high=24)
    soft_share: float = param(0.5, "Share left where only searches and cloud names tell.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """At most one hit per device."""
        signs = tables[TenantSign]
        found: Findings = {}
        for lan, devices in devices_on_lan(tables).items():
            here = np.flatnonzero(signs["lan"] == lan)
            firm = self._companies(signs, here[np.isin(signs["layer"][here], _FIRM)])
            soft = self._companies(signs, here)
            companies, share = (firm, 1.0) if len(firm) > 1 else (soft, self.soft_share)
            if len(companies) < 2 or len({host for hosts in companies.values() for host in hosts}) < 2:
                continue
            weight = {2: self.two_decibans, 3: self.three_decibans}.get(len(companies), self.many_decibans) * share
            hosts = {host for named in companies.values() for host in named}
            finding = self.hit(
                Claim.FARM,
                weight,
                f"computers of {len(companies)} companies on one network",
                observed=f"{len(hosts)} hosts: {listed(companies)}",
                expected="one company, or the household's",
                rows=evidence_by_input(TenantSign, signs["input"][here], signs["packet"][here]),
            )
            found |= {device: [finding] for device in devices}
        return found

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices on whose network no other host says or asks anything that could name a company."""
        heard = heard_beside(tables, Announcement, DhcpRequest, NameQuery)
        return {
            device: "no names of other hosts captured (DHCP, NetBIOS, directory searches)"
            for devices in devices_on_lan(tables).values()
            for device in devices
            if device not in heard
        }

    @staticmethod
    def _companies(signs: Table[TenantSign], rows: NDArray[np.int64]) -> dict[str, set[str]]:
        """Company -> hosts, each host counted for the company most of its signs name.

        All domains of the profile are one company; where it has most hosts, only the others count.
        """
        votes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for row in rows:
            tenant = _OWN if signs["own"][row] else str(signs["tenant"][row])
            votes[str(signs["host"][row])][tenant] += 1
        companies: dict[str, set[str]] = defaultdict(set)
        for host, named in votes.items():
            companies[max(sorted(named, key=lambda name: (name != _OWN, name)), key=named.__getitem__)].add(host)
        if 2 * len(companies.get(_OWN, ())) > len(votes):
            del companies[_OWN]
        return dict(companies)
