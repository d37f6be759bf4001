"""An assessment as the report document: the devices there is something to say of, the farms, how far one could look."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from farmwatch.analysis.advice import benign_readings, telling_hits
from farmwatch.analysis.detectors import DETECTORS
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.facts import DeviceFacts
from farmwatch.analysis.fleet.judging import Judged
from farmwatch.knowledge import Knowledge
from farmwatch.records import (
    Assessment,
    Claim,
    Device,
    Farm,
    FarmLink,
    Finding,
    Level,
    Report,
    Telemetry,
    Tool,
)

__all__ = ["device_level", "fleet_report", "next_steps"]

_ORDER = (Level.STRONG, Level.REVIEW, Level.CLEAR, Level.NOT_ENOUGH_DATA)
_MOST_STEPS = 5  #: next steps of one device; the rest stand with their findings
_NO_CAPTURE = "network traffic: no capture and no sensor's log of this device in this time"
_DECIDES = "Findings are consistent with remote operation of a device, not proof of it; a person decides."
_NO_FACTS = DeviceFacts((), (), (), None, None, None, None, None)
_FARM_CHECK = "ask where each of the farm's laptops was sent and who signed for it, before anybody there is asked"


def fleet_report(judged: Judged, knowledge: Knowledge, *, version: str, every: bool = False) -> Report:
    """The report of an assessment.

    Args:
        judged: what it concluded.
        knowledge: it was made with.
        version: of the program.
        every: list every device with a finding, not only those for a person to look at.
    """
    levels: Counter[str] = Counter()
    listed = []
    for number, name in enumerate(judged.devices):
        assessment = judged.assessment(number)
        level = device_level(assessment)
        levels[str(level)] += 1
        if level in (Level.STRONG, Level.REVIEW) or (every and judged.hits.get(name)):
            listed.append(_device(judged, number, assessment))
    listed.sort(key=_urgency)
    farms = tuple(
        Farm(
            farm_id=farm.farm_id,
            devices=farm.devices,
            assessment=farm.assessment,
            links=tuple(FarmLink(tie.attribute, tie.value, tie.devices, tie.decibans) for tie in farm.ties),
            summary=farm.summary,
        )
        for farm in judged.farms
    )
    return Report(
        tool=Tool("farmwatch", version, knowledge.version),
        inputs=(),
        devices=tuple(listed),
        farms=farms,
        notes=(*judged.notes, _DECIDES),
        telemetry=Telemetry(
            since=_text(judged.window.since),
            until=_text(judged.window.until),
            devices=len(judged.devices),
            rows=judged.rows,
            levels={str(level): levels[str(level)] for level in _ORDER if levels[str(level)]},
            coverage=judged.coverage,
        ),
    )


def device_level(assessment: Assessment) -> Level:
    """The highest level among the claims."""
    return min((assessment.driven.level, assessment.abroad.level, assessment.farm.level), key=_ORDER.index)


def next_steps(findings: list[Finding]) -> tuple[str, ...]:
    """What a person should do next, by what weighs most."""
    checks = {detector.id: detector.check for detector in DETECTORS}
    checks |= {detector.id: detector.check for detector in FLEET_DETECTORS}
    steps = dict.fromkeys(
        checks.get(finding.detector, _FARM_CHECK if finding.detector.startswith("farm.") else "")
        for finding in telling_hits(findings)
    )
    return tuple(step for step in steps if step)[:_MOST_STEPS]


def _device(judged: Judged, number: int, assessment: Assessment) -> Device:
    name = judged.devices[number]
    hits = judged.hits.get(name, [])
    facts = judged.facts.get(name, _NO_FACTS)
    topics = {detector.id: detector.topic for detector in judged.detectors}
    unseen = dict.fromkeys(topics[one] for one in judged.not_looked_at(number))
    for_person = device_level(assessment) in (Level.STRONG, Level.REVIEW)
    return Device(
        device_id=name,
        ips=facts.addresses,
        macs=facts.macs,
        names=facts.names,
        assessment=assessment,
        sessions=(),
        findings=tuple(hits),
        vendor=facts.vendor,
        not_looked_at=(*unseen, *(() if name in judged.scanned else (_NO_CAPTURE,))),
        next_steps=next_steps(_counted(hits, assessment)) if for_person else (),
        benign_considered=benign_readings(hits),
        first_ts=_text(facts.first) if facts.first else None,
        last_ts=_text(facts.last) if facts.last else None,
        place=facts.place,
        coordinates=facts.coordinates,
    )


def _counted(hits: list[Finding], assessment: Assessment) -> list[Finding]:
    """Those whose weight is part of a claim's sum: what is not counted sends nobody anywhere."""
    counted = {
        (claim, weight.detector, weight.decibans)
        for claim in Claim
        for weight in getattr(assessment, str(claim)).weights
        if weight.counted
    }
    return [finding for finding in hits if (finding.claim, finding.detector, finding.decibans) in counted]


def _urgency(device: Device) -> tuple[object, ...]:
    claims = [getattr(device.assessment, str(claim)) for claim in Claim]
    return (
        min(_ORDER.index(claim.level) for claim in claims),
        -max(claim.probability for claim in claims),
        device.device_id,
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
