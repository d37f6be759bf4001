"""``Fleet``: the telemetry of many devices over a stretch of time, as SQL views that detectors ask.

Why SQL and not record tables: a week of a hundred thousand laptops is tens of millions of rows, of which a detector
wants a few columns, grouped. DuckDB reads those columns from the lake's own files, on all processors, and puts on the
disk what does not fit into memory; so the cost grows with rows, never with devices times detectors.

Views, for every table of :data:`~farmwatch.records.TELEMETRY_TABLES`, with the record's columns:

* ``<table>``: rows from ``since`` (included) to ``until`` (not included),
* ``<table>_30d``: the thirty days up to ``until``,
* ``<table>_ever``: all rows before ``until``.

``device_id`` is canonical in all of them (see :mod:`~farmwatch.analysis.fleet.identity`). Tables that name an account,
not always a device (``sign_ins``, ``meetings``), have one more column, ``about``: the device, else the one device of
the account's owner. What several detectors need is derived once, on first use of its name in a query:
:data:`~farmwatch.analysis.fleet.derived.DERIVED` lists those tables.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from farmwatch.analysis.fleet.derived import DERIVED
from farmwatch.analysis.fleet.identity import aliases
from farmwatch.analysis.profile import Profile
from farmwatch.errors import AssessmentError
from farmwatch.knowledge import Knowledge
from farmwatch.records import TELEMETRY_TABLES, Record, ScannedDevice
from farmwatch.records.arrow import arrow_schema

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.geo import GeoDatabase

__all__ = ["ACCOUNT_TABLES", "LONG_DAYS", "MEMORY_BYTES", "Fleet", "Source", "Window"]

Source: TypeAlias = "pa.Table | pads.Dataset | Sequence[str]"  #: rows, or the paths of Parquet files that hold them

LONG_DAYS = 30  #: of the views ``<table>_30d``: tools of one hand arrive days apart (docs/evidence.md, N2)
MEMORY_BYTES = 4 << 30  #: what DuckDB may hold before it puts parts on the disk
ACCOUNT_TABLES = ("sign_ins", "meetings")  #: whose rows may lack a device
_WORD = re.compile(r"[a-z_][a-z_0-9]*")
_SQL_TYPES = {
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
}


@dataclass(frozen=True, slots=True)
class Window:
    """The time an assessment looks at, UTC: from ``since`` (included) to ``until`` (not included)."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise AssessmentError("the time to look at ends before it begins")

    @property
    def days(self) -> float:
        """Its length in days."""
        return (self.until - self.since) / timedelta(days=1)


