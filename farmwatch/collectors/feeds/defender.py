"""Microsoft Defender XDR's advanced-hunting tables: the streaming export, the answers of its APIs, the portal's CSV.

Shapes: the export sends ``{"time", "tenantId", "category": "AdvancedHunting-<Table>", "properties": {...}}`` one per
line; the hunting APIs answer ``{"Schema": [...], "Results": [...]}``; the CSV has the table's columns. Columns are
those of the advanced-hunting schema reference (learn.microsoft.com, "Understand the advanced hunting schema"), which
Azure Monitor keeps too, with ``TimeGenerated`` for ``Timestamp`` and the table's name in ``Type``.

Where no table is named, what a row holds tells it. Tables that are not used are counted by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.defender_tables import READERS, Stretch
from farmwatch.collectors.feeds.delimited import delimited_documents, header_of
from farmwatch.collectors.feeds.documents import Documents
from farmwatch.collectors.feeds.fields import Fields, Peeked, Respelled, element_documents, is_wrapped
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import (
    DeviceFact,
    Display,
    DnsLookup,
    Logon,
    Process,
    Record,
    Sighting,
    SignIn,
    Socket,
    Software,
    UsbDevice,
)

__all__ = ["DefenderHunting"]

_PREFIX = "AdvancedHunting-"
_WHOLE = frozenset(
    {"ErrorCode", "InitiatingProcessId", "LocalPort", "LogonId", "Port", "ProcessId", "RemotePort", "ReportId"}
)
_TRUTH = frozenset({"IsAzureADJoined", "IsCompliant", "IsManaged"})
_COLUMNS = (
    "AadDeviceId", "AccountDisplayName", "AccountDomain", "AccountName", "AccountObjectId", "AccountSid", "AccountUpn",
    "ActionType", "AdditionalFields", "AlternateSignInName", "Application", "Browser", "City", "ClientAppUsed",
    "ConnectedNetworks", "Country", "DefaultGateways", "DeviceId", "DeviceName", "DnsAddresses", "EntraIdDeviceId",
    "ErrorCode", "FileName", "FolderPath", "IPAddress", "IPAddresses", "InitiatingProcessAccountName",
    "InitiatingProcessAccountUpn", "InitiatingProcessFileName",
    "InitiatingProcessFolderPath", "InitiatingProcessId", "IsAzureADJoined", "IsCompliant", "IsManaged", "Isp",
    "JoinType", "Latitude", "LocalIP", "LocalPort", "Location", "LoggedOnUsers", "LogonId", "LogonType", "Longitude",
    "MacAddress", "Model", "NetworkAdapterName", "NetworkAdapterType", "OSPlatform", "OSVersion", "OnboardingStatus",
    "Port", "ProcessCommandLine", "ProcessId", "ProcessVersionInfoCompanyName", "ProcessVersionInfoOriginalFileName",
    "ProcessVersionInfoProductName", "Protocol", "PublicIP", "RemoteDeviceName", "RemoteIP", "RemotePort", "RemoteUrl",
    "ReportId", "RequestId", "RiskLevelAggregated", "RiskState", "SHA256", "SessionId", "SoftwareName",
    "SoftwareVendor", "SoftwareVersion", "State", "TimeGenerated", "Timestamp", "TunnelType", "Type", "UserAgent",
    "Vendor",
)  # fmt: skip
_FIELDS = tuple(
    pa.field(name, pa.int64() if name in _WHOLE else pa.bool_() if name in _TRUTH else pa.string()) for name in _COLUMNS
)
_BARE = pa.schema(_FIELDS)
_STREAMED = pa.schema([("time", pa.string()), ("category", pa.string()), ("properties", pa.struct(_FIELDS))])
_WRAPS = ("Results", "results", "records")
_DEVICE_ACTIONS = (
    "PnpDeviceConnected",
    "UsbDriveMounted",
    "UsbDriveUnmounted",
    "RemoteDesktopConnection",
    "DnsQueryResponse",
)
_NETWORK_ACTION = r"^(Inbound|Listening)?Connection|^Listening|ConnectionInspected$|^(Ntlm|Network).*Inspected$"

_OBJECT = re.compile(rb'("AdditionalFields"[ \t]*:[ \t]*)(\{[^{}\n]*\}|\[[^\[\]{}\n]*\])')


@dataclass(frozen=True, slots=True)
class DefenderHunting:
    """Devices, hardware, logons, processes, connections, software and sign-ins as Defender tells them."""

    kind: ClassVar[str] = "defender"
    sentence: ClassVar[str] = (
        "Microsoft Defender XDR advanced hunting: streaming export, API answers, CSV of one table."
    )
    tables: ClassVar[tuple[type[Record], ...]] = (
        DeviceFact, Sighting, UsbDevice, Display, Logon, Process, Socket, DnsLookup, Software, SignIn,
    )  # fmt: skip

    def recognises(self, sample: Sample) -> bool:
        """By the export's category, the API's pair of keys, or columns only these tables have."""
        if sample.documents:
            document = sample.documents[0]
            category = document.get("category")
            if isinstance(category, str):
                return category.startswith(_PREFIX)
            listed = next((document[key] for key in _WRAPS if isinstance(document.get(key), list)), None)
            if listed is not None:
                first = next(iter(listed), None)
                return isinstance(first, dict) and (_PREFIX in str(first.get("category")) or _is_row(first.keys()))
            return _is_row(document.keys())
        if is_wrapped(sample.head, _WRAPS):  # longer than what was looked at
            start = sample.head[: 64 << 10]
            return _PREFIX.encode() in start or b'"Schema"' in start or b'"schema"' in start
        return bool(sample.lines) and "," in sample.lines[0] and _is_row(header_of(sample.lines[0]))

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read rows; see the module."""
        peeked = Peeked(stream)
        head = peeked.peek(64 << 10)
        if head.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] not in (b"{", b"["):
            for documents in delimited_documents(peeked):
                yield _parsed(documents, Fields(documents.table, flat=True), context)
            return
        streamed = _PREFIX.encode() in head
        one_way = Peeked(Respelled(peeked, _as_text))
        for documents in element_documents(
            one_way, _STREAMED if streamed else _BARE, inside=_WRAPS, threads=context.threads
        ):
            yield _parsed(documents, Fields(documents.table, under="properties" if streamed else ""), context)


