"""``jiggles``: windows of input in which a pointer moved by itself, and whose firmware moves it so.

One row a window, input device and motion of the knowledge that fits (or none): ``device_id, input_device, ts,
window_s, record_id, pointer, period, spread, reports, shape, gap`` (between reports, where nothing else moved),
``entry, name, due_gap``. Only what hangs on a cable or comes by radio: programs and built-in pointers are left out, and
devices whose unusual input the roster explains.

A loop that looks at its idle time once a second adds up to two seconds to its period (PiKVM, GL.iNet Comet), and one
that looks once a period may skip every other turn (NanoKVM), so twice a period fits as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Layer
from farmwatch.knowledge.loading import parse_conditions

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["EXACT_SPREAD", "make_jiggles"]

EXACT_SPREAD = 0.08  #: of a timer without jitter, loops that look once a second included (these come to 0.03)
_EARLY, _LATE = 0.95, 1.12  #: shares of its nominal period that a measured one may have
_SCHEMA = pa.schema(
    [
        ("entry", pa.string()),
        ("name", pa.string()),
        ("mode", pa.string()),
        ("period_s", pa.float64()),
        ("most_spread", pa.float64()),
        ("due_reports", pa.int64()),
        ("due_shape", pa.string()),
        ("due_gap", pa.float64()),
    ]
)


def make_jiggles(fleet: Fleet) -> None:
    """Make the table ``jiggles``."""
    fleet.load("motion_shapes", _shapes(fleet.knowledge))
    fleet.make(
        "jiggles",
        f"""
        WITH seen AS (
            SELECT t.device_id, t.input_device, t.ts, t.window_s, t.record_id, t.pointer, t.jiggle_period_s AS period,
                   coalesce(t.jiggle_spread, 0) AS spread, t.jiggle_reports AS reports, t.jiggle_shape AS shape,
                   CASE WHEN coalesce(t.presses, 0) = 0 AND coalesce(t.clicks, 0) = 0
                             AND t.moves <= 1.5e0 * t.jiggle_reports * (t.window_s / t.jiggle_period_s + 1)
                        THEN t.move_gap_ms END AS gap
            FROM input_timing AS t JOIN input_sources AS s
                 ON s.device_id = t.device_id AND s.input_device = lower(t.input_device)
            WHERE t.jiggle_period_s BETWEEN 0.5 AND 3600 AND t.jiggle_reports BETWEEN 1 AND 1000
                  AND t.window_s BETWEEN 1 AND 7200 AND s.role IN ('usb', 'bluetooth', 'unknown')
                  AND t.device_id NOT IN (SELECT device_id FROM excused)
        )
        SELECT seen.*, m.entry, m.name, m.due_gap
        FROM seen LEFT JOIN motion_shapes AS m
             ON seen.pointer = m.mode AND seen.reports = m.due_reports
                AND seen.shape = coalesce(m.due_shape, seen.shape)
                AND seen.spread <= m.most_spread
                AND (seen.period BETWEEN {_EARLY} * m.period_s AND {_LATE} * m.period_s
                     OR seen.period BETWEEN {2 * _EARLY} * m.period_s AND {2 * _LATE} * m.period_s)
        """,
    )


def _shapes(knowledge: Knowledge) -> pa.Table:
    """Motions of the knowledge that say how often and in how many reports."""
    rows = []
    for entry in sorted(knowledge.complete.values(), key=lambda one: one.id):
        for fact in entry.facts:
            told = parse_conditions(fact.value) if fact.layer is Layer.MOTION else {}
            period, reports = _number(told.get("period_s")), _number(told.get("reports"))
            if period and reports and "mode" in told:
                # Evenly distributed jitter of j has a spread of j / 1.7, and of j / 1.2 from one turn to the next.
                spread = max(EXACT_SPREAD, (_number(told.get("jitter_percent")) or 0.0) / 100)
                rows.append(
                    (entry.id, entry.name, told["mode"], period, spread, int(reports), told.get("shape"),
                     _number(told.get("gap_ms")))
                )  # fmt: skip
    columns = zip(*rows, strict=True) if rows else [()] * len(_SCHEMA)
    return pa.table(
        [pa.array(list(values), one.type) for values, one in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
