"""Tables to report: derive, detect, weigh, group, and say what was not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.addresses import AddressBook, mask_mac
from farmwatch.analysis.advice import benign_readings, telling_hits
from farmwatch.analysis.beacons import beacon_servers
from farmwatch.analysis.clouds import cloud_signs
from farmwatch.analysis.crowd import CROWDED, limit_devices
from farmwatch.analysis.detectors import DETECTORS, run_detectors
from farmwatch.analysis.farms import find_farms
from farmwatch.analysis.flows import device_flows
from farmwatch.analysis.identity import Host, Hosts, address_sort_key, find_hosts
from farmwatch.analysis.input_notes import input_notes
from farmwatch.analysis.lans import lan_members, tenant_signs
from farmwatch.analysis.logs import log_inputs
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.scoring import assess_claim, assess_device
from farmwatch.analysis.serving import find_driven_servers
from farmwatch.analysis.sessions.hands import hands, measured_flows
from farmwatch.analysis.sessions.joined import joined_sessions
from farmwatch.analysis.sessions.named import NO_SESSION, named_sessions
from farmwatch.analysis.sessions.reaches import SessionReach, session_reaches
from farmwatch.analysis.sessions.regions import Reach
from farmwatch.analysis.sessions.role_model import RoleModel
from farmwatch.analysis.sessions.stones import stepping_stones
from farmwatch.analysis.sessions.typed import typing_rows
from farmwatch.analysis.sightings import find_sightings
from farmwatch.analysis.unread import unread_devices, without_clears, without_good_news
from farmwatch.knowledge import Knowledge
from farmwatch.records import (
    Assessment,
    CaptureInput,
    Claim,
    ClaimAssessment,
    Device,
    DeviceSeen,
    Distance,
    Finding,
    InputFile,
    Lan,
    LanHost,
    LanMember,
    Level,
    Outcome,
    Reject,
    RemoteControl,
    RemoteSession,
    Report,
    Role,
    Rows,
    Session,
    Table,
    Tables,
    Tool,
)  # fmt: skip
from farmwatch.records.distance import KM_PER_MS

__all__ = ["assess", "conclude", "derive"]


_LEVEL_ORDER = {Level.STRONG: 0, Level.REVIEW: 1, Level.NOT_ENOUGH_DATA: 2, Level.CLEAR: 3}
_OF_SESSIONS = {
    "hand.driven",
    "remote.inbound_session",
    "remote.named_tool",
}  #: detectors whose hits a help-desk ticket may explain
_KEEP_LOGS = "keep the sensor's logs of that time, and look for a capture of it"
_MOST_STEPS = 5  #: next steps of one device; the rest stand with their findings
_ASKS_USER = "device's user"  #: a step that says so may warn whoever drives the device, and is taken last
_MOST_MISSING = 5  #: devices of the profile that no input shows, named in a note
_ENDPOINT_TELEMETRY = "USB, displays, processes, sign-ins: no telemetry from the laptop in these inputs"
_BEHIND_RELAY = "how far the person behind the other end is: only the way to that end was timed, and it may be a relay"
_BEHIND_GATEWAY = "a person behind a gateway that speaks the protocol itself: a loop ends at the program that answers"
_VANTAGE_LIMITS = {
    "host": "an external KVM's own traffic: a capture on the laptop cannot show it",
    "unknown": "the network around the device: where this capture was taken cannot be told",
}


def _proofs(tables: Tables) -> dict[tuple[int, int], str]:
    """By input and flow: what in its bytes shows a remote-control protocol, and what was asked for and chosen."""
    shown = tables[RemoteControl]
    columns = zip(*(shown[name].tolist() for name in ("input", "flow", "proof", "detail")), strict=True)
    return {(number, flow): f"{proof} ({detail})" if detail else proof for number, flow, proof, detail in columns}


def derive(
    tables: Tables, knowledge: Knowledge, profile: Profile, model: RoleModel | None = None
) -> tuple[Tables, Hosts]:
    """Add the derived tables to the network tables; ``model`` is of roles, the shipped one where left out."""
    book = AddressBook(profile)
    hosts = find_hosts(tables, profile, book)
    find_driven_servers(tables, hosts, book, knowledge, profile, model)
    tables = tables.joined(Tables([limit_devices(hosts)]))
    members = lan_members(tables, hosts, knowledge)  # names KVMs, so that they are not judged as devices
    sightings = find_sightings(tables, hosts, knowledge, profile)
    flows = device_flows(tables, hosts, book, knowledge)
    measured = measured_flows(tables, flows)
    timed = hands(flows, measured, model)
    named = named_sessions(flows, sightings.by_flow, knowledge, profile, _proofs(tables))
    derived = Tables(
        [
            _devices(hosts, tables, profile),
            flows,
            sightings.table,
            timed,
            joined_sessions(named, timed, flows, sightings.by_flow),
            members,
            tenant_signs(tables, hosts, profile),
            cloud_signs(tables, hosts, knowledge),
            beacon_servers(tables, knowledge),
        ]
    )
    every = tables.joined(derived)
    return every.joined(Tables([stepping_stones(every, measured), typing_rows(every, measured)])), hosts


def assess(tables: Tables, knowledge: Knowledge, profile: Profile, *, version: str) -> Report:
    """Everything from network tables to the report; arguments as for :func:`conclude`."""
    every, hosts = derive(tables, knowledge, profile)
    return conclude(every, hosts, knowledge, profile, version=version)


def conclude(every: Tables, hosts: Hosts, knowledge: Knowledge, profile: Profile, *, version: str) -> Report:
    """Everything from network and derived tables to the report.

    Args:
        every: tables of one run, any number of inputs, with what :func:`derive` added.
        hosts: found by it.
        knowledge: what products look like.
        profile: what the company declared.
        version: of the program, for the report's header.
    """
    unread = unread_devices(every)
    findings = without_clears(run_detectors(DETECTORS, every), unread, DETECTORS)
    reaches = session_reaches(every)
    sessions = _sessions(every[RemoteSession], reaches)
    about = _About.of(every, unread, reaches)
    devices = [_device(name, about, findings[name], sessions.get(name, ()), profile) for name in findings]
    devices.sort(key=_urgency)
    return Report(
        tool=Tool("farmwatch", version, knowledge.version),
        inputs=_inputs(every, hosts),
        devices=tuple(devices),
        farms=find_farms(every, findings, profile.prior),
        lans=_lans(every[LanMember], hosts),
        notes=_notes(every, hosts, devices, profile),
    )


def _urgency(device: Device) -> tuple[Any, ...]:
    claims = (device.assessment.driven, device.assessment.farm, device.assessment.abroad)
    return (
        min(_LEVEL_ORDER[claim.level] for claim in claims),
        -max(claim.probability for claim in claims),
        device.device_id,
    )


def _devices(hosts: Hosts, tables: Tables, profile: Profile) -> Table[DeviceSeen]:
    inputs = tables[CaptureInput]
    span = {
        int(number): (first, last)
        for number, first, last in zip(inputs["input"], inputs["first_ts"], inputs["last_ts"], strict=True)
    }
    grouped: dict[tuple[str, int], list[Host]] = {}
    for host in hosts.hosts:
        if host.device_id is not None:
            grouped.setdefault((host.device_id, host.input), []).append(host)
    rows: Rows[DeviceSeen] = Rows(DeviceSeen)
    for (device, number), own in sorted(grouped.items()):
        addresses = sorted({address for host in own for address in host.addresses}, key=address_sort_key)
        names = list(dict.fromkeys(name for host in own for name in host.best_names()))
        macs = sorted({host.mac for host in own if host.mac})
        expected = profile.expectation([device, *addresses, *names, *macs])
        rows.add(
            device_id=device, input=number, macs=",".join(macs), addresses=",".join(addresses), names=",".join(names),
            lan=next((hosts.lan_of(host) for host in own if hosts.lan_of(host)), ""), first_ts=span[number][0],
            last_ts=span[number][1], place=expected.place if expected else None,
            max_rtt_ms=expected.max_rtt_ms if expected else None, vantage=hosts.vantage.get(number, "unknown"),
            latitude=expected.coordinates[0] if expected and expected.coordinates else None,
            longitude=expected.coordinates[1] if expected and expected.coordinates else None,
        )  # fmt: skip
    return rows.table()


@dataclass(frozen=True, slots=True)
class _About:
    """What the tables say about each device, looked up once for all of them."""

    seen: Table[DeviceSeen]
    rows: Mapping[str, NDArray[np.int64]]  #: device -> its rows of ``seen``
    vendors: Mapping[str, str]
    unmeasured: Mapping[str, str]  #: devices of live sessions that nothing keeps near, and why not
    checksums: Mapping[int, str]  #: capture -> start of its checksum
    logs: frozenset[int]  #: inputs that are a sensor's logs
    unread: Mapping[str, str]  #: devices whose traffic could mostly not be named, and why
    assessed: dict[tuple[int, ...], Assessment]  #: by the identities of the findings, which most devices share

    @classmethod
    def of(cls, tables: Tables, unread: Mapping[str, str], reaches: Mapping[str, SessionReach]) -> _About:
        """Look everything up."""
        seen, members, sessions, inputs = (
            tables[DeviceSeen],
            tables[LanMember],
            tables[RemoteSession],
            tables[CaptureInput],
        )
        vendors: dict[str, str] = {}
        for device, vendor in zip(members["device_id"].tolist(), members["vendor"].tolist(), strict=True):
            if device and vendor:
                vendors.setdefault(device, vendor)
        owners = zip(sessions["session_id"].tolist(), sessions["device_id"].tolist(), strict=True)
        logs = log_inputs(tables)
        digests = zip(inputs["input"].tolist(), inputs["sha256"].tolist(), strict=True)
        return cls(
            seen,
            seen.groups("device_id"),
            vendors,
            {device: reaches[name].why for name, device in owners if name in reaches and not reaches[name].near},
            {number: digest[:12] for number, digest in digests if digest and number not in logs},
            logs,
            unread,
            {},
        )


def _device(name: str, about: _About, own: Sequence[Finding], sessions: Sequence[Session], profile: Profile) -> Device:
    rows = about.seen.where(about.rows[name])
    assessment = _assessed(name, own, about, rows, profile)
    checksums = [about.checksums[number] for number in sorted(set(rows["input"].tolist())) if number in about.checksums]
    ips, macs, names = (_listed(rows[column]) for column in ("addresses", "macs", "names"))
    expected = profile.expectation([name, *ips, *names, *macs])
    return Device(
        device_id=name,
        ips=ips,
        macs=macs,
        names=names,
        assessment=assessment,
        sessions=tuple(sessions),
        findings=tuple(own),
        vendor=about.vendors.get(name),
        not_looked_at=_not_looked_at(own, set(rows["vantage"]), sessions),
        next_steps=_next_steps(
            assessment, own, sessions, checksums, logged=not about.logs.isdisjoint(rows["input"].tolist())
        ),
        benign_considered=benign_readings(own),
        first_ts=_iso(rows["first_ts"].min()),
        last_ts=_iso(rows["last_ts"].max()),
        place=expected.place if expected else None,
        coordinates=expected.coordinates if expected else None,
    )


def _assessed(
    name: str, findings: Sequence[Finding], about: _About, rows: Table[DeviceSeen], profile: Profile
) -> Assessment:
    """All claims; ``abroad`` is not clear where somebody drives the device and no round trip keeps them near."""
    same = tuple(map(id, findings))
    if same not in about.assessed:
        about.assessed[same] = assess_device(findings, profile.prior)
    assessment = about.assessed[same]
    assessment = without_good_news(assessment, about.unread.get(name))
    assessment = replace(assessment, farm=_farm_of_one_place(assessment.farm, findings, rows, profile.prior))
    if assessment.abroad.level is not Level.CLEAR or name not in about.unmeasured:
        return assessment
    unknown = replace(
        assessment.abroad,
        level=Level.NOT_ENOUGH_DATA,
        reason=about.unmeasured[name],
        overturn="a loop short enough to keep that person near, or where the session's other end is",
    )
    return replace(assessment, abroad=unknown)


def _farm_of_one_place(
    everywhere: ClaimAssessment, findings: Sequence[Finding], rows: Table[DeviceSeen], prior: float
) -> ClaimAssessment:
    """The farm claim of the place that speaks for it most.

    A farm is one place: the KVM at a laptop's home and the companies met in a café do not add up. Findings count where
    the inputs that prove them were captured, those without proof rows everywhere.
    """
    places: dict[str, set[int]] = {}
    for number, lan in zip(rows["input"].tolist(), rows["lan"].tolist(), strict=True):
        places.setdefault(lan or f"input {number}", set()).add(number)
    if len(places) < 2:
        return everywhere
    claims = [
        assess_claim(
            Claim.FARM,
            [one for one in findings if not one.rows or inputs.intersection(row.input for row in one.rows)],
            prior,
        )
        for _, inputs in sorted(places.items())
    ]
    return max(claims, key=lambda claim: claim.decibans)


def _listed(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for value in values for part in value.split(",") if part))


def _not_looked_at(findings: Sequence[Finding], vantages: set[str], sessions: Sequence[Session]) -> tuple[str, ...]:
    """What this device's verdict does not rest on, most general first, and why."""
    topics = {detector.id: detector.topic for detector in DETECTORS}
    blind: dict[str, dict[str, None]] = {}
    for finding in findings:
        if finding.outcome is Outcome.NO_DATA:
            blind.setdefault(finding.summary, {})[topics.get(finding.detector, finding.detector)] = None
    # A capture from the network makes up for what one from the laptop cannot show.
    narrow = vantages if vantages <= _VANTAGE_LIMITS.keys() else set[str]()
    limits = [_VANTAGE_LIMITS[vantage] for vantage in sorted(narrow)]
    driving = [session for session in sessions if session.role is not Role.CONTROLLING]
    if any(session.loop_rtt_ms is None for session in driving):
        limits.append(_BEHIND_RELAY)
    if any(session.loop_rtt_ms is not None for session in driving):
        limits.append(_BEHIND_GATEWAY)
    return (_ENDPOINT_TELEMETRY, *limits, *(f"{', '.join(what)}: {reason}" for reason, what in blind.items()))


