"""Tables are declared once, and hold what they declare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from farmwatch.records import ABSENT, Column, Record, Rows, Table, Tables, column

NOON = datetime(2026, 1, 5, 12, 0, 0, 123456, UTC)


class Seen(Record, table="seen", key=("name", "ts")):
    """Something seen."""

    name: str = column("Its name.")
    ts: datetime = column("When.")
    count: int | None = column("How often.", absent="not counted")
    rtt_ms: float | None = column("How far.", unit="ms", absent="no sample")
    last_ts: datetime | None = column("When last.", absent="once only")
    sure: bool = column("Whether.")


def two():
    return [
        Seen(name="b", ts=NOON, count=3, rtt_ms=1.5, last_ts=NOON, sure=True),
        Seen(name="a", ts=NOON, count=None, rtt_ms=None, last_ts=None, sure=False),
    ]


def test_a_class_declares_columns():
    """Type, unit, sentence and reason for absence come from the annotation and the call."""
    assert list(Seen.columns) == ["name", "ts", "count", "rtt_ms", "last_ts", "sure"]
    assert Seen.columns["rtt_ms"] == Column("How far.", "ms", "no sample", "rtt_ms", float)
    assert (Seen.table, Seen.key) == ("seen", ("name", "ts"))


def test_rows_come_back_as_they_went_in():
    """Absent values are None again, times are aware UTC with their microseconds."""
    assert list(Table.from_rows(Seen, two()).rows()) == two()
    assert Table.from_rows(Seen, two()).row(0).ts.tzinfo is UTC


def test_times_of_other_zones_become_utc():
    local = NOON.astimezone(timezone(timedelta(hours=9)))
    row = Seen(name="x", ts=local, sure=True)
    assert Table.from_rows(Seen, [row]).row(0).ts == NOON


def test_storage_is_numpy():
    """One type per column; stand-ins for absent values."""
    table = Table.from_rows(Seen, two())
    assert [table[name].dtype.kind for name in Seen.columns] == ["O", "M", "i", "f", "M", "b"]
    assert table["count"].tolist() == [3, ABSENT]
    assert np.isnan(table["rtt_ms"][1])
    assert [table.present(name).tolist() for name in ("name", "count", "rtt_ms", "last_ts", "sure")] == [
        [True, True], [True, False], [True, False], [True, False], [True, True]
    ]  # fmt: skip


def test_records_refuse_what_is_not_declared():
    with pytest.raises(TypeError, match="no column colour"):
        Seen(name="x", ts=NOON, sure=True, colour="red")


def test_records_need_what_is_never_absent():
    with pytest.raises(TypeError, match=r"Seen\.sure is required"):
        Seen(name="x", ts=NOON)


def test_records_compare_by_value_and_hash_by_key():
    one, other = two()
    assert one == two()[0]
    assert one != other
    assert len({one, two()[0], other}) == 2
    assert "count" not in repr(other), "absent values are not shown"


def test_tables_check_their_columns():
    """A missing, an unknown or a shorter column is an error that names the table."""
    columns = {name: declared.array([]) for name, declared in Seen.columns.items()}
    with pytest.raises(ValueError, match=r"table seen.*sure"):
        Table(Seen, {name: values for name, values in columns.items() if name != "sure"})
    with pytest.raises(ValueError, match="different length"):
        Table(Seen, columns | {"sure": np.array([True])})


def test_groups_are_sorted_and_leave_absent_out():
    table = Table.from_rows(Seen, [*two(), *two()])
    assert {value: rows.tolist() for value, rows in table.groups("name").items()} == {"a": [1, 3], "b": [0, 2]}
    assert list(table.groups("name")) == ["a", "b"]
    assert table.groups("name") is table.groups("name"), "worked out once"


def test_rows_are_picked_by_mask_or_number():
    table = Table.from_rows(Seen, two())
    assert [row.name for row in table.where(np.array([False, True])).rows()] == ["a"]
    assert [row.name for row in table.where(np.array([1, 0])).rows()] == ["a", "b"]


def test_tables_are_joined_below_one_another():
    table = Table.from_rows(Seen, two())
    assert len(Table.concat(Seen, [table, Table.empty(Seen), table])) == 4
    assert len(Table.concat(Seen, [])) == 0
    joined = Tables([table]).joined(Tables([table]), Tables())
    assert len(joined[Seen]) == 4


def test_a_table_nobody_filled_is_empty():
    """Never missing: readers need not ask."""
    assert len(Tables()[Seen]) == 0
    assert list(Tables()) == []


def test_a_table_can_be_exchanged():
    tables = Tables([Table.from_rows(Seen, two())])
    assert len(tables.replaced(Table.empty(Seen))[Seen]) == 0
    assert len(tables[Seen]) == 2


def test_rows_fill_a_table_one_by_one():
    """Columns left out have no value; times may be nanoseconds."""
    rows = Rows(Seen)
    rows.add(name="x", ts=1_500_000_000, sure=True)
    rows.add(name="y", ts=2_000_000_000, sure=False, count=4, last_ts=3_000_000_000)
    assert len(rows) == 2
    first, second = rows.table().rows()
    assert (first.ts, first.count, first.last_ts) == (datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC), None, None)
    assert (second.count, second.last_ts.second) == (4, 3)


def test_no_rows_make_an_empty_table():
    assert len(Rows(Seen).table()) == 0


def test_people_get_a_data_frame():
    """Aware times, a real missing value for absent integers."""
    frame = Table.from_rows(Seen, two()).to_pandas()
    assert str(frame["ts"].dt.tz) == "UTC"
    assert frame["count"].isna().tolist() == [False, True]
    assert frame["count"].tolist()[0] == 3
    assert frame["last_ts"].isna().tolist() == [False, True]


def test_narrow_columns_are_stored_narrow():
    """A column may be stored in fewer bits; it is a whole number to its readers, and it cannot be absent."""

    class Small(Record, table="small", key=("n",)):
        """A small thing."""

        n: int = column("Number.", bits=32)
        side: int = column("Side.", bits=8)

    rows = Rows(Small)
    rows.add(n=70_000, side=1)
    table = Table.concat(Small, [rows.table(), rows.table()])
    assert (table["n"].dtype, table["side"].dtype) == (np.int32, np.int8)
    assert table.row(1) == Small(n=70_000, side=1)
    assert type(table.row(0).n) is int
    assert table.present("side").all()
    assert table.to_pandas()["n"].tolist() == [70_000] * 2
    with pytest.raises(ValueError, match="narrow"):
        column("Number.", bits=8, absent="sometimes")
