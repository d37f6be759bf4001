"""Cases: what people decided about devices and why, and the audit of it."""

from __future__ import annotations

from dataclasses import dataclass

from farmwatch.errors import StoreError
from farmwatch.store.state_file import StateFile, now_text

__all__ = ["AuditEntry", "Case", "Cases", "Disposition"]


@dataclass(frozen=True, slots=True)
class Case:
    """One claim about one device that somebody has looked at."""

    device_id: str
    claim: str
    state: str  #: of the last disposition
    opened: str
    updated: str


@dataclass(frozen=True, slots=True)
class Disposition:
    """One decision: who said what of a claim about a device, and why."""

    id: int
    device_id: str
    claim: str
    state: str
    reason: str
    who: str
    ts: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what."""

    id: int
    ts: str
    who: str
    action: str
    subject: str
    detail: str


class Cases:
    """Decisions about devices, in the state file. Decisions are added, never changed."""

    def __init__(self, file: StateFile) -> None:
        self._file = file

    def decide(self, device_id: str, claim: str, state: str, *, reason: str, who: str) -> None:
        """Add a decision about a claim; the case takes its state.

        Raises:
            StoreError: a decision without a reason or a person.
        """
        if not reason.strip() or not who.strip():
            raise StoreError("a decision needs a reason and the name of who decided")
        now = now_text()
        with self._file.writing() as connection:
            connection.execute(
                "INSERT INTO cases VALUES (?1, ?2, ?3, ?4, ?4) "
                "ON CONFLICT (device_id, claim) DO UPDATE SET state = ?3, updated = ?4",
                (device_id, claim, state, now),
            )
            connection.execute(
                "INSERT INTO dispositions (device_id, claim, state, reason, who, ts) VALUES (?, ?, ?, ?, ?, ?)",
                (device_id, claim, state, reason, who, now),
            )
            connection.execute(
                "INSERT INTO audit (ts, who, action, subject, detail) VALUES (?, ?, 'decide', ?, ?)",
                (now, who, device_id, f"{claim}: {state}"),
            )

    def all(self) -> list[Case]:
        """All cases, the one changed last first."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT * FROM cases ORDER BY updated DESC, device_id, claim")
            return [Case(**dict(row)) for row in rows]

    def of(self, device_id: str) -> list[Disposition]:
        """All decisions about a device, oldest first."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT * FROM dispositions WHERE device_id = ? ORDER BY id", (device_id,))
            return [Disposition(**dict(row)) for row in rows]

    def audit(self, subject: str | None = None) -> list[AuditEntry]:
        """The audit, or its entries about one subject, oldest first."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT * FROM audit WHERE ?1 IS NULL OR subject = ?1 ORDER BY id", (subject,))
            return [AuditEntry(**dict(row)) for row in rows]

    def about(self, device_id: str) -> int:
        """How many cases, decisions and enrolments are about a device."""
        with self._file.reading() as connection:
            return int(
                connection.execute(
                    "SELECT (SELECT count(*) FROM cases WHERE device_id = ?1) + "
                    "(SELECT count(*) FROM dispositions WHERE device_id = ?1) + "
                    "(SELECT count(*) FROM enrolments WHERE host_identifier = ?1)",
                    (device_id,),
                ).fetchone()[0]
            )

    def forget(self, device_id: str) -> dict[str, int]:
        """Remove all that is about a device, from the file's free pages and its log too; rows gone by table.

        Raises:
            StoreError: somebody kept the file open, so that its log could not be cleared; do it again.
        """
        gone: dict[str, int] = {}
        with self._file.writing() as connection:
            for table, column in (
                ("cases", "device_id"), ("dispositions", "device_id"), ("enrolments", "host_identifier"),
            ):  # fmt: skip
                gone[table] = connection.execute(
                    f"DELETE FROM {table} WHERE {column} = ?",  # noqa: S608 (both from the line above)
                    (device_id,),
                ).rowcount
            for table, columns in (
                ("audit", "subject || char(10) || detail"),
                ("uploads", "name || char(10) || detail"),
            ):
                gone[table] = connection.execute(
                    f"DELETE FROM {table} WHERE instr({columns}, ?) > 0",  # noqa: S608 (as above)
                    (device_id,),
                ).rowcount
        with self._file.reading() as connection:
            connection.execute("VACUUM")
            blocked = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if blocked:
            raise StoreError(f"{self._file.path}: in use, so that its log could not be cleared; forget again later")
        return {table: count for table, count in gone.items() if count}