def _next_steps(
    assessment: Assessment,
    findings: Sequence[Finding],
    sessions: Sequence[Session],
    checksums: Sequence[str],
    *,
    logged: bool,
) -> tuple[str, ...]:
    """What to do now: keep the proof, then the most telling, last what may warn an adversary; nothing if clear."""
    claims = (assessment.driven, assessment.abroad, assessment.farm)
    if all(claim.level in (Level.CLEAR, Level.NOT_ENOUGH_DATA) for claim in claims):
        return ()
    checks = {detector.id: detector.check for detector in DETECTORS}
    steps = dict.fromkeys(checks[finding.detector] for finding in telling_hits(findings))
    proof = {finding.detector for finding in telling_hits(findings)}
    driven = [one for one in sessions if one.role is Role.CONTROLLED and not one.role_reason.endswith(NO_SESSION)]
    asked = [f"look for a help-desk ticket for {_span(session)}" for session in driven[:1] if proof & _OF_SESSIONS]
    kept = [f"keep the capture (sha256 {', '.join(f'{digest}…' for digest in checksums)})"] if checksums else []
    telling = sorted(list(steps)[: _MOST_STEPS - len(asked)], key=lambda step: _ASKS_USER in step)
    kept += [_KEEP_LOGS] if logged else []
    return (*kept, *asked, *telling)


