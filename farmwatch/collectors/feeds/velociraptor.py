"""Velociraptor: results of artifacts, from collections and from what its server sends to Elastic or Splunk.

A collection is a zip archive with ``results/Artifact.Name%2FSource.json`` (JSON lines, or CSV), ``client_info.json``
and files about itself. Sent rows carry ``Artifact`` (or ``_index``, ``src_artifact``:
``artifact_Windows_System_Pslist``), ``ClientId``, ``Hostname`` and the time of sending. What an artifact's columns
mean is in :mod:`~farmwatch.collectors.feeds.velociraptor_artifacts`; rows that are Windows events are read as such,
whichever artifact found them. A record is a row. Rows of a collection do not say when they were collected: the
collection does.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.collectors.feeds.collected import Collection, collection_named
from farmwatch.collectors.feeds.columns import first_of, times
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.delimited import delimited_documents
from farmwatch.collectors.feeds.documents import json_objects
from farmwatch.collectors.feeds.hosts import device_name
from farmwatch.collectors.feeds.osquery_rows import Part, Rows
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.velociraptor_artifacts import (
    LEFT_BEHIND,
    NEVER_KEPT,
    Artifact,
    artifact_of,
    pieces,
    text_at,
)
from farmwatch.collectors.feeds.windows.events import Event
from farmwatch.collectors.feeds.windows.meaning import EVENT_TABLES, interpret
from farmwatch.collectors.feeds.windows.shapes import event_of_system
from farmwatch.records import Record, Sighting

__all__ = ["Velociraptor"]

_ARTIFACT = re.compile(
    r"(?i)^((?:custom|exchange)\.)?(windows|linux|macos|generic|server|admin|system|detectraptor|elastic|splunk|notebook)"
    r"\.[\w.-]+?((?:%2f|/)[\w .%-]+)?\.(json|jsonl|csv)$"
)
_ABOUT = {
    "collection_context": {"session_id", "artifacts_with_results"}, "log": {"_ts", "level", "message"},
    "uploads": {"vfs_path", "file_size"}, "requests": {"session_id", "VQLClientAction"},
}  # files of a collection about itself, by columns that tell them  # fmt: skip
_NAMED = ("Artifact", "src_artifact", "_index", "_Source", "Source")
_TIMES = ("EventTime", "TimeCreated", "_ts", "timestamp")
_MOST_KINDS = 200
_EVENTS = ("EventData", "UserData", "SourceIP")
_OF_EVENTS = frozenset({"UserName", "DomainName"})  # columns of events whose own fields are counted instead


@dataclass(frozen=True, slots=True)
class Velociraptor:
    """Results of Velociraptor's artifacts."""

    kind: ClassVar[str] = "velociraptor"
    sentence: ClassVar[str] = "Velociraptor collections, and artifact rows sent to Elastic or Splunk."
    tables: ClassVar[tuple[type[Record], ...]] = (*EVENT_TABLES, Sighting)

    def recognises(self, sample: Sample) -> bool:
        """By an artifact's name on the file or in the rows, or as a file that a collection has about itself."""
        if sample.name.endswith(".json.index"):
            return True
        if _ARTIFACT.match(sample.name):
            return bool(sample.documents) or bool(sample.lines)
        return any(_is_sent(one) or _is_client(one) or _about(one) for one in sample.documents[:5])

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read rows; see the module."""
        file = re.sub(r"\.(?:gz|zst)$", "", context.name.rsplit("!", 1)[-1])
        name = unquote(re.split(r"[\\/]", file)[-1])
        if name.lower().endswith(".index"):
            yield Parsed(records=1, unneeded=Counter({"index of a result file": 1}))
            return
        of = re.sub(r"(?i)\.(jsonl?|csv)$", "", name) if _ARTIFACT.match(name) else ""
        found = collection_named(context.name)
        if name.lower().endswith(".csv"):
            for documents in delimited_documents(stream):
                rows = [_cells(row) for row in documents.table.to_pylist()]
                yield _parsed(rows, documents.numbers, documents.faults, of, found, context)
            return
        for objects, numbers, account in json_objects(stream):
            yield _parsed(objects, numbers, account, of, found, context)


def _is_sent(row: Mapping[str, Any]) -> bool:
    named = any(isinstance(row.get(name), str) and artifact_of(row[name])[1] is not None for name in _NAMED[:3])
    whose = bool({"ClientId", "client_id"} & row.keys()) and bool({"FlowId", "_ts", "flow_id"} & row.keys())
    index = any(str(row.get(name, "")).startswith("artifact_") for name in ("_index", "src_artifact"))
    return whose and (named or index or isinstance(row.get("Artifact"), str))


def _is_client(row: Mapping[str, Any]) -> bool:
    if isinstance(row.get("os_info"), dict) and "client_id" in row:
        return True
    return {"Hostname", "Fqdn"} <= row.keys() and bool({"BuildTime", "OS", "ClientStart"} & row.keys())


def _about(row: Mapping[str, Any]) -> str:
    return next((name for name, columns in _ABOUT.items() if columns <= row.keys()), "")


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of CSV, whose cells may be objects and lists written as JSON."""
    return {name: _cell(value) if isinstance(value, str) else value for name, value in row.items()}


