"""How far the hand behind each session may be: what is known of every session, put to the model of regions.

A session keeps its hand *near* where its loop is short: whatever answers by itself is no farther than its loop allows.
A gateway that speaks the protocol itself, such as a web gateway, answers in a person's stead. A laptop dials such a
gateway, and what it says is hidden, so a short loop keeps near only a far end that dialled in, or one whose protocol
was seen in the open. Tunnels are never taken for near, because their own ends answer too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from farmwatch.analysis.sessions.hands import TUNNELS
from farmwatch.analysis.sessions.regions import LONGEST_MS, NEAR_MS, Reach, reach
from farmwatch.knowledge.regions import load_regions
from farmwatch.records import DeviceFlow, DeviceSeen, HandFlow, RemoteSession, Table, Tables
from farmwatch.records.distance import KM_PER_MS, at_most

__all__ = ["SessionReach", "session_reaches"]

_LEAST_SAMPLES = 3  #: transport round trips that speak alone; fewer may have waited for a program to start
_SPOKEN = frozenset({"rfb", "rdp", "rdp-udp"})  #: protocols seen in the open: no other is spoken to whoever answers


@dataclass(frozen=True, slots=True)
class SessionReach:
    """What the round trips of one session say of the hand behind it."""

    reach: Reach | None  #: None without a round trip that reaches the hand
    loop_low_ms: float | None
    transport_ms: float | None
    limit_ms: float | None  #: the profile's limit for this device
    upper_bound: bool
    tunnel: bool  #: the flow is a tunnel
    near: bool  #: its round trip keeps the hand near, or within the profile's limit
    why: str  #: what keeps it near, or why nothing does; in words


def session_reaches(tables: Tables) -> dict[str, SessionReach]:
    """By session id; sessions that this device drives, or in which nobody worked, are left out."""
    sessions, seen = tables[RemoteSession], tables[DeviceSeen]
    judged = np.flatnonzero(sessions["live"] & (sessions["role"] != "controlling")).tolist()
    if not judged:
        return {}
    limits = dict(zip(seen["device_id"].tolist(), seen["max_rtt_ms"].tolist(), strict=True))
    elsewhere = _elsewhere(seen)
    flags, protocols = _loop_flags(tables[HandFlow]), _protocols(tables[DeviceFlow])
    found = {}
    for row in judged:
        session = sessions.row(row)
        flows = [(session.device_id, session.input, int(flow)) for flow in session.members.split(",") if flow]
        rough = [flags[key] for key in flows if key in flags]
        limit = limits.get(session.device_id)
        found[session.session_id] = _of_session(
            session,
            limit=None if limit is None or np.isnan(limit) else limit,
            tunnel=session.tool in TUNNELS or any(protocols.get(key) in TUNNELS for key in flows),
            gateway=session.dialled and not any(protocols.get(key) in _SPOKEN for key in flows),
            at_home=session.device_id not in elsewhere,
            upper_bound=any(upper for upper, _ in rough),
            mixed=any(mixed for _, mixed in rough),
        )
    return found


def _of_session(
    session: RemoteSession,
    *,
    limit: float | None,
    tunnel: bool,
    gateway: bool,
    at_home: bool,
    upper_bound: bool,
    mixed: bool,
) -> SessionReach:
    loop = session.loop_low_ms
    # Taken from a loop, a round trip that waited makes the rest too short, never too long: any sample will do.
    transport = session.rtt_ms if session.rtt_samples >= (_LEAST_SAMPLES if loop is None else 1) else None
    direct = session.relayed == 0 and not tunnel
    timed = loop if loop is not None else transport if direct else None
    short = timed is not None and timed <= (NEAR_MS if limit is None else limit)
    near = short and not tunnel and not gateway
    found = None if timed is None else reach(loop_ms=loop, transport_ms=transport, upper_bound=upper_bound, mixed=mixed)
    if found is not None and not at_home:
        found = replace(found, regions=())  # named as seen from where the table starts
    return SessionReach(
        reach=found,
        loop_low_ms=loop,
        transport_ms=transport,
        limit_ms=limit,
        upper_bound=upper_bound,
        tunnel=tunnel,
        near=near,
        why=_why(session, timed, found, near=near, tunnel=tunnel, gateway=gateway and short),
    )


def _why(
    session: RemoteSession, timed: float | None, found: Reach | None, *, near: bool, tunnel: bool, gateway: bool
) -> str:
    if timed is None or found is None:
        return "a relay may hide how far the person behind the session is, and that was not measured"
    what = "answers in a loop of" if session.loop_low_ms is not None else "is direct and answers in"
    if near:
        return f"what {what} {timed:.0f} ms is {at_most(timed * KM_PER_MS)} away"
    if tunnel:
        return f"what {what} {timed:.0f} ms may be the tunnel's own end, short of the person"
    if gateway:
        return f"what {what} {timed:.0f} ms may be a gateway that this device dialled, short of the person"
    if timed > LONGEST_MS:
        return f"what {what} {timed:.0f} ms takes longer than any way on earth: something else delays it"
    if not found.nearby:
        return f"what {what} {timed:.0f} ms is hardly near, unless its line or program is slow"
    return f"what {what} {timed:.0f} ms may be near on a slow line or far on a good one"


def _elsewhere(seen: Table[DeviceSeen]) -> set[str]:
    """Devices declared to be away from where the table of regions starts; a place without coordinates may be, too."""
    columns = ("device_id", "place", "latitude", "longitude")
    rows = zip(*(seen[name].tolist() for name in columns), strict=True)
    home = load_regions().is_home
    return {
        device
        for device, place, latitude, longitude in rows
        if place and (np.isnan(latitude) or np.isnan(longitude) or not home(latitude, longitude))
    }


def _loop_flags(hands: Table[HandFlow]) -> dict[tuple[str, int, int], tuple[bool, bool]]:
    """By device, input and flow: whether its loop is an upper bound, and of mixed sizes."""
    columns = ("device_id", "input", "members", "upper_bound", "mixed")
    rows = zip(*(hands[name].tolist() for name in columns), strict=True)
    return {
        (device, number, int(flow)): (upper, mixed)
        for device, number, members, upper, mixed in rows
        for flow in members.split(",")
        if flow
    }


def _protocols(flows: Table[DeviceFlow]) -> dict[tuple[str, int, int], str | None]:
    """Protocol by device, input and flow: of tunnels, and of those seen in the open."""
    protocol = flows["protocol"]
    known = np.flatnonzero(np.logical_or.reduce([protocol == name for name in sorted(TUNNELS | _SPOKEN)]))
    columns = ("device_id", "input", "flow", "protocol")
    rows = zip(*(flows[name][known].tolist() for name in columns), strict=True)
    return {(device, number, flow): protocol for device, number, flow, protocol in rows}
