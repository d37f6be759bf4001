"""Numbers, times and sentences as a person reads them, the same in every medium."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from farmwatch.records.distance import FARTHEST_KM, at_most, kilometres
from farmwatch.records.finding import Claim, WeightSource
from farmwatch.records.report import ClaimAssessment, Device, Distance, InputFile, Level, Report, Role, Session
from farmwatch.reports.reading import (
    RoleBasis,
    approved_sessions,
    beside_only,
    claims,
    device_level,
    hits,
    idle_line,
    is_logs,
    own_sessions,
    role_basis,
)

__all__ = [
    "CLAIM_TITLES",
    "DECIBANS",
    "FAIRNESS",
    "GLOSSARY",
    "LEVEL_MEANINGS",
    "VANTAGE",
    "allowed",
    "amount",
    "answer",
    "claim_sentence",
    "clock",
    "complaint",
    "decibans",
    "distance",
    "duration",
    "input_events",
    "joined",
    "kilometres",
    "kind",
    "length",
    "limits",
    "losses",
    "measured",
    "milliseconds",
    "moment",
    "number",
    "origin",
    "own_work",
    "percent",
    "place",
    "places",
    "plural",
    "regions",
    "role",
    "scope",
    "session_sentence",
    "short_mac",
    "shortened",
    "size",
    "span",
    "verdict",
]

_TO = "\u2013"  # en dash

CLAIM_TITLES = {
    Claim.DRIVEN: "Driven: is somebody else's hand on it?",
    Claim.ABROAD: "Abroad: is that hand far from where the device should be?",
    Claim.FARM: "Farm: is it one of several in the same place?",
}
LEVEL_MEANINGS = {
    Level.STRONG: "two independent families of evidence agree, or one record states the fact outright",
    Level.REVIEW: "enough to ask a person to look, not enough to conclude",
    Level.CLEAR: "what was looked at speaks against it, or shows too little to ask for a person",
    Level.NOT_ENOUGH_DATA: "too little was seen to say anything; this is not the same as clear",
}
VANTAGE = {
    "host": "on the laptop",
    "lan": "on its local network",
    "gateway": "at a gateway",
    "unknown": "unknown",
}
CONFIRMED_ALONE = "confirmed by a person; farmwatch's own evidence does not show it"  #: never told as a finding
FAIRNESS = (
    "Every statement here is about a device and its traffic, never about a person. A high level means the traffic is "
    "consistent with remote operation of this device; help desks, second computers, assistive technology and travel "
    "look alike. A person decides, after hearing the benign explanations, and records the reason."
)
#: legend of every page that shows weights
DECIBANS = (
    "Numbers in decibans: +10 makes the odds of a claim ten times as large, +3 doubles them; below 0 lowers them."
)
GLOSSARY = (
    ("device", "A laptop under judgement, known by its addresses and names."),
    ("site", "An access line: one router and the local network behind it."),
    ("session", "A flow, or several together, that may carry remote control."),
    ("driven", "Input reaches the device from somebody who is not in front of it."),
    ("abroad", "The person at the far end is farther away than the device's declared place allows."),
    ("farm", "Devices that belong together in one place without a good reason."),
    ("level", "strong, review, clear or not enough data: how far the evidence carries one claim."),
    ("strong", "Nine in ten such devices would be what is claimed, and two independent families agree."),
    ("review", "One in ten such devices would be what is claimed: a person should look. Not a conclusion."),
    ("clear", "Below review: what was seen speaks against the claim or is too little; it is still named."),
    ("not enough data", "Too little was seen to say anything about the claim; not the same as clear."),
    ("family", "Where evidence comes from: names, timing, hardware, identity or place. One cause can fool one family."),
    ("layers", "Places where a product shows its name: vendor prefix, DHCP, mDNS, SSDP, web page, certificate."),
    ("deciban", "A tenth of a power of ten of odds: +10 makes the odds of a claim ten times as large."),
    ("prior", "The odds before looking, as decibans: how rare the thing is among all devices."),
    ("transport RTT", "Round trip to whatever answers the packets, which may be a relay near the device."),
    ("loop RTT", "Time from a screen update leaving until the far program answers it by itself, through every relay."),
    ("hand", "Somebody's keys and pointer moves as a flow brings them in: their pace, never which keys."),
    ("input events", "Presses, releases, clicks and wheel steps of the driving side, counted by their timing."),
    ("relay", "A server that passes a session on and hides its far end; it answers packets for itself."),
    ("mirror image", "This device's own user works on another desktop: the same traffic the other way round."),
    ("stepping stone", "A device through which a hand goes on to another host, as over SSH."),
    ("lattice", "Times that sit on the ticks of one clock, as those of a keyboard's or a program's polling do."),
    ("distance bound", "Light in fibre reaches at most 99.93 km per millisecond of round trip: a limit, not a place."),
    ("MSS", "Largest payload a TCP packet may carry; smaller than usual where the connection runs inside a tunnel."),
    ("driven end", "The machine that a session works on; shown by protocol or timing, suggested by byte direction."),
    ("role", "controlled: this device is the driven end; controlling: the other end is; unclear: not decided."),
    ("controlled", "Somebody else's input works this device: it is the driven end of a session."),
    ("controlling", "This device's user works another one, which is the driven end then: the help desk's side."),
    ("vantage", "Where the capture was made: on the laptop, on its local network, or at a gateway."),
    ("finding", "One detector's answer about one device: hit, clear, or no data."),
    ("reject", "Something an input held that could not be used, with the reason."),
    ("no data", "A detector had nothing to look at, so its silence says nothing."),
    ("KVM over IP", "A box on the display and USB ports through which somebody far away sees and types."),
)  # fmt: skip
_LONGEST_SPAN_S = 366 * 86400  # a capture that spans more has a broken clock and would drown the sum
_VANTAGE_LIMITS = {
    "host": "A capture made on the laptop cannot show an external KVM's own traffic, only its local chatter.",
    "lan": "A capture on the local network cannot show what happens inside the laptop: USB, displays, sign-ins.",
    "gateway": "A capture at a home's router sees most; one at the company's gateway shows the typing, not the hand.",
    "unknown": "Where the capture was made is not known, so absence of local or of remote traffic says little.",
}
_VERDICTS = {
    (Claim.DRIVEN, Level.STRONG): "Strong evidence, consistent with remote operation of this device.",
    (
        Claim.DRIVEN,
        Level.REVIEW,
    ): "Some evidence consistent with remote operation of this device; a person should look.",
    (Claim.DRIVEN, Level.CLEAR): "Nothing that was looked at suggests remote operation of this device.",
    (Claim.DRIVEN, Level.NOT_ENOUGH_DATA): "Too little was seen to say whether somebody else drives this device.",
    (Claim.ABROAD, Level.STRONG): "Strong evidence that the far end is farther away than the device's place allows.",
    (Claim.ABROAD, Level.REVIEW): "Some evidence that the far end is far away; the distance needs a second look.",
    (Claim.ABROAD, Level.CLEAR): "Nothing that was looked at puts the far end far away.",
    (Claim.ABROAD, Level.NOT_ENOUGH_DATA): "How far away the far end is could not be told.",
    (Claim.FARM, Level.STRONG): "Strong evidence that it is one of several devices kept in the same place.",
    (Claim.FARM, Level.REVIEW): "Some evidence that it is one of several devices kept in the same place.",
    (Claim.FARM, Level.CLEAR): "Nothing that was looked at ties it to other devices.",
    (Claim.FARM, Level.NOT_ENOUGH_DATA): "Whether it is one of several could not be told.",
}
_HINTS = {
    Claim.DRIVEN: "Signs of remote control were seen on this device, too few to ask for a person.",
    Claim.ABROAD: "Signs of a far end far away were seen, too few to ask for a person.",
    Claim.FARM: "Signs that it is one of several were seen, too few to ask for a person.",
}  # for clear claims with hits: what was seen is not denied
_BESIDE = "A KVM over IP stands on the same network; it was not seen attached to this device."
_ROLES = {
    (Role.CONTROLLED, RoleBasis.PROTOCOL): "driven end: this device (by the protocol)",
    (Role.CONTROLLED, RoleBasis.BYTES): "this device is probably the driven end (byte direction)",
    (Role.CONTROLLED, RoleBasis.TIMING): "driven end: this device (by timing)",
    (Role.CONTROLLED, RoleBasis.OTHER): "this device is probably the driven end",
    (Role.CONTROLLING, RoleBasis.PROTOCOL): "driven end: the other machine (by the protocol)",
    (Role.CONTROLLING, RoleBasis.BYTES): "the other machine is probably the driven end (byte direction)",
    (Role.CONTROLLING, RoleBasis.TIMING): "driven end: the other machine (by timing)",
    (Role.CONTROLLING, RoleBasis.OTHER): "the other machine is probably the driven end",
}
_RELAYS = {True: "relay", False: "direct", None: "relay or direct, cannot be told"}
_MOST_REGIONS = 4  # a list of all the world says nothing
_OFFSET = re.compile(r" at byte (\d+)$")  # how the report says where a loss starts


def number(value: int) -> str:
    """An integer with thousands marks."""
    return f"{value:,}"


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 device``, ``2 devices``."""
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"


