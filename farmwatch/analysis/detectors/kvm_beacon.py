"""A host on the local network repeats the NAT test that idle KVMs make."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.beacons import nat_test_beacons, products_of
from farmwatch.analysis.detectors.contract import Detector, Findings, computers_on_lan, evidence, folded, param
from farmwatch.records import BeaconServer, Claim, DeviceFlow, DeviceSeen, Family, Finding, LanMember, Stun, Tables

__all__ = ["KvmBeacon"]

_MOST_SENDERS = 50  #: of one network; more are a flood of made-up hosts and say nothing new


@dataclass(frozen=True, slots=True)
class KvmBeacon(Detector):
    """STUN binding requests, some with the obsolete CHANGE-REQUEST attribute, again and again every 10 to 60 s.

    PiKVM and GL.iNet Comet do this with nobody connected: the Janus wrapper tests its NAT, waits 10 s and starts over
    (docs/evidence.md; read in their code, the period not measured). Only a capture at the router sees it. Old
    internet phones and game consoles send CHANGE-REQUEST too, but not for long. The sender must stand on the device's
    network; one KVM drives one computer, so the weight is shared among the computers there. Where the server's address
    was looked up, server and spacing name the products that test so; they share both, so a name adds no weight.
    """

    id: ClassVar = "kvm.idle_stun_beacon"
    title: ClassVar = "Does a host on the network beacon like an idle KVM?"
    topic: ClassVar = "NAT tests of idle KVMs"
    signals: ClassVar = ("N9",)
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN, Claim.FARM)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = "STUN messages are not in sensor logs"
    group: ClassVar = "kvm"
    benign: ClassVar = ("an old internet telephone", "a game console testing its NAT", "a peer-to-peer program")
    when_clear: ClassVar = "no host on the network repeats the NAT test of idle KVMs"
    weight_reason: ClassVar = "judged: behaviour read in the firmware of two KVM families, few other periodic senders"
    check: ClassVar = "find out which box sends the NAT tests: its MAC is in the router's lease table"
    decibans: float = param(11.0, "Specific behaviour, unmeasured in the field.", low=0, high=12)
    farm_share: float = param(0.6, "One KVM makes a driven laptop, not yet a farm.", low=0, high=1)
    least_rounds: float = param(5, "Fewer rounds are a phone's start-up.", low=3, high=100)
    least_minutes: float = param(
        10.0, "A console or telephone tests its NAT for a minute or two; an idle KVM never stops.", low=2, high=240
    )
    low_s: float = param(8.0, "The pause is 10 s; clocks and early answers shorten it a little.", low=1, high=30)
    high_s: float = param(75.0, "With every request unanswered a round takes about a minute.", low=20, high=300)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device beside beaconing hosts."""
        devices = tables[DeviceSeen]
        beside: dict[tuple[str, Claim], list[Finding]] = defaultdict(list)
        hosts, sharing = _hosts(tables), computers_on_lan(tables)
        rows_of, heard = devices.groups("lan"), Counter[str]()
        for test in nat_test_beacons(
            tables[Stun],
            least_rounds=self.least_rounds,
            least_s=self.least_minutes * 60,
            low_s=self.low_s,
            high_s=self.high_s,
        ):
            named = " or ".join(sorted(set(products_of(test, tables[BeaconServer]).values())))
            what = f"the NAT test of an idle {named}" if named else "a KVM's NAT test"
            for lan in sorted(hosts.get(test.source, {})):
                heard[lan] += 1
                if heard[lan] > _MOST_SENDERS:
                    continue
                here = rows_of.get(lan, np.empty(0, np.int64))
                here = here[devices["input"][here] == test.input]
                near = {str(devices["device_id"][row]) for row in here} - {hosts[test.source][lan]}
                share = 10 * math.log10(max(1, len(sharing.get(lan, ()))))
                for claim in self.claims if near else ():
                    driven = max(0.0, self.decibans - share)
                    finding = self.hit(
                        claim,
                        driven if claim is Claim.DRIVEN else self.decibans * self.farm_share,
                        f"{test.source} repeats {what} every {test.period_s:.0f} s",
                        observed=f"{test.requests} STUN requests with CHANGE-REQUEST, median spacing "
                        f"{test.period_s:.1f} s" + ("; to a server it is known to ask" if named else ""),
                        expected="STUN at the start of a call, not all the time",
                        rows=[evidence(Stun, test.input, test.packets)],
                    )
                    for device in near:
                        beside[device, claim].append(finding)
        found: Findings = {}
        for (device, _), findings in sorted(beside.items()):
            found.setdefault(device, []).append(folded(findings))
        return found

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices of captures that show no other host's unicast traffic."""
        seen = tables[DeviceSeen]
        elsewhere = set(seen["device_id"][seen["vantage"] != "host"])
        return dict.fromkeys(
            sorted(set(seen["device_id"]) - elsewhere), "the capture shows this device's own traffic only"
        )


def _hosts(tables: Tables) -> dict[str, dict[str, str | None]]:
    """By address and network, the device that a host of the network is; who is not on a network cannot stand there."""
    members = tables[LanMember]
    found: dict[str, dict[str, str | None]] = defaultdict(dict)
    columns = (members[name].tolist() for name in ("lan", "addresses", "device_id", "role"))
    for lan, addresses, device, role in zip(*columns, strict=True):
        for address in addresses.split(",") if role != "gateway" else ():
            found[address][lan] = device
    return found
