"""Numbers, times and sentences as a person reads them, the same in every medium."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from farmwatch.records.finding import Claim, WeightSource
from farmwatch.records.report import Distance, InputFile, Level, Report, Role, Session
from farmwatch.reports.reading import device_level

__all__ = [
    "CLAIM_TITLES",
    "FAIRNESS",
    "FARTHEST_KM",
    "GLOSSARY",
    "KM_PER_MS",
    "LEVEL_MEANINGS",
    "VANTAGE",
    "answer",
    "clock",
    "decibans",
    "distance",
    "duration",
    "joined",
    "kilometres",
    "length",
    "limits",
    "losses",
    "milliseconds",
    "moment",
    "number",
    "origin",
    "percent",
    "plural",
    "scope",
    "session_sentence",
    "short_mac",
    "shortened",
    "size",
    "span",
    "verdict_sentence",
]

_TO = "\u2013"  # en dash
KM_PER_MS = 99.93  #: distance per millisecond of round trip at most: half of 199.86 km/ms, light in glass of index 1.5
FARTHEST_KM = 20015  #: half the circumference of the Earth: a larger bound excludes nothing

CLAIM_TITLES = {
    Claim.DRIVEN: "Driven: is somebody else's hand on it?",
    Claim.ABROAD: "Abroad: is that hand far from where the device should be?",
    Claim.FARM: "Farm: is it one of several in the same place?",
}
LEVEL_MEANINGS = {
    Level.STRONG: "two independent families of evidence agree, or one record states the fact outright",
    Level.REVIEW: "enough to ask a person to look, not enough to conclude",
    Level.CLEAR: "what was looked at speaks against it or shows nothing",
    Level.NOT_ENOUGH_DATA: "too little was seen to say anything; this is not the same as clear",
}
VANTAGE = {
    "host": "on the laptop",
    "lan": "on its local network",
    "gateway": "at a gateway",
    "unknown": "unknown",
}
FAIRNESS = (
    "Every statement here is about a device and its traffic, never about a person. A high level means the traffic is "
    "consistent with remote operation of this device; help desks, second computers, assistive technology and travel "
    "look alike. A person decides, after hearing the benign explanations, and records the reason."
)
GLOSSARY = (
    ("driven", "Input reaches the device from somebody who is not in front of it."),
    ("abroad", "The person at the far end is farther away than the device's declared place allows."),
    ("farm", "Several devices kept in one place and driven from elsewhere."),
    ("level", "strong, review, clear or not enough data: how far the evidence carries one claim."),
    ("family", "Where evidence comes from: names, timing, hardware, identity or place. One cause can fool one family."),
    ("deciban", "A tenth of a power of ten of odds: +10 makes a claim ten times as likely, -10 ten times less likely."),
    ("prior", "The odds before looking, as decibans: how rare the thing is among all devices."),
    ("transport RTT", "Round trip to whatever answers the packets, which may be a relay near the device."),
    ("loop RTT", "Time from a screen update leaving until the far hand reacts; it crosses every relay."),
    ("distance bound", "Light in fibre reaches at most 99.93 km per millisecond of round trip: a limit, not a place."),
    ("role", "controlled: this device is driven; controlling: its user drives another one; unclear: not decided."),
    ("vantage", "Where the capture was made: on the laptop, on its local network, or at a gateway."),
    ("no data", "A detector had nothing to look at, so its silence says nothing."),
    ("KVM over IP", "A box on the display and USB ports through which somebody far away sees and types."),
)  # fmt: skip
_LONGEST_SPAN_S = 366 * 86400  # a capture that spans more has a broken clock and would drown the sum
_VANTAGE_LIMITS = {
    "host": "A capture made on the laptop cannot show an external KVM's own traffic, only its local chatter.",
    "lan": "A capture on the local network cannot show what happens inside the laptop: USB, displays, sign-ins.",
    "gateway": "A capture at a gateway shows the typing that crosses it, not the hand, nor the local network.",
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
_ROLES = {
    Role.CONTROLLED: "this device is driven",
    Role.CONTROLLING: "its user drives another machine",
    Role.UNCLEAR: "who drives whom is unclear",
}


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


def kilometres(value: float) -> str:
    """Kilometres, rounded up to two leading digits because they are bounds; never 0, which no bound can be."""
    if value < 100:
        return f"{max(math.ceil(value), 1)} km"
    step = 10 ** (len(str(int(value))) - 2)
    return f"{number(int(-(-value // step)) * step)} km"


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


def verdict_sentence(claim: Claim, level: Level) -> str:
    """A level of one claim in plain words."""
    return _VERDICTS[claim, level]


def losses(entry: InputFile) -> list[str]:
    """What could not be used of an input, with how much it covers where that is more than one."""
    return [f"{reason} ({number(count)})" if count > 1 else reason for reason, count in sorted(entry.rejects.items())]


def scope(report: Report) -> str:
    """One line: what was read, how much, from where, and whether all of it."""
    inputs = report.inputs
    kinds = "capture" if all(entry.kind.startswith("pcap") or entry.kind == "" for entry in inputs) else "input"
    spans = [length(entry.first_ts, entry.last_ts) for entry in inputs if entry.first_ts and entry.last_ts]
    seconds = sum(span for span in spans if span <= _LONGEST_SPAN_S)
    vantages = sorted({VANTAGE[entry.vantage] for entry in inputs if entry.error is None})
    broken = sum(not entry.complete and entry.error is None for entry in inputs)
    lost = sum(entry.error is not None for entry in inputs)
    state = [f"{broken} DAMAGED"] * bool(broken) + [f"{lost} UNREADABLE"] * bool(lost)
    parts = [
        plural(len(inputs), kinds),
        plural(sum(entry.packets for entry in inputs), "packet"),
        duration(seconds),
        plural(sum(entry.flows for entry in inputs), "flow"),
        f"vantage: {', '.join(vantages) or 'none'}",
        ", ".join(state) or "complete",
    ]
    return " · ".join(parts)


def limits(inputs: tuple[InputFile, ...]) -> tuple[str, ...]:
    """What the places of capture could not show."""
    return tuple(_VANTAGE_LIMITS[vantage] for vantage in sorted({entry.vantage for entry in inputs}))


def session_sentence(session: Session) -> str:
    """One session in one sentence: tool, other end, when, role, volume, round trips, distance."""
    path = {True: ", through a relay", False: ", direct", None: ""}[session.relayed]
    far = session.remote_name or session.remote
    lasted = f"{duration(length(session.start, session.end))} from {clock(session.start)}"
    parts = [
        f"{session.tool_name or session.tool} with {shortened(far, 60)}{path}: {lasted}",
        f"{_ROLES[session.role]} ({percent(session.role_probability)})",
    ]
    if session.input_events is not None:
        parts.append(plural(session.input_events, "input event"))
    parts.append(f"{size(session.bytes_out)} out, {size(session.bytes_in)} in")
    parts.extend(_round_trips(session))
    return "; ".join(parts)


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
    return said


def distance(found: Distance | None) -> str:
    """How far away the other end can be, in words; '' where nothing bounds it."""
    if found is None:
        return ""
    likely = f", likely {kilometres(found.likely[0])} to {kilometres(found.likely[1])}" if found.likely else ""
    if found.at_most >= FARTHEST_KM:
        return f"anywhere on Earth by its round trip{likely}"
    return f"at most {kilometres(found.at_most)} away{likely}"


def answer(report: Report) -> str:
    """The report's answer in one sentence."""
    if not report.devices:
        return "No device was found in the input."
    counts = [(level, sum(device_level(device) is level for device in report.devices)) for level in Level]
    said = [f"{number(count)} {level}" for level, count in counts if count]
    return f"{plural(len(report.devices), 'device')}: {', '.join(said)}"
