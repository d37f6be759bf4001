"""Sessions of recognised tools: which flows belong together, which end is driven, direct or through a relay.

The role comes from the protocol where it proves one (who speaks first in VNC, who asks in RDP, who answers the SSH key
exchange), never from who dialled. Where the content is hidden, the byte direction of a remote-screen tool tells: the
driven end sends pictures and receives keystrokes. Published captures show 80 times more bytes out of the driven end of
a direct AnyDesk session and 15 times through its relay (docs/evidence.md, M8), 2.2 to 29 times for RDP. A file that
is sent has the same shape, so the other direction must also hold minutes of small packets paced like a hand; below all
that the role stays ``unclear``. An SSH client whose human-paced packets are too large for
typed keys carries another connection inside (``ssh -R``, ``ssh -J``), and then its end of the line proves nothing
(:func:`farmwatch.analysis.flows.device_flows`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.logs import uncounted
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.sightings import is_approved, is_own_name
from farmwatch.knowledge import Entry, Knowledge, Layer, Match, Side, Sign
from farmwatch.records import ABSENT, DeviceFlow, RemoteSession, Table

__all__ = ["CONTROL_PROTOCOLS", "NO_SESSION", "endpoint", "named_sessions", "timed_rows"]

NO_SESSION = "an attempt or a waiting line only, no session ran"  #: ends the reason of a role nobody acted in

_GAP_NS = 900 * 1_000_000_000  #: flows of one tool and far end closer than this are one session; agents poll that often
_LIVE_BYTES = 4_000  #: payload beyond greetings and certificates, both directions together
_LIVE_PACKETS = 6  #: data packets each way beyond a refused or abandoned greeting
_LIVE_RATE = (
    100.0  #: payload bytes per second with traffic; keep-alives stay below (lab: 40), typing is above (lab: 200)
)
_LIVE_GAPS = 20  #: or this many human-paced gaps between small packets
_SHAPE_BYTES = 50_000  #: bytes in the heavy direction before byte direction may speak
_SHAPE_RATIO = 10.0  #: heavy over light direction; below it the role stays unclear
_SHAPE_SECONDS = 120  #: with traffic from the light side: a file goes out in seconds, a screen is worked on for minutes
_SHAPE_GAPS = 30  #: human-paced gaps between the light side's small packets: keys and pointer, not acknowledgements
_LEAST_UDP_SAMPLES = 3
_SCREEN_KINDS = frozenset({"remote_access", "rmm"})

#: Application protocols that are remote control: knowledge entry, and how sure the proven side is. Laplace estimates of
#: "who speaks first" over labelled captures: VNC 29 of 29 flows, RDP 336 of 336 (docs/evidence.md, M8);
#: the rest judged.
CONTROL_PROTOCOLS: dict[str, tuple[str, float]] = {
    "rfb": ("vnc", 30 / 31),
    "rdp": ("rdp", 337 / 338),
    "rdp-udp": ("rdp", 0.95),
    "ssh": ("ssh", 0.95),
    "nomachine": ("nomachine", 0.9),
    "radmin": ("radmin", 0.9),
    "citrix": ("citrix", 0.9),
    "rustdesk": ("rustdesk", 0.9),
    "teamviewer": ("teamviewer", 0.5),
    "anydesk": ("anydesk", 0.5),
}


@dataclass(frozen=True, slots=True)
class _Member:
    row: int
    entry: str
    name: str
    vendor: str
    unattended: bool
    approved: bool
    relay: bool | None


def named_sessions(
    flows: Table[DeviceFlow],
    by_flow: Mapping[tuple[int, int], tuple[Match, ...]],
    knowledge: Knowledge,
    profile: Profile,
    proofs: Mapping[tuple[int, int], str],
) -> Table[RemoteSession]:
    """All sessions of known remote-control tools and protocols, in order of device, start and tool.

    Args:
        flows: of all devices.
        by_flow: signs of products, by input and flow.
        knowledge: of products.
        profile: what the company approves.
        proofs: by input and flow, what in the bytes shows the protocol and the driven end.
    """
    groups: dict[tuple[str, int, str, str], list[_Member]] = defaultdict(list)
    for member in _members(flows, by_flow, knowledge, profile):
        device, number = str(flows["device_id"][member.row]), int(flows["input"][member.row])
        groups[device, number, member.entry, str(flows["remote_h"][member.row])].append(member)
    found = [_session(run, flows, profile, proofs) for key in sorted(groups) for run in _runs(groups[key], flows)]
    found.sort(
        key=lambda session: (
            session["device_id"],
            session["input"],
            session["start"],
            session["tool"],
            session["remote"],
        )
    )
    for number, session in enumerate(found, 1):
        session["session_id"] = f"S{number}"
    schema = RemoteSession.columns
    return Table(RemoteSession, {name: schema[name].array([session[name] for session in found]) for name in schema})


def _members(
    flows: Table[DeviceFlow],
    by_flow: Mapping[tuple[int, int], tuple[Match, ...]],
    knowledge: Knowledge,
    profile: Profile,
) -> list[_Member]:
    """Every flow of a device that carries a remote-control tool or protocol."""
    flagged = {key: match for key, matches in by_flow.items() if (match := next(filter(_is_session, matches), None))}
    relays = {key: {match.id for match in matches if match.side is Side.RELAY} for key, matches in by_flow.items()}
    names = flows["remote_name"].tolist()
    named = {
        name: match
        for name in set(names)
        if name and (match := next(filter(_is_session, knowledge.match_domain(name)), None))
    }
    found: list[_Member] = []
    keys = zip(flows["input"].tolist(), flows["flow"].tolist(), names, flows["protocol"].tolist(), strict=True)
    for row, (number, flow, name, protocol) in enumerate(keys):
        match = flagged.get((number, flow))
        if match is None and name in named and flows["remote_scope"][row] != "local":
            match = named[name]
        if protocol in CONTROL_PROTOCOLS:
            entry_id = CONTROL_PROTOCOLS[protocol][0]
            entry = knowledge.entry(entry_id)
        elif match is not None:
            entry_id, entry = match.id, match.entry
        else:
            continue
        by_relay = (
            entry_id in relays.get((number, flow), ())
            or _is_relay(match, entry_id)
            or _is_relay(named.get(name), entry_id)
        )
        found.append(_member(row, entry_id, entry, profile, relay=True if by_relay else None))
    return found


def _is_relay(match: Match | None, entry_id: str) -> bool:
    return match is not None and match.id == entry_id and match.side is Side.RELAY


def _is_session(match: Match) -> bool:
    """Whether a match makes its flow a session; a port is only among them where the device shows its product."""
    stands = match.alone or match.fact.layer is Layer.PORT
    return match.sign is Sign.SESSION and stands and str(match.entry.kind) in _SCREEN_KINDS


def _member(row: int, entry_id: str, entry: Entry | None, profile: Profile, *, relay: bool | None) -> _Member:
    if entry is None:
        return _Member(row, entry_id, entry_id.upper(), entry_id, False, entry_id in profile.approved_tools, relay)
    return _Member(row, entry.id, entry.name, entry.vendor, entry.unattended, is_approved(entry, profile), relay)


def _runs(members: Sequence[_Member], flows: Table[DeviceFlow]) -> list[list[_Member]]:
    """Members cut where nothing ran for a while."""
    ordered = sorted(members, key=lambda member: (int(flows["ts"][member.row].astype(np.int64)), member.row))
    runs: list[list[_Member]] = []
    reach = 0
    for member in ordered:
        start, end = (int(flows[name][member.row].astype(np.int64)) for name in ("ts", "last_ts"))
        if runs and start - reach <= _GAP_NS:
            runs[-1].append(member)
            reach = max(reach, end)
        else:
            runs.append([member])
            reach = end
    return runs


_SUMMED = (
    "bytes_out", "bytes_in", "small_in", "small_gaps_in", "small_out", "small_gaps_out",
)  # fmt: skip


def _session(
    run: Sequence[_Member], flows: Table[DeviceFlow], profile: Profile, proofs: Mapping[tuple[int, int], str]
) -> dict[str, Any]:
    rows = np.array([member.row for member in run])
    total = {name: int(flows[name][rows].sum()) for name in _SUMMED}
    largest = int(rows[np.argmax(flows["bytes_out"][rows] + flows["bytes_in"][rows])])
    role, probability, reason, proven = _role(rows, flows, total, proofs)
    live = _is_live(rows, flows)
    if proven and not live:
        reason += f"; {NO_SESSION}"
    sampled = timed_rows(flows, rows)
    best = int(sampled[np.argmax(flows["rtt_samples"][sampled])]) if len(sampled) else -1
    relays = [member.relay for member in run if member.relay is not None]
    first = run[0]
    return {
        "session_id": "",
        "device_id": flows["device_id"][largest],
        "input": int(flows["input"][largest]),
        "tool": first.entry,
        "tool_name": first.name,
        "vendor": first.vendor,
        "approved": first.approved or is_own_name(flows["remote_name"][largest], profile),
        "unattended": first.unattended,
        "start": flows["ts"][rows].min(),
        "end": flows["last_ts"][rows].max(),
        "proto": flows["proto"][largest],
        "local": endpoint(flows["local_h"][largest], flows["local_p"][largest]),
        "remote": endpoint(flows["remote_h"][largest], flows["remote_p"][largest]),
        "remote_scope": flows["remote_scope"][largest],
        "remote_name": flows["remote_name"][largest],
        "relayed": int(any(relays)) if relays else None,
        "role": role,
        "role_probability": probability,
        "role_reason": reason,
        "proven": proven,
        "dialled": bool((flows["local_side"][rows] == 0).all()),
        "live": live,
        "rtt_ms": float(flows["rtt_ms"][best]) if best >= 0 else None,
        "rtt_samples": int(flows["rtt_samples"][best]) if best >= 0 else 0,
        **{name: total[name] for name in _SUMMED},
        "flows": len(rows),
        "members": ",".join(map(str, sorted(flows["flow"][rows].tolist()))),
        "meeting": False,
        "timed": False,
        "timing": "",
        "input_events": None,
        "presses": None,
        "loop_rtt_ms": None,
        "loop_low_ms": None,
        "loop_high_ms": None,
        "loop_samples": 0,
        "loop_note": "",
        "relay_reason": "",
        "first_packet": int(flows["first_packet"][rows].min()),
        "last_packet": int(flows["last_packet"][rows].max()),
    }  # fmt: skip


def _is_live(rows: NDArray[np.int64], flows: Table[DeviceFlow]) -> bool:
    """Whether somebody worked in one of the flows: data both ways, denser than keep-alives or paced like a hand."""

    def both(name: str) -> NDArray[np.int64]:
        return np.asarray(flows[f"{name}_out"][rows] + flows[f"{name}_in"][rows])

    payload = both("bytes")
    logged = uncounted(flows, rows)
    data = np.minimum(flows["data_pkts_out"][rows], flows["data_pkts_in"][rows])
    # A log counts packets with and without data together, and shows no more of the time than how long it was.
    data = np.where(logged, np.minimum(flows["pkts_out"][rows], flows["pkts_in"][rows]) // 2, data)
    lasted = (flows["last_ts"][rows] - flows["ts"][rows]).astype(np.int64) / 1e9
    answered = data >= _LIVE_PACKETS
    dense = payload / np.maximum(1, np.where(logged, lasted, both("active_s"))) >= _LIVE_RATE
    enough = flows["established"][rows] & answered & (payload >= _LIVE_BYTES)
    return bool((enough & (dense | (both("small_gaps") >= _LIVE_GAPS))).any())


def _role(
    rows: NDArray[np.int64],
    flows: Table[DeviceFlow],
    total: Mapping[str, int],
    proofs: Mapping[tuple[int, int], str],
) -> tuple[str, float, str, bool]:
    """Role, its probability, what decides it, and whether that is the protocol itself."""
    shown = rows[flows["controlled"][rows] != ABSENT]
    if len(shown):
        first = shown[np.lexsort((flows["flow"][shown], flows["ts"][shown]))[0]]
        driven, protocol = int(flows["controlled"][first]), str(flows["protocol"][first])
        probability = CONTROL_PROTOCOLS.get(protocol, ("", 0.9))[1]
        role = "controlled" if driven else "controlling"
        reason = f"the {protocol} protocol itself shows which end is driven"
        proof = proofs.get((int(flows["input"][first]), int(flows["flow"][first])))
        return role, probability, f"{reason}: {proof}" if proof else reason, True
    out, into = total["bytes_out"], total["bytes_in"]
    heavy, light = max(out, into), max(1, min(out, into))
    hand = "in" if out > into else "out"
    worked = int(flows[f"active_s_{hand}"][rows].sum()) >= _SHAPE_SECONDS and total[f"small_gaps_{hand}"] >= _SHAPE_GAPS
    if worked and heavy >= _SHAPE_BYTES and heavy / light >= _SHAPE_RATIO and light > 1:
        role = "controlled" if out > into else "controlling"
        return (
            role,
            0.85,
            f"{heavy / light:.0f} times more bytes {'leave' if out > into else 'reach'} the device",
            False,
        )
    if (flows["protocol"][rows] == "ssh").any():
        return "unclear", 0.5, "no end shown, or another connection runs inside this one: who types is not shown", False
    return "unclear", 0.5, "neither the protocol nor the byte direction decides it", False


def timed_rows(flows: Table[DeviceFlow], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those rows whose round trip can be trusted: the few of a datagram flow may have waited for a program to start."""
    known = ~np.isnan(flows["rtt_ms"][rows])
    enough = (flows["proto"][rows] != "udp") | (flows["rtt_samples"][rows] >= _LEAST_UDP_SAMPLES)
    return np.asarray(rows[known & enough])


def endpoint(address: str, port: int) -> str:
    """``address:port``, with brackets around IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
