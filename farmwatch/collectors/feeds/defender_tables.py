"""What each of Defender's hunting tables gives: one function a table.

``AdditionalFields``, ``LoggedOnUsers`` and the lists of ``DeviceNetworkInfo`` are JSON within text. Names of networks
are left behind: people name them after themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.clients import add_sign_ins, programs, speaks, systems
from farmwatch.collectors.feeds.columns import (
    addresses,
    each,
    file_names,
    filled,
    hardware_addresses,
    lowered,
    masked_paths,
    options_of,
    times,
)
from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.entra import entra_outcome
from farmwatch.collectors.feeds.fields import Fields
from farmwatch.collectors.feeds.hosts import device_names
from farmwatch.collectors.feeds.instances import instance_of
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import (
    DeviceFact,
    Display,
    DnsLookup,
    Logon,
    Process,
    Sighting,
    Socket,
    Software,
    UsbDevice,
)

__all__ = ["READERS", "Stretch", "windows_logon_type"]

_TEXT = pa.string()
_NONE = pa.scalar(None, _TEXT)
_SYSTEM_ACCOUNT = (
    r"^(system|local ?service|network ?service|localsystem|anonymous logon|iusr|n/a|root|(dwm|umfd)-\d+|.*\$)$"
)
_LOGON_TYPES = {
    "interactive": 2, "local": 2, "network": 3, "batch": 4, "service": 5, "unlock": 7, "networkcleartext": 8,
    "newcredentials": 9, "remoteinteractive": 10, "cachedinteractive": 11, "cachedremoteinteractive": 12,
    "cachedunlock": 13,
}  # fmt: skip
_LOGON_EVENTS = {"LogonSuccess": "logon", "LogonFailed": "failed", "LogonAttempted": "connection"}
_SOCKET_STATES = {
    "ConnectionSuccess": "connected", "ConnectionAcknowledged": "connected", "ConnectionFound": "connected",
    "ConnectionAttempt": "attempted", "ConnectionRequest": "attempted", "ConnectionFailed": "failed",
    "ListeningConnectionCreated": "listening", "InboundConnectionAccepted": "accepted",
    "InboundConnectionAttempt": "attempted", "InboundConnectionAttempted": "attempted",
    "SslConnectionInspected": "connected", "SshConnectionInspected": "connected",
    "HttpConnectionInspected": "connected",
}  # fmt: skip
_PLATFORMS = {"windows": "windows", "macos": "darwin", "linux": "linux", "ios": "ios", "android": "android"}
_MOST_LISTED = 64  # users, addresses or gateways of one row


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of one table: their fields, the envelope around them, and where rows go."""

    fields: Fields
    outer: Fields
    rows: NDArray[np.int64]
    output: Output
    context: Context

    def common(self, table: str) -> dict[str, Any]:
        """Device, time and number of each row."""
        text = self.fields.text
        number = pc.binary_join_element_wise(pa.scalar(f"{table}:"), text("ReportId"), "")
        device = pc.coalesce(device_names(text("DeviceName")), text("DeviceId"))
        return {"device_id": device, "ts": self.time(), "record_id": number}

    def time(self) -> pa.Array:
        """When it happened; the portal may write its times as people read them."""
        texts = self.fields.text("Timestamp", "TimeGenerated")
        found = times(texts)
        if found.null_count == texts.null_count:
            return found
        return pc.coalesce(found, each(_portal_time, texts, found.type))

    def only(self, mask: pa.Array | NDArray[np.bool_]) -> Stretch:
        """Some of the rows."""
        picked = np.asarray(mask) if isinstance(mask, np.ndarray) else _mask(mask)
        at = np.flatnonzero(picked)
        return Stretch(self.fields.at(at), self.outer.at(at), self.rows[at], self.output, self.context)

    def account(self, *names: str) -> pa.Array:
        """An account, hidden; of the system and of machines there is none."""
        return self.context.hide_all(_person(self.fields.text(*names)))


def _portal_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%b %d, %Y %I:%M:%S %p").replace(tzinfo=UTC)
    except ValueError:
        return None


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return found


