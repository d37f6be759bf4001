"""A tunnel or overlay product that lets somebody in past the router."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence_by_input, param
from farmwatch.records import Claim, DeviceFlow, Family, Tables, ToolSighting

__all__ = ["TunnelProduct"]


@dataclass(frozen=True, slots=True)
class TunnelProduct(Detector):
    """Tailscale, ZeroTier, ngrok, Cloudflare Tunnel, dev tunnels, FRP and their like, not approved, on this device.

    Signal N17 (grade B on a laptop, but developers use all of these), so the weight is small.
    """

    id: ClassVar = "tunnel.product"
    title: ClassVar = "Does a tunnel product run here?"
    topic: ClassVar = "tunnel products"
    signals: ClassVar = ("N17",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "tunnel"
    benign: ClassVar = ("developer tooling", "access to one's own home network", "a company overlay network")
    when_clear: ClassVar = "no name or first bytes of a known tunnel product"
    weight_reason: ClassVar = (
        "judged from grade B of signal N17 (docs/evidence.md), lowered because developers use these daily"
    )
    check: ClassVar = "ask what the tunnel is for; look for the process that opened it"
    session_decibans: float = param(6.0, "The tunnel is up.", low=0, high=24)
    presence_decibans: float = param(2.0, "Only its cloud was contacted.", low=0, high=24)

    def examine(self, tables: Tables) -> Findings:
        """One hit per product and device."""
        seen = tables[ToolSighting]
        found: Findings = {}
        for device, rows in by_device(seen).items():
            counted = rows[(seen["kind"][rows] == "tunnel") & ~seen["approved"][rows]]
            for tool in sorted(set(seen["tool"][counted])):
                own = counted[seen["tool"][counted] == tool]
                live = bool((seen["sign"][own] == "session").any())
                sure = 1.0 if (seen["grade"][own] == "high").any() else 0.5
                found.setdefault(device, []).append(
                    self.hit(
                        Claim.DRIVEN,
                        sure * (self.session_decibans if live else self.presence_decibans),
                        f"{seen['tool_name'][own[0]]}: {'tunnel in use' if live else 'its cloud was contacted'}",
                        observed="; ".join(sorted({f"{seen['layer'][row]} {seen['value'][row]}" for row in own})[:4]),
                        expected="no tunnel product, or an approved one",
                        rows=evidence_by_input(ToolSighting, seen["input"][own], seen["packet"][own]),
                    )
                )
        return found
