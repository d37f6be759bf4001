"""farmwatch's own tables as files: JSON lines, CSV or Parquet with the columns of one table, each row one record.

A JSON row may name its table in ``table``; else the kind asked for, the file's name (``usb_devices.ndjson``) or the
columns say it. Columns the table does not have are left out and counted, so that a sender may be ahead of us. Accounts
and neighbours are hidden on the way in unless they are hidden already, and so are user folders and arguments.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import masked_paths, options_of, reals, times, truths, whole
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.delimited import delimited_documents, header_of
from farmwatch.collectors.feeds.documents import Documents, json_documents
from farmwatch.collectors.feeds.lines import Rejoined, read_all
from farmwatch.collectors.feeds.output import Output
from farmwatch.errors import SourceError
from farmwatch.records import NETWORK_TABLES, TELEMETRY_TABLES, FlowSeries, Record, SeriesFlow
from farmwatch.records.arrow import arrow_schema

__all__ = ["OWN_TABLES", "OwnTable"]

OWN_TABLES: tuple[type[Record], ...] = (
    *TELEMETRY_TABLES,
    *(record for record in NETWORK_TABLES if record not in (FlowSeries, SeriesFlow)),
)  #: tables that may be sent as they are
_HIDDEN = re.compile(r"[0-9a-f]{16}")
_ACCOUNTS = frozenset({"account", "accounts", "device_token", "factor", "meeting_id", "session"})
_PATHS = frozenset({"parent_path", "path"})
_LARGEST_PARQUET = 4 << 30
_PARQUET_ROWS = 100_000
_LOOKED_AT = 64 << 10


@dataclass(frozen=True, slots=True)
class OwnTable:
    """Rows of one table of ours."""

    record: type[Record]

    @property
    def kind(self) -> str:
        """The table's name."""
        return self.record.table

    @property
    def sentence(self) -> str:
        """The table's own first sentence."""
        return (self.record.__doc__ or "").splitlines()[0]

    @property
    def tables(self) -> tuple[type[Record], ...]:
        """The one table."""
        return (self.record,)

    def recognises(self, sample: Sample) -> bool:
        """By the table it names, else by its columns: all that must have a value are there, and most are known."""
        if sample.documents:
            named = sample.documents[0].get("table")
            if isinstance(named, str):
                return named == self.kind
            return self._knows(sample.documents[0].keys(), sample)
        if sample.head.startswith(b"PAR1"):
            return sample.name.split(".")[0] == self.kind
        return bool(sample.lines) and "," in sample.lines[0] and self._knows(header_of(sample.lines[0]), sample)

    def _knows(self, names: Any, sample: Sample) -> bool:
        given = set(names)
        needed = {entry.name for entry in arrow_schema(self.record) if not entry.nullable}
        known = len(given & self.record.columns.keys())
        if sample.name.split(".")[0] == self.kind:
            return known > 1 and 2 * known >= len(given)
        return needed <= given and known == len(given) and known > 2

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read rows; see the module."""
        whole_stream = Rejoined(stream)
        head = whole_stream.peek(_LOOKED_AT)
        if head.startswith(b"PAR1"):
            documents = _parquet(whole_stream, self.record)
        elif head.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] in (b"{", b"["):
            schema = pa.schema(
                [*(entry.with_nullable(True) for entry in arrow_schema(self.record)), ("table", pa.string())]
            )
            documents = json_documents(whole_stream, schema, threads=context.threads, infer=True)
        else:
            names = header_of(head.lstrip(b" \t\r\n\xef\xbb\xbf").partition(b"\n")[0].decode("utf-8", "replace"))
            if names and not self.record.columns.keys() & set(names):
                raise SourceError(str(whole_stream.name), 0, f"its first line names no column of {self.kind}")
            documents = delimited_documents(whole_stream)
        for one in documents:
            yield self._parsed(one, context)

    def _parsed(self, documents: Documents, context: Context) -> Parsed:
        output = Output(documents.numbers)
        output.before(documents.faults)
        schema, table = arrow_schema(self.record), documents.table
        columns: dict[str, Any] = {}
        for name in table.column_names:
            values = table.column(name).combine_chunks()
            if name in schema.names:
                columns[name] = self._readable(name, values, schema.field(name).type, context)
            elif name != "table" and (count := len(values) - values.null_count):
                output.dropped[name] += count
        output.dropped += Counter({name: count for name, count in documents.extra.items() if name != "table"})
        if table.num_rows:
            if "device_id" in schema.names and context.device_id:
                given = columns.get("device_id")
                columns["device_id"] = context.device_id if given is None else pc.fill_null(given, context.device_id)
            if self.kind == "sightings" and {"kind", "value"} <= columns.keys():
                near = pc.fill_null(pc.equal(columns["kind"], "neighbour"), False)
                columns["value"] = pc.if_else(near, _hidden(columns["value"], context.hide), columns["value"])
            output.add(self.record, columns)
        return output.finish()

    @staticmethod
    def _column(name: str, values: pa.Array, kind: pa.DataType, context: Context) -> pa.Array:
        if values.null_count == len(values):
            return pa.nulls(len(values), kind)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_timestamp(kind):
            return times(values)
        if pa.types.is_integer(kind):
            return whole(values)
        if pa.types.is_floating(kind):
            return reals(values)
        if pa.types.is_boolean(kind):
            return truths(values)
        texts = values if pa.types.is_string(values.type) else values.cast(pa.string())
        if name in _ACCOUNTS:
            return _hidden(texts, context.hide)
        if name in _PATHS:
            return masked_paths(texts)
        return options_of(texts) if name == "arguments" else texts

    @staticmethod
    def _readable(name: str, values: pa.Array, kind: pa.DataType, context: Context) -> pa.Array:
        """The column; without values where a Parquet file has something else under its name."""
        try:
            return OwnTable._column(name, values, kind, context)
        except pa.ArrowException:
            return pa.nulls(len(values), kind)


def _hidden(values: pa.Array, hide: Callable[[str], str | None]) -> pa.Array:
    """Accounts hidden, one by one where several stand in a list; those hidden before stay."""

    def hidden(text: str) -> str | None:
        parts = (part.strip() for part in text.split(","))
        return ",".join(part if _HIDDEN.fullmatch(part) else hide(part) or "" for part in parts if part) or None

    coded = pc.dictionary_encode(values)
    made = pa.array([None if value is None else hidden(value) for value in coded.dictionary.to_pylist()], pa.string())
    return made.take(coded.indices)


def _parquet(stream: ByteStream, record: type[Record]) -> Iterator[Documents]:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(read_all(stream, _LARGEST_PARQUET)))
        number = 0
        wanted = [name for name in file.schema_arrow.names if name in record.columns]
        extra = Counter({name: file.metadata.num_rows for name in file.schema_arrow.names if name not in wanted})
        for batch in file.iter_batches(_PARQUET_ROWS, columns=wanted):
            numbers = np.arange(number + 1, number + 1 + batch.num_rows, dtype=np.int64)
            number += batch.num_rows
            yield Documents(pa.Table.from_batches([batch]), numbers, Parsed(), extra)
            extra = Counter()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            str(getattr(stream, "name", "input")), 0, f"not a Parquet file that can be read: {error}"
        ) from error
