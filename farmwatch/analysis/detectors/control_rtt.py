"""The transport round trip of a session that controls this device is longer than its expected place explains."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param
from farmwatch.records import Claim, DeviceFlow, DeviceSeen, Family, Finding, RemoteSession, Tables, WeightSource
from farmwatch.records.distance import FARTHEST_KM, KM_PER_MS, at_most

__all__ = ["ControlRtt"]

_DECLARED = "declared: beyond a limit of the profile; the weight is judged, as lines and relays add delay"


def _bound(rtt: float) -> str:
    """What a round trip says of the far end's distance."""
    far = rtt * KM_PER_MS
    return f"that end is {at_most(far)} away" if far < FARTHEST_KM else "it may be anywhere on earth"


@dataclass(frozen=True, slots=True)
class ControlRtt(Detector):
    """How long the far end of an incoming control session takes to acknowledge, against what its place explains.

    A round trip bounds distance from above only (99.93 km per ms, docs/evidence.md, M3): a long one is never proof of
    distance, because access lines and queues add to it, hence the small weights. 110 ms alone is weak (f6). A short one
    says nothing of the person either, since a relay may answer for somebody far behind it. A limit that the profile
    declares for a device takes the place of all that: below it nothing is said, and beyond it a person should look.
    """

    id: ClassVar = "control.rtt_beyond_place"
    title: ClassVar = "Does the controlling end answer from farther away than it should?"
    topic: ClassVar = "distance of a controlling end"
    signals: ClassVar = ("N15",)
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.ABROAD,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "control round trip"
    benign: ClassVar = (
        "satellite or mobile access",
        "a loaded home line",
        "a relay in another region",
        "a colleague who travels",
    )
    when_clear: ClassVar = "no controlling end that answers from beyond the expected place; a relay may answer for one"
    weight_reason: ClassVar = "judged LR 2 to 5 for 110 ms (docs/evidence.md, M4)"
    check: ClassVar = "ask where the other end is; compare with hand.far, which measures the loop through any relay"
    ordinary_ms: float = param(
        110.0, "Beyond most paths inside one continent (f4: coast to coast 76, plus access).", low=20, high=300
    )
    far_ms: float = param(190.0, "Beyond nearly all region pairs of one ocean (f4), access included.", low=50, high=500)
    ordinary_decibans: float = param(4.0, "LR 2.5: weak alone (f6).", low=0, high=12)
    far_decibans: float = param(9.0, "LR 8: satellites and bad lines remain.", low=0, high=12)
    declared_decibans: float = param(9.0, "Beyond the limit that the profile declares for this device.", low=0, high=12)
    least_samples: float = param(10, "Fewer samples have no stable 5th percentile.", low=3, high=1000)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device with sessions in which it is driven or may be."""
        sessions, devices = tables[RemoteSession], tables[DeviceSeen]
        limits = dict(zip(devices["device_id"], devices["max_rtt_ms"], strict=True))
        places = dict(zip(devices["device_id"], devices["place"], strict=True))
        far: dict[str, list[Finding]] = defaultdict(list)
        for device, rows in by_device(sessions).items():
            limit = float(limits.get(device, np.nan))
            for row in rows:
                rtt, samples = float(sessions["rtt_ms"][row]), int(sessions["rtt_samples"][row])
                if sessions["role"][row] == "controlling" or np.isnan(rtt) or samples < self.least_samples:
                    continue
                weight, expected, reason = self._weight(rtt, limit, places.get(device) or "this device")
                if not weight:
                    continue
                share = 1.0 if sessions["role"][row] == "controlled" else 0.5
                far[device].append(
                    self.hit(
                        Claim.ABROAD,
                        weight * share,
                        f"{sessions['tool_name'][row]} far end answers in {rtt:.0f} ms",
                        observed=f"5th percentile of {samples} round trips to {sessions['remote'][row]}: {rtt:.1f} ms; "
                        f"{_bound(rtt)}",
                        expected=expected,
                        rows=[evidence(DeviceFlow, sessions["input"][row], (sessions["first_packet"][row],))],
                        weight_reason=reason,
                        weight_source=WeightSource.DECLARED if reason else None,
                    )
                )
        return {device: [folded(findings)] for device, findings in far.items()}

    def _weight(self, rtt: float, limit: float, place: str) -> tuple[float, str, str | None]:
        """Weight, what would be normal, and the reason for the weight where it is not the detector's own."""
        if not np.isnan(limit):
            weight = self.declared_decibans if rtt > limit else 0.0
            return weight, f"at most {limit:.0f} ms, declared for {place}", _DECLARED
        inside = f"below {self.ordinary_ms:.0f} ms inside one continent"
        if rtt > self.far_ms:
            return self.far_decibans, inside, None
        return (self.ordinary_decibans, inside, None) if rtt > self.ordinary_ms else (0.0, "", None)

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices whose sessions gave too few round trips."""
        sessions = tables[RemoteSession]
        return {
            device: f"fewer than {self.least_samples:.0f} round trips in every session"
            for device, rows in by_device(sessions).items()
            if not (sessions["rtt_samples"][rows] >= self.least_samples).any()
        }
