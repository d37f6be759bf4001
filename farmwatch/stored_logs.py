"""Sensor logs that a store holds, judged as a scan judges them, for assessments to join with telemetry.

One sensor's day is one input. A day with very many flows is cut by the device's address, so that memory does not follow
the fleet: a device's own flows stay together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from farmwatch import __version__
from farmwatch.analysis.assess import assess
from farmwatch.analysis.profile import Profile
from farmwatch.collectors.sensor_logs import LOG_TABLES, stored_logs
from farmwatch.knowledge import Knowledge
from farmwatch.records import Flow, Host, Name, NameQuery, Record
from farmwatch.records.arrow import arrow_schema, to_arrow
from farmwatch.reports.kept import device_rows
from farmwatch.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["scanned_logs"]

_MOST_FLOWS = 1_000_000  #: of one input; a scan of as many holds about a gigabyte
_SENSORS = ("zeek", "suricata-eve")  #: feeds whose flows are judged
_LOCAL = r"^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|f[cd]|fe80)"
_INSIDE = f"CASE WHEN regexp_matches(orig_h, '{_LOCAL}') THEN orig_h ELSE resp_h END"
_LONGEST_FLOW = timedelta(days=1)  #: before a row about it: older flows are not searched for it
_WHOSE = {NameQuery: "client", Name: "client", Host: "address"}  #: column by which a day's rows are cut


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A sensor's day, or the part of it that some devices have."""

    sender: str
    feed: str
    first: datetime
    last: datetime  #: not included
    parts: int
    part: int

    @property
    def name(self) -> str:
        """What the input is called."""
        cut = f" part {self.part + 1} of {self.parts}" if self.parts > 1 else ""
        return f"{self.feed} {self.sender} {self.first:%Y-%m-%d}{cut}"


def scanned_logs(
    store: Store, since: datetime, until: datetime, knowledge: Knowledge, profile: Profile
) -> Iterator[pa.Table]:
    """Rows of :class:`~farmwatch.records.ScannedDevice` for the sensor logs of a time, a table for each day and sensor.

    Raises:
        StoreError: the logs cannot be read.
    """
    if Flow.table not in store.tables():
        return
    with contextlib.closing(store.duckdb()) as connection:
        for stretch in _stretches(connection, since, until):
            rows = {record: _rows(connection, record, stretch) for record in LOG_TABLES}
            report = assess(stored_logs(rows, stretch.name, 0), knowledge, profile, version=__version__)
            yield to_arrow(device_rows(report))


def _stretches(connection: DuckDBPyConnection, since: datetime, until: datetime) -> Iterator[_Stretch]:
    listed = connection.sql(
        "SELECT sender, feed, CAST(ts AS DATE) AS date, count(*) AS flows FROM flows "
        "WHERE ts >= $since AND ts < $until AND feed IN ($zeek, $suricata) GROUP BY ALL ORDER BY ALL",
        params={"since": str(since), "until": str(until), "zeek": _SENSORS[0], "suricata": _SENSORS[1]},
    ).to_arrow_table()
    for row in listed.to_pylist():
        midnight = datetime.combine(row["date"], time(), UTC)
        parts = -(-row["flows"] // _MOST_FLOWS)
        for part in range(parts):
            yield _Stretch(
                row["sender"], row["feed"], max(since, midnight), min(until, midnight + timedelta(days=1)), parts, part
            )


def _rows(connection: DuckDBPyConnection, record: type[Record], stretch: _Stretch) -> pa.Table:
    """A table's rows of a stretch, without the store's own columns."""
    clock = "ts" if "ts" in record.columns else "first_ts"
    conditions = [f"{clock} >= $first", f"{clock} < $last", "sender = $sender", "feed = $feed"]
    cut = f"hash({{}}) % {stretch.parts} = {stretch.part}"
    by_flow = record is not Flow and "flow" in record.columns
    if record is Flow:
        conditions.append(cut.format(_INSIDE))
    elif by_flow:
        conditions.append(
            f"flow IN (SELECT flow FROM flows WHERE ts < $last AND ts >= $before AND sender = $sender AND feed = $feed "  # noqa: S608 (ours)
            f"AND {cut.format(_INSIDE)})"
        )
    elif record in _WHOSE:
        conditions.append(f"({_WHOSE[record]} IS NULL OR {cut.format(_WHOSE[record])})")
    columns = ", ".join(record.columns)
    found = connection.sql(
        f"SELECT {columns} FROM {record.table} WHERE {' AND '.join(conditions)}",  # noqa: S608 (ours)
        params={
            "first": str(stretch.first), "last": str(stretch.last), "sender": stretch.sender, "feed": stretch.feed,
            **({"before": str(stretch.first - _LONGEST_FLOW)} if by_flow else {}),
        },
    ).to_arrow_table()  # fmt: skip
    return found.cast(arrow_schema(record)).sort_by([(name, "ascending") for name in record.key])
