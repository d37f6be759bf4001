"""Record tables as Arrow tables and back: how rows travel between feeds, the store and analysis.

Times are microseconds, which is what the lake keeps; absent integers become nulls.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.records.schema import ABSENT, Record, Table

__all__ = ["arrow_schema", "empty_arrow", "from_arrow", "to_arrow"]

R = TypeVar("R", bound=Record)
_TYPES: dict[type, pa.DataType] = {
    datetime: pa.timestamp("us", tz="UTC"),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    str: pa.string(),
    bytes: pa.binary(),
}
_SCHEMAS: dict[type[Record], pa.Schema] = {}  # made once per record


def arrow_schema(record: type[Record]) -> pa.Schema:
    """Columns of a record in order; nullable exactly where a value may be absent."""
    known = _SCHEMAS.get(record)
    if known is None:
        fields = [
            pa.field(name, _TYPES[declared.type], nullable=bool(declared.absent))
            for name, declared in record.columns.items()
        ]
        known = _SCHEMAS[record] = pa.schema(fields)
    return known


def empty_arrow(record: type[Record]) -> pa.Table:
    """A table without rows."""
    return arrow_schema(record).empty_table()


def to_arrow(table: Table[Any]) -> pa.Table:
    """A record table as Arrow; times are rounded down to microseconds."""
    arrays = []
    for name, declared in table.record.columns.items():
        values, kind = table[name], _TYPES[declared.type]
        if declared.type is datetime:
            ns = values.view(np.int64)
            us = np.floor_divide(ns, 1000)
            arrays.append(pa.array(us, pa.int64(), mask=ns == ABSENT).cast(kind))
        elif declared.type is int:
            wide = values.astype(np.int64, copy=False)
            arrays.append(pa.array(wide, kind, mask=wide == ABSENT if declared.absent else None))
        elif declared.type is float:
            arrays.append(pa.array(values, kind, mask=np.isnan(values) if declared.absent else None))
        else:
            arrays.append(pa.array(values.tolist(), kind))
    return pa.Table.from_arrays(arrays, schema=arrow_schema(table.record))


def from_arrow(arrow: pa.Table, record: type[R]) -> Table[R]:
    """An Arrow table as a record table; columns it lacks have no value.

    Raises:
        ValueError: a column that always has a value is missing or has nulls.
    """
    columns: dict[str, Any] = {}
    for name, declared in record.columns.items():
        if name not in arrow.column_names:
            if not declared.absent:
                raise ValueError(f"table {record.table}: column {name} is missing")
            columns[name] = declared.array([None] * arrow.num_rows)
            continue
        values = arrow.column(name).combine_chunks()
        if values.null_count and not declared.absent:
            raise ValueError(f"table {record.table}: column {name} has rows without a value")
        if declared.type is datetime:
            us = pc.fill_null(values.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), 0).to_numpy(
                zero_copy_only=False
            )
            ns = us.astype(np.int64) * 1000
            ns[values.is_null().to_numpy(zero_copy_only=False)] = ABSENT
            columns[name] = ns.view("datetime64[ns]")
        elif declared.type is int:
            columns[name] = (
                pc.fill_null(values.cast(pa.int64()), ABSENT).to_numpy(zero_copy_only=False).astype(declared.dtype)
            )
        elif declared.type is float:
            columns[name] = pc.fill_null(values, float("nan")).to_numpy(zero_copy_only=False).astype(np.float64)
        elif declared.type is bool and not declared.absent:
            columns[name] = values.to_numpy(zero_copy_only=False).astype(np.bool_)
        elif declared.type is str:
            columns[name] = _texts(values)
        else:
            columns[name] = declared.array(values.to_pylist())
    return Table(record, columns)


def _texts(values: pa.Array) -> NDArray[Any]:
    """Texts as an object array in which equal ones are one object: addresses and names come again and again."""
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    distinct = np.empty(len(coded.dictionary) + 1, dtype=object)  # the last stands for no value
    distinct[:-1] = coded.dictionary.to_pylist()
    distinct[-1] = None
    return np.asarray(distinct[pc.fill_null(coded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)])