def _person(names: pa.Array) -> pa.Array:
    plain = pc.replace_substring_regex(names, r"^.*\\", "")
    return pc.if_else(pc.match_substring_regex(pc.utf8_lower(plain), _SYSTEM_ACCOUNT), _NONE, plain)


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _objects(stretch: Stretch, name: str) -> list[dict[str, Any]]:
    """A field that holds an object as text; what cannot be read is an empty one."""
    return [found if isinstance(found := _parsed(text), dict) else {} for text in stretch.fields.text(name).to_pylist()]


def _lists(stretch: Stretch, name: str) -> list[list[Any]]:
    texts = stretch.fields.text(name).to_pylist()
    return [found[:_MOST_LISTED] if isinstance(found := _parsed(text), list) else [] for text in texts]


def _texts(objects: list[dict[str, Any]], *names: str) -> pa.Array:
    """The first of some entries that is text or a number, of each object."""

    def one(held: dict[str, Any]) -> str | None:
        found = (held.get(name) for name in names)
        return next((_sound(str(value)) for value in found if isinstance(value, str | int) and value != ""), None)

    return filled(pa.array([one(held) for held in objects], _TEXT))


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _platform(values: pa.Array) -> pa.Array:
    return each(lambda word: _PLATFORMS.get(word), systems(values))  # noqa: PLW0108 - .get alone takes a default


def _positive(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.and_(pc.greater(values, 0), pc.less(values, 65536)), values, pa.scalar(None, pa.int64()))


def windows_logon_type(words: pa.Array) -> pa.Array:
    """Windows' number of a logon type that is written as a word."""
    return each(lambda word: _LOGON_TYPES.get(word.lower().replace(" ", "")), words, pa.int64())


def _device_info(stretch: Stretch) -> None:
    """DeviceInfo: what the device is, its public address, who is logged on."""
    fields, common = stretch.fields, stretch.common("DeviceInfo")
    told = [fields.text(name) for name in ("OSPlatform", "OSVersion")]
    system = pc.coalesce(pc.binary_join_element_wise(*told, " "), told[0])
    stretch.output.add(
        DeviceFact,
        {
            **common, "host_name": device_names(fields.text("DeviceName")), "vendor": fields.text("Vendor"),
            "model": fields.text("Model"), "platform": _platform(told[0]), "os": system,
            "managed": pc.equal(lowered(fields.text("OnboardingStatus")), "onboarded"),
        },
        stretch.rows,
    )  # fmt: skip
    public = addresses(fields.text("PublicIP"))
    _sightings(stretch, common, public.to_pylist(), "public_ip")
    users = [[user for user in listed if isinstance(user, dict)] for listed in _lists(stretch, "LoggedOnUsers")]
    at = np.repeat(np.arange(len(users)), [len(listed) for listed in users])
    if len(at):
        names = _texts([user for listed in users for user in listed], "UserName")
        account = stretch.context.hide_all(_person(names))
        known = _mask(pc.is_valid(account))
        columns = {name: values.take(pa.array(at[known])) for name, values in common.items()}
        columns |= {"account": account.filter(pa.array(known)), "session_id": None}
        stretch.output.add(Logon, {**columns, "event": "present", "source": "DeviceInfo"}, stretch.rows[at[known]])


def _sightings(stretch: Stretch, common: dict[str, Any], values: list[Any], kind: str, **more: pa.Array) -> None:
    """Sightings of one kind; each row has one value, a list of them or none."""
    listed = [value if isinstance(value, list) else [value] if value else [] for value in values]
    at = pa.array(np.repeat(np.arange(len(listed)), [len(one) for one in listed]), pa.int64())
    seen = addresses(pa.array([_sound(str(value)) for one in listed for value in one], _TEXT))
    held = pc.is_valid(seen)
    at, seen = at.filter(held), seen.filter(held)
    columns = {name: column.take(at) for name, column in {**common, **more}.items()}
    stretch.output.add(
        Sighting, {**columns, "kind": kind, "value": seen}, stretch.rows[at.to_numpy(zero_copy_only=False)]
    )


