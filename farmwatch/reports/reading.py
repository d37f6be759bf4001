"""How a report is read: which device comes first, what is its level as a whole, which findings prove it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from farmwatch.records.finding import Claim, Finding, Outcome
from farmwatch.records.report import ClaimAssessment, Device, Farm, InputFile, Level, Report, Role, Session

__all__ = [
    "FAMILIES",
    "RoleBasis",
    "approved_sessions",
    "beside_only",
    "by_outcome",
    "claims",
    "counted",
    "damaged",
    "device_level",
    "device_titles",
    "evidence_inputs",
    "far_sessions",
    "hits",
    "idle_line",
    "is_logs",
    "members",
    "next_steps",
    "ordered_devices",
    "ordered_farms",
    "ordered_sessions",
    "own_sessions",
    "proof",
    "reaches",
    "report_level",
    "role_basis",
    "title",
    "unreadable",
]

_RANK = {Level.STRONG: 3, Level.REVIEW: 2, Level.NOT_ENOUGH_DATA: 1, Level.CLEAR: 0}
_ROLE_RANK = {Role.CONTROLLED: 0, Role.UNCLEAR: 1, Role.CONTROLLING: 2}
_LOGS = frozenset({"zeek", "suricata"})  #: kinds of inputs
_KEPT = re.compile(r"^keep the capture \(sha256 ([0-9a-f]{6,64}…(?:, [0-9a-f]{6,64}…)*)\)$")
_MOST_KEPT = 4  # files named in one step
_MOST_PROOF = 4  # findings that carry a verdict
_FARM_SIGNS = "farm.signs"  # detector of what all laptops of a farm show
FAMILIES = ("names", "timing", "hardware", "identity", "place")


class RoleBasis(StrEnum):
    """What a session's role rests on."""

    PROTOCOL = "protocol"
    BYTES = "bytes"
    TIMING = "timing"
    OTHER = "other"


def role_basis(session: Session) -> RoleBasis:
    """What decided the role of a session, read from the reason that the report gives for it."""
    if " protocol itself shows " in session.role_reason:
        return RoleBasis.PROTOCOL
    if session.role_reason.startswith("timing: "):
        return RoleBasis.TIMING
    return RoleBasis.BYTES if " times more bytes " in session.role_reason else RoleBasis.OTHER


def idle_line(session: Session) -> bool:
    """Whether nobody worked in the session: a refused attempt, or a line that waits for one."""
    return session.role_reason.endswith("no session ran")


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
    """What to call a device: its first name, else address, else its id; a name that is the id is written like it."""
    named = next(iter((*device.names, *device.ips, *device.macs)), device.device_id)
    return device.device_id if named.casefold() == device.device_id.casefold() else named


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


def far_sessions(device: Device) -> tuple[Session, ...]:
    """Sessions in which somebody may drive this device and whose round trips say how far that is; farthest first."""
    known = [
        session
        for session in device.sessions
        if session.role is not Role.CONTROLLING
        and not idle_line(session)
        and session.distance_km is not None
        and session.same_continent is not None
    ]
    return tuple(sorted(known, key=lambda s: (-s.distance_km.at_most if s.distance_km else 0.0, s.start, s.session_id)))


def ordered_sessions(device: Device) -> tuple[Session, ...]:
    """Sessions, those that drive this device first, attempts last, then by the weight of traffic, then by time."""
    return tuple(
        sorted(
            device.sessions,
            key=lambda s: (
                idle_line(s),
                _ROLE_RANK[s.role],
                -s.role_probability,
                -(s.input_events or 0),
                -(s.bytes_in + s.bytes_out),
                s.start,
                s.session_id,
            ),
        )
    )


def approved_sessions(device: Device) -> tuple[Session, ...]:
    """Sessions over tools that the profile approves in which somebody drives this device, or may; proven ones first."""
    return tuple(
        session
        for session in ordered_sessions(device)
        if session.approved and session.role is not Role.CONTROLLING and not idle_line(session)
    )


def own_sessions(device: Device) -> tuple[Session, ...]:
    """Sessions in which this device's own user drives another machine: the mirror image of being driven."""
    return tuple(
        session for session in ordered_sessions(device) if session.role is Role.CONTROLLING and not idle_line(session)
    )


