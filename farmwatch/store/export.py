"""A table out of the store: Parquet, CSV that a spreadsheet may open, or NDJSON. Rows stream; memory does not grow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from farmwatch.errors import StoreError
from farmwatch.store.days import days_between
from farmwatch.store.lake import STAMPS, Store, condition
from farmwatch.store.snapshot import Snapshot

__all__ = ["ExportFormat", "export"]

_FORMULA = r"^[=+\-@\t\r\n]"  # what a spreadsheet takes for the start of a formula, OWASP "CSV Injection"
_HIDDEN = ("row_key",)


class ExportFormat(StrEnum):
    """What a table is written as."""

    PARQUET = "parquet"
    CSV = "csv"
    NDJSON = "ndjson"


def export(
    store: Store,
    table: str,
    out: BinaryIO,
    kind: ExportFormat,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    device_ids: Iterable[str] | None = None,
) -> int:
    """Write the rows of a table, days in order; columns that this version does not know are included.

    In CSV, a text that a spreadsheet would take for a formula gets an apostrophe in front. Bytes are written as hex.

    Args:
        store: The store.
        table: Name of the table.
        out: Where to write.
        kind: The format.
        since: From this time on (of arrival, in tables without ``ts``).
        until: Up to this time, not included.
        device_ids: Only rows of these devices.

    Returns:
        Rows written.

    Raises:
        StoreError: no such table, or a file of it cannot be read.
    """
    snapshot = store.table(table).snapshot() if table in store.tables() else None
    if snapshot is None:
        raise StoreError(f"{store.place.url}: no table {table}; there are {', '.join(store.tables()) or 'none yet'}")
    columns = _columns(snapshot)
    if device_ids is not None and "device_id" not in columns:
        raise StoreError(f"table {table} has no column device_id; export it whole")
    clock = "ts" if "ts" in columns else "received"
    wanted = days_between(snapshot.days(), since, until)
    files = sorted((file for file in snapshot.files if file.day in wanted), key=lambda file: (file.day, file.path))
    scanner = snapshot.dataset(snapshot.schema, files).scanner(
        columns=columns, filter=condition(clock, since, until, device_ids), fragment_readahead=2
    )
    try:
        return _write(scanner.projected_schema, scanner.to_batches(), out, kind)
    except FileNotFoundError as error:
        raise StoreError(f"{table}: cleared away while it was read: {error}; export again") from error
    except pa.ArrowInvalid as error:
        raise StoreError(f"{table}: {error}; run 'farmwatch store check'") from error


def _columns(snapshot: Snapshot) -> list[str]:
    """Columns of the table, the store's own last."""
    own = [column.name for column in STAMPS]
    names = [name for name in snapshot.schema.names if name not in _HIDDEN and name != "day"]
    return [name for name in names if name not in own] + [name for name in names if name in own]


def _write(schema: pa.Schema, batches: Iterator[pa.RecordBatch], out: BinaryIO, kind: ExportFormat) -> int:
    """Write batches; how many rows."""
    rows = 0
    if kind is ExportFormat.PARQUET:
        with pq.ParquetWriter(out, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
    elif kind is ExportFormat.CSV:
        shown = pa.schema([pa.field(one.name, _csv_type(one.type)) for one in schema])
        with pacsv.CSVWriter(out, shown) as writer:
            for batch in batches:
                writer.write_batch(pa.record_batch([_csv(one) for one in batch.columns], schema=shown))
                rows += batch.num_rows
    else:
        for batch in batches:
            out.write("".join(json.dumps(row, default=_json) + "\n" for row in batch.to_pylist()).encode())
            rows += batch.num_rows
    return rows


def _csv_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_binary(kind) or pa.types.is_timestamp(kind) else kind


def _csv(values: Any) -> Any:
    """A column as a spreadsheet may open it."""
    if pa.types.is_timestamp(values.type):
        return pc.strftime(values, format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_binary(values.type):
        return pa.array([None if one is None else one.hex() for one in values.to_pylist()], pa.string())
    if pa.types.is_string(values.type):
        return pc.if_else(
            pc.match_substring_regex(values, _FORMULA), pc.binary_join_element_wise("'", values, ""), values
        )
    return values


def _json(value: Any) -> str:
    """Times and bytes in JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return bytes(value).hex()
