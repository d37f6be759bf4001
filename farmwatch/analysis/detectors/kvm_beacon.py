"""A host on the local network repeats the NAT test that idle KVMs make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, evidence, param
from farmwatch.records import Claim, DeviceFlow, DeviceSeen, Family, LanMember, Stun, Tables

__all__ = ["KvmBeacon"]


@dataclass(frozen=True, slots=True)
class KvmBeacon(Detector):
    """STUN binding requests, some with the obsolete CHANGE-REQUEST attribute, again and again every 10 to 60 s.

    PiKVM and GL.iNet Comet do this with nobody connected: the Janus wrapper tests its NAT, waits 10 s and starts over
    (docs/evidence.md; read in their code, the period not measured). Only a capture at the router sees it. Old
    internet phones and game consoles send CHANGE-REQUEST too, but not around the clock.
    """

    id: ClassVar = "kvm.idle_stun_beacon"
    title: ClassVar = "Does a host on the network beacon like an idle KVM?"
    topic: ClassVar = "NAT tests of idle KVMs"
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN, Claim.FARM)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "kvm"
    benign: ClassVar = ("an old internet telephone", "a game console testing its NAT", "a peer-to-peer program")
    when_clear: ClassVar = "no host on the network repeats the NAT test of idle KVMs"
    weight_reason: ClassVar = "judged: behaviour read in the firmware of two KVM families, few other periodic senders"
    check: ClassVar = "find out which box sends the NAT tests: its MAC is in the router's lease table"
    decibans: float = param(11.0, "Specific behaviour, unmeasured in the field.", low=0, high=12)
    farm_share: float = param(0.6, "One KVM makes a driven laptop, not yet a farm.", low=0, high=1)
    least_rounds: float = param(5, "Fewer rounds are a phone's start-up.", low=3, high=100)
    low_s: float = param(8.0, "The pause is 10 s; clocks and early answers shorten it a little.", low=1, high=30)
    high_s: float = param(75.0, "With every request unanswered a round takes about a minute.", low=20, high=300)

    def examine(self, tables: Tables) -> Findings:
        """One hit per beaconing host and device beside it."""
        members, devices = tables[LanMember], tables[DeviceSeen]
        found: Findings = {}
        for number, source, rounds, period, packets in self._beacons(tables):
            lans = {
                str(members["lan"][row])
                for row in np.flatnonzero(members["input"] == number)
                if source in members["addresses"][row].split(",")
            }
            for row in np.flatnonzero(devices["input"] == number):
                device = str(devices["device_id"][row])
                if source in devices["addresses"][row].split(",") or (lans and devices["lan"][row] not in lans):
                    continue
                for claim in self.claims:
                    found.setdefault(device, []).append(
                        self.hit(
                            claim,
                            self.decibans * (1.0 if claim is Claim.DRIVEN else self.farm_share),
                            f"{source} repeats a KVM's NAT test every {period:.0f} s",
                            observed=f"{rounds} STUN requests with CHANGE-REQUEST, median spacing {period:.1f} s",
                            expected="STUN at the start of a call, not around the clock",
                            rows=[evidence(Stun, number, packets)],
                        )
                    )
        return found

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices of captures that show no other host's unicast traffic."""
        seen = tables[DeviceSeen]
        elsewhere = set(seen["device_id"][seen["vantage"] != "host"])
        return dict.fromkeys(
            sorted(set(seen["device_id"]) - elsewhere), "the capture shows this device's own traffic only"
        )

    def _beacons(self, tables: Tables) -> Iterator[tuple[int, str, int, float, list[int]]]:
        """Input, sender, rounds, median period in seconds and packets of every beaconing sender."""
        stun = tables[Stun]
        asked = np.flatnonzero(stun["change_request"] & (stun["kind"] == "request") & (stun["method"] == "binding"))
        keys = sorted({(int(stun["input"][row]), str(stun["source"][row])) for row in asked})
        for number, source in keys:
            rows = asked[(stun["input"][asked] == number) & (stun["source"][asked] == source)]
            times = np.sort(stun["ts"][rows].astype(np.int64)) / 1e9
            starts = times[np.concatenate([[True], np.diff(times) >= self.low_s])]  # resends belong to one round
            if len(starts) < self.least_rounds:
                continue
            period = float(np.median(np.diff(starts)))
            if period <= self.high_s:
                yield number, source, len(rows), period, stun["packet"][rows].tolist()