def size(count: int) -> str:
    """Bytes in decimal units."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """A length of time in its one or two leading units."""
    seconds = max(seconds, 0.0)
    if seconds < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def moment(timestamp: str) -> datetime | None:
    """An ISO 8601 time of the report as an aware UTC datetime; None where it is not one."""
    try:
        parsed = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def clock(timestamp: str) -> str:
    """``2026-11-23 14:02:05 UTC``; the raw text where it is not a time."""
    at = moment(timestamp)
    return timestamp if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def span(start: str, end: str) -> str:
    """From when to when, the date said once when it is one day."""
    first, last = moment(start), moment(end)
    if first is None or last is None:
        return f"{start} to {end}"
    if first.date() == last.date():
        tail = f"{_TO}{last:%H:%M:%S}" if last - first and f"{last:%H:%M:%S}" != f"{first:%H:%M:%S}" else ""
        return f"{first:%Y-%m-%d %H:%M:%S}{tail} UTC"
    return f"{first:%Y-%m-%d %H:%M}{_TO}{last:%Y-%m-%d %H:%M} UTC"


def length(start: str, end: str) -> float:
    """Seconds from start to end; 0 where either is no time or the clock ran backwards."""
    first, last = moment(start), moment(end)
    return 0.0 if first is None or last is None else max((last - first).total_seconds(), 0.0)


def milliseconds(value: float) -> str:
    """Milliseconds with as many digits as they deserve."""
    if value < 0.05:
        return "under 0.1 ms"
    return f"{value:.0f} ms" if value >= 9.95 else f"{value:.1f} ms"


def percent(probability: float) -> str:
    """A probability in percent, never rounded to certainty."""
    if probability > 0.999:
        return "over 99.9 %"
    if probability < 0.001:
        return "under 0.1 %"
    shown = probability * 100
    return f"{shown:.0f} %" if 1 <= shown <= 99 else f"{shown:.1f} %"


def decibans(value: float) -> str:
    """A weight of evidence with its sign."""
    return f"{value:+.1f}"


def origin(source: WeightSource, reason: str) -> str:
    """Where a weight comes from: its kind and the reason, the kind said once."""
    if not reason or reason.startswith(str(source)):
        return reason or str(source)
    return f"{source}: {reason}"


def short_mac(mac: str) -> str:
    """A MAC address with its middle left out: vendor part and last byte."""
    parts = mac.split(":")
    return f"{':'.join(parts[:3])}:…:{parts[-1]}" if len(parts) == 6 else mac


def shortened(text: str, limit: int = 40) -> str:
    """A name cut in its middle so that a long one cannot push the verdict off the screen."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - limit // 3 - 1]}…{text[-(limit // 3) :]}"