def _network_info(stretch: Stretch) -> None:
    """DeviceNetworkInfo: adapters with their addresses, gateways and name servers."""
    fields, common = stretch.fields, stretch.common("DeviceNetworkInfo")
    mac = hardware_addresses(fields.text("MacAddress"))
    kind = lowered(fields.text("NetworkAdapterType"))
    tunnel = lowered(fields.text("TunnelType"))
    medium = pc.if_else(
        pc.fill_null(pc.invert(pc.is_in(tunnel, pa.array(["none", "other"]))), False), "tunnel",
        pc.if_else(pc.starts_with(kind, "wireless"), "wireless", pc.if_else(pc.equal(kind, "ethernet"), "wired", kind)),
    )  # fmt: skip
    more = {"interface": fields.text("NetworkAdapterName"), "medium": medium}
    local = [
        [one.get("IPAddress") for one in listed if isinstance(one, dict) and isinstance(one.get("IPAddress"), str)]
        for listed in _lists(stretch, "IPAddresses")
    ]
    plain = {name: [[one for one in listed if isinstance(one, str)] for listed in _lists(stretch, name)]
             for name in ("DefaultGateways", "DnsAddresses")}  # fmt: skip
    joined = pa.array([_addresses([str(one) for one in listed]) for listed in local], _TEXT)
    stretch.output.add(
        DeviceFact,
        {**common, "host_name": device_names(fields.text("DeviceName")), "macs": mac, "addresses": joined},
        stretch.rows,
    )
    _sightings(stretch, common, local, "local_ip", **more)
    _sightings(stretch, common, plain["DefaultGateways"], "gateway_ip", **more)
    _sightings(stretch, common, plain["DnsAddresses"], "dns_server", **more)
    if named := sum(bool(one.get("Name")) for listed in _lists(stretch, "ConnectedNetworks") for one in listed
                    if isinstance(one, dict)):  # fmt: skip
        stretch.output.dropped["ConnectedNetworks.Name"] += named


def _logons(stretch: Stretch) -> None:
    """DeviceLogonEvents."""
    fields = stretch.fields
    event = each(_LOGON_EVENTS.get, fields.text("ActionType"))
    _other(stretch, pc.is_null(event), "DeviceLogonEvents")
    stretch, event = stretch.only(pc.is_valid(event)), event.drop_null()
    fields = stretch.fields
    stretch.output.add(
        Logon,
        {
            **stretch.common("DeviceLogonEvents"), "event": event, "source": "DeviceLogonEvents",
            "logon_type": windows_logon_type(fields.text("LogonType")), "account": stretch.account("AccountName"),
            "session_id": fields.text("LogonId"), "remote_h": addresses(fields.text("RemoteIP")),
            "remote_p": _positive(fields.whole("RemotePort")), "remote_name": lowered(fields.text("RemoteDeviceName")),
            "process": lowered(fields.text("InitiatingProcessFileName")),
        },
        stretch.rows,
    )  # fmt: skip


def _other(stretch: Stretch, mask: pa.Array, table: str) -> None:
    """Count rows of a table whose action is not used."""
    picked = stretch.only(mask)
    actions = pc.fill_null(picked.fields.text("ActionType"), "without action")
    for action in pc.unique(actions).to_pylist():
        picked.output.unneeded(picked.rows[_mask(pc.equal(actions, action))], f"{table} {action[:60]}")


def _events(stretch: Stretch) -> None:
    """DeviceEvents: devices plugged in, drives mounted, remote desktop, names asked for."""
    action = stretch.fields.text("ActionType")
    _plugged(stretch.only(pc.equal(action, "PnpDeviceConnected")))
    _drives(stretch.only(pc.is_in(action, pa.array(["UsbDriveMounted", "UsbDriveUnmounted"]))))
    _names(stretch.only(pc.equal(action, "DnsQueryResponse")), "DeviceEvents")
    remote = stretch.only(pc.equal(action, "RemoteDesktopConnection"))
    remote.output.add(
        Logon,
        {
            **remote.common("DeviceEvents"), "event": "connection", "source": "DeviceEvents RemoteDesktopConnection",
            "logon_type": 10, "account": remote.account("AccountName"),
            "session_id": remote.fields.text("LogonId"), "remote_h": addresses(remote.fields.text("RemoteIP")),
            "remote_p": _positive(remote.fields.whole("RemotePort")),
            "remote_name": lowered(remote.fields.text("RemoteDeviceName")),
        },
        remote.rows,
    )  # fmt: skip
    used = ["PnpDeviceConnected", "UsbDriveMounted", "UsbDriveUnmounted", "DnsQueryResponse", "RemoteDesktopConnection"]
    _other(stretch, pc.invert(pc.fill_null(pc.is_in(action, pa.array(used)), False)), "DeviceEvents")