def _cell(text: str) -> Any:
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _parsed(
    objects: Sequence[dict[str, Any]], numbers: NDArray[np.int64], account: Parsed, of: str,
    found: Collection | None, context: Context,
) -> Parsed:  # fmt: skip
    output = Output(numbers)
    output.before(account)
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(objects):
        groups.setdefault(_name(row, of), []).append(at)
    for count, (name, listed) in enumerate(groups.items()):
        rows = [objects[at] for at in listed]
        where = np.array(listed, np.int64)
        plain, artifacts = artifact_of(name)
        events = np.array(
            [artifacts is None and not NEVER_KEPT.search(plain) and _is_event(row) for row in rows], np.bool_
        )
        _count_banned(plain, artifacts or (), rows, events, output)
        base = _base(rows, where, numbers, name, found, context)
        if events.any():
            picked = np.flatnonzero(events)
            _events([rows[at] for at in picked.tolist()], base, picked, Part(output, where[picked]), context)
        for artifact in artifacts or ():
            _rows(artifact, rows, base, Part(output, where), context)
        kind = f"artifact {plain or 'without a name'}"[:100] if not plain.startswith("file ") else plain
        output.unneeded(where, kind if count < _MOST_KINDS else "other artifacts")
    return output.finish()


def _name(row: Mapping[str, Any], of: str) -> str:
    """The artifact that a row is of: by the row, else by its file; or which file about the collection it is in."""
    if _is_sent(row):
        for name in _NAMED:
            if isinstance(row.get(name), str) and row[name]:
                return str(row[name])[:200]
    if of:
        return of
    about = _about(row)
    return f"file {about}" if about else "client_info" if _is_client(row) else ""


def _is_event(row: Mapping[str, Any]) -> bool:
    if isinstance(row.get("System"), Mapping):
        return "EventID" in row["System"]
    return "EventID" in row and "Channel" in row and any(name in row for name in _EVENTS)


def _base(
    rows: Sequence[Mapping[str, Any]], where: NDArray[np.int64], numbers: NDArray[np.int64], name: str,
    found: Collection | None, context: Context,
) -> dict[str, pa.Array]:  # fmt: skip
    """Device, time and number of each row."""
    sent = [_is_sent(row) for row in rows]
    names = [
        _device(row) if told else context.device_id or (found.device_id if found else None) or _device(row)
        for row, told in zip(rows, sent, strict=True)
    ]
    at = found.at if found is not None and found.at is not None else context.received
    told_at = [text_at(row, "", _TIMES if said else _TIMES[:2]) for row, said in zip(rows, sent, strict=True)]
    ids = [
        f"{row.get('FlowId') or row.get('flow_id') or ''} {name}" if said else f"{name} {number}"
        for row, said, number in zip(rows, sent, numbers[where].tolist(), strict=True)
    ]
    kind = pa.timestamp("us", tz="UTC")
    return {
        "device_id": pa.array(names, pa.string()),
        "ts": first_of(times(pa.array(told_at, pa.string())), pa.array([at] * len(rows), kind)),
        "record_id": pa.array([one.encode("utf-8", "replace").decode()[:512] for one in ids], pa.string()),
    }


