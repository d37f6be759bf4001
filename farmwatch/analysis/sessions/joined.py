"""Sessions of known tools and what timing says, put together: one table of sessions.

Timing fills in what the protocol leaves open (the role inside TLS, the loop, the relay) and adds sessions of tools that
nobody recognised. What the protocol itself proves stands: timing never turns a proven role round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from farmwatch.analysis.sessions.named import timed_rows
from farmwatch.knowledge import Kind, Match
from farmwatch.records import ABSENT, DeviceFlow, HandFlow, RemoteSession, Table

__all__ = ["UNKNOWN_TOOL", "joined_sessions"]

UNKNOWN_TOOL = "unknown"  #: id of the tool of a session that only its timing shows


def joined_sessions(
    sessions: Table[RemoteSession],
    hands: Table[HandFlow],
    flows: Table[DeviceFlow],
    by_flow: Mapping[tuple[int, int], tuple[Match, ...]],
) -> Table[RemoteSession]:
    """All sessions, numbered anew in order of device, start and tool.

    Args:
        sessions: of known tools and protocols.
        hands: what timing says of flows.
        flows: of all devices.
        by_flow: signs of products, by input and flow; a meeting service's own flows are named after it.
    """
    of_flow = _by_flow(hands)
    rows = [dict(zip(RemoteSession.columns, values, strict=True)) for values in _values(sessions)]
    taken: set[int] = set()
    for row in rows:
        members = [int(flow) for flow in row["members"].split(",")]
        own = {of_flow[key] for flow in members if (key := (row["device_id"], row["input"], flow)) in of_flow}
        own -= taken  # one hand over the channels of two tools is told once
        if own:
            taken |= own
            # The flow with most input speaks for the session: others are idle channels of the same tool.
            best = max(own, key=lambda hand: (hands["role"][hand] != "unclear", int(hands["events"][hand])))
            _fill(row, hands, best)
    shown = np.flatnonzero(np.isin(hands["role"].astype(str), ("controlled", "controlling")))
    place = {key: row for row, key in enumerate(zip(*(flows[n].tolist() for n in _FLOW_KEY), strict=True))}
    rows.extend(_unknown(hands, hand, flows, place, by_flow) for hand in shown.tolist() if hand not in taken)
    rows.sort(key=lambda row: (row["device_id"], row["input"], row["start"], row["tool"], row["remote"]))
    for number, row in enumerate(rows, 1):
        row["session_id"] = f"S{number}"
    schema = RemoteSession.columns
    return Table(RemoteSession, {name: schema[name].array([row[name] for row in rows]) for name in schema})


_FLOW_KEY = ("device_id", "input", "flow")


def _values(table: Table[Any]) -> list[tuple[Any, ...]]:
    """Rows as tuples of stored values."""
    return list(zip(*(list(table[name]) for name in table.record.columns), strict=True)) if len(table) else []


def _by_flow(hands: Table[HandFlow]) -> dict[tuple[str, int, int], int]:
    found: dict[tuple[str, int, int], int] = {}
    for row, (device, number, members) in enumerate(
        zip(hands["device_id"].tolist(), hands["input"].tolist(), hands["members"].tolist(), strict=True)
    ):
        for flow in members.split(","):
            found[device, number, int(flow)] = row
    return found


def _fill(row: dict[str, Any], hands: Table[HandFlow], hand: int) -> None:
    role = str(hands["role"][hand])
    chance = {"controlled": hands["controlled_p"], "controlling": hands["controlling_p"]}
    if role in chance and not row["proven"]:
        row["role"] = role
        row["role_probability"] = float(chance[role][hand])
        row["role_reason"] = f"timing: {hands['why'][hand]}"
    if role in chance and row["role"] == role:
        row["timed"] = True
        row["timing"] = hands["why"][hand]
        row["input_events"] = int(hands["events"][hand]) + int(hands["sweeps"][hand])
        row["presses"] = int(hands["presses"][hand])
    if row["role"] != "controlling":
        for name in ("loop_rtt_ms", "loop_low_ms", "loop_high_ms"):
            row[name] = float(hands[name][hand])
        row["loop_samples"] = int(hands["loop_samples"][hand])
        row["loop_note"] = _note(hands, hand)
        row["relay_reason"] = hands["relay_reason"][hand]
        if row["relayed"] in (None, ABSENT) and hands["relayed"][hand] != ABSENT:
            row["relayed"] = int(hands["relayed"][hand])


def _note(hands: Table[HandFlow], hand: int) -> str:
    if hands["no_loop"][hand]:
        return str(hands["no_loop"][hand])
    notes = []
    if hands["upper_bound"][hand]:
        notes.append("upper bound: large frames need decoding and several flights before they are answered")
    if hands["mixed"][hand]:
        notes.append("answers and input share one size: less sure")
    return "; ".join(notes)


def _unknown(
    hands: Table[HandFlow],
    hand: int,
    flows: Table[DeviceFlow],
    place: dict[tuple[Any, ...], int],
    by_flow: Mapping[tuple[int, int], tuple[Match, ...]],
) -> dict[str, Any]:
    """A session that only its timing shows."""
    device, number = hands["device_id"][hand], int(hands["input"][hand])
    members = [int(flow) for flow in hands["members"][hand].split(",")]
    rows = np.array([place[device, number, flow] for flow in members])
    main = int(rows[np.argmax(flows["bytes_out"][rows] + flows["bytes_in"][rows])])
    sampled = timed_rows(flows, rows)
    best = int(sampled[np.argmax(flows["rtt_samples"][sampled])]) if len(sampled) else -1
    meeting = next(
        (match for flow in members for match in by_flow.get((number, flow), ()) if match.entry.kind == Kind.MEETING),
        None,
    )
    row: dict[str, Any] = {
        "session_id": "",
        "device_id": device,
        "input": number,
        "tool": meeting.id if meeting else UNKNOWN_TOOL,
        "tool_name": meeting.entry.name if meeting else "an unknown tool",
        "vendor": meeting.entry.vendor if meeting else "",
        "approved": False,
        "unattended": False,
        "start": flows["ts"][rows].min(),
        "end": flows["last_ts"][rows].max(),
        "proto": hands["proto"][hand],
        "local": hands["local"][hand],
        "remote": hands["remote"][hand],
        "remote_scope": hands["remote_scope"][hand],
        "remote_name": flows["remote_name"][main],
        "relayed": ABSENT,
        "role": "unclear",
        "role_probability": 0.5,
        "role_reason": "",
        "proven": False,
        "dialled": bool((flows["local_side"][rows] == 0).all()),
        "live": True,
        "rtt_ms": float(flows["rtt_ms"][best]) if best >= 0 else np.nan,
        "rtt_samples": int(flows["rtt_samples"][best]) if best >= 0 else 0,
        "flows": len(rows),
        "members": hands["members"][hand],
        "first_packet": int(hands["first_packet"][hand]),
        "last_packet": int(hands["last_packet"][hand]),
        "meeting": meeting is not None,
        "timed": False,
        "timing": "",
        "input_events": ABSENT,
        "presses": ABSENT,
        "loop_rtt_ms": np.nan,
        "loop_low_ms": np.nan,
        "loop_high_ms": np.nan,
        "loop_samples": 0,
        "loop_note": "",
        "relay_reason": "",
    }
    for name in ("bytes_out", "bytes_in", "small_in", "small_gaps_in", "small_out", "small_gaps_out"):
        row[name] = int(flows[name][rows].sum())
    _fill(row, hands, hand)
    return row
