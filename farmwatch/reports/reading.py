"""How a report is read: which device comes first, what is its level as a whole, which findings prove it."""

from __future__ import annotations

from farmwatch.records.finding import Claim, Finding, Outcome
from farmwatch.records.report import ClaimAssessment, Device, Farm, InputFile, Level, Report, Role, Session

__all__ = [
    "FAMILIES",
    "by_outcome",
    "claims",
    "counted",
    "damaged",
    "device_level",
    "device_titles",
    "members",
    "ordered_devices",
    "ordered_farms",
    "ordered_sessions",
    "proof",
    "reaches",
    "report_level",
    "title",
    "unreadable",
]

_RANK = {Level.STRONG: 3, Level.REVIEW: 2, Level.NOT_ENOUGH_DATA: 1, Level.CLEAR: 0}
_ROLE_RANK = {Role.CONTROLLED: 0, Role.UNCLEAR: 1, Role.CONTROLLING: 2}
FAMILIES = ("names", "timing", "hardware", "identity", "place")


def claims(device: Device) -> tuple[tuple[Claim, ClaimAssessment], ...]:
    """The three claims of a device in the order they are always shown."""
    weighed = device.assessment
    return ((Claim.DRIVEN, weighed.driven), (Claim.ABROAD, weighed.abroad), (Claim.FARM, weighed.farm))


def device_level(device: Device) -> Level:
    """The level of a device as a whole: its worst claim where one asks for a person, else that of *driven*.

    A device that nobody drives is clear even where nothing was learnt about its place, which is said beside it.
    """
    worst = max((claim.level for _, claim in claims(device)), key=_RANK.__getitem__)
    return worst if worst in {Level.STRONG, Level.REVIEW} else device.assessment.driven.level


def report_level(report: Report) -> Level:
    """The worst level of all devices and farms; *not enough data* for a report about nothing."""
    levels = [device_level(device) for device in report.devices] + [farm.assessment.level for farm in report.farms]
    return max(levels, key=_RANK.__getitem__, default=Level.NOT_ENOUGH_DATA)


def reaches(report: Report, level: Level) -> bool:
    """Whether any device or farm is at the given level or above; *strong* is above *review*."""
    return _RANK[report_level(report)] >= _RANK[level]


def title(device: Device) -> str:
    """What to call a device: its first name, else address, else its id."""
    return next(iter((*device.names, *device.ips, *device.macs)), device.device_id)


def device_titles(report: Report) -> dict[str, str]:
    """Titles by device id."""
    return {device.device_id: title(device) for device in report.devices}


def ordered_devices(report: Report) -> tuple[Device, ...]:
    """Devices, worst first; equal ones by the strength of their evidence, then by id."""
    return tuple(sorted(report.devices, key=_device_key))


def _device_key(device: Device) -> tuple[object, ...]:
    levels = sorted((-_RANK[claim.level] for _, claim in claims(device)))
    strength = -max(claim.decibans for _, claim in claims(device))
    return (-_RANK[device_level(device)], levels, strength, title(device), device.device_id)


def ordered_farms(report: Report) -> tuple[Farm, ...]:
    """Farms, worst first."""
    return tuple(sorted(report.farms, key=lambda f: (-_RANK[f.assessment.level], -f.assessment.decibans, f.farm_id)))


def ordered_sessions(device: Device) -> tuple[Session, ...]:
    """Sessions, those that drive this device first, then by the weight of traffic, then by time."""
    return tuple(
        sorted(
            device.sessions,
            key=lambda s: (
                _ROLE_RANK[s.role],
                -s.role_probability,
                -(s.input_events or 0),
                -(s.bytes_in + s.bytes_out),
                s.start,
                s.session_id,
            ),
        )
    )


def proof(device: Device, limit: int = 3) -> tuple[Finding, ...]:
    """The findings that carry the verdict: hits that count, of the worst claim first, no two of one cause."""
    levels = {claim: assessed.level for claim, assessed in claims(device)}
    order = {claim: number for number, claim in enumerate(levels)}
    hits = [finding for finding in device.findings if finding.outcome is Outcome.HIT and finding.decibans > 0]
    hits.sort(
        key=lambda f: (
            not f.conclusive,
            -_RANK[levels[f.claim]],
            order[f.claim],
            not counted(device, f),
            -f.decibans,
            f.detector,
            f.summary,
        )
    )
    chosen: list[Finding] = []
    for finding in hits:
        cause = finding.group or finding.detector
        if all(cause != (other.group or other.detector) and finding.summary != other.summary for other in chosen):
            chosen.append(finding)
    return tuple(chosen[:limit])


def counted(device: Device, finding: Finding) -> bool:
    """Whether a finding's weight is part of its claim's sum.

    The chain names weights by detector and size; of several findings that match one counted weight, the first is meant.
    """
    weights = dict(claims(device))[finding.claim].weights
    places = sum(w.counted and w.detector == finding.detector and w.decibans == finding.decibans for w in weights)
    alike = [
        other
        for other in device.findings
        if (other.detector, other.claim, other.decibans) == (finding.detector, finding.claim, finding.decibans)
    ]
    return any(other is finding for other in alike[:places])


def by_outcome(device: Device, outcome: Outcome) -> tuple[Finding, ...]:
    """Findings of one outcome, the heaviest first."""
    found = [finding for finding in device.findings if finding.outcome is outcome]
    return tuple(sorted(found, key=lambda f: (-abs(f.decibans), f.detector, f.claim, f.summary)))


def members(farm: Farm, titles: dict[str, str]) -> tuple[str, ...]:
    """Titles of a farm's devices."""
    return tuple(titles.get(device_id, device_id) for device_id in farm.devices)


def unreadable(entry: InputFile) -> bool:
    """Whether nothing at all could be read."""
    return entry.error is not None


def damaged(entry: InputFile) -> bool:
    """Whether part of an input was lost."""
    return entry.error is None and not entry.complete
