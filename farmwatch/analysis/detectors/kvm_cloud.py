"""A host beside the device talks to a KVM maker's cloud or relay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.addresses import mask_mac
from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    computers_on_lan,
    devices_on_lan,
    evidence_by_input,
    listed,
    param,
)
from farmwatch.records import Claim, CloudSign, DeviceFlow, DeviceSeen, Family, NameQuery, Tables, Tls

__all__ = ["KvmCloud"]


@dataclass(frozen=True, slots=True)
class KvmCloud(Detector):
    """Names or certificates of a KVM maker's cloud in the traffic of a host on the same network, or of this device.

    The KVM's own sessions run past the laptop: only a capture at the router or on the LAN shows them. The laptop itself
    asking for such a name is somebody setting one up. One KVM drives one computer, so its weight is shared among the
    computers on the network.
    """

    id: ClassVar = "kvm.cloud_contact"
    title: ClassVar = "Does anything here talk to a KVM maker's cloud?"
    topic: ClassVar = "KVM makers' clouds"
    signals: ClassVar = ("N9",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN, Claim.FARM)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "kvm"
    benign: ClassVar = ("the employee's own homelab KVM", "somebody reading the maker's pages")
    when_clear: ClassVar = "no host here contacts a KVM maker's cloud"
    weight_reason: ClassVar = "judged: service hosts, not web pages, of KVM makers (docs/evidence.md)"
    check: ClassVar = "find which host it is and what is plugged into the device"
    session_decibans: float = param(17.0, "Relay or signalling host of a KVM's cloud.", low=0, high=24)
    presence_decibans: float = param(10.0, "Update or log host: a KVM is on the network.", low=0, high=24)
    farm_share: float = param(0.6, "One KVM makes a driven laptop, not yet a farm.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per product and device on the network."""
        signs, sharing = tables[CloudSign], computers_on_lan(tables)
        found: Findings = {}
        for lan, devices in devices_on_lan(tables).items():
            here = np.flatnonzero((signs["lan"] == lan) & (signs["kind"] == "kvm") & (signs["grade"] != "low"))
            for tool in sorted(set(signs["tool"][here])):
                own = here[signs["tool"][here] == tool]
                live = bool((signs["sign"][own] == "session").any())
                weight = self.session_decibans if live else self.presence_decibans
                senders = {str(host) for host in signs["host"][own]}
                share = 10 * math.log10(max(1.0, len(sharing[lan]) / len(senders)))
                for device in devices:
                    for claim in self.claims:
                        found.setdefault(device, []).append(
                            self.hit(
                                claim,
                                max(0.0, weight - share) if claim is Claim.DRIVEN else weight * self.farm_share,
                                f"{signs['tool_name'][own[0]]} cloud contacted by {listed(map(mask_mac, senders), 3)}",
                                observed="; ".join(sorted({str(value) for value in signs["value"][own]})[:4]),
                                expected="no KVM cloud beside a company laptop",
                                rows=evidence_by_input(CloudSign, signs["input"][own], signs["packet"][own]),
                            )
                        )
        return found

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices of captures without a single name: neither lookups nor server names."""
        seen = tables[DeviceSeen]
        named = {
            *tables[NameQuery]["input"].tolist(),
            *tables[Tls]["input"][tables[Tls].present("server_name")].tolist(),
        }
        shown = set(seen["device_id"][[number in named for number in seen["input"].tolist()]]) if len(seen) else set()
        return dict.fromkeys(sorted(set(seen["device_id"]) - shown), "no name lookups or server names captured")
