"""Connections announce a segment size that only a tunnel leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence_by_input, param
from farmwatch.records import Claim, DeviceFlow, Family, Tables

__all__ = ["TunnelMss"]

_ORDINARY = frozenset({1460, 1440, 1452, 1432, 1412, 8960, 8940, 65495, 65475, 16344, 65535, 536, 1220})
#: Ethernet and PPPoE over IPv4 and IPv6, jumbo frames, loopback, the protocol minimums, and Google's fixed IPv6 value.

_V4_HEADERS, _V6_HEADERS = 40, 60  #: bytes of IP and TCP headers without options (RFC 9293, 3.7.1; RFC 8200, 8.3)


@dataclass(frozen=True, slots=True)
class TunnelMss(Detector):
    """Most of the device's SYNs carry an MSS below what Ethernet, PPPoE or mobile access gives.

    Signals N4 and N5: Astrill's tunnel MTU of 1293 leaves an IPv4 MSS of about 1253; a VPN on the router clamps MSS
    without a client on the laptop. DSL, mobile and many company VPNs shrink it too, so this is a nudge.
    """

    id: ClassVar = "tunnel.shrunk_mss"
    title: ClassVar = "Do connections look as if they ran inside a tunnel?"
    topic: ClassVar = "segment sizes of tunnels"
    signals: ClassVar = ("N4", "N5")
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.ABROAD,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = "segment sizes are not in sensor logs"
    group: ClassVar = "vpn"
    benign: ClassVar = ("the company's own VPN", "DSL, mobile or satellite access", "a virtual machine's network")
    when_clear: ClassVar = "segment sizes are those of ordinary access lines"
    weight_reason: ClassVar = "judged from grade C of signals N4 and N5 (docs/evidence.md)"
    check: ClassVar = "compare with the company VPN's MTU; look for the tunnel's process or a VPN on the router"
    decibans: float = param(2.5, "Many lawful tunnels do the same.", low=0, high=12)
    astrill_decibans: float = param(6.0, "1253 is one product's value (N4), though not its alone.", low=0, high=12)
    least_syns: float = param(5, "Fewer connections may be one odd peer.", low=2, high=100)
    least_share: float = param(0.8, "A tunnel takes nearly all connections.", low=0.5, high=1)
    low: float = param(1100, "Smaller values come from odd stacks and attacks.", low=500, high=1300)
    high: float = param(1400, "Larger values are PPPoE, DS-Lite and mobile access.", low=1300, high=1460)

    def examine(self, tables: Tables) -> Findings:
        """At most one hit per device."""
        flows = tables[DeviceFlow]
        usable = flows.present("local_mss") & (flows["local_side"] == 0) & (flows["remote_scope"] == "public")
        found: Findings = {}
        for device, rows in by_device(flows).items():
            sizes = flows["local_mss"][rows[usable[rows]]]
            if len(sizes) < self.least_syns:
                continue
            values, counts = np.unique(sizes, return_counts=True)
            most = int(np.argmax(counts))
            size, share = int(values[most]), float(counts[most] / counts.sum())
            if size in _ORDINARY or not self.low <= size <= self.high or share < self.least_share:
                continue
            shown = rows[usable[rows]][sizes == size]
            v6 = np.array([":" in address for address in flows["local_h"][shown]])
            mtus = sorted({size + (_V6_HEADERS if six else _V4_HEADERS) for six in v6.tolist()})
            fitting = "; ".join(sorted({name for name in flows["tunnels"][shown].tolist() if name}))
            found[device] = [
                self.hit(
                    Claim.ABROAD,
                    self.astrill_decibans if size == 1253 and not v6.all() else self.decibans,
                    f"connections announce an MSS of {size} bytes, "
                    f"as inside a tunnel of MTU {' or '.join(map(str, mtus))}",
                    observed=f"{share:.0%} of {counts.sum()} SYNs"
                    + (f"; what is left inside {fitting}" if fitting else ""),
                    expected="1460 (Ethernet), 1452 (PPPoE) or near",
                    rows=evidence_by_input(DeviceFlow, flows["input"][shown], flows["first_packet"][shown]),
                )
            ]
        return found

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices with too few SYNs to the internet."""
        flows = tables[DeviceFlow]
        usable = flows.present("local_mss") & (flows["local_side"] == 0) & (flows["remote_scope"] == "public")
        return {
            device: f"fewer than {self.least_syns:.0f} openings of connections to the internet captured"
            for device, rows in by_device(flows).items()
            if usable[rows].sum() < self.least_syns
        }