def _span(session: Session) -> str:
    """A session's time as people write it: 2026-01-05 14:02 to 15:35 UTC."""
    return f"{session.start[:10]} {session.start[11:16]} to {session.end[11:16]} UTC"


def _sessions(table: Table[RemoteSession], reaches: Mapping[str, SessionReach]) -> dict[str, list[Session]]:
    found: dict[str, list[Session]] = {}
    for row in table.rows():
        known = reaches.get(row.session_id)
        reach = known.reach if known is not None and not known.tunnel else None
        interval = None if row.loop_low_ms is None or row.loop_high_ms is None else (row.loop_low_ms, row.loop_high_ms)
        found.setdefault(row.device_id, []).append(
            Session(
                session_id=row.session_id,
                start=_text(row.start),
                end=_text(row.end),
                protocol=row.proto,
                local=row.local,
                remote=row.remote,
                tool=row.tool,
                tool_name=row.tool_name,
                role=Role(row.role),
                role_probability=row.role_probability,
                role_reason=row.role_reason,
                relayed=None if row.relayed is None else bool(row.relayed),
                remote_name=row.remote_name,
                transport_rtt_ms=row.rtt_ms,
                loop_rtt_ms=row.loop_rtt_ms,
                loop_rtt_interval_ms=interval,
                loop_samples=row.loop_samples,
                input_events=row.input_events,
                distance_km=_distance(row, reach),
                bytes_in=row.bytes_in,
                bytes_out=row.bytes_out,
                flows=row.flows,
                input=row.input,
                packets=(row.first_packet, row.last_packet),
                presses=row.presses,
                loop_note=row.loop_note,
                relay_reason=row.relay_reason,
                distance_note="" if known is None else known.why,
                regions=() if reach is None else reach.regions,
                same_continent=None if reach is None else reach.nearby,
                approved=row.approved,
            )
        )
    return found