def _plugged(stretch: Stretch) -> None:
    """What Windows' plug and play reported: USB and HID devices, displays; other buses are counted."""
    objects = _objects(stretch, "AdditionalFields")
    paths = _texts(objects, "DeviceId", "DeviceInstanceId")
    stretch.output.reject(stretch.rows[_mask(pc.is_null(paths))], "AdditionalFields names no device")
    found = [instance_of(path or "") for path in paths.to_pylist()]
    kinds = np.array([one.kind for one in found])
    common, named = stretch.common("DeviceEvents"), _texts(objects, "DeviceDescription")
    shared = {
        **common,
        "instance_path": masked_paths(paths),
        "class_name": _texts(objects, "ClassName"),
        "product": named,
    }
    usb = np.flatnonzero(np.isin(kinds, ["usb", "hid", "storage", "bluetooth"]))
    at = pa.array(usb, pa.int64())
    stretch.output.add(
        UsbDevice,
        {
            **{name: values.take(at) for name, values in shared.items()}, "event": "attached",
            **{name: [getattr(found[row], name) for row in usb] for name in ("vendor_id", "product_id", "serial")},
            "manufacturer": [found[row].maker for row in usb], "bcd_device": [_revision(objects[row]) for row in usb],
        },
        stretch.rows[usb],
    )  # fmt: skip
    shown = np.flatnonzero(kinds == "display")
    at = pa.array(shown, pa.int64())
    stretch.output.add(
        Display,
        {
            **{name: values.take(at) for name, values in common.items()}, "connector": paths.take(at),
            "vendor": [found[row].maker for row in shown], "product_code": [found[row].product_code for row in shown],
            "name": named.take(at),
        },
        stretch.rows[shown],
    )  # fmt: skip
    for bus in sorted({path.split("\\")[0].upper()[:20] for path, kind in zip(paths.to_pylist(), kinds, strict=True)
                       if path and kind == "other"}):  # fmt: skip
        same = [bool(path) and path.split("\\")[0].upper()[:20] == bus for path in paths.to_pylist()]
        stretch.output.unneeded(stretch.rows[np.array(same)], f"DeviceEvents PnpDeviceConnected on {bus}")


def _revision(held: dict[str, Any]) -> int | None:
    listed = held.get("VendorIds")
    for one in listed if isinstance(listed, list) else str(listed or "").split("\n"):
        if isinstance(one, str) and (found := instance_of(one)).bcd_device is not None:
            return found.bcd_device
    return None


def _drives(stretch: Stretch) -> None:
    """Removable drives mounted and unmounted."""
    objects = _objects(stretch, "AdditionalFields")
    mounted = pc.equal(stretch.fields.text("ActionType"), "UsbDriveMounted")
    stretch.output.add(
        UsbDevice,
        {
            **stretch.common("DeviceEvents"), "event": pc.if_else(mounted, "attached", "removed"),
            "manufacturer": _texts(objects, "Manufacturer", "ManufacturerName"),
            "product": _texts(objects, "ProductName"), "serial": _texts(objects, "SerialNumber"),
            "class_name": "drive", "removable": True,
        },
        stretch.rows,
    )  # fmt: skip


def _names(stretch: Stretch, table: str) -> None:
    """Names a device asked for."""
    objects = _objects(stretch, "AdditionalFields")
    name = pc.utf8_rtrim(lowered(_texts(objects, "DnsQueryString", "query")), ".")
    answers = pa.array([_answers(held.get("answers")) for held in objects], _TEXT)
    stretch.output.add(
        DnsLookup,
        {
            **stretch.common(table), "name": name, "qtype": _texts(objects, "qtype_name", "DnsQueryType"),
            "process": lowered(stretch.fields.text("InitiatingProcessFileName")),
            "path": masked_paths(stretch.fields.text("InitiatingProcessFolderPath")), "answers": answers,
        },
        stretch.rows,
    )  # fmt: skip


