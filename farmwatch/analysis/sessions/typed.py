"""How typing in each flow is paced, as the ``typing`` table: aggregates only.

Looked at are the flows in which keys travel one by one, each in the direction the keys go: out where the device drives
something, in where it is driven. At most :data:`MOST_TYPED` flows of a run, those with most human-paced packets first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from farmwatch.analysis.sessions.flow_series import DeviceSeries, device_series
from farmwatch.analysis.sessions.hands import Measured
from farmwatch.analysis.sessions.keystrokes import Rhythm, rhythm
from farmwatch.analysis.sessions.named import endpoint
from farmwatch.analysis.sessions.stones import TYPED_PROTOCOLS, hand_roles, input_times
from farmwatch.records import DeviceFlow, Rows, SeriesFlow, Table, Tables, Typing

__all__ = ["MOST_TYPED", "typing_rows"]

MOST_TYPED = 100
_LEAST_GAPS = 30  #: human-paced gaps between small packets
_WEB_GAPS = 200  #: the same for plain TLS, which carries all sorts of things
_WEB_HUMAN = 0.5  #: of such a flow's gaps that must lie between 40 ms and 1.5 s
_EVEN = 8.0  #: shape of the gaps' law; people's is 2.5 to 4, timers' 20 and more


@dataclass(frozen=True, slots=True)
class _Way:
    row: int  #: of the flow
    incoming: bool
    web: bool
    gaps: int


def typing_rows(tables: Tables, measured: Measured) -> Table[Typing]:
    """Describe the typing of all devices.

    Args:
        tables: with ``device_flows``, ``hands``, ``series`` and ``series_flows``.
        measured: the flows of ``device_flows`` that could be measured.
    """
    ways = sorted(_ways(tables), key=lambda way: (-way.gaps, way.row))[:MOST_TYPED]
    flows = tables[DeviceFlow].where(np.array([way.row for way in ways], np.int64))
    found: list[dict[str, Any]] = []
    for series in device_series(flows, tables):
        way = ways[series.rows[0]]
        times = input_times(series, measured.get(way.row), incoming=way.incoming)
        seen = rhythm(times, flows["protocol"][series.rows[0]])
        if _is_typing(seen, web=way.web):
            found.append(_row(flows, series, way, seen))
    rows: Rows[Typing] = Rows(Typing)
    for row in sorted(found, key=lambda row: (row["device_id"], row["input"], row["flow"], row["way"])):
        rows.add(**row)
    return rows.table()


def _is_typing(seen: Rhythm, *, web: bool) -> bool:
    """Whether somebody may have typed that: enough gaps, none of a machine's evenness, or decoys that hide them."""
    if seen.pacing is not None and seen.pacing.decoys:
        return True
    if seen.human_gaps < _LEAST_GAPS or (web and seen.human_gaps < _WEB_HUMAN * seen.events):
        return False
    return seen.law is None or seen.law.shape <= _EVEN


def _ways(tables: Tables) -> Iterator[_Way]:
    """Flows that have a series, with the direction in which somebody types, if anybody does."""
    flows, kept, roles = tables[DeviceFlow], tables[SeriesFlow], hand_roles(tables)
    timed = set(zip(kept["input"].tolist(), kept["flow"].tolist(), strict=True))
    columns = ("device_id", "input", "flow", "protocol", "local_side", "small_gaps_in", "small_gaps_out")
    rows = zip(*(flows[name].tolist() for name in columns), strict=True)
    for row, (device, number, flow, protocol, side, gaps_in, gaps_out) in enumerate(rows):
        if (number, flow) not in timed:
            continue
        role = roles.get((device, number, flow), "unclear")
        typed = protocol in TYPED_PROTOCOLS
        if role == "controlled" or (role == "unclear" and typed and side == 1):
            if gaps_in >= _LEAST_GAPS:
                yield _Way(row, True, False, gaps_in)
        elif role == "controlling" or typed:
            if gaps_out >= _LEAST_GAPS:
                yield _Way(row, False, False, gaps_out)
        elif protocol == "tls" and side == 0 and gaps_out >= _WEB_GAPS:
            yield _Way(row, False, True, gaps_out)


def _row(flows: Table[DeviceFlow], series: DeviceSeries, way: _Way, seen: Rhythm) -> dict[str, Any]:
    row = series.rows[0]
    law, lattice, pacing = seen.law, seen.lattice, seen.pacing
    return {
        **{
            name: int(flows[name][row]) for name in ("input", "flow", "first_packet", "last_packet")
        },
        **{name: flows[name][row] for name in ("device_id", "remote_scope", "protocol")},
        "way": "in" if way.incoming else "out",
        "remote": endpoint(flows["remote_h"][row], int(flows["remote_p"][row])),
        "packets": seen.packets,
        "events": seen.events,
        "clumped": seen.clumped,
        "stalls": seen.stalls,
        "largest_clump": seen.largest_clump,
        "human_gaps": seen.human_gaps,
        "gap_ms": seen.gap_ms[1] if seen.gap_ms else None,
        "law_shape": law.shape if law else None,
        "lattice_ms": lattice.period_ms if lattice else None,
        "lattice_ppm": lattice.drift_ppm if lattice else None,
        "lattice_strength": lattice.statistic / lattice.threshold if lattice else None,
        "grid": pacing.name if pacing else "",
        "grid_ms": pacing.period_ms if pacing else None,
        "grid_share": pacing.share if pacing else None,
        "decoys": pacing is not None and pacing.decoys,
        "cut": series.cut,
    }  # fmt: skip
