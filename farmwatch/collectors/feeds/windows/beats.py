"""Winlogbeat's documents in columns: most of what a fleet sends comes in this form, and parsing it is most of the work.

Only a stretch in which every document has this form is taken; any other, and one whose fields an ingest pipeline has
moved elsewhere, is left to be read document by document, which gives the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import filled, struct_field
from farmwatch.collectors.feeds.documents import Documents, JsonBlock
from farmwatch.collectors.feeds.windows.events import mask_of
from farmwatch.collectors.feeds.windows.meaning import BANNED

__all__ = ["Beats", "beats_of"]

_READ = (
    "AcOnline AccountName Address BuildVersion ClassGuid ClassId ClassName ClientAddress ClientIP ClientName "
    "CommandLine Company CompatibleIds ConnType DestinationHostname DestinationIp DestinationPort "
    "DeviceDescription DeviceId DeviceInstanceID DeviceInstanceId DriverDescription FullChargeCapacity Hashes "
    "IPString Image ImagePath Initiated InstanceId IpAddress IpPort LocationInformation LogonID LogonType Major "
    "MajorCode MajorVersion Minor MinorCode MinorVersion MonitorHeight MonitorNum MonitorReason MonitorWidth "
    "NewProcessId NewProcessName OriginalFileName Param1 Param2 Param3 Param4 ParentDeviceInstanceId ParentImage "
    "ParentProcessName PowerStateAc ProcessId ProcessName Product Protocol QueryName QueryResults Reason "
    "RemainingCapacity RequestMajorCode RequestMinorCode ServiceFileName ServiceName ServiceStartType Session "
    "SessionID SetupClass SourceHostname SourceIp SourcePort StartTime StartType TargetLogonId TargetSession "
    "TargetUserName TargetUserSid TimeZoneBias TimezoneBiasHour User VendorIds WakeSourceText WakeSourceType "
    "WorkstationName param1 param2 param4 param5 param7"
)  # every value that some meaning reads
_IN_USER_DATA = (
    "Address DeviceInstanceID DriverDescription InstanceId MajorCode MinorCode Param1 Param2 Param3 Param4 "
    "RequestMajorCode RequestMinorCode Session SessionID SetupClass TargetSession User"
)  # those that stand in user_data
_DATA = tuple(_READ.split())
_USER_DATA = frozenset(_IN_USER_DATA.split())
_MOVED = ("process", "source", "destination", "dns", "service")  # where pipelines put what they take out of event_data
_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
_NAMES = frozenset(_DATA) | BANNED


def _struct(names: Iterable[str], kind: pa.DataType = _TEXT) -> pa.StructType:
    return pa.struct([(name, kind) for name in names])


def _schema(numbers: Mapping[str, pa.DataType]) -> pa.Schema:
    """Fields that are used, those that are counted, and one of each part that makes a document another's."""
    winlog = [
        *((name, numbers.get(name, _TEXT)) for name in ("event_id", "record_id")),
        *((name, _TEXT) for name in ("provider_name", "channel", "computer_name", "time_created", "activity_id")),
        ("event_data", _struct(sorted(_NAMES))),
        ("user_data", _struct(sorted(_USER_DATA))),
    ]
    host = [("name", _TEXT), ("hostname", _TEXT), ("ip", _TEXTS), ("mac", _TEXTS)]
    return pa.schema(
        [
            ("@timestamp", _TEXT),
            ("message", _TEXT),
            ("event", _struct(["code", "provider"])),
            ("host", pa.struct([*host, ("os", _struct(["name", "version", "build"]))])),
            ("user", _struct(["name"])),
            ("related", pa.struct([("user", _TEXTS)])),
            ("_source", _struct(["_"])),
            *((part, _struct(["_"])) for part in _MOVED),
            ("winlog", pa.struct(winlog)),
        ]
    )


_SCHEMAS = tuple(
    _schema({"event_id": event, "record_id": record}) for event in (_TEXT, pa.int64()) for record in (pa.int64(), _TEXT)
)  # Winlogbeat 8 writes the first; 7 and what others made of it the others