def _answers(held: Any) -> str | None:
    listed = held if isinstance(held, list) else _parsed(held) if isinstance(held, str) else None
    return _addresses([str(one) for one in listed[:8]]) if isinstance(listed, list) else None


def _addresses(texts: list[str]) -> str | None:
    found = addresses(pa.array([_sound(text) for text in texts], _TEXT)).drop_null().to_pylist()
    return ",".join(found) or None


def _connections(stretch: Stretch) -> None:
    """DeviceNetworkEvents: connections, listening ports, and the names Defender saw inside them."""
    action = pc.replace_substring_regex(stretch.fields.text("ActionType"), "AggregatedReport$", "")
    asked = pc.fill_null(pc.equal(action, "DnsConnectionInspected"), False)
    _names(stretch.only(asked), "DeviceNetworkEvents")
    state = each(_SOCKET_STATES.get, action)
    _other(stretch, pc.and_(pc.is_null(state), pc.invert(asked)), "DeviceNetworkEvents")
    held = pc.is_valid(state)
    part, state, action = stretch.only(held), state.filter(held), action.filter(held)
    fields = part.fields
    inner = pc.match_substring(action, "Inspected")
    server = pa.nulls(len(state), _TEXT)
    if pc.any(inner).as_py():
        server = lowered(_texts(_objects(part, "AdditionalFields"), "server_name", "host"))
    listening = pc.equal(state, "listening")
    inbound = pc.or_(listening, pc.starts_with(action, "Inbound"))
    protocol = pc.replace_substring_regex(lowered(fields.text("Protocol")), "v[46]$", "")
    part.output.add(
        Socket,
        {
            **part.common("DeviceNetworkEvents"), "state": state,
            "proto": pc.coalesce(protocol, pc.if_else(inner, "tcp", "unknown")),
            "process": lowered(fields.text("InitiatingProcessFileName")),
            "path": masked_paths(fields.text("InitiatingProcessFolderPath")),
            "pid": _process_id(fields.whole("InitiatingProcessId")), "local_h": addresses(fields.text("LocalIP")),
            "local_p": _positive(fields.whole("LocalPort")),
            "remote_h": pc.if_else(listening, _NONE, addresses(fields.text("RemoteIP"))),
            "remote_p": pc.if_else(listening, pa.scalar(None, pa.int64()), _positive(fields.whole("RemotePort"))),
            "remote_name": pc.coalesce(each(_host, fields.text("RemoteUrl")), server), "outbound": pc.invert(inbound),
        },
        part.rows,
    )  # fmt: skip


def _process_id(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(values, 0), values, pa.scalar(None, pa.int64()))


def _host(url: str) -> str | None:
    """The host of an address in the web, or of what is only a host already."""
    rest = url.strip().lower().partition("://")[2] or url.strip().lower()
    host = rest.split("/")[0].rpartition("@")[2]
    return (host if host.count(":") != 1 else host.split(":")[0])[:255] or None


def _processes(stretch: Stretch) -> None:
    """DeviceProcessEvents."""
    created = pc.equal(stretch.fields.text("ActionType"), "ProcessCreated")
    _other(stretch, pc.invert(pc.fill_null(created, False)), "DeviceProcessEvents")
    stretch = stretch.only(created)
    fields = stretch.fields
    path = fields.text("FolderPath")
    stretch.output.add(
        Process,
        {
            **stretch.common("DeviceProcessEvents"), "event": "started", "pid": fields.whole("ProcessId"),
            "name": pc.coalesce(lowered(fields.text("FileName")), file_names(path)), "path": masked_paths(path),
            "arguments": options_of(fields.text("ProcessCommandLine")),
            "parent_name": lowered(fields.text("InitiatingProcessFileName")),
            "parent_path": masked_paths(fields.text("InitiatingProcessFolderPath")),
            "original_name": fields.text("ProcessVersionInfoOriginalFileName"),
            "product": fields.text("ProcessVersionInfoProductName"),
            "company": fields.text("ProcessVersionInfoCompanyName"), "sha256": lowered(fields.text("SHA256")),
        },
        stretch.rows,
    )  # fmt: skip