def _as_text(lines: bytes) -> bytes:
    """AdditionalFields as text where it was sent as an object, as it is with some actions."""
    return _OBJECT.sub(lambda found: found[1] + json.dumps(found[2].decode("utf-8", "replace")).encode(), lines)


def _is_row(names: Any) -> bool:
    """Whether columns are those of a hunting table."""
    have = set(names)
    if not have & {"Timestamp", "TimeGenerated", "SoftwareName"}:
        return False
    of_device = {"DeviceId", "DeviceName"} <= have and have & {
        "ActionType", "MacAddress", "PublicIP", "OSPlatform", "SoftwareName", "LogonType", "ReportId",
    }  # fmt: skip
    of_sign_in = {"AccountUpn", "IPAddress"} <= have and have & {"ErrorCode", "LogonType", "ActionType"}
    return bool(of_device or of_sign_in)


def _parsed(documents: Documents, fields: Fields, context: Context) -> Parsed:
    output = Output(documents.numbers)
    output.before(documents.faults)
    if documents.table.num_rows:
        fields.leave(output, "InitiatingProcessAccountName", "InitiatingProcessAccountUpn")
        outer = Fields(documents.table)
        named, codes = _tables(fields, outer)
        for code, name in enumerate(named):
            rows = np.flatnonzero(codes == code)
            reader = READERS.get(name)
            if reader is not None and outer.has("properties"):
                empty = pc.is_null(outer.at(rows).raw("properties")).to_numpy(zero_copy_only=False)
                output.reject(rows[empty], "properties is missing")
                rows = rows[~empty]
            if not name:
                output.reject(rows, "no table is named and none can be told")
            elif reader is None:
                output.unneeded(rows, f"table {name[:60]}")
            elif len(rows):
                reader(Stretch(fields.at(rows), outer.at(rows), rows, output, context))
    return output.finish()


def _tables(fields: Fields, outer: Fields) -> tuple[list[str], NDArray[np.int64]]:
    """Name of the table of each row, as a list of names and an index into it."""
    named = pc.replace_substring(outer.text("category"), _PREFIX, "", max_replacements=1)
    told = _told(fields) if named.null_count else named
    coded = pc.dictionary_encode(pc.fill_null(pc.coalesce(named, told), ""))
    return coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _told(fields: Fields) -> pa.Array:
    """The table by what a row holds."""
    action = fields.text("ActionType")
    none = pa.scalar(None, pa.string())

    def where(mask: pa.Array, name: str) -> pa.Array:
        return pc.if_else(pc.fill_null(mask, False), name, none)

    def any_of(*names: str) -> pa.Array:
        return pc.is_valid(fields.text(*names))

    logon = pc.match_substring_regex(action, "^Logon(Success|Failed|Attempted)$")
    return pc.coalesce(
        fields.text("Type"),
        where(pc.is_in(action, pa.array(_DEVICE_ACTIONS)), "DeviceEvents"),
        where(pc.equal(action, "ProcessCreated"), "DeviceProcessEvents"),
        where(pc.match_substring_regex(action, _NETWORK_ACTION), "DeviceNetworkEvents"),
        where(pc.and_(logon, any_of("Application")), "IdentityLogonEvents"),
        where(logon, "DeviceLogonEvents"),
        where(pc.is_valid(action), "DeviceEvents"),
        where(any_of("MacAddress", "NetworkAdapterName"), "DeviceNetworkInfo"),
        where(any_of("SoftwareName"), "DeviceTvmSoftwareInventory"),
        where(any_of("RequestId", "ErrorCode"), "AADSignInEventsBeta"),
        where(any_of("PublicIP", "OSPlatform", "LoggedOnUsers", "OnboardingStatus"), "DeviceInfo"),
    )
