"""How a table is declared: a class per record, a column per fact, each with a type, a unit and a sentence.

Why own classes and not a data-frame library: a scan of a small capture must end in about a second, and importing pandas
or pyarrow alone takes most of that. Columns are NumPy arrays; :meth:`Table.to_pandas` hands them over where people want
a data frame.

Storage by type: ``datetime`` is ``datetime64[ns]`` UTC, ``int`` is ``int64``, ``float`` is ``float64``, ``bool`` is
``bool``, ``str`` is an object array of ``str``, and so is a ``bool`` that may be absent; tables of millions of rows
declare ``bits`` of 32 or 8 for whole numbers that are never absent. Absent values: ``None`` in object columns, NaN in
floats, ``NaT`` in times, :data:`ABSENT` in integers; rows give ``None`` for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, dataclass_transform, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ABSENT", "Column", "Record", "Rows", "Table", "Tables", "column"]

ABSENT = int(np.iinfo(np.int64).min)  #: stands for "no value" in integer columns

_DTYPES: dict[type, np.dtype[Any]] = {
    datetime: np.dtype("datetime64[ns]"),
    int: np.dtype(np.int64),
    float: np.dtype(np.float64),
    bool: np.dtype(np.bool_),
    str: np.dtype(object),
    bytes: np.dtype(object),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column: its type, sentence, unit, and why a value may be absent (empty: it never is)."""

    sentence: str
    unit: str = ""
    absent: str = ""
    name: str = ""
    type: type = object
    bits: int = 64  #: of whole numbers

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy dtype that stores this column."""
        if self.type is bool and self.absent:
            return np.dtype(object)  # True, False or None
        return _DTYPES[self.type] if self.bits == 64 else np.dtype(f"int{self.bits}")

    @property
    def missing(self) -> Any:
        """The stored stand-in for an absent value."""
        if self.type is datetime:
            return np.datetime64("NaT", "ns")
        return {int: ABSENT, float: np.nan, bool: None if self.absent else False}.get(self.type)

    def array(self, values: Any) -> NDArray[Any]:
        """Values as this column stores them; ``None`` becomes the absent stand-in."""
        if isinstance(values, np.ndarray) and values.dtype == self.dtype:
            return values
        if self.dtype == object:
            filled = np.empty(len(values), dtype=object)
            filled[:] = list(values)
            return filled
        missing = self.missing
        if self.type is datetime:
            return np.array([missing if value is None else _stored(value) for value in values], dtype=self.dtype)
        return np.array([missing if value is None else value for value in values], dtype=self.dtype)

    def value(self, stored: Any) -> Any:
        """One stored value as Python sees it."""
        if self.type is datetime:
            ns = int(stored.astype(np.int64)) if isinstance(stored, np.datetime64) else int(stored)
            return (
                None
                if ns == ABSENT
                else datetime.fromtimestamp(ns // 1_000_000_000, UTC).replace(microsecond=ns % 1_000_000_000 // 1000)
            )
        if self.type is int:
            return None if stored == ABSENT else int(stored)
        if self.type is float:
            return None if np.isnan(stored) else float(stored)
        return bool(stored) if self.type is bool and stored is not None else stored


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return np.datetime64(value.astimezone(UTC).replace(tzinfo=None), "ns")
    return value


def column(sentence: str, *, unit: str = "", absent: str = "", bits: int = 64) -> Any:
    """Declare a column. ``absent`` says when there is no value; leave it empty where there always is one.

    ``bits`` (64, 32, 16 or 8) is how wide whole numbers are stored, for tables with millions of rows.

    Raises:
        ValueError: narrow numbers cannot say that they are absent.
    """
    if bits != 64 and absent:
        raise ValueError("a narrow column cannot have absent values")
    return Column(sentence, unit, absent, bits=bits)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(column,))
class Record:
    """Base of all table rows; a subclass declares the table (see any module of this package)."""

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    columns: ClassVar[dict[str, Column]]

    def __init_subclass__(cls, *, table: str, key: tuple[str, ...]) -> None:
        cls.table = table
        cls.key = key
        cls.columns = {}
        for name, hint in get_type_hints(cls).items():
            declared = cls.__dict__.get(name)
            if isinstance(declared, Column):
                kinds = (
                    [kind for kind in get_args(hint) if kind is not type(None)]
                    if isinstance(hint, UnionType)
                    else [hint]
                )
                cls.columns[name] = replace(declared, name=name, type=kinds[0])
                delattr(cls, name)

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - self.columns.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no column {', '.join(sorted(unknown))}")
        for name, declared in self.columns.items():
            if name not in values and not declared.absent:
                raise TypeError(f"{type(self).__name__}.{name} is required")
            object.__setattr__(self, name, values.get(name))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *(self.__dict__[name] for name in self.key)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items() if value is not None)
        return f"{type(self).__name__}({shown})"


R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """Rows of one record type, stored by column."""

    __slots__ = ("_columns", "_groups", "record")

    def __init__(self, record: type[R], columns: Mapping[str, NDArray[Any]]) -> None:
        wrong = columns.keys() ^ record.columns.keys()
        if wrong:
            raise ValueError(f"table {record.table}: columns do not match the schema: {', '.join(sorted(wrong))}")
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"table {record.table}: columns of different length: {sorted(lengths)}")
        self.record = record
        self._columns = {name: declared.array(columns[name]) for name, declared in record.columns.items()}
        self._groups: dict[str, dict[Any, NDArray[np.int64]]] = {}

    @classmethod
    def empty(cls, record: type[R]) -> Self:
        """A table without rows."""
        return cls(record, {name: np.empty(0, declared.dtype) for name, declared in record.columns.items()})

    @classmethod
    def from_rows(cls, record: type[R], rows: Iterable[R]) -> Self:
        """A table from record instances."""
        listed = list(rows)
        return cls(
            record,
            {name: declared.array([getattr(row, name) for row in listed]) for name, declared in record.columns.items()},
        )

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def present(self, name: str) -> NDArray[np.bool_]:
        """Mask of the rows that have a value in this column."""
        values, declared = self._columns[name], self.record.columns[name]
        if declared.dtype == object:
            return np.array([value is not None for value in values.tolist()], dtype=np.bool_)
        if declared.type is int:
            return np.asarray(values != ABSENT)
        return (
            np.ones(len(values), np.bool_) if declared.dtype == np.bool_ else np.asarray(~np.isnan(values))
        )  # isnan knows NaT as well

    def groups(self, name: str) -> dict[Any, NDArray[np.int64]]:
        """Row numbers by the value of one column, values sorted, absent values left out; worked out once."""
        if name not in self._groups:
            values = self._columns[name].tolist()
            distinct = sorted({value for value in values if value is not None})
            code = {value: number for number, value in enumerate(distinct)}
            codes = np.fromiter((code.get(value, -1) for value in values), np.int64, len(values))
            order = np.argsort(codes, kind="stable")
            edges = np.searchsorted(codes[order], np.arange(len(distinct) + 1))
            self._groups[name] = {
                value: order[edges[number] : edges[number + 1]] for number, value in enumerate(distinct)
            }
        return self._groups[name]

    def where(self, rows: NDArray[Any]) -> Table[R]:
        """The rows picked by a boolean mask or by row numbers."""
        return Table(self.record, {name: values[rows] for name, values in self._columns.items()})

    def row(self, number: int) -> R:
        """One row as a record."""
        return self.record(
            **{name: declared.value(self._columns[name][number]) for name, declared in self.record.columns.items()}
        )

    def rows(self) -> Iterator[R]:
        """All rows as records, in order. For small tables and tests: detectors work on columns."""
        return (self.row(number) for number in range(len(self)))

    @classmethod
    def concat(cls, record: type[R], tables: Iterable[Table[R]]) -> Table[R]:
        """Tables of one record type, one below the other."""
        listed = [table for table in tables if len(table)]
        if len(listed) < 2:  # tables are never changed, so one may stand for itself
            return listed[0] if listed else cls.empty(record)
        return cls(record, {name: np.concatenate([table[name] for table in listed]) for name in record.columns})

    def to_pandas(self) -> pd.DataFrame:
        """The table as a data frame; times are UTC-aware, absent integers become ``<NA>``."""
        import pandas as pd

        shown: dict[str, Any] = {}
        for name, declared in self.record.columns.items():
            values = self._columns[name]
            if declared.type is datetime:
                shown[name] = pd.Series(values).dt.tz_localize("UTC")
            elif declared.type is int and declared.absent:
                shown[name] = pd.array(np.where(values == ABSENT, 0, values), dtype="Int64")
                shown[name][values == ABSENT] = pd.NA
            else:
                shown[name] = values
        return pd.DataFrame(shown)


class Rows(Generic[R]):
    """A table while it is being filled, one row at a time, checked only when it is done."""

    __slots__ = ("_names", "_rows", "record")

    def __init__(self, record: type[R]) -> None:
        self.record = record
        self._names = tuple(record.columns)
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, **values: Any) -> None:
        """Append a row; columns left out have no value. Times may be nanoseconds since 1970 or ``datetime64``."""
        self._rows.append(tuple(map(values.get, self._names)))

    def table(self) -> Table[R]:
        """The rows as a table."""
        columns = zip(*self._rows, strict=True) if self._rows else ((),) * len(self._names)
        return Table(
            self.record, {name: self._array(name, values) for name, values in zip(self._names, columns, strict=True)}
        )

    def _array(self, name: str, values: tuple[Any, ...]) -> NDArray[Any]:
        declared = self.record.columns[name]
        if declared.type is datetime and values and isinstance(values[0], int):
            return np.array([ABSENT if value is None else value for value in values], np.int64).view("datetime64[ns]")
        return declared.array(values)


class Tables:
    """All tables of a run, by record type. A table nobody filled is empty, never missing."""

    __slots__ = ("_tables",)

    def __init__(self, tables: Iterable[Table[Any]] = ()) -> None:
        self._tables: dict[type[Record], Table[Any]] = {table.record: table for table in tables}

    def __getitem__(self, record: type[R]) -> Table[R]:
        return self._tables.get(record) or Table.empty(record)

    def __iter__(self) -> Iterator[Table[Any]]:
        return iter(self._tables.values())

    def joined(self, *others: Tables) -> Tables:
        """These tables with the rows of others below them."""
        every: dict[type[Record], list[Table[Any]]] = {}
        for tables in (self, *others):
            for table in tables:
                every.setdefault(table.record, []).append(table)
        return Tables(Table.concat(record, listed) for record, listed in every.items())

    def replaced(self, table: Table[Any]) -> Tables:
        """These tables with one of them exchanged or added."""
        return Tables([*(old for old in self if old.record is not table.record), table])
