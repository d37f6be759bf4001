"""Names of tables and columns are a contract: they change on purpose or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from farmwatch.records import DERIVED_TABLES, KEPT_TABLES, NETWORK_TABLES, TELEMETRY_TABLES, Table

SNAPSHOT = Path(__file__).parent / "tables.json"
TABLES = (*NETWORK_TABLES, *TELEMETRY_TABLES, *KEPT_TABLES, *DERIVED_TABLES)
#: Facts about persons that no table may hold.
BANNED = (
    "nationality", "citizenship", "ethnic", "language", "locale", "keyboard", "layout", "face", "voice", "birth",
    "religion", "payload_content", "screen", "keys", "password",
)  # fmt: skip


def described():
    return {
        record.table: {
            name: column.type.__name__ + ("?" if column.absent else "") for name, column in record.columns.items()
        }
        for record in TABLES
    }


def test_tables_are_as_published():
    """Remake with: python -m tests.contracts.test_tables (from the checkout)."""
    assert described() == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_one_name_has_one_type():
    """The same column name never means two types."""
    kinds = {}
    for record in TABLES:
        for name, column in record.columns.items():
            kinds.setdefault(name, {})[column.type.__name__] = record.table
    assert not {name: types for name, types in kinds.items() if len(types) > 1}


@pytest.mark.parametrize("record", TABLES, ids=lambda record: record.table)
def test_every_column_is_explained(record):
    """Each table and column has its sentence; each key names columns."""
    assert record.__doc__
    assert all(column.sentence.endswith(".") for column in record.columns.values())
    assert set(record.key) <= set(record.columns)


@pytest.mark.parametrize("record", TABLES, ids=lambda record: record.table)
def test_no_column_about_a_person(record):
    """No column could hold what must never be an input."""
    bare = [name.replace("interface", "") for name in record.columns]
    assert not [name for name in bare for word in BANNED if word in name]


@pytest.mark.parametrize("record", TABLES, ids=lambda record: record.table)
def test_empty_tables_work(record):
    """A table nobody filled has all columns and no rows."""
    table = Table.empty(record)
    assert len(table) == 0
    assert list(table.rows()) == []
    assert len(table.to_pandas()) == 0


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(described(), indent=1) + "\n", encoding="utf-8")