def _device(row: Mapping[str, Any]) -> str | None:
    """The client's name as a row has it, else its id."""
    for path in ("Hostname", "os_info.hostname", "Computer", "System.Computer", "Fqdn"):
        text = text_at(row, "", (path,))
        if text and (name := device_name(text)):
            return name
    told = text_at(row, "", ("ClientId", "client_id"))
    return told.lower() if told else None


class _Columns(dict[str, pa.Array]):
    """Columns by name; one that an artifact does not have is without values."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._none = pa.nulls(length, pa.string())

    def __missing__(self, name: str) -> pa.Array:
        return self._none


def _rows(
    artifact: Artifact,
    rows: Sequence[Mapping[str, Any]],
    base: Mapping[str, pa.Array],
    output: Output,
    context: Context,
) -> None:
    """Rows of an artifact in the columns that osquery has for the same thing."""
    listed = list(pieces(artifact, rows))
    if not listed:
        return
    owner = np.array([at for at, _ in listed], np.int64)
    columns = _Columns(len(listed))
    for name, paths in artifact.columns.items():
        columns[name] = pa.array([text_at(row, name, paths) for _, row in listed], pa.string())
    for name, text in (artifact.constants or {}).items():
        columns[name] = pa.array([text] * len(listed), pa.string())
    own = {name: values.take(pa.array(owner)) for name, values in base.items()}
    if "ts" in columns:
        own["ts"] = first_of(times(columns.pop("ts")), own["ts"])
    none = np.zeros(len(listed), np.bool_)
    artifact.rows(Rows(columns, np.arange(len(listed)), own, none, ~none, Part(output, owner), context))


def _events(
    rows: Sequence[Mapping[str, Any]],
    base: Mapping[str, pa.Array],
    at: NDArray[np.int64],
    output: Output,
    context: Context,
) -> None:
    """Rows that are Windows events, as any other sender's."""
    devices = base["device_id"].take(pa.array(at)).to_pylist()
    events = []
    for row, device in zip(rows, devices, strict=True):
        system = row.get("System")
        if isinstance(system, Mapping):
            event = event_of_system(system, row)
        else:
            when = row.get("EventTime") or row.get("TimeCreated") or row.get("timestamp")
            channel = row.get("Channel")
            provider = channel.split("/")[0] if isinstance(channel, str) and "/" in channel else None
            event = Event(
                row.get("Provider") or provider, channel, row.get("EventID"), row.get("EventRecordID"),
                row.get("Computer"), when, None, _data(row),
            )  # fmt: skip
        events.append(event if event.computer else event._replace(computer=device))
    interpret(events, output, context)


def _data(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event's own fields: as the artifact has them, or put back where it has given them names of its own."""
    for name in ("EventData", "UserData"):
        held = row.get(name)
        if isinstance(held, Mapping):
            inner = next(iter(held.values()), None) if len(held) == 1 else None
            return inner if isinstance(inner, Mapping) else held
    account, domain, address = row.get("UserName"), row.get("DomainName"), row.get("SourceIP")
    fields: dict[str, Any]
    match str(row.get("EventID")):
        case "1149":
            fields = {"Param1": account, "Param2": domain, "Param3": address}
        case "4778" | "4779":
            fields = {"AccountName": account, "AccountDomain": domain, "ClientAddress": address}
        case _ if "TerminalServices" in str(row.get("Channel")):
            fields = {"User": account, "Address": address}
        case _:
            fields = {"TargetUserName": account, "TargetDomainName": domain, "LogonType": row.get("LogonType")}
            fields["IpAddress"] = address
    return {name: value for name, value in fields.items() if value not in (None, "", "null")}


def _count_banned(
    plain: str,
    artifacts: Sequence[Artifact],
    rows: Sequence[Mapping[str, Any]],
    events: NDArray[np.bool_],
    output: Output,
) -> None:
    """Count what is left behind; of artifacts about a person's language, everything. Accounts are kept, hidden."""
    never = bool(NEVER_KEPT.search(plain))
    used = {path.split(".")[0] for one in artifacts for paths in one.columns.values() for path in paths}
    for row, event in zip(rows, events.tolist(), strict=True):
        for name, value in row.items():
            kept = name in used or (event and name in _OF_EVENTS) or name not in LEFT_BEHIND
            if (never or not kept) and value not in (None, "", "null", "-"):
                output.dropped[name[:80]] += 1