def proof(device: Device, limit: int = _MOST_PROOF) -> tuple[Finding, ...]:
    """The findings that carry the verdict: the heaviest that count, of whichever claim, no two of one cause.

    What states a fact outright comes first. The signs that all laptops of a farm show are one cause: each of them
    stands with every member. A claim that asks for a person has a finding here whenever it has one at all.
    """
    found = [finding for finding in device.findings if finding.outcome is Outcome.HIT and finding.decibans > 0]
    order = {claim: number for number, claim in enumerate(Claim)}
    found.sort(
        key=lambda f: (not f.conclusive, not counted(device, f), -f.decibans, order[f.claim], f.detector, f.summary)
    )
    chosen: list[Finding] = []
    for finding in found:
        if all(_causes(finding).isdisjoint(_causes(other)) and finding.summary != other.summary for other in chosen):
            chosen.append(finding)
    shown = chosen[:limit]
    for claim, assessed in claims(device):
        if assessed.level in {Level.STRONG, Level.REVIEW} and all(one.claim is not claim for one in shown):
            _make_room(shown, next((one for one in (*chosen, *found) if one.claim is claim), None))
    return tuple(shown)


def _causes(finding: Finding) -> frozenset[str]:
    """What a finding comes from, so that one cause is told once; a farm's sign is also what the device itself shows."""
    if finding.detector == _FARM_SIGNS:
        return frozenset({_FARM_SIGNS, finding.grade})
    own = f"{finding.detector}: {finding.grade}"  # the grade of a farm's sign names the member's finding so
    return frozenset({finding.group or finding.detector, own if finding.grade else finding.detector})


def _make_room(shown: list[Finding], wanted: Finding | None) -> None:
    """Put a finding in the place of the lightest one whose claim has another; nothing where there is none."""
    if wanted is None:
        return
    for place in range(len(shown) - 1, -1, -1):
        if sum(one.claim is shown[place].claim for one in shown) > 1:
            del shown[place]
            shown.append(wanted)
            return


def hits(device: Device, *wanted: Claim) -> tuple[Finding, ...]:
    """Hits that speak for one of the claims (all claims without one), heaviest first, each summary once."""
    found = [
        finding
        for finding in by_outcome(device, Outcome.HIT)
        if finding.decibans > 0 and (not wanted or finding.claim in wanted)
    ]
    unique: dict[str, Finding] = {}
    for finding in found:
        unique.setdefault(finding.summary, finding)
    return tuple(unique.values())


def beside_only(device: Device) -> bool:
    """Whether all that speaks for *driven* is a KVM over IP on the same network."""
    speaking = hits(device, Claim.DRIVEN)
    return bool(speaking) and all(finding.detector.startswith("kvm.") for finding in speaking)


def evidence_inputs(device: Device) -> tuple[int, ...]:
    """Numbers of the inputs that a device's sessions and hits come from."""
    numbers = {session.input for session in device.sessions}
    numbers.update(row.input for finding in device.findings if finding.outcome is Outcome.HIT for row in finding.rows)
    return tuple(sorted(numbers))


def next_steps(device: Device, inputs: Sequence[InputFile]) -> tuple[str, ...]:
    """The device's next steps, with the files to keep named beside their checksums, the first few of them."""
    return tuple(_named_files(step, inputs) for step in device.next_steps)


def _named_files(step: str, inputs: Sequence[InputFile]) -> str:
    """``keep the capture (sha256 6f54…)`` with the name of each file; other steps as they are."""
    found = _KEPT.match(step)
    if found is None:
        return step
    digests = [digest.removesuffix("…") for digest in found[1].split(", ")]
    files = [(entry.path, digest) for digest in digests for entry in inputs if entry.sha256.startswith(digest)]
    if not files:
        return step
    if [path for path, _ in files] == ["-"]:
        return f"keep the capture you piped in (sha256 {files[0][1]}…)"
    named = ", ".join(
        f"{'what you piped in' if path == '-' else path} (sha256 {digest}…)" for path, digest in files[:_MOST_KEPT]
    )
    rest = f" and {len(files) - _MOST_KEPT} more" if len(files) > _MOST_KEPT else ""
    return f"keep {'the captures' if len(files) > 1 else 'the capture'} {named}{rest}"


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


def is_logs(entry: InputFile) -> bool:
    """Whether an input is a sensor's logs, which hold flows and no packets."""
    return entry.kind in _LOGS


def damaged(entry: InputFile) -> bool:
    """Whether part of an input was lost."""
    return entry.error is None and not entry.complete