def joined(items: tuple[str, ...] | list[str], limit: int = 6) -> str:
    """A list in one line, cut with the number left out."""
    shown = [shortened(item) for item in items[:limit]]
    return ", ".join(shown) + (f" and {len(items) - limit} more" if len(items) > limit else "")


def claim_sentence(device: Device, claim: Claim, assessed: ClaimAssessment) -> str:
    """A claim's level in plain words; a clear one with hits does not say that nothing was seen."""
    approved = allowed(device) if claim is Claim.DRIVEN and assessed.level is not Level.STRONG else ""
    if not approved:
        return _plain_sentence(device, claim, assessed)
    if assessed.level is Level.CLEAR and not hits(device, claim):
        return f"{_capital(approved)}; nothing else that was looked at suggests remote operation."
    return f"{_capital(approved)}. {_plain_sentence(device, claim, assessed)}"


def _plain_sentence(device: Device, claim: Claim, assessed: ClaimAssessment) -> str:
    """A claim's level in words, whatever the profile approves."""
    if assessed.level is Level.CLEAR and hits(device, claim):
        return _BESIDE if claim is Claim.DRIVEN and beside_only(device) else _HINTS[claim]
    sentence = _VERDICTS[claim, assessed.level]
    if claim is Claim.DRIVEN and assessed.level in {Level.STRONG, Level.REVIEW} and beside_only(device):
        return f"{_BESIDE} A person should look." if assessed.level is Level.REVIEW else f"{sentence} {_BESIDE}"
    return sentence


