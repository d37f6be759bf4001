"""The state file: migrations, transactions, and files that are something else."""

from __future__ import annotations

import sqlite3

import pytest

from farmwatch.errors import StoreError
from farmwatch.store import state_file
from farmwatch.store.state import State


@pytest.fixture
def state(tmp_path) -> State:
    """A state that has not been made yet."""
    return State(tmp_path / "deep" / "state.sqlite")


def test_a_later_schema_is_refused(state):
    """Nothing is changed in it."""
    state.pepper()
    with sqlite3.connect(state.file.path) as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    with pytest.raises(StoreError, match="schema 99"):
        state.pepper()


def test_migrations_keep_what_is_there(state, monkeypatch):
    """An older file is brought up to date on first use; a migration that fails changes nothing."""
    known = state_file.MIGRATIONS
    pepper = state.pepper()
    monkeypatch.setattr(state_file, "MIGRATIONS", (*known, "CREATE TABLE more (a TEXT); nonsense"))
    with pytest.raises(StoreError, match="nonsense"):
        state.pepper()
    monkeypatch.setattr(state_file, "MIGRATIONS", (*known, "CREATE TABLE more (a TEXT) STRICT"))
    assert state.pepper() == pepper
    with state.file.reading() as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchone()[0] == len(known) + 1
        assert connection.execute("SELECT count(*) FROM more").fetchone()[0] == 0


def test_an_error_undoes_a_transaction(state):
    """All or nothing."""
    with pytest.raises(ZeroDivisionError), state.file.writing() as connection:  # noqa: PT012
        connection.execute("INSERT INTO cursors VALUES ('a', 'b', 'c')")
        raise ZeroDivisionError
    assert state.cursor("a") is None


def test_a_file_that_is_no_database(state):
    """The message says so, and what to do."""
    state.file.path.parent.mkdir()
    state.file.path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="copy from before the damage"):
        state.pepper()