def _software(stretch: Stretch) -> None:
    """DeviceTvmSoftwareInventory, whose rows have no time of their own: that of the export, else of arrival, stands."""
    fields = stretch.fields
    arrived = pa.scalar(stretch.context.received, pa.timestamp("us", tz="UTC"))
    common = stretch.common("DeviceTvmSoftwareInventory")
    common["ts"] = pc.coalesce(common["ts"], times(stretch.outer.text("time")), arrived)
    stretch.output.add(
        Software,
        {
            **common, "kind": "program", "name": fields.text("SoftwareName"),
            "version": fields.text("SoftwareVersion"), "publisher": fields.text("SoftwareVendor"),
        },
        stretch.rows,
    )  # fmt: skip


def _identity_logons(stretch: Stretch) -> None:
    """IdentityLogonEvents: logons the directory and cloud services saw."""
    fields = stretch.fields
    event = each(_LOGON_EVENTS.get, fields.text("ActionType"))
    _other(stretch, pc.is_null(event), "IdentityLogonEvents")
    stretch = stretch.only(pc.is_valid(event))
    fields = stretch.fields
    fields.leave(stretch.output, "AccountDisplayName")
    success = pc.equal(fields.text("ActionType"), "LogonSuccess")
    add_sign_ins(
        stretch.output,
        {
            **stretch.common("IdentityLogonEvents"), "device_id": device_names(fields.text("DeviceName")),
            "provider": "defender", "event": "sign-in", "account": stretch.account("AccountUpn", "AccountName"),
            "application": fields.text("Application"), "outcome": pc.if_else(success, "success", "failure"),
            "address": fields.text("IPAddress"), "place_country": fields.text("Location"),
            "as_org": fields.text("Isp"), "client_os": systems(fields.text("OSPlatform")),
        },
        stretch.rows,
    )  # fmt: skip


def _entra_events(stretch: Stretch) -> None:
    """AADSignInEventsBeta, EntraIdSignInEvents: Entra's sign-ins as Defender keeps them."""
    fields = stretch.fields
    fields.leave(stretch.output, "AccountDisplayName", "AlternateSignInName")
    agents = fields.text("UserAgent")
    if told := speaks(agents):
        stretch.output.dropped["UserAgent (language)"] += told
    number = lowered(fields.text("AadDeviceId", "EntraIdDeviceId"))
    managed = pc.or_kleene(fields.truth("IsManaged"), fields.truth("IsCompliant"))
    kind = lowered(fields.text("LogonType"))
    add_sign_ins(
        stretch.output,
        {
            "device_id": pc.coalesce(device_names(fields.text("DeviceName")), number), "ts": stretch.time(),
            "record_id": fields.text("RequestId", "ReportId"), "provider": "entra", "event": "sign-in",
            "account": stretch.account("AccountUpn", "AccountObjectId"), "application": fields.text("Application"),
            "outcome": pc.coalesce(entra_outcome(fields.whole("ErrorCode")), pa.scalar("unknown")),
            "interactive": pc.invert(pc.match_substring(kind, "noninteractive")),
            "address": fields.text("IPAddress"), "place_country": fields.text("Country"),
            "place_region": fields.text("State"), "place_city": fields.text("City"),
            "latitude": fields.real("Latitude"), "longitude": fields.real("Longitude"),
            "managed": pc.if_else(pc.is_null(number), False, managed), "device_token": stretch.context.hide_all(number),
            "session": stretch.context.hide_all(fields.text("SessionId")),
            "client_os": pc.coalesce(systems(fields.text("OSPlatform")), systems(agents)),
            "client_app": pc.coalesce(programs(fields.text("Browser")), programs(agents)),
            "risk": lowered(fields.text("RiskLevelAggregated")),
        },
        stretch.rows,
    )  # fmt: skip


READERS: dict[str, Callable[[Stretch], None]] = {
    "AADSignInEventsBeta": _entra_events,
    "DeviceEvents": _events,
    "DeviceInfo": _device_info,
    "DeviceLogonEvents": _logons,
    "DeviceNetworkEvents": _connections,
    "DeviceNetworkInfo": _network_info,
    "DeviceProcessEvents": _processes,
    "DeviceTvmSoftwareInventory": _software,
    "EntraIdSignInEvents": _entra_events,
    "IdentityLogonEvents": _identity_logons,
}  #: by the table's name