def _capital(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def allowed(device: Device) -> str:
    """``driven over VNC (RFB) from 203.0.113.10:5900, which the profile approves``; '' where no such session ran."""
    sessions = approved_sessions(device)
    if not sessions:
        return ""
    first = sessions[0]
    how = "driven" if first.role is Role.CONTROLLED else "perhaps driven"
    more = f" and in {plural(len(sessions) - 1, 'more session')}" if len(sessions) > 1 else ""
    tools = {session.tool for session in sessions}
    which = "which the profile approves" if len(tools) == 1 else "tools that the profile approves"
    tool = shortened(first.tool_name or first.tool)
    return f"{how} over {tool} from {_far_end(first)}{more}, {which}"


def own_work(device: Device) -> str:
    """``its user drives 10.80.0.5:3389 over Remote Desktop (RDP)``; '' where its user drives nothing."""
    sessions = own_sessions(device)
    if not sessions:
        return ""
    first = sessions[0]
    sure = role_basis(first) in {RoleBasis.PROTOCOL, RoleBasis.TIMING}
    others = len({(session.tool, session.remote) for session in sessions}) - 1
    more = f", and {plural(others, 'other end')}" if others else ""
    tool = shortened(first.tool_name or first.tool)
    return f"its user {'drives' if sure else 'probably drives'} {_far_end(first)} over {tool}{more}"


def _far_end(session: Session) -> str:
    """The other end by its name, else by address and port; a name that is the address is not one."""
    name = session.remote_name
    return shortened(name if name and name not in session.remote else session.remote, 60)


def verdict(device: Device) -> str:
    """The verdict in words: *driven* in any case, other claims where they ask for a person or were hinted at.

    Of a device that asks for nobody it says too what its own user drives, which looks much like being driven.
    """
    said = [
        claim_sentence(device, claim, assessed)
        for claim, assessed in claims(device)
        if claim is Claim.DRIVEN
        or assessed.level in {Level.STRONG, Level.REVIEW}
        or (assessed.level is Level.CLEAR and hits(device, claim) and device_level(device) is Level.CLEAR)
    ]
    own = own_work(device) if device_level(device) is Level.CLEAR else ""
    return " ".join([*said, f"{_capital(own)}."] if own else said)


def complaint(reason: str) -> str:
    """Why an input could not be read, without the offset where that is the start of the file."""
    return reason.removesuffix(" at byte 0")


def losses(entry: InputFile) -> list[str]:
    """What could not be used of an input, with how much it covers where that is more than one.

    What starts at an offset is counted in bytes, what is counted over a whole capture in packets or messages.
    """
    said: list[str] = []
    for reason, count in sorted(entry.rejects.items()):
        if count <= 1:
            said.append(complaint(reason))
        elif _OFFSET.search(reason):
            said.append(f"{complaint(reason)} ({number(count)} bytes not used)")
        else:
            said.append(f"{reason}: {number(count)} times")
    return said


def place(path: str) -> str:
    """What to call an input: its path, or that it was standard input."""
    return "standard input" if path == "-" else path


def places(paths: Sequence[str], limit: int = 3) -> str:
    """Files by name, the first few with the number of the others."""
    shown = [shortened(place(path), 60) for path in paths[:limit]]
    return ", ".join(shown) + (f" and {len(paths) - limit} more" if len(paths) > limit else "")


def kind(entry: InputFile) -> str:
    """What an input is, in words."""
    return f"{entry.kind} logs" if is_logs(entry) else entry.kind or "unknown kind"


def amount(entry: InputFile) -> str:
    """How much an input holds: packets, of a sensor's logs flows."""
    return plural(entry.flows, "flow") if is_logs(entry) else plural(entry.packets, "packet")


def scope(report: Report) -> str:
    """One line: what was read, how much, from where, and whether all of it."""
    if report.telemetry is not None:
        looked = report.telemetry
        return f"telemetry of {span(looked.since, looked.until)} · {plural(looked.rows, 'row')}"
    inputs = report.inputs
    logs = sum(is_logs(entry) for entry in inputs)
    others = [entry for entry in inputs if not is_logs(entry)]
    kinds = "capture" if all(entry.kind.startswith("pcap") or entry.kind == "" for entry in others) else "input"
    read = [plural(len(others), kinds)] if others or not logs else []
    read += [plural(logs, "sensor's logs", "sensors' logs")] if logs else []
    spans = [length(entry.first_ts, entry.last_ts) for entry in inputs if entry.first_ts and entry.last_ts]
    seconds = sum(span for span in spans if span <= _LONGEST_SPAN_S)
    vantages = sorted({VANTAGE[entry.vantage] for entry in inputs if entry.error is None})
    broken = sum(not entry.complete and entry.error is None for entry in inputs)
    lost = sum(entry.error is not None for entry in inputs)
    state = [f"{broken} DAMAGED"] * bool(broken) + [f"{lost} UNREADABLE"] * bool(lost)
    parts = [
        " and ".join(read),
        *([plural(sum(entry.packets for entry in others), "packet")] if others or not logs else []),
        duration(seconds),
        plural(sum(entry.flows for entry in inputs), "flow"),
        f"vantage: {', '.join(vantages) or 'unknown'}",
        ", ".join(state) or "complete",
    ]
    return " · ".join(parts)


def limits(inputs: tuple[InputFile, ...]) -> tuple[str, ...]:
    """What the places of capture could not show; inputs that could not be read say nothing about it."""
    return tuple(
        _VANTAGE_LIMITS[vantage] for vantage in sorted({entry.vantage for entry in inputs if entry.error is None})
    )


def session_sentence(session: Session) -> str:
    """One session in one sentence: tool, other end, when, role, volume, round trips, distance."""
    path = {True: ", through a relay", False: ", direct", None: ""}[session.relayed]
    far = session.remote_name or session.remote
    lasted = f"{duration(length(session.start, session.end))} from {clock(session.start)}"
    parts = [
        f"{session.tool_name or session.tool} with {shortened(far, 60)}{path}: {lasted}",
        role(session),
    ]
    if session.input_events is not None:
        parts.append(input_events(session))
    parts.append(f"{size(session.bytes_out)} out, {size(session.bytes_in)} in")
    parts.extend(_round_trips(session))
    return "; ".join(parts)


def input_events(session: Session) -> str:
    """How much input a session carried; '' where its timing was not looked at."""
    if session.input_events is None:
        return ""
    keys = f", about {plural(session.presses, 'key')}" if session.presses else ""
    return f"{plural(session.input_events, 'input event')}{keys}"


def role(session: Session) -> str:
    """Which end of a session is driven, and what says so."""
    if idle_line(session):
        return "an attempt or a waiting line only; no session ran"
    if session.role is Role.UNCLEAR:
        return "which end is driven is unclear"
    return _ROLES[session.role, role_basis(session)]


def _round_trips(session: Session) -> list[str]:
    """What the session's round trips say, and the distance they allow."""
    said: list[str] = []
    if session.transport_rtt_ms is not None:
        said.append(f"transport RTT {milliseconds(session.transport_rtt_ms)}")
    if session.loop_rtt_ms is not None:
        low_high = session.loop_rtt_interval_ms
        interval = f" ({low_high[0]:.0f}{_TO}{low_high[1]:.0f})" if low_high else ""
        said.append(
            f"loop RTT {milliseconds(session.loop_rtt_ms)}{interval} from {plural(session.loop_samples, 'sample')}"
        )
    if session.distance_km is not None:
        said.append(distance(session.distance_km))
    said += [text for text in (regions(session),) if text]
    return said


def regions(session: Session) -> str:
    """Parts of the world that a session's round trips are consistent with; '' where they say nothing.

    Seen from North America, where the table of round trips starts: from elsewhere they stand for distances.
    """
    if session.same_continent is None:
        return ""
    if not session.regions:
        return "consistent with the same continent" if session.same_continent else "hardly with the same continent"
    here = "with the same continent too" if session.same_continent else "hardly with the same continent"
    return f"from North America consistent with {joined(session.regions, _MOST_REGIONS)}; {here}"


def measured(session: Session) -> tuple[str, ...]:
    """What the timing of a session rests on, or why there is none, in sentences; not of idle lines."""
    if idle_line(session) or session.role is Role.CONTROLLING:
        return ()
    what = "no loop" if session.loop_rtt_ms is None else "loop"
    loop = f"{what}: {session.loop_note}" if session.loop_note else ""
    relay = "" if not session.relay_reason else f"{_RELAYS[session.relayed]}: {session.relay_reason}"
    why_no_distance = session.distance_note if session.distance_km is None else ""
    return tuple(text for text in (loop, relay, why_no_distance) if text)


def distance(found: Distance | None) -> str:
    """How far away the other end can be, in words; '' where nothing bounds it."""
    if found is None:
        return ""
    ends = list(dict.fromkeys(map(kilometres, found.likely))) if found.likely else []
    likely = f", likely {'about ' if len(ends) == 1 else ''}{' to '.join(ends)}" if ends else ""
    if found.at_most >= FARTHEST_KM:
        return f"anywhere on Earth by its round trip{likely}"
    return f"{at_most(found.at_most)} away{likely}"


def answer(report: Report) -> str:
    """The report's answer in one sentence."""
    if not report.devices:
        return "No device was found in the input."
    counts = [(level, sum(device_level(device) is level for device in report.devices)) for level in Level]
    said = [f"{number(count)} {level}" for level, count in counts if count]
    return f"{plural(len(report.devices), 'device')}: {', '.join(said)}"
