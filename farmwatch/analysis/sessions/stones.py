"""Stepping stones among a device's flows: pairs worth judging, judged, as the ``stepping_stones`` table.

A pair is a flow over which a hand may come in and one that the device opened itself and that carries typing out: SSH,
RDP, VNC, telnet, or whatever timing shows to drive its far end. Both must run at the same time in one capture and lead
to different hosts. On a capture of a gateway every device of the network is looked at this way, so a chain through
several of them shows as one row for each. What runs through address translation or a tunnel in between shares no host
with anything and is not paired.

At most :data:`MOST_PAIRS` pairs of a run are judged, those with most human-paced packets first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.features import Behaviour
from farmwatch.analysis.sessions.flow_series import DeviceSeries, device_series
from farmwatch.analysis.sessions.hands import Measured
from farmwatch.analysis.sessions.named import endpoint
from farmwatch.analysis.sessions.stepping import Relation, relate
from farmwatch.records import DeviceFlow, HandFlow, Rows, SeriesFlow, SteppingStone, Table, Tables

__all__ = ["MOST_PAIRS", "TYPED_PROTOCOLS", "hand_roles", "input_times", "stepping_stones"]

MOST_PAIRS = 100  #: of one run
TYPED_PROTOCOLS = frozenset(
    {"ssh", "rdp", "rdp-udp", "rfb", "telnet", "nomachine", "citrix"}
)  #: keys go out one by one

_LEAST_GAPS = 20  #: human-paced gaps between small packets; fewer are a login
_LEAST_TOGETHER_NS = 10 * 1_000_000_000
_SMALL = 256  #: bytes of a message that may hold a key; the rest is data
_FAR_S = 9e9  #: seconds from 1970 beyond which 64 bits of nanoseconds leave no room for shifts
_MOST_RIVALS = 20  #: flows whose packets stand for what is common to the whole device


@dataclass(frozen=True, slots=True)
class _Pair:
    lead: DeviceSeries
    follow: DeviceSeries
    gaps: int


def stepping_stones(tables: Tables, measured: Measured) -> Table[SteppingStone]:
    """Judge the pairs of all devices.

    Args:
        tables: with ``device_flows``, ``hands``, ``series`` and ``series_flows``.
        measured: the flows of ``device_flows`` that could be measured.

    Returns:
        One row for each pair that could be judged, stone or not.
    """
    roles = hand_roles(tables)
    flows = tables[DeviceFlow]
    worth = _worth_reading(flows, tables[SeriesFlow], roles)
    flows = flows.where(worth)
    every = {one.rows[0]: one for one in device_series(flows, tables) if len(one)}
    rows: Rows[SteppingStone] = Rows(SteppingStone)
    pairs = sorted(_pairs(flows, every, roles), key=lambda pair: (-pair.gaps, pair.lead.rows, pair.follow.rows))
    inputs: dict[int, NDArray[np.int64]] = {}
    beside: dict[tuple[str, int], list[DeviceSeries]] = {}
    for row, one in every.items():
        beside.setdefault(_key(flows, row)[:2], []).append(one)
    for pair in pairs[:MOST_PAIRS]:
        lead, follow = pair.lead.rows[0], pair.follow.rows[0]
        if lead not in inputs:
            inputs[lead] = input_times(pair.lead, measured.get(int(worth[lead])), incoming=True)
        role = roles.get(_key(flows, lead), "unclear")
        found = relate(
            inputs[lead],
            _ns(pair.follow.times_s[pair.follow.out & (pair.follow.sizes <= _SMALL)]),
            background=_rivals(flows, beside[_key(flows, lead)[:2]], lead, follow),
            held=role == "controlled",  # of a flow nobody is known to drive over, activity alone says too little
        )
        if found is not None:
            rows.add(**_row(flows, lead, follow, role, found))
    return rows.table()


def hand_roles(tables: Tables) -> dict[tuple[str, int, int], str]:
    """Role by device, input and flow: what the protocol proves, else what timing shows."""
    hands, flows = tables[HandFlow], tables[DeviceFlow]
    found: dict[tuple[str, int, int], str] = {}
    shown = zip(*(hands[name].tolist() for name in ("device_id", "input", "members", "role")), strict=True)
    for device, number, members, role in shown:
        for flow in filter(None, members.split(",")):
            found[device, number, int(flow)] = role
    proven = np.flatnonzero(flows.present("controlled"))
    for row in proven.tolist():
        found[_key(flows, row)] = "controlled" if flows["controlled"][row] else "controlling"
    return found


def input_times(
    series: DeviceSeries, measured: tuple[DeviceSeries, Behaviour] | None, *, incoming: bool
) -> NDArray[np.int64]:
    """Times in ns of one direction's messages that may be a hand's: small ones that answer nothing by themselves.

    Of a flow too short to be measured, all small messages.
    """
    if measured is None:
        return _ns(series.times_s[(series.out != incoming) & (series.sizes <= _SMALL)])
    side = measured[1].into if incoming else measured[1].out
    return _ns(side.times_s[side.hand.members])


def _ns(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Nanoseconds in order: clocks of captures step back, and stamps may be centuries off."""
    return np.sort(np.round(np.clip(seconds, -_FAR_S, _FAR_S) * 1e9).astype(np.int64))


def _key(flows: Table[DeviceFlow], row: int) -> tuple[str, int, int]:
    return str(flows["device_id"][row]), int(flows["input"][row]), int(flows["flow"][row])