class Beats:
    """Events of a stretch of Winlogbeat's documents."""

    def __init__(self, documents: Documents) -> None:
        self.numbers = documents.numbers
        self.account = documents.faults
        self.table = documents.table
        self._winlog = documents.table.column("winlog").combine_chunks()
        self._event_data = self._winlog.field("event_data")
        self._user_data = self._winlog.field("user_data")

    def system(self, name: str) -> pa.Array:
        """See :class:`~farmwatch.collectors.feeds.windows.events.System`."""
        match name:
            case "provider":
                return self._first("provider_name", "event.provider")
            case "event_id":
                return self._first("event_id", "event.code")
            case "time":
                return self._first("time_created", "@timestamp")
            case "computer":
                return self._first("computer_name")
            case "activity":
                return self._first("activity_id")
            case _:
                return self._first(name)

    def _first(self, name: str, other: str = "") -> pa.Array:
        values = pc.struct_field(self._winlog, name)
        values = values if pa.types.is_string(values.type) else values.cast(_TEXT)
        return pc.coalesce(filled(values), struct_field(self.table, other)) if other else values

    def fields(self, rows: NDArray[np.int64]) -> _Data:
        """See :class:`~farmwatch.collectors.feeds.windows.meaning.Columns`."""
        return _Data(self, rows)

    def value(self, name: str, rows: NDArray[np.int64]) -> pa.Array:
        """A value of some events, wherever it stands.

        Raises:
            KeyError: it is not among those that are parsed.
        """
        if name not in _NAMES:
            raise KeyError(name)
        picked = pa.array(rows)
        values = pc.struct_field(self._event_data, name).take(picked)
        if name in _USER_DATA and self._user_data.null_count < len(self._user_data):
            values = pc.coalesce(values, pc.struct_field(self._user_data, name).take(picked))
        return values

    def left_behind(self) -> dict[str, int]:
        """How many documents have fields beside their data that are not kept."""
        there = {name: self.table.column(name) for name in ("message", "user", "related")}
        said = {
            name: int(pc.sum(pc.greater(pc.binary_length(values), 0)).as_py() or 0)
            if pa.types.is_string(values.type)
            else len(values) - values.null_count
            for name, values in there.items()
        }
        return {name: count for name, count in said.items() if count}

    def hosts(self) -> list[tuple[int, dict[str, Any], str | None]]:
        """Row, ``host`` and computer of the first document with each description of a machine."""
        host = self.table.column("host").combine_chunks()
        system = pc.struct_field(host, "os")
        told = np.flatnonzero(mask_of(pc.is_valid(system)))
        if not len(told):
            return []
        parts = [
            pc.struct_field(self._winlog, "computer_name"),
            *(pc.struct_field(host, name) for name in ("name", "hostname")),
            *(pc.struct_field(system, name) for name in ("name", "version", "build")),
            *(pc.binary_join(pc.struct_field(host, name), ",") for name in ("ip", "mac")),
        ]
        joined = pc.binary_join_element_wise(*parts, "\n", null_handling="replace").take(pa.array(told))
        codes = np.asarray(pc.dictionary_encode(joined).indices)
        rows = told[np.sort(np.unique(codes, return_index=True)[1])].tolist()
        return [(row, host[row].as_py(), parts[0][row].as_py()) for row in rows]


class _Data:
    """Data of some of the events; see :class:`~farmwatch.collectors.feeds.windows.events.Fields`."""

    def __init__(self, beats: Beats, rows: NDArray[np.int64]) -> None:
        self._beats = beats
        self._rows = rows

    def column(self, name: str) -> pa.Array:
        """A value of each event."""
        return self._beats.value(name, self._rows)

    def pick(self, rows: NDArray[np.int64]) -> _Data:
        """Some of the events."""
        return _Data(self._beats, self._rows[rows])

    def counts(self, names: Iterable[str]) -> Mapping[str, int]:
        """How many events have some values."""
        found = {}
        for name in sorted(names):
            values = filled(self.column(name))
            if values.null_count < len(values):
                found[name] = len(values) - values.null_count
        return found


def beats_of(block: JsonBlock, last: int = 0) -> tuple[Beats, int] | None:
    """A stretch as Winlogbeat's documents, and which of the spellings of numbers it has; None where it is not.

    Args:
        block: the documents.
        last: the spelling that the stretch before had.
    """
    if not block.mentions(b'"winlog"'):
        return None
    for choice in dict.fromkeys((last, *range(len(_SCHEMAS)))):
        documents = block.columns(_SCHEMAS[choice])
        if documents is not None:
            table = documents.table
            if not table.num_rows or any(
                table.column(part).null_count < table.num_rows for part in ("_source", *_MOVED)
            ):
                return None
            beats = Beats(documents)
            whole = beats.table.column("winlog").null_count == 0 and beats.system("event_id").null_count == 0
            return (beats, choice) if whole else None
    return None
