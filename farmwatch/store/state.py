"""The case state: who may send, what is enrolled, secrets, uploads and where readers stopped.

Nothing that lets somebody in is kept as it is: tokens and node keys only as SHA-256 (they are long and random, so a
slow hash would add nothing).
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from farmwatch.errors import StoreError
from farmwatch.store.cases import Cases
from farmwatch.store.state_file import StateFile, now_text

__all__ = ["Enrolment", "Sender", "State", "Upload"]

_PREFIX = "fw_"  # so that a token found somewhere is known for one
_USED_EVERY = timedelta(minutes=1)  # last_used is noted no oftener


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody with a token."""

    id: int
    name: str
    kinds: tuple[str, ...]  #: kinds of records it may send; none named means all
    created: str  #: UTC, ISO 8601, as all times here
    revoked: str | None
    last_used: str | None

    def may_send(self, kind: str) -> bool:
        """Whether it may send records of a kind."""
        return self.revoked is None and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A host that enrolled, as osquery calls it."""

    host_identifier: str
    enrolled: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A capture that comes in pieces."""

    id: str
    sender: str
    name: str
    size: int  #: bytes announced
    received: int  #: bytes on the disk
    state: str  #: receiving, received, scanned or failed
    detail: str
    created: str
    updated: str


class State:
    """The state beside a lake. Every method opens the file, does one thing and closes it.

    Every method raises :class:`~farmwatch.errors.StoreError` where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.file = StateFile(path)

    @property
    def cases(self) -> Cases:
        """What people decided about devices."""
        return Cases(self.file)

    # --- secrets ---------------------------------------------------------------------------------------------------

    def pepper(self) -> bytes:
        """The company's secret for hiding accounts, 32 random bytes made on first use."""
        with self.file.reading() as connection:
            found = connection.execute("SELECT value FROM secrets WHERE name = 'pepper'").fetchone()
        if found:
            return bytes(found[0])
        with self.file.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO secrets VALUES ('pepper', ?, ?)", (secrets.token_bytes(32), now_text())
            )
            return bytes(connection.execute("SELECT value FROM secrets WHERE name = 'pepper'").fetchone()[0])

    # --- tokens ----------------------------------------------------------------------------------------------------

    def add_token(self, name: str, kinds: Iterable[str] = ()) -> str:
        """Make a token for a sender.

        Args:
            name: What the sender is called; unique among tokens that hold.
            kinds: Kinds of records it may send; all without any.

        Returns:
            The token. It is shown once: only its hash is kept.

        Raises:
            StoreError: the name is taken or empty.
        """
        if not name.strip() or any(not character.isprintable() for character in name):
            raise StoreError("a token needs a name that can be printed")
        token = _PREFIX + secrets.token_urlsafe(32)
        values = (name, _digest(token), ",".join(sorted(set(kinds))), now_text())
        with self.file.writing() as connection:
            if connection.execute("SELECT 1 FROM tokens WHERE name = ? AND revoked IS NULL", (name,)).fetchone():
                raise StoreError(f"there is a token named {name!r} already; revoke it first or choose another name")
            connection.execute("INSERT INTO tokens (name, digest, kinds, created) VALUES (?, ?, ?, ?)", values)
        return token

    def check_token(self, token: str) -> Sender | None:
        """The sender whose token this is; none where it is unknown or revoked."""
        with self.file.reading() as connection:
            row = connection.execute(
                "SELECT * FROM tokens WHERE digest = ? AND revoked IS NULL", (_digest(token),)
            ).fetchone()
        if row is None:
            return None
        before = (datetime.now(UTC) - _USED_EVERY).isoformat()
        if row["last_used"] is None or row["last_used"] < before:
            with self.file.writing() as connection:
                connection.execute("UPDATE tokens SET last_used = ? WHERE id = ?", (now_text(), row["id"]))
        return _sender(row)

    def revoke_token(self, name: str) -> None:
        """Make a token worthless.

        Raises:
            StoreError: no token that holds has this name.
        """
        with self.file.writing() as connection:
            changed = connection.execute(
                "UPDATE tokens SET revoked = ? WHERE name = ? AND revoked IS NULL", (now_text(), name)
            ).rowcount
            if not changed:
                raise StoreError(f"no token named {name!r} holds; 'farmwatch token list' names those that do")

    def tokens(self) -> list[Sender]:
        """All senders, revoked ones included, oldest first."""
        with self.file.reading() as connection:
            return [_sender(row) for row in connection.execute("SELECT * FROM tokens ORDER BY id")]

    # --- enrolments ------------------------------------------------------------------------------------------------

    def enrol(self, host_identifier: str) -> str:
        """Enrol a host and give it a node key. A host may enrol again; its older keys go on to hold."""
        node_key = secrets.token_urlsafe(32)
        now = now_text()
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO enrolments VALUES (?, ?, ?, ?)", (_digest(node_key), host_identifier, now, now)
            )
        return node_key

    def enrolled(self, node_key: str) -> Enrolment | None:
        """The host with this node key; none where it is unknown."""
        digest = _digest(node_key)
        with self.file.reading() as connection:
            row = connection.execute("SELECT * FROM enrolments WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            return None
        if row["last_seen"] < (datetime.now(UTC) - _USED_EVERY).isoformat():
            with self.file.writing() as connection:
                connection.execute("UPDATE enrolments SET last_seen = ? WHERE digest = ?", (now_text(), digest))
        return Enrolment(row["host_identifier"], row["enrolled"], row["last_seen"])

    def enrolments(self) -> list[Enrolment]:
        """All enrolled hosts, the one seen last first."""
        with self.file.reading() as connection:
            rows = connection.execute(
                "SELECT host_identifier, min(enrolled) AS enrolled, max(last_seen) AS last_seen FROM enrolments "
                "GROUP BY host_identifier ORDER BY last_seen DESC, host_identifier"
            )
            return [Enrolment(row["host_identifier"], row["enrolled"], row["last_seen"]) for row in rows]

    def unenrol(self, host_identifier: str) -> int:
        """Make all node keys of a host worthless; how many there were."""
        with self.file.writing() as connection:
            return connection.execute("DELETE FROM enrolments WHERE host_identifier = ?", (host_identifier,)).rowcount

    # --- uploads ---------------------------------------------------------------------------------------------------

    def add_upload(self, sender: str, name: str, size: int) -> Upload:
        """Begin an upload of so many bytes."""
        now = now_text()
        upload = Upload(secrets.token_hex(16), sender, name, size, 0, "receiving", "", now, now)
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, 0, ?, '', ?, ?)",
                (upload.id, sender, name, size, upload.state, now, now),
            )
        return upload

    def upload(self, upload_id: str) -> Upload | None:
        """An upload by its id."""
        with self.file.reading() as connection:
            row = connection.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
        return Upload(**dict(row)) if row else None

    def uploads(self, state: str | None = None) -> list[Upload]:
        """All uploads, or those in one state, oldest first."""
        with self.file.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM uploads WHERE ?1 IS NULL OR state = ?1 ORDER BY created, id", (state,)
            )
            return [Upload(**dict(row)) for row in rows]

    def note_upload(self, upload_id: str, *, received: int, state: str, detail: str = "") -> None:
        """Note how far an upload has come."""
        with self.file.writing() as connection:
            connection.execute(
                "UPDATE uploads SET received = ?, state = ?, detail = ?, updated = ? WHERE id = ?",
                (received, state, detail, now_text(), upload_id),
            )

    def remove_upload(self, upload_id: str) -> None:
        """Forget an upload."""
        with self.file.writing() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

    # --- cursors ---------------------------------------------------------------------------------------------------

    def cursor(self, name: str) -> str | None:
        """Where a reader stopped, as it noted it."""
        with self.file.reading() as connection:
            row = connection.execute("SELECT value FROM cursors WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_cursor(self, name: str, value: str) -> None:
        """Note where a reader stopped."""
        with self.file.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (name, value, now_text()))

    # --- acknowledgements of Splunk's HTTP event collector ------------------------------------------------------------

    def add_ack(self, channel: str, *, done: bool) -> int:
        """The next acknowledgement number of a channel, counted from 0."""
        with self.file.writing() as connection:
            number = connection.execute(
                "SELECT coalesce(max(ack_id) + 1, 0) FROM hec_acks WHERE channel = ?", (channel,)
            ).fetchone()[0]
            connection.execute("INSERT INTO hec_acks VALUES (?, ?, ?, ?)", (channel, number, done, now_text()))
        return int(number)

    def finish_acks(self, channel: str, numbers: Sequence[int]) -> None:
        """Note that what these numbers stand for is durable."""
        with self.file.writing() as connection:
            connection.executemany(
                "UPDATE hec_acks SET done = 1 WHERE channel = ? AND ack_id = ?", [(channel, one) for one in numbers]
            )

    def acks(self, channel: str, numbers: Sequence[int]) -> dict[int, bool]:
        """Which acknowledgement numbers of a channel are durable; unknown ones are not."""
        with self.file.reading() as connection:
            done = {
                row[0]
                for row in connection.execute("SELECT ack_id FROM hec_acks WHERE channel = ? AND done", (channel,))
            }
        return {number: number in done for number in numbers}

    def forget_acks(self, before: datetime) -> int:
        """Forget acknowledgements older than a time, but the last of each channel, from which it counts on."""
        with self.file.writing() as connection:
            return connection.execute(
                "DELETE FROM hec_acks WHERE created < ? AND ack_id < "
                "(SELECT max(ack_id) FROM hec_acks AS other WHERE other.channel = hec_acks.channel)",
                (before.astimezone(UTC).isoformat(),),
            ).rowcount

    # --- audit -----------------------------------------------------------------------------------------------------

    def audit(self, who: str, action: str, subject: str = "", detail: str = "") -> None:
        """Note who did what to what."""
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO audit (ts, who, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
                (now_text(), who, action, subject, detail),
            )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _sender(row: sqlite3.Row) -> Sender:
    kinds = tuple(kind for kind in row["kinds"].split(",") if kind)
    return Sender(row["id"], row["name"], kinds, row["created"], row["revoked"], row["last_used"])