class Fleet:
    """Views over one fleet's telemetry. Make one with :meth:`opened`, which also closes it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        window: Window,
        knowledge: Knowledge,
        profile: Profile,
        geo: GeoDatabase | None,
    ) -> None:
        self.connection = connection
        self.window = window
        self.knowledge = knowledge
        self.profile = profile
        self.geo = geo
        self._made: set[str] = set()

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls,
        sources: Mapping[type[Record], Source],
        window: Window,
        knowledge: Knowledge,
        profile: Profile,
        *,
        geo: GeoDatabase | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> Iterator[Fleet]:
        """A fleet over the rows of some tables; those not named are empty.

        Args:
            sources: telemetry and :class:`~farmwatch.records.ScannedDevice` by record class. Rows before the window
                may be among them and are used where a question needs what was before.
            window: the time to judge.
            knowledge: what products look like.
            profile: what the company declared.
            geo: where addresses are; without it the rules that need it say *no data*.
            memory_bytes: what DuckDB may hold before it puts parts on the disk.

        Raises:
            AssessmentError: the rows cannot be read.
        """
        with (
            tempfile.TemporaryDirectory(prefix="farmwatch-assess-", ignore_cleanup_errors=True) as folder,
            contextlib.closing(duckdb.connect(":memory:")) as connection,
        ):
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET autoinstall_known_extensions = false")
            connection.execute("SET python_enable_replacements = false")  # variables of the program are no tables
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET temp_directory = ?", [folder])
            connection.execute("SET memory_limit = ?", [f"{memory_bytes // (1 << 20)}MiB"])
            fleet = cls(connection, window, knowledge, profile, geo)
            fleet._register(sources)
            yield fleet

    # --- asking ----------------------------------------------------------------------------------------------------

    def arrow(self, sql: str, **parameters: Any) -> pa.Table:
        """The result of a query as Arrow; ``$since``, ``$until`` and named parameters may stand in it.

        Raises:
            AssessmentError: the rows cannot be read, or do not fit on the disk.
        """
        self._derive(sql)
        with _reading():
            found: pa.Table = self.connection.sql(sql, params=self._bound(sql, parameters)).to_arrow_table()
        return found

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """:meth:`arrow` as dicts, for the few rows a detector turns into sentences; order them in the query."""
        found: list[dict[str, Any]] = self.arrow(sql, **parameters).to_pylist()
        return found

    def make(self, name: str, sql: str, **parameters: Any) -> None:
        """Keep the result of a query as a table of this name."""
        self._derive(sql)
        with _reading():
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}", self._bound(sql, parameters))

    def load(self, name: str, rows: pa.Table) -> None:
        """Keep rows as a table of this name."""
        self.connection.register(f"{name}__given", rows)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {name}__given")
        self.connection.unregister(f"{name}__given")

    def label(
        self, name: str, view: str, columns: Sequence[str], labels: Callable[[Mapping[str, Any]], str | None]
    ) -> str:
        """Look up each different combination of some columns once, in Python.

        Args:
            name: of the table that is made: the columns, and ``label``; combinations without one are left out.
            view: where they are taken from.
            columns: which.
            labels: combination -> label, or None.

        Returns:
            A join to put behind ``FROM view``: absent values equal absent ones.
        """
        listed = ", ".join(columns)
        found = self.arrow(f"SELECT DISTINCT {listed} FROM {view}")
        given = pa.array([labels(row) for row in found.to_pylist()], pa.string())
        self.load(name, found.append_column("label", given).filter(given.is_valid()))
        same = " AND ".join(f"{view}.{column} IS NOT DISTINCT FROM {name}.{column}" for column in columns)
        return f"JOIN {name} ON {same}"

    def _bound(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters a query names; DuckDB takes times without a zone as such, so they are given as text."""
        given = {"since": self.window.since, "until": self.window.until, **parameters}
        return {
            name: _text(value) if isinstance(value, datetime) else value
            for name, value in given.items()
            if f"${name}" in sql
        }

    def _derive(self, sql: str) -> None:
        """Make the derived tables that a query names."""
        for word in sorted(set(_WORD.findall(sql)) & DERIVED.keys() - self._made):
            self._made.add(word)
            DERIVED[word](self)

    # --- the views -------------------------------------------------------------------------------------------------

    def _register(self, sources: Mapping[type[Record], Source]) -> None:
        for record in (*TELEMETRY_TABLES, ScannedDevice):
            self._source(record, sources.get(record, ()))
        known = aliases(self)
        self.load("aliases", known)
        named: list[type[Record]] = sorted(
            (*TELEMETRY_TABLES, ScannedDevice), key=lambda record: record.table in ACCOUNT_TABLES
        )
        for record in named:  # those with accounts last: the roster says whose they are
            self._views(record, renamed=bool(known.num_rows))

    def _source(self, record: type[Record], source: Source) -> None:
        """The view ``<table>__rows``: exactly the record's columns."""
        schema, name = arrow_schema(record), record.table
        if isinstance(source, pa.Table | pads.Dataset):
            self.connection.register(f"{name}__source", source)
            held, origin = set(source.schema.names), f"{name}__source"
        elif source:
            paths = ", ".join("'" + path.replace("'", "''") + "'" for path in source)
            origin = f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
            found = self.connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()
            held = {column[0] for column in found}
        else:
            held, origin = set(), "(SELECT 1 WHERE false)"
        columns = ", ".join(
            f'"{one.name}"' if one.name in held else f'NULL::{_SQL_TYPES[one.type]} AS "{one.name}"' for one in schema
        )
        self.connection.execute(f"CREATE VIEW {name}__rows AS SELECT {columns} FROM {origin}")

    def _views(self, record: type[Record], *, renamed: bool) -> None:
        name, origin = record.table, f"{record.table}__rows"
        columns = [f't."{column}"' for column in record.columns]
        join = ""
        if renamed and "device_id" in record.columns:
            columns[list(record.columns).index("device_id")] = "coalesce(a.device_id, t.device_id) AS device_id"
            join = "LEFT JOIN aliases AS a ON a.alias = t.device_id"
        device = "coalesce(a.device_id, t.device_id)" if join else "t.device_id"
        if name in ACCOUNT_TABLES:
            columns.append(f"coalesce({device}, o.device_id) AS about")
            join += " LEFT JOIN account_devices AS o ON t.device_id IS NULL AND o.account = t.account"
        spans = {
            name: "t.ts >= TIMESTAMPTZ '{since}' AND t.ts < TIMESTAMPTZ '{until}'",
            f"{name}_30d": "t.ts >= TIMESTAMPTZ '{long}' AND t.ts < TIMESTAMPTZ '{until}'",
            f"{name}_ever": "t.ts < TIMESTAMPTZ '{until}'",
        }
        times = {
            "since": _text(self.window.since),
            "until": _text(self.window.until),
            "long": _text(self.window.until - timedelta(days=LONG_DAYS)),
        }
        self._derive(join)
        for view, span in spans.items():
            self.connection.execute(
                f"CREATE VIEW {view} AS SELECT {', '.join(columns)} FROM {origin} AS t {join} "
                f"WHERE {span.format(**times)}"
            )

    @cached_property
    def devices(self) -> list[str]:
        """All devices to judge, sorted: those with telemetry in the window, scanned ones, those of the roster."""
        found: list[str] = self.arrow("SELECT device_id FROM fleet_devices ORDER BY device_id").column(0).to_pylist()
        return found


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise AssessmentError(f"the telemetry cannot be read: {error}") from error
