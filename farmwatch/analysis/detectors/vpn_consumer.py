"""A consumer VPN hides where the traffic goes out; Astrill above all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence_by_input, param
from farmwatch.records import Claim, DeviceFlow, Family, Tables, ToolSighting

__all__ = ["VpnConsumer"]


@dataclass(frozen=True, slots=True)
class VpnConsumer(Detector):
    """A consumer VPN's servers or names in the traffic of a company laptop.

    Astrill was used in 72 % of Mandiant's suspected cases since 2022 (docs/evidence.md, N3): prevalence among cases,
    not precision in a fleet, so even it stays below review alone. Others are privacy tools that many people use.
    """

    id: ClassVar = "vpn.consumer"
    title: ClassVar = "Does a consumer VPN run here?"
    topic: ClassVar = "consumer VPNs"
    signals: ClassVar = ("N3",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.ABROAD,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "vpn"
    benign: ClassVar = ("privacy habit", "travel", "a phone or browser feature that hides addresses")
    when_clear: ClassVar = "no name or address of a known consumer VPN"
    weight_reason: ClassVar = (
        "Astrill: Mandiant M-Trends 2025 (72 % of cases) against a judged 1 % of fleets; others judged"
    )
    check: ClassVar = "compare sign-in addresses with and without the VPN; ask whether the company allows it"
    astrill_decibans: float = param(17.0, "10·log10(0.72 / 0.015): rare in fleets, common in cases.", low=0, high=24)
    other_decibans: float = param(5.0, "Common among ordinary staff.", low=0, high=24)
    medium_share: float = param(0.7, "Share of the weight left where the fact is of medium grade.", low=0, high=1)
    low_share: float = param(0.4, "Share of the weight left where the fact is of low grade.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per VPN and device."""
        seen = tables[ToolSighting]
        share = {"high": 1.0, "medium": self.medium_share, "low": self.low_share}
        found: Findings = {}
        for device, rows in by_device(seen).items():
            counted = rows[(seen["kind"][rows] == "vpn") & ~seen["approved"][rows]]
            for tool in sorted(set(seen["tool"][counted])):
                own = counted[seen["tool"][counted] == tool]
                weight = self.astrill_decibans if "astrill" in tool else self.other_decibans
                sure = max(share[str(grade)] for grade in seen["grade"][own])
                found.setdefault(device, []).append(
                    self.hit(
                        Claim.ABROAD,
                        weight * sure,
                        f"consumer VPN: {seen['tool_name'][own[0]]}, "
                        + (
                            "in use"
                            if (seen["sign"][own] == "session").any()
                            else "its servers were looked up or contacted"
                        ),
                        observed="; ".join(sorted({f"{seen['layer'][row]} {seen['value'][row]}" for row in own})[:4]),
                        expected="the company's own VPN or none",
                        rows=evidence_by_input(ToolSighting, seen["input"][own], seen["packet"][own]),
                    )
                )
        return found
