"""AnyDesk's own logs: ``ad.trace`` and ``ad_svc.trace`` (what happened), ``connection_trace.txt`` (who came in).

Shapes, from published examinations of real logs; times are UTC::

       info 2024-02-16 20:29:04.298   back   4668   6440   app.backend_session - Incoming session request: … (221436813)
    Incoming    2024-02-16, 20:29    User                              221436813    221436813

Neither names the device, so that must be given. Names that people gave themselves are counted and left behind; numbers
of far ends are kept. ``External address`` is the device's own address as AnyDesk's relay sees it, and so a sighting;
``Logged in from`` is where the far end came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import ClassVar

from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.remote_tool_lines import Line, read_lines
from farmwatch.records import Record, RemoteToolLog, Sighting

__all__ = ["AnyDesk"]

_TOOL = "anydesk"
_LEVELS = frozenset({"info", "warning", "error", "debug", "fatal", "trace"})
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ ,]+(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)")
_ID = re.compile(r"[0-9]{6,12}")
_REQUEST = re.compile(r"^Incoming session request:\s*(.{0,300}?)\s*\(([0-9]{6,12})\)")
_ACCEPT = re.compile(r"^Accept request from ([0-9]{6,12})(?: \((via relay|direct))?")
_CLIENT = re.compile(r"Client-ID:\s*([0-9]{6,12})")
_LOGGED_IN = re.compile(r"^Logged in from ([0-9A-Fa-f.:\[\]]{2,50}):[0-9]{1,5} on relay")
_EXTERNAL = re.compile(r"^External address:\s*([0-9A-Fa-f.:\[\]]{2,50}):[0-9]{1,5}")
_AUTHENTICATED = re.compile(r"Authenticated (?:by|with|via) ([a-z ]{2,60})", re.IGNORECASE)
_OUTGOING = re.compile(r"^Connecting to \"?([0-9]{6,12})\"?")
_ENDED = re.compile(r"^Session (?:closed|stopped|ended)|^The session has ended", re.IGNORECASE)
_REJECTED = re.compile(r"(?:session|request)\b.{0,40}\brejected", re.IGNORECASE)
_WORDS = {
    "user": ("user", False), "passwd": ("password", True), "password": ("password", True), "token": ("token", True),
    "profile": ("profile", True), "rejected": (None, None),
}  # fmt: skip  # of connection_trace.txt: what let it in, and whether nobody had to agree
_CAME = re.compile(r"(?:Incoming|Outgoing)\s+\d{4}-\d{2}-\d{2}, \d{2}:\d{2}\s")
_TRACED = re.compile(r"\s*(?:info|warning|error|debug)\s+\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d+\s+\S.{0,200} - ")
_SAME_SESSION = timedelta(minutes=2)  # lines of one session's beginning lie closer


@dataclass(slots=True)
class _Trace:
    """What lines before said of the session that runs."""

    far_id: str | None = None
    far_h: str | None = None
    incoming_at: datetime | None = None

    def read(self, text: str, number: int) -> Line:
        """One line of either log."""
        words = text.split(None, 4)
        if len(words) >= 4 and words[0] in ("Incoming", "Outgoing"):
            return _connection(text, number)
        head, dash, message = text.partition(" - ")
        if not dash or words[0] not in _LEVELS:
            return Line(fault="not a line of AnyDesk's logs")
        ts = _time(head)
        return Line(fault="no time in it") if ts is None else self._event(ts, message.strip())

    def _event(self, ts: datetime, message: str) -> Line:
        line = Line()
        if found := _REQUEST.search(message):
            self.far_id, self.incoming_at = found[2], ts
            if found[1] not in ("", "-"):
                line.dropped["session request.name"] += 1
            self._add(line, ts, "request", "incoming", far_h=self.far_h)
        elif found := _ACCEPT.search(message):
            self.far_id, self.incoming_at = found[1], ts
            relay = None if found[2] is None else found[2] == "via relay"
            self._add(line, ts, "direct" if relay is False else "relay", "incoming", via_relay=relay)
        elif found := _LOGGED_IN.search(message):
            self.far_h, self.incoming_at = _address(found[1]), ts
            line.add(
                RemoteToolLog, ts=ts, tool=_TOOL, event="relay", direction="incoming", far_h=self.far_h, via_relay=True
            )
        elif found := _CLIENT.search(message):
            self.far_id = found[1]
            near = self.incoming_at is not None and abs(ts - self.incoming_at) <= _SAME_SESSION
            self._add(line, ts, "session", "incoming" if near else "unknown", far_h=self.far_h if near else None)
        elif found := _AUTHENTICATED.search(message):
            auth = _auth(found[1].lower())
            self._add(line, ts, "accepted", "incoming", auth=auth, unattended=None if auth is None else auth != "user")
        elif found := _OUTGOING.search(message):
            line.add(RemoteToolLog, ts=ts, tool=_TOOL, event="request", direction="outgoing", far_id=found[1])
        elif _REJECTED.search(message):
            self._add(line, ts, "rejected", "incoming" if self.far_id else "unknown")
            self.far_id = self.far_h = self.incoming_at = None
        elif _ENDED.search(message):
            self._add(line, ts, "ended", "incoming" if self.far_id else "unknown")
            self.far_id = self.far_h = self.incoming_at = None
        elif (found := _EXTERNAL.search(message)) and (address := _address(found[1])) is not None:
            line.add(Sighting, ts=ts, kind="public_ip", value=address)
        return line

    def _add(self, line: Line, ts: datetime, event: str, direction: str, **more: str | bool | None) -> None:
        line.add(RemoteToolLog, ts=ts, tool=_TOOL, event=event, direction=direction, far_id=self.far_id, **more)


def _connection(text: str, number: int) -> Line:
    """``Incoming  2024-02-16, 20:29  User  221436813  221436813``; the second number may be a name people gave."""
    ts = _time(text)
    if ts is None:
        return Line(fault="no time in it")
    parts = _TIME.sub(" ", text, count=1).split()[1:]
    word = next((part.lower() for part in parts if part.lower() in _WORDS), "")
    auth, unattended = _WORDS.get(word, (None, None))
    line = Line()
    if names := [part for part in parts if part.lower() not in _WORDS and not _ID.fullmatch(part)]:
        line.dropped["connection_trace.alias"] += len(names)
    line.add(
        RemoteToolLog, ts=ts, record_id=f"line {number}", tool=_TOOL,
        event="rejected" if word == "rejected" else "session",
        direction="incoming" if text.lstrip().startswith("I") else "outgoing", auth=auth, unattended=unattended,
        far_id=next((part for part in parts if _ID.fullmatch(part)), None),
    )  # fmt: skip
    return line


def _time(text: str) -> datetime | None:
    found = _TIME.search(text[:200])
    if found is None:
        return None
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None


def _auth(words: str) -> str | None:
    """What let a session in, of the words behind ``Authenticated by`` or ``with``."""
    known = {"user": "user", "token": "token", "pass": "password", "profile": "profile"}
    return next((auth for word, auth in known.items() if word in words), None)


def _address(text: str) -> str | None:
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class AnyDesk:
    """Logs that AnyDesk keeps on a device."""

    kind: ClassVar[str] = "anydesk"
    sentence: ClassVar[str] = "AnyDesk logs: ad.trace, ad_svc.trace and connection_trace.txt of one device."
    tables: ClassVar[tuple[type[Record], ...]] = (RemoteToolLog, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By the shape of the first lines, or AnyDesk's file names."""
        if sample.documents or not sample.lines:
            return False
        lines = [line for line in sample.lines if line.strip()][:20]
        telling = sum(bool(_CAME.match(line)) or bool(_TRACED.match(line)) for line in lines)
        return telling > 0 and telling * 2 >= len(lines)

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read a log; see the module."""
        yield from read_lines(stream, context, _Trace().read)
