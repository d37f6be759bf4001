"""Cases: what people decided about devices and why, and the audit of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from farmwatch.errors import StoreError
from farmwatch.records import Claim
from farmwatch.records.standing import Covered, Decision
from farmwatch.store.state_file import StateFile, now_text

__all__ = ["STATES", "AuditEntry", "Case", "Cases"]

STATES = ("confirmed", "dismissed", "open", "note")  #: what a decision may say; ``open`` undoes, a note changes nothing
_MOST_TEXT = 10_000  # characters of a reason
_SCOPE = ("detector", "grade", "cause", "about")
_COLUMNS = (
    "device_id", "claim", "state", "reason", "who", "ts", *_SCOPE, "until", "covers", "farm_id", "run_id"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One claim about one device that somebody has looked at."""

    device_id: str
    claim: str
    state: str  #: of the last decision about the whole claim
    opened: str
    updated: str


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

    def decide(self, device_id: str, claim: str, state: str, *, reason: str, who: str) -> Decision:
        """Add a decision about a whole claim; the case takes its state.

        Raises:
            StoreError: as :meth:`add` says.
        """
        return self.add([Decision(device_id, _claim(claim), state, reason, who, "")])[0]

    def add(self, decisions: Sequence[Decision], *, seen: int | None = None) -> list[Decision]:
        """Add decisions, all or none. Their time and number are given here.

        A decision about a whole claim gives the case its state; one about some kind of finding, and a note, leave it.

        Args:
            decisions: What was decided.
            seen: Number of the last decision that whoever decides knew of (see :meth:`last`): where another one about
                the same device came since, nothing is added. None: whatever came since.

        Raises:
            StoreError: a decision without a reason or a person, or of an unknown kind; or somebody was quicker.
        """
        for one in decisions:
            _check(one)
        now = now_text()
        with self._file.writing() as connection:
            if seen is not None:
                _refuse_unseen(connection, sorted({one.device_id for one in decisions}), seen)
            return [_added(connection, one, now) for one in decisions]

    def last(self) -> int:
        """Number of the last decision; 0 where there is none."""
        with self._file.reading() as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM dispositions").fetchone()[0])

    def decisions(self) -> list[Decision]:
        """All decisions about all devices, oldest first."""
        with self._file.reading() as connection:
            return [_decision(row) for row in connection.execute("SELECT * FROM dispositions ORDER BY id")]

    def all(self) -> list[Case]:
        """All cases, the one changed last first."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT * FROM cases ORDER BY updated DESC, device_id, claim")
            return [Case(**dict(row)) for row in rows]

    def of(self, device_id: str) -> list[Decision]:
        """All decisions about a device, oldest first."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT * FROM dispositions WHERE device_id = ? ORDER BY id", (device_id,))
            return [_decision(row) for row in rows]

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


def _check(decision: Decision) -> None:
    """Refuse what must not be kept.

    Raises:
        StoreError: a decision without a reason or a person, or of an unknown kind.
    """
    if not decision.reason.strip() or not decision.who.strip():
        raise StoreError("a decision needs a reason and the name of who decided")
    if len(decision.reason) > _MOST_TEXT:
        raise StoreError(f"a reason has at most {_MOST_TEXT:,} characters; this one has {len(decision.reason):,}")
    if decision.state not in STATES:
        raise StoreError(f"{decision.state!r} is no decision; there are {', '.join(STATES)}")
    if not decision.device_id:
        raise StoreError("a decision needs a device")


def _claim(text: str) -> Claim:
    try:
        return Claim(text)
    except ValueError:
        raise StoreError(f"there is no claim {text!r}; there are {', '.join(Claim)}") from None


def _refuse_unseen(connection: sqlite3.Connection, devices: Sequence[str], seen: int) -> None:
    """Refuse where a decision came that whoever decides cannot have known.

    Raises:
        StoreError: with who decided what.
    """
    for device in devices:
        other = connection.execute(
            "SELECT * FROM dispositions WHERE device_id = ? AND id > ? AND state <> 'note' ORDER BY id DESC LIMIT 1",
            (device, seen),
        ).fetchone()
        if other is not None:
            raise StoreError(
                f"{other['who']} was quicker: {other['claim']} of {device} {other['state']} at {other['ts']} "
                f"({other['reason']}); look again and decide then"
            )


def _added(connection: sqlite3.Connection, decision: Decision, now: str) -> Decision:
    """A decision with its time and number, once it is in the tables."""
    covers = json.dumps([[one.detector, one.grade, one.cause, list(one.names)] for one in decision.covers])
    values = {name: getattr(decision, name) for name in _COLUMNS} | {
        "claim": str(decision.claim), "ts": now, "covers": covers,
    }  # fmt: skip
    number = connection.execute(
        f"INSERT INTO dispositions ({', '.join(_COLUMNS)}) "  # noqa: S608 (constants)
        f"VALUES ({', '.join(f':{name}' for name in _COLUMNS)})",
        values,
    ).lastrowid
    whole = decision.state != "note" and not decision.scoped
    connection.execute(
        "INSERT INTO cases VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (device_id, claim) "
        "DO UPDATE SET updated = ?4, state = CASE WHEN ?5 THEN ?3 ELSE state END",
        (decision.device_id, str(decision.claim), decision.state if whole else "open", now, whole),
    )
    scope = [f"{name} {getattr(decision, name)}" for name in _SCOPE if getattr(decision, name) is not None]
    detail = "; ".join([f"{decision.claim}: {decision.state}", *scope, *_ending(decision), decision.reason])
    connection.execute(
        "INSERT INTO audit (ts, who, action, subject, detail) VALUES (?, ?, 'decide', ?, ?)",
        (now, decision.who, decision.device_id, detail),
    )
    return _decision({**values, "id": number})


def _ending(decision: Decision) -> tuple[str, ...]:
    return () if decision.until is None else (f"until {decision.until}",)


def _decision(row: Any) -> Decision:
    """A decision from its row."""
    values = {name: row[name] for name in (*_COLUMNS, "id")}
    covers = tuple(
        Covered(detector, grade, cause, tuple(names)) for detector, grade, cause, names in json.loads(row["covers"])
    )
    return Decision(**{**values, "claim": Claim(row["claim"]), "covers": covers})