def _distance(row: RemoteSession, reach: Reach | None) -> Distance | None:
    """How far the hand can be; of an idle line or one that this device drives, how far the direct other end can."""
    if reach is not None:
        return Distance(at_most=reach.bound_km, likely=reach.likely_km)
    if row.relayed == 0 and row.rtt_ms is not None:
        return Distance(at_most=row.rtt_ms * KM_PER_MS)
    return None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _iso(stored: Any) -> str | None:
    if np.isnat(stored):
        return None
    return _text(datetime.fromtimestamp(int(stored.astype(np.int64)) / 1e9, UTC))


def _inputs(tables: Tables, hosts: Hosts) -> tuple[InputFile, ...]:
    inputs, rejects = tables[CaptureInput], tables[Reject]
    found = []
    for row in inputs.rows():
        own = rejects.where(rejects["input"] == row.input)
        counted: dict[str, int] = {}
        for reason, offset, count in zip(own["reason"], own["offset"], own["count"], strict=True):
            place = "" if offset == np.iinfo(np.int64).min else f" at byte {offset}"
            counted[f"{reason}{place}"] = counted.get(f"{reason}{place}", 0) + int(count)
        unreadable = row.kind == "unreadable"
        found.append(
            InputFile(
                path=row.path,
                sha256=row.sha256,
                kind=row.kind,
                vantage=hosts.vantage.get(row.input, "unknown"),  # type: ignore[arg-type]  # one of the four by construction
                packets=row.packets,
                bytes=row.bytes,
                first_ts=None if row.first_ts is None else _text(row.first_ts),
                last_ts=None if row.last_ts is None else _text(row.last_ts),
                complete=row.complete and CROWDED not in counted,
                flows=row.flows,
                rejects=counted,
                error=next(iter(counted), "not readable") if unreadable else None,
            )
        )
    return tuple(found)