def _worth_reading(
    flows: Table[DeviceFlow], kept: Table[SeriesFlow], roles: Mapping[tuple[str, int, int], str]
) -> NDArray[np.int64]:
    """Rows of the flows with a series of devices that have both ends of a pair; most captures have none."""
    timed = set(zip(kept["input"].tolist(), kept["flow"].tolist(), strict=True))
    rows: dict[tuple[str, int], list[int]] = {}
    ends: dict[tuple[str, int], set[str]] = {}
    keys = zip(*(flows[name].tolist() for name in ("device_id", "input", "flow")), strict=True)
    for row, key in enumerate(keys):
        device, number, flow = key
        if (number, flow) in timed:
            rows.setdefault((device, number), []).append(row)
            ends.setdefault((device, number), set()).update(_ends(flows, row, roles.get(key, "unclear")))
    return np.array([row for place, listed in rows.items() if len(ends[place]) == 2 for row in listed], np.int64)


def _ends(flows: Table[DeviceFlow], row: int, role: str) -> set[str]:
    """What a flow may be in a pair: lead, follow, both or neither."""
    found = set()
    if role != "controlling" and flows["small_gaps_in"][row] >= _LEAST_GAPS:
        found.add("lead")
    typed = flows["protocol"][row] in TYPED_PROTOCOLS or role == "controlling"
    opened = flows["local_side"][row] == 0 and role != "controlled"
    if typed and opened and flows["small_gaps_out"][row] >= _LEAST_GAPS:
        found.add("follow")
    return found


def _pairs(
    flows: Table[DeviceFlow], every: Mapping[int, DeviceSeries], roles: Mapping[tuple[str, int, int], str]
) -> Iterable[_Pair]:
    """Pairs of one device and input that overlap in time and lead to different hosts."""
    of_kind: dict[str, dict[tuple[str, int], list[int]]] = {"lead": {}, "follow": {}}
    for row in every:
        device, number, _ = key = _key(flows, row)
        for kind in _ends(flows, row, roles.get(key, "unclear")):
            of_kind[kind].setdefault((device, number), []).append(row)
    leads, follows = of_kind["lead"], of_kind["follow"]
    for place in leads.keys() & follows.keys():
        for lead in _strongest(leads[place], flows["small_gaps_in"]):
            for follow in _strongest(follows[place], flows["small_gaps_out"]):
                if lead == follow or flows["remote_h"][lead] == flows["remote_h"][follow]:
                    continue
                first, last = _together(every[lead], every[follow])
                if last - first >= _LEAST_TOGETHER_NS:
                    gaps = int(min(flows["small_gaps_in"][lead], flows["small_gaps_out"][follow]))
                    yield _Pair(every[lead], every[follow], gaps)


def _strongest(rows: Sequence[int], gaps: NDArray[np.int64]) -> list[int]:
    """The rows with most human-paced gaps; more than :data:`MOST_PAIRS` can never be judged."""
    return sorted(rows, key=lambda row: (-int(gaps[row]), row))[:MOST_PAIRS]


def _together(one: DeviceSeries, other: DeviceSeries) -> tuple[int, int]:
    first = max(float(one.times_s.min()), float(other.times_s.min()))
    last = min(float(one.times_s.max()), float(other.times_s.max()))
    return int(first * 1e9), int(last * 1e9)


def _rivals(
    flows: Table[DeviceFlow], every: Iterable[DeviceSeries], lead: int, follow: int
) -> NDArray[np.int64] | None:
    """Packets of the device's other flows, none with either far end: what is common to all proves nothing."""
    ends = {flows["remote_h"][lead], flows["remote_h"][follow]}
    rivals = [one for one in every if flows["remote_h"][one.rows[0]] not in ends]
    if not rivals:
        return None
    rivals.sort(key=lambda one: (-len(one), one.rows))
    return np.sort(np.concatenate([_ns(one.times_s) for one in rivals[:_MOST_RIVALS]]))


def _row(flows: Table[DeviceFlow], lead: int, follow: int, role: str, found: Relation) -> dict[str, Any]:
    wide, delay = found.correlation, found.following.delay_ms or (None, None, None)
    return {
        "device_id": flows["device_id"][lead],
        "input": int(flows["input"][lead]),
        "lead_flow": int(flows["flow"][lead]),
        "follow_flow": int(flows["flow"][follow]),
        "lead_remote": endpoint(flows["remote_h"][lead], int(flows["remote_p"][lead])),
        "lead_scope": flows["remote_scope"][lead],
        "lead_protocol": flows["protocol"][lead],
        "lead_role": role,
        "remote": endpoint(flows["remote_h"][follow], int(flows["remote_p"][follow])),
        "remote_scope": flows["remote_scope"][follow],
        "protocol": flows["protocol"][follow],
        "first_packet": int(flows["first_packet"][follow]),
        "last_packet": int(flows["last_packet"][follow]),
        "start": found.start,
        "end": found.end,
        "packets": found.following.packets,
        "followed": found.following.followed,
        "followed_by_chance": found.following.by_chance * found.following.packets,
        "followed_z": found.following.z,
        "delay_low_ms": delay[0],
        "delay_ms": delay[1],
        "delay_high_ms": delay[2],
        "resumes": found.on_off.follow_resumes,
        "resumes_matched": found.on_off.matched,
        "on_off": found.on_off.stone,
        "correlation": None if wide is None else wide.score,
        "correlation_z": None if wide is None else wide.z,
        "correlation_p": None if wide is None else wide.p_value,
        "shifts": 0 if wide is None else wide.shifts,
        "held": wide is not None and wide.held,
        "close": found.close,
        "stone": found.stone,
        "why": found.reason,
    }
