"""The SQLite file of the case state: opened per use, brought up to date by numbered migrations.

Why opened per use: the command line, the server's workers and the console all use it, from several processes and
threads; a connection that is never kept can neither be shared by mistake nor hold a lock while nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from farmwatch.errors import StoreError

__all__ = ["MIGRATIONS", "StateFile", "now_text"]

_BUSY_S = 30.0
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL, created TEXT NOT NULL) STRICT;
    CREATE TABLE tokens (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, kinds TEXT NOT NULL,
        created TEXT NOT NULL, revoked TEXT, last_used TEXT
    ) STRICT;
    CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked IS NULL;
    CREATE TABLE enrolments (
        digest BLOB PRIMARY KEY, host_identifier TEXT NOT NULL, enrolled TEXT NOT NULL, last_seen TEXT NOT NULL
    ) STRICT;
    CREATE INDEX enrolments_by_host ON enrolments (host_identifier);
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY, sender TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
        received INTEGER NOT NULL, state TEXT NOT NULL, detail TEXT NOT NULL, created TEXT NOT NULL,
        updated TEXT NOT NULL
    ) STRICT;
    CREATE TABLE cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL, updated TEXT NOT NULL) STRICT;
    CREATE TABLE cases (
        device_id TEXT NOT NULL, claim TEXT NOT NULL, state TEXT NOT NULL, opened TEXT NOT NULL,
        updated TEXT NOT NULL, PRIMARY KEY (device_id, claim)
    ) STRICT;
    CREATE TABLE dispositions (
        id INTEGER PRIMARY KEY, device_id TEXT NOT NULL, claim TEXT NOT NULL, state TEXT NOT NULL,
        reason TEXT NOT NULL, who TEXT NOT NULL, ts TEXT NOT NULL
    ) STRICT;
    CREATE INDEX dispositions_by_device ON dispositions (device_id);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, ts TEXT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE TABLE hec_acks (
        channel TEXT NOT NULL, ack_id INTEGER NOT NULL, done INTEGER NOT NULL, created TEXT NOT NULL,
        PRIMARY KEY (channel, ack_id)
    ) STRICT;
    """,
    """
    ALTER TABLE dispositions ADD COLUMN detector TEXT;
    ALTER TABLE dispositions ADD COLUMN grade TEXT;
    ALTER TABLE dispositions ADD COLUMN cause TEXT;
    ALTER TABLE dispositions ADD COLUMN about TEXT;
    ALTER TABLE dispositions ADD COLUMN until TEXT;
    ALTER TABLE dispositions ADD COLUMN covers TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE dispositions ADD COLUMN farm_id TEXT;
    ALTER TABLE dispositions ADD COLUMN run_id TEXT;
    """,
)
"""What leads from version n to n + 1, n being the place in this tuple; what is released never changes."""


def now_text() -> str:
    """The time, UTC, as the state keeps times: text that sorts."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class StateFile:
    """A state file. It is made on first use, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for questions.

        Raises:
            StoreError: the file cannot be read, is damaged, or was written by a later farmwatch.
        """
        with self._connection() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction that nobody else writes in; committed at the end, undone on an error.

        Raises:
            StoreError: as in :meth:`reading`; or others kept it locked for half a minute, or the disk is full.
        """
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            self._make()
            with contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")
                self._migrate(connection)
                yield connection
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}; {_advice(error)}") from error
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error

    def _make(self) -> None:
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Bring the tables to this version's schema.

        Raises:
            StoreError: a later farmwatch wrote them.
        """
        version = _version(connection)
        if version == len(MIGRATIONS):
            return
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{self.path}: written by a later farmwatch (schema {version}, here {len(MIGRATIONS)}); "
                "upgrade this one"
            )
        connection.execute("BEGIN IMMEDIATE")
        try:
            for number in range(_version(connection), len(MIGRATIONS)):  # again: somebody may have been quicker
                if number == 0:
                    connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT")
                    connection.execute("INSERT INTO schema_version VALUES (0)")
                for statement in MIGRATIONS[number].split(";"):
                    connection.execute(statement)
                connection.execute("UPDATE schema_version SET version = ?", (number + 1,))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the file; nothing where all is well or there is no file yet."""
        if not self.path.exists():
            return []
        try:
            with self.reading() as connection:
                found = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
        except StoreError as error:
            return [str(error)]
        return [f"{self.path}: {text}" for text in found if text != "ok"]


def _version(connection: sqlite3.Connection) -> int:
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'").fetchone()
    return int(connection.execute("SELECT version FROM schema_version").fetchone()[0]) if known else 0


def _advice(error: sqlite3.Error) -> str:
    """What to do about an error of SQLite."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        return "make room and try again; nothing was changed"
    if code.startswith("SQLITE_BUSY"):
        return "another process keeps it locked; try again when that is done"
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "put back a copy from before the damage; the tables of telemetry are not affected"
    return "nothing was changed"