def _lans(members: Table[LanMember], hosts: Hosts) -> tuple[Lan, ...]:
    """Local networks with more than the device and its gateway to show; neighbours' addresses are masked."""
    found = []
    for lan in sorted(set(members["lan"])):
        own = members.where(members["lan"] == lan)
        number = int(own["input"].min())
        gateway = hosts.gateways.get(number)
        shown = tuple(
            LanHost(
                macs=(row.host if row.role == "device" else mask_mac(row.host),),
                ips=tuple(part for part in row.addresses.split(",") if part)[:8],
                names=tuple(part for part in row.names.split(",") if part)[:4],
                vendor=row.vendor,
                role=row.role,
                note=row.product_name or "",
            )
            for row in own.rows()
        )
        found.append(Lan(lan_id=lan, input=number, gateway=mask_mac(gateway) if gateway else None, hosts=shown))
    return tuple(found)


def _missing(hosts: Hosts, devices: Sequence[Device], profile: Profile) -> list[str]:
    """Devices of the profile that nothing in the inputs is called like, by the first of their names."""
    known = {name.lower() for one in devices for name in (one.device_id, *one.ips, *one.names, *one.macs)}
    if profile.only_devices:  # those that are left out may be there all the same
        for host in hosts.hosts:
            known.update((host.key.lower(), *map(str.lower, (*host.addresses, *host.names))))
    return [entry.match[0] for entry in profile.devices if entry.match and not known.intersection(entry.match)]


def _notes(tables: Tables, hosts: Hosts, devices: Sequence[Device], profile: Profile) -> tuple[str, ...]:
    notes = [*input_notes(tables)]
    if not any(host.device_id for host in hosts.hosts):
        notes.append("no device could be made out in these inputs: nothing to judge")
    missing = _missing(hosts, devices, profile)
    if missing:
        what, are = ("device", "is") if len(missing) == 1 else ("devices", "are")
        more = f" and {len(missing) - _MOST_MISSING} more" if len(missing) > _MOST_MISSING else ""
        named = ", ".join(missing[:_MOST_MISSING])
        notes.append(f"the profile's {what} {named}{more} {are} in none of these inputs")
    notes.append("Findings are consistent with remote operation of a device, not proof of it; a person decides.")
    return tuple(notes)
