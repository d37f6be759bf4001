"""Logs of a network sensor, Zeek or Suricata: all logs of one folder in, the network tables of one input out.

The feeds read them; here their rows come together. Flows are numbered from 0 in order of time, as those of a capture
are, and rows of the other tables follow their flow. A connection that is still open has its handshake in a log and no
line in the log of flows: its flow is made of what the handshake shows.

Why beside :mod:`farmwatch.collectors.captures`: reading logs takes pyarrow, which a scan of captures does not load.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.captures import Collected
from farmwatch.collectors.feeds import sensor_rows as rows_of
from farmwatch.collectors.feeds.contract import Parsed
from farmwatch.collectors.feeds.opening import Input, opened
from farmwatch.collectors.feeds.suricata import SuricataReader
from farmwatch.collectors.feeds.zeek import ZeekReader
from farmwatch.collectors.feeds.zeek_logs import log_of_name
from farmwatch.collectors.paths import SensorLogs
from farmwatch.errors import SourceError
from farmwatch.records import (
    Arp,
    CaptureInput,
    DhcpRequest,
    Flow,
    Host,
    Http,
    Name,
    NameQuery,
    Record,
    Reject,
    RemoteControl,
    Rows,
    Ssh,
    Table,
    Tables,
    Tls,
)
from farmwatch.records.arrow import arrow_schema, empty_arrow, from_arrow

__all__ = ["LOG_TABLES", "collect_logs", "stored_logs"]

Progress = Callable[[int], None]
_OF_FLOWS: tuple[type[Record], ...] = (Tls, Http, Ssh, RemoteControl)
LOG_TABLES: tuple[type[Record], ...] = (Flow, *_OF_FLOWS, Name, NameQuery, Host, DhcpRequest, Arp)  #: that logs fill
_NAMED_ELSEWHERE = pa.array(["tls", "dtls", "quic"])  # protocols whose far end another log names
_MERGED: dict[type[Record], tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    NameQuery: (
        ("client", "client_mac", "protocol", "name", "qtype"),
        (("ts", "min"), ("last_ts", "max"), ("packet", "min"), ("count", "sum")),
    ),
    Name: (("address", "name", "source", "client"), (("ts", "min"), ("packet", "min"))),
    Host: (
        ("mac", "address"),
        (("packets", "sum"), ("bytes", "sum"), ("first_ts", "min"), ("last_ts", "max"), ("ttl", "min")),
    ),
}  #: tables in which equal rows are one: what makes them equal, and how the rest adds up
_MERGE_ROWS = 500_000
_DRAIN_BYTES = 1 << 20


def collect_logs(logs: SensorLogs, number: int, *, progress: Progress | None = None) -> Collected:
    """Read all logs of one sensor.

    Args:
        logs: the files.
        number: the input's number, written into every row.
        progress: called with how far the work got, in stored bytes.

    Returns:
        The tables. Lines that cannot be used are rows of ``rejects``.
    """
    gathered = _Gathered(logs.kind)
    for file in sorted(logs.files, key=_order):
        gathered.read(file, progress)
    return gathered.collected(logs, number)


def _order(file: Any) -> tuple[int, str]:
    """Certificates before the handshakes that name them, then by name."""
    name = str(file)
    return (log_of_name(name) != "x509", name)


class _Gathered:
    """Rows of all logs while they are read."""

    def __init__(self, kind: str) -> None:
        self._ends = rows_of.Ends()
        self._reader = SuricataReader(0, self._ends) if kind == "suricata" else ZeekReader(0, ends=self._ends)
        self._tables: dict[type[Record], list[pa.Table]] = {}
        self._rejects: Counter[str] = Counter()
        self._digests: list[bytes] = []
        self._bytes = 0
        self._errors: list[str] = []
        self._records = 0

    def read(self, file: str | Path | BinaryIO, progress: Progress | None) -> None:
        """Read one log; what is wrong with it as a whole becomes a reject."""
        name = str(getattr(file, "name", file))
        shown = rows_of.plain_name(name) if name != "-" else "standard input"
        try:
            with _Counted(file, self._bytes, progress) as stored:
                try:
                    with opened(Input(name, stream=stored)) as stream:  # type: ignore[arg-type]  # read is all it needs
                        for parsed in self._parsed(stream, name):
                            self._take(parsed, shown)
                finally:
                    stored.drain()
                    self._bytes += stored.size
                    self._digests.append(stored.digest())
        except SourceError as error:
            self._errors.append(error.reason)
            self._rejects[f"{shown}: {error.reason}"] += 1
        except OSError as error:
            self._errors.append(f"cannot be read: {error.strerror or error}")
            self._rejects[f"{shown}: {self._errors[-1]}"] += 1

    def _parsed(self, stream: Any, name: str) -> Iterator[Parsed]:
        if isinstance(self._reader, SuricataReader):
            return self._reader.read(stream, threads=True)
        return self._reader.read(stream, name, threads=True)

    def _take(self, parsed: Parsed, shown: str) -> None:
        self._records += parsed.records
        for fault in (*parsed.rejects, *parsed.partial):
            self._rejects[f"{shown}: {fault.reason}"] += fault.count
        for record, table in parsed.tables.items():
            listed = self._tables.setdefault(record, [])
            listed.append(table)
            if record in _MERGED and sum(one.num_rows for one in listed) > _MERGE_ROWS:
                self._tables[record] = [_merged(record, pa.concat_tables(listed))]

    def collected(self, logs: SensorLogs, number: int) -> Collected:
        """Everything as tables of one input."""
        if not self._records and self._errors:
            return Collected(self._unreadable(logs, number), self._errors[0])
        gathered = {record: self._all(record) for record in list(self._tables)}
        tables = _of_one_input(gathered, self._ends.table(), number, self._rejects)
        return Collected(Tables([*tables, self._input(logs, number, tables[-1]), self._reject_rows(number)]))

    def _all(self, record: type[Record]) -> pa.Table:
        listed = self._tables.pop(record, [])
        return pa.concat_tables(listed) if listed else empty_arrow(record)

    def _input(self, logs: SensorLogs, number: int, flows: Table[Any]) -> Table[CaptureInput]:
        digest = self._digests[0] if len(self._digests) == 1 else hashlib.sha256(b"".join(self._digests)).digest()
        rows: Rows[CaptureInput] = Rows(CaptureInput)
        rows.add(
            input=number, path=logs.name, sha256=digest.hex(), kind=logs.kind, vantage="unknown", packets=0,
            bytes=self._bytes, first_ts=flows["ts"].min() if len(flows) else None,
            last_ts=flows["last_ts"].max() if len(flows) else None, flows=len(flows), complete=not self._rejects,
        )  # fmt: skip
        return rows.table()

    def _unreadable(self, logs: SensorLogs, number: int) -> Tables:
        rows: Rows[CaptureInput] = Rows(CaptureInput)
        rows.add(
            input=number, path=logs.name, sha256="", kind="unreadable", vantage="unknown", packets=0,
            bytes=self._bytes, flows=0, complete=False,
        )  # fmt: skip
        return Tables([rows.table(), self._reject_rows(number)])

    def _reject_rows(self, number: int) -> Table[Reject]:
        rows: Rows[Reject] = Rows(Reject)
        for reason, count in sorted(self._rejects.items()):
            rows.add(input=number, reason=reason, count=count)
        return rows.table()


def stored_logs(rows: Mapping[type[Record], pa.Table], name: str, number: int) -> Tables:
    """Rows of a sensor that a store kept, as the network tables of one input.

    Args:
        rows: of the tables that logs fill, of one sensor and stretch of time; flows bear the sensor's own numbers.
        name: what the input is called.
        number: the input's number, written into every row.
    """
    rejects: Counter[str] = Counter()
    tables = _of_one_input(dict(rows), None, number, rejects)
    flows = tables[-1]
    inputs: Rows[CaptureInput] = Rows(CaptureInput)
    inputs.add(
        input=number, path=name, sha256="", kind=name.partition(" ")[0], vantage="unknown", packets=0, bytes=0,
        first_ts=flows["ts"].min() if len(flows) else None, last_ts=flows["last_ts"].max() if len(flows) else None,
        flows=len(flows), complete=True,
    )  # fmt: skip
    return Tables([*tables, inputs.table()])


def _of_one_input(
    rows: dict[type[Record], pa.Table], ends: pa.Table | None, number: int, rejects: Counter[str]
) -> list[Table[Any]]:
    """All tables that logs fill, flows last, numbered from 0 in order of time."""
    flows = _flows(rows.get(Flow, empty_arrow(Flow)), ends)
    numbers = flows["flow"].to_numpy()
    order = np.argsort(numbers, kind="stable")
    tables: list[Table[Any]] = [
        from_arrow(_placed(rows.get(record, empty_arrow(record)), numbers, order, number, rejects), record)
        for record in _OF_FLOWS
    ]
    for record in (Name, NameQuery, Host, DhcpRequest, Arp):
        given = rows.get(record, empty_arrow(record))
        tables.append(from_arrow(_numbered(_merged(record, given) if record in _MERGED else given, number), record))
    own = flows.set_column(flows.schema.get_field_index("flow"), "flow", pa.array(np.arange(flows.num_rows)))
    tables.append(from_arrow(_numbered(_without_names(own, tables[0]), number), Flow))
    return tables


def _flows(flows: pa.Table, ends: pa.Table | None) -> pa.Table:
    """Flows in order of time, each once, with those that only handshakes show."""
    numbers = flows["flow"].to_numpy()
    _, first = np.unique(numbers, return_index=True)
    flows = flows.take(pa.array(np.sort(first)))
    if ends is not None:
        sound = pc.and_(ends["orig_h"].is_valid(), ends["resp_h"].is_valid())
        for name in ("flow", "ts", "proto", "orig_p", "resp_p"):
            sound = pc.and_(sound, ends[name].is_valid())
        ends = ends.filter(sound)
        fresh = ~np.isin(ends["flow"].to_numpy(), numbers)
        _, first = np.unique(ends["flow"].to_numpy(), return_index=True)
        rows = np.sort(first[fresh[first]])
        if len(rows):
            flows = pa.concat_tables([flows, _open_flows(ends.take(pa.array(rows)))])
    return flows.sort_by([("ts", "ascending"), ("flow", "ascending")]).combine_chunks()


def _merged(record: type[Record], rows: pa.Table) -> pa.Table:
    """Equal rows as one."""
    same, rest = _MERGED[record]
    found = rows.group_by(["input", *same], use_threads=False).aggregate(list(rest))
    found = found.rename_columns({f"{name}_{how}": name for name, how in rest})
    return found.select(arrow_schema(record).names).cast(arrow_schema(record))


def _numbered(rows: pa.Table, number: int) -> pa.Table:
    """Rows of the input with this number."""
    at = rows.schema.get_field_index("input")
    return rows.set_column(at, rows.schema.field(at), pa.repeat(pa.scalar(number, pa.int64()), rows.num_rows))


def _placed(
    rows: pa.Table, numbers: NDArray[np.int64], order: NDArray[np.int64], number: int, rejects: Counter[str]
) -> pa.Table:
    """Rows of flows with their flow's place among the flows, the first one of each flow."""
    if not rows.num_rows:
        return rows
    rows = rows.sort_by([("ts", "ascending"), ("packet", "ascending")]).combine_chunks()
    wanted = rows["flow"].to_numpy()
    if not len(numbers):
        rejects["log lines of flows whose ends are not known"] += rows.num_rows
        return rows.slice(0, 0)
    found = order[np.minimum(np.searchsorted(numbers[order], wanted), len(numbers) - 1)]
    known = numbers[found] == wanted
    if not known.all():
        rejects["log lines of flows whose ends are not known"] += int((~known).sum())
    place, first = np.unique(found[known], return_index=True)
    picked = rows.take(pa.array(np.flatnonzero(known)[first]))
    at = picked.schema.get_field_index("flow")
    return _numbered(picked.set_column(at, picked.schema.field(at), pa.array(place.astype(np.int64))), number)


