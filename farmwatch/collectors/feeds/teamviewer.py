"""TeamViewer's lists of connections: ``Connections_incoming.txt`` of a device and ``Connections.txt`` of its users.

Tab-separated, times in UTC, from published examinations of real logs::

    1234567890	DISPLAY-NAME	21-07-2025 12:16:19	21-07-2025 12:18:28	user	RemoteControl	{guid}     came in
    1234567890	21-07-2025 12:16:19	21-07-2025 12:18:28	user	RemoteControl	{guid}               went out

They do not name the device, so that must be given. The far end's display name and the local user are counted and left
behind. ``TeamViewer15_Logfile.log`` is not read: its times are local and its zone is not on every line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.remote_tool_lines import Line, read_lines
from farmwatch.records import Record, RemoteToolLog

__all__ = ["TeamViewer"]

_ID = re.compile(r"[0-9]{6,12}")
_MODE = re.compile(r"[A-Za-z]{2,40}")
_GUID = re.compile(r"\{?([0-9A-Fa-f-]{8,40})\}?")
_LINE = re.compile(r"[0-9]{6,12}\t(?:[^\t]{0,200}\t)?\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2}\t")
_INCOMING, _OUTGOING = 2, 1  # where the time it began stands


def _line(text: str, number: int) -> Line:  # noqa: ARG001  (the contract's shape)
    """One connection."""
    parts = [part.strip() for part in text.split("\t")]
    if len(parts) < 5 or not _ID.fullmatch(parts[0]):
        return Line(fault="not a line of TeamViewer's lists of connections")
    at = next((place for place in (_OUTGOING, _INCOMING) if _time(parts[place]) is not None), None)
    if at is None:
        return Line(fault="no time in it")
    rest = [*parts[at + 1 :], "", "", "", ""]
    line = Line()
    if at == _INCOMING and parts[1]:
        line.dropped["display name"] += 1
    if rest[1]:
        line.dropped["local user"] += 1
    guid = _GUID.fullmatch(rest[3])
    line.add(
        RemoteToolLog, ts=_time(parts[at]), ended=_time(rest[0]), tool="teamviewer", event="session",
        record_id=guid[1].lower() if guid else None, direction="incoming" if at == _INCOMING else "outgoing",
        far_id=parts[0], mode=rest[2] if _MODE.fullmatch(rest[2]) else None,
    )  # fmt: skip
    return line


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%d-%m-%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class TeamViewer:
    """Lists of connections that TeamViewer keeps on a device."""

    kind: ClassVar[str] = "teamviewer"
    sentence: ClassVar[str] = "TeamViewer connections: Connections_incoming.txt and Connections.txt of one device."
    tables: ClassVar[tuple[type[Record], ...]] = (RemoteToolLog,)

    def recognises(self, sample: Sample) -> bool:
        """By a line that is an id, perhaps a name, and two times."""
        return not sample.documents and any(_LINE.match(line) for line in sample.lines[:5])

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read a list; see the module."""
        yield from read_lines(stream, context, _line)
