"""Devices whose traffic was captured without the bytes that name protocols and far ends.

Packets cut to their headers, or a capture that starts in the middle of a session, show that something ran and not what.
Every check that goes by names would then find nothing and sound like good news. Such checks have no data here, and a
device of which nothing else is known is not clear.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from farmwatch.analysis.addresses import CHATTER_PORTS
from farmwatch.analysis.detectors import Findings
from farmwatch.analysis.detectors.contract import Detector
from farmwatch.records import Assessment, DeviceFlow, Family, Finding, Level, Outcome, Tables

__all__ = ["unread_devices", "without_clears", "without_good_news"]

_MOSTLY = 0.5  #: share of a device's flows, or of their payload, from which the rest says nothing of the whole
_SAID = {
    "cut": "packets were cut before the bytes that name what they carry",
    "midstream": "the capture starts in the middle of what this device sent and received most",
    "unlogged": "the sensor's logs put no name to most of what this device sent and received",
}
_BY_CONTENT = frozenset({"ssh.keystroke_paced"})  #: goes by packet times, but of flows that their greeting names
_OVERTURN = "a capture of whole packets that holds the start of the connections"


def unread_devices(tables: Tables) -> dict[str, str]:
    """Devices that mostly sent and received what could not be named, by flows or by payload, and why."""
    flows = tables[DeviceFlow]
    payload = flows["bytes_out"] + flows["bytes_in"]
    ports = sorted(CHATTER_PORTS | {53})
    telling = (payload > 0) & ~np.isin(flows["remote_p"], ports) & ~np.isin(flows["local_p"], ports)
    telling &= flows["remote_scope"] != "special"
    found: dict[str, str] = {}
    groups = flows.groups("device_id")
    for device in sorted(set(flows["device_id"][telling & (flows["unread"] != "")].tolist())):
        rows = groups[device]
        own = rows[telling[rows]]
        reasons = flows["unread"][own]
        lost = reasons != ""
        volume: dict[str, int] = defaultdict(int)
        for reason, size in zip(reasons[lost].tolist(), payload[own[lost]].tolist(), strict=True):
            volume[reason] += size
        if lost.mean() > _MOSTLY or payload[own[lost]].sum() > _MOSTLY * payload[own].sum():
            found[device] = _SAID[max(sorted(volume), key=volume.__getitem__)]
    return found


def without_clears(findings: Findings, unread: Mapping[str, str], detectors: Sequence[Detector]) -> Findings:
    """Findings in which checks that go by names have no data for devices whose names could not be read."""
    by_names = {
        detector.id
        for detector in detectors
        if detector.id in _BY_CONTENT or (detector.family is Family.NAMES and DeviceFlow in detector.needs)
    }

    changed: dict[tuple[int, str], Finding] = {}  # most devices share their clears: each is changed once

    def answer(finding: Finding, reason: str) -> Finding:
        if finding.outcome is not Outcome.CLEAR or finding.detector not in by_names:
            return finding
        key = (id(finding), reason)
        if key not in changed:
            changed[key] = dataclasses.replace(finding, outcome=Outcome.NO_DATA, summary=reason)
        return changed[key]

    return {
        device: [answer(finding, unread[device]) for finding in own] if device in unread else own
        for device, own in findings.items()
    }


def without_good_news(assessment: Assessment, reason: str | None) -> Assessment:
    """An assessment that calls nothing clear which only names could have shown; ``reason`` is why none are known."""
    if reason is None:
        return assessment
    unknown = {
        claim: dataclasses.replace(
            own, level=Level.NOT_ENOUGH_DATA, reason=f"{reason}: no tool could be named", overturn=_OVERTURN
        )
        for claim, own in (("driven", assessment.driven), ("abroad", assessment.abroad))
        if own.level in (Level.CLEAR, Level.NOT_ENOUGH_DATA)
    }
    return dataclasses.replace(assessment, **unknown)