def _without_names(flows: pa.Table, handshakes: Table[Tls]) -> pa.Table:
    """Flows of which a log says that they are encrypted and no log has the handshake: what they carry is not known."""
    shown = np.zeros(flows.num_rows, np.bool_)
    shown[handshakes["flow"]] = True
    hidden = pc.and_(pc.is_in(flows["protocol"], _NAMED_ELSEWHERE), pa.array(~shown))
    payload = pc.greater(pc.add(flows["orig_bytes"], flows["resp_bytes"]), 0)
    at = flows.schema.get_field_index("unread")
    unread = pc.if_else(pc.fill_null(pc.and_(hidden, payload), False), rows_of.UNLOGGED, flows["unread"])
    return flows.set_column(at, flows.schema.field(at), unread)


def _open_flows(ends: pa.Table) -> pa.Table:
    """Flows as their handshakes show them: established, and nothing counted."""
    tcp = pc.equal(ends["proto"], "tcp")
    given = {
        "last_ts": ends["ts"], "last_packet": ends["first_packet"], "established": pa.repeat(True, ends.num_rows),
        "state": pc.if_else(tcp, "established", ""),
        "controlled_side": rows_of.driven_side(ends["protocol"].combine_chunks()),
    }  # fmt: skip
    columns = []
    for entry in arrow_schema(Flow):
        if entry.name in ends.column_names:
            columns.append(ends[entry.name])
        elif entry.name in given:
            columns.append(given[entry.name])
        elif entry.nullable:
            columns.append(pa.nulls(ends.num_rows, entry.type))
        else:
            neutral = "" if pa.types.is_string(entry.type) else 0
            columns.append(pa.repeat(pa.scalar(neutral, entry.type), ends.num_rows))
    return pa.Table.from_arrays(
        [pa.chunked_array([column]) if isinstance(column, pa.Array) else column for column in columns],
        schema=arrow_schema(Flow),
    )


class _Counted:
    """A log's stored bytes on their way: hashed, counted, and their progress told."""

    def __init__(self, file: str | Path | BinaryIO, before: int, progress: Progress | None) -> None:
        self._file, self._before, self._progress = file, before, progress
        self._hash = hashlib.sha256()
        self._stream: Any = None
        self.size = 0

    def __enter__(self) -> Self:
        if isinstance(self._file, str | Path):
            self._stream = (
                getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
                if str(self._file) == "-"
                else Path(self._file).open("rb")
            )
        else:
            self._stream = self._file
        return self

    def __exit__(self, *error: object) -> None:
        if isinstance(self._file, str | Path) and str(self._file) != "-":
            self._stream.close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data: bytes = self._stream.read(size)
        self._hash.update(data)
        self.size += len(data)
        if self._progress is not None:
            self._progress(self._before + self.size)
        return data

    def drain(self) -> None:
        """Read what is left, for the hash is of the whole file."""
        while self.read(_DRAIN_BYTES):
            pass

    def digest(self) -> bytes:
        """SHA-256 of everything read."""
        return self._hash.digest()
