"""CrowdStrike Falcon Data Replicator: sensor events and the list of hosts (``aidmaster``), JSON lines.

Shape: one object a line with ``event_simpleName``, ``aid`` (the sensor), ``aip`` (the public address the cloud saw),
``id`` (the event), ``timestamp`` in milliseconds; ``aidmaster`` has ``ComputerName``, ``SystemManufacturer`` and so on
instead of an event name. Values are text or bare numbers from one record to the next, so bare ones are put in quotes
before parsing.

Why interfaces hang on what was seen before: the descriptor events name their device only by
``DeviceDescriptorSetHash``, which the event of its connection gives a vendor, a product and a serial number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import (
    addresses,
    each,
    file_names,
    hardware_addresses,
    lowered,
    masked_paths,
    options_of,
    times,
)
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.documents import Documents
from farmwatch.collectors.feeds.fields import Fields, Peeked, Respelled, element_documents, quoted_numbers
from farmwatch.collectors.feeds.hosts import device_names
from farmwatch.collectors.feeds.instances import instance_of
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.lookups import QTYPES
from farmwatch.records import DeviceFact, DnsLookup, Logon, Process, Record, Sighting, Socket, Software, UsbDevice

__all__ = ["FalconReplicator"]

_TEXT, _WHOLE = pa.string(), pa.int64()
_NONE = pa.scalar(None, _TEXT)
_SCHEMA = pa.schema(
    [
        (name, _TEXT)
        for name in (
            "aid", "aip", "id", "event_simpleName", "timestamp", "ContextTimeStamp", "ComputerName", "event_platform",
            "LocalAddressIP4", "LocalAddressIP6", "RemoteAddressIP4", "RemoteAddressIP6", "LocalPort", "RemotePort",
            "Protocol", "ConnectionDirection", "ContextBaseFileName", "RawProcessId", "ImageFileName", "CommandLine",
            "ParentBaseFileName", "OriginalFilename", "CompanyName", "SHA256HashData", "ProcessStartTime", "DomainName",
            "RequestType", "IP4Records", "IP6Records", "LogonType", "UserName", "UserPrincipal", "ClientComputerName",
            "AuthenticationId", "DeviceInstanceId", "DeviceManufacturer", "DeviceProduct", "DeviceProductId",
            "DeviceVendorId", "DeviceSerialNumber", "DeviceVersion", "DeviceUsbVersion", "DevicePropertyClassName",
            "DeviceUsbClass", "DeviceUsbSubclass", "DeviceProtocol", "DeviceDescriptorSetHash", "PhysicalAddress",
            "InterfaceAlias", "DefaultGatewayIP4", "DefaultGatewayIP6", "DefaultGatewayPhysicalAddress", "NeighborList",
            "AgentVersion", "SystemManufacturer", "SystemProductName", "SystemSerialNumber", "Version", "Time",
            "AppName", "AppVendor", "AppVersion",
        )
    ]
)  # fmt: skip
_PRESENT = ("AgentOnline", "AgentConnect", "SensorHeartbeat", "HostInfo", "OsVersionInfo")
_LOGONS = {"UserLogon": "logon", "UserLogoff": "logoff", "UserLogonFailed": "failed", "UserLogonFailed2": "failed"}
_SOCKETS = {
    "NetworkConnectIP4": "connected", "NetworkConnectIP6": "connected", "NetworkListenIP4": "listening",
    "NetworkListenIP6": "listening", "NetworkReceiveAcceptIP4": "accepted", "NetworkReceiveAcceptIP6": "accepted",
}  # fmt: skip
_PROCESSES = {"ProcessRollup2": "started", "SyntheticProcessRollup2": "running"}
_USB = {"DcUsbDeviceConnected": "attached", "DcUsbDeviceDisconnected": "removed"}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
_PLATFORMS = {"win": "windows", "mac": "darwin", "lin": "linux", "ios": "ios", "android": "android"}
_SYSTEM_ACCOUNT = r"^(system|local service|network service|anonymous logon|root|_.*|(dwm|umfd)-\d+|.*\$)$"
_NAME = r"^[^\s\"{}\\]{1,255}$"
_LINK_ADDRESS = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_MOST_NEIGHBOURS = 512
_MOST_INTERFACES = 32
_MOST_DEVICES = 65_536  # USB devices remembered while an input is read


@dataclass(frozen=True, slots=True)
class FalconReplicator:
    """Logons, connections, names, processes and USB devices of hosts with Falcon's sensor."""

    kind: ClassVar[str] = "crowdstrike-fdr"
    sentence: ClassVar[str] = "CrowdStrike Falcon Data Replicator: sensor events and aidmaster."
    tables: ClassVar[tuple[type[Record], ...]] = (
        DeviceFact, Sighting, Logon, Socket, DnsLookup, Process, UsbDevice, Software,
    )  # fmt: skip

    def recognises(self, sample: Sample) -> bool:
        """By the event's name beside the sensor's number, or by the columns of the list of hosts."""
        if not sample.documents:
            return False
        names = sample.documents[0].keys()
        return {"event_simpleName", "aid"} <= names or {"aid", "cid", "ComputerName", "AgentVersion"} <= names

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read events; see the module."""
        known: dict[tuple[str, str], _Usb] = {}
        quoted = Peeked(Respelled(stream, quoted_numbers))
        for documents in element_documents(quoted, _SCHEMA, threads=context.threads):
            yield _parsed(documents, context, known)


@dataclass(slots=True)
class _Usb:
    """What is known of a USB device, by the event of its connection."""

    columns: dict[str, Any]
    interfaces: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Events of one sort."""

    fields: Fields
    rows: NDArray[np.int64]
    output: Output
    context: Context

    def common(self) -> dict[str, Any]:
        text = self.fields.text
        return {"device_id": pc.coalesce(device_names(text("ComputerName")), text("aid")),
                "ts": times(text("ContextTimeStamp", "timestamp")), "record_id": text("id")}  # fmt: skip

    def words(self, given: dict[str, str]) -> pa.Array:
        return each(given.get, self.fields.text("event_simpleName"))

    def address(self, side: str) -> pa.Array:
        """An address of a connection; the unspecified one is none."""
        found = addresses(self.fields.text(f"{side}AddressIP4", f"{side}AddressIP6"))
        return pc.if_else(pc.is_in(found, pa.array(["0.0.0.0", "::"])), _NONE, found)  # noqa: S104 - not bound to

    def port(self, side: str) -> pa.Array:
        found = self.fields.whole(f"{side}Port")
        return pc.if_else(pc.and_(pc.greater(found, 0), pc.less(found, 65536)), found, pa.scalar(None, _WHOLE))


def _parsed(documents: Documents, context: Context, known: dict[tuple[str, str], _Usb]) -> Parsed:
    output = Output(documents.numbers)
    output.before(documents.faults)
    if not documents.table.num_rows:
        return output.finish()
    fields = Fields(documents.table)
    fields.leave(output, "UserPrincipal")
    events = fields.text("event_simpleName")
    hosts = pc.and_(
        pc.is_null(events), pc.and_(pc.is_valid(fields.text("aid")), pc.is_valid(fields.text("AgentVersion")))
    )
    kinds = pc.if_else(hosts, "aidmaster", events)
    left = np.ones(documents.table.num_rows, np.bool_)

    def of(*names: str) -> _Stretch:
        mask = pc.fill_null(pc.is_in(kinds, pa.array(names)), False).to_numpy(zero_copy_only=False)
        left[mask] = False
        rows = np.flatnonzero(mask)
        return _Stretch(fields.at(rows), rows, output, context)

    _hosts(of("aidmaster"))
    _present(of(*_PRESENT))
    _logons(of(*_LOGONS))
    _connections(of(*_SOCKETS))
    _names(of("DnsRequest"))
    _processes(of(*_PROCESSES))
    _interfaces(of("DcUsbInterfaceDescriptor"), known, _plugged(of(*_USB), known))
    _local(of("LocalIpAddressIP4", "LocalIpAddressIP6"))
    _neighbours(of("NeighborListIP4", "NeighborListIP6"))
    _software(of("InstalledApplication"))
    _aliases(fields, output, documents.table.num_rows)
    nameless = pc.is_null(kinds).to_numpy(zero_copy_only=False)
    sensor = pc.is_valid(fields.text("aid")).to_numpy(zero_copy_only=False)
    output.reject(nameless & ~sensor, "neither an event nor a host: no event_simpleName, no aid")
    output.unneeded(nameless & sensor, "host without event")
    for name in pc.unique(kinds.filter(pa.array(left & ~nameless))).to_pylist():
        output.unneeded(pc.fill_null(pc.equal(kinds, name), False).to_numpy(zero_copy_only=False), f"event {name[:80]}")
    return output.finish()


def _aliases(fields: Fields, output: Output, count: int) -> None:
    """That a sensor's number and a host's name are one device, once in a stretch."""
    sensors, names = fields.text("aid").to_pylist(), device_names(fields.text("ComputerName")).to_pylist()
    stamps = times(fields.text("timestamp", "Time"))
    first: dict[tuple[str, str], int] = {}
    for row in range(count):
        if sensors[row] and names[row]:
            first.setdefault((sensors[row], names[row]), row)
    rows = np.array(sorted(first.values()), np.int64)
    rows = rows[pc.is_valid(stamps).to_numpy(zero_copy_only=False)[rows]] if len(rows) else rows
    at = pa.array(rows, pa.int64())
    output.add(
        DeviceFact,
        {
            "device_id": fields.text("aid").take(at),
            "ts": stamps.take(at),
            "host_name": pa.array([names[row] for row in rows], _TEXT),
        },
        rows,
    )


def _hosts(stretch: _Stretch) -> None:
    """The list of hosts: what each device is, and the address it was last seen at."""
    fields, text = stretch.fields, stretch.fields.text
    common = stretch.common() | {"ts": times(text("Time", "timestamp"))}
    kept = stretch.output.add(
        DeviceFact,
        {
            **common, "host_name": device_names(text("ComputerName")), "vendor": text("SystemManufacturer"),
            "model": text("SystemProductName"), "serial": text("SystemSerialNumber"),
            "platform": each(_PLATFORMS.get, lowered(text("event_platform"))), "os": text("Version"), "managed": True,
        },
        stretch.rows,
    )  # fmt: skip
    part = _Stretch(fields.at(kept), stretch.rows[kept], stretch.output, stretch.context)
    _seen(part, {name: values.take(pa.array(kept)) for name, values in common.items()})


def _seen(stretch: _Stretch, common: dict[str, Any]) -> None:
    """The address the cloud saw the sensor at."""
    address = addresses(stretch.fields.text("aip"))
    _sightings(stretch, common, address, "public_ip")


def _sightings(stretch: _Stretch, common: dict[str, Any], values: pa.Array, kind: str, **more: pa.Array) -> None:
    held = np.flatnonzero(pc.is_valid(values).to_numpy(zero_copy_only=False))
    at = pa.array(held, pa.int64())
    columns = {name: column.take(at) for name, column in {**common, **more}.items()}
    stretch.output.add(Sighting, {**columns, "kind": kind, "value": values.take(at)}, stretch.rows[held])


def _present(stretch: _Stretch) -> None:
    """Signs of life, which carry the public address."""
    _seen(stretch, stretch.common())
    missing = pc.is_null(addresses(stretch.fields.text("aip"))).to_numpy(zero_copy_only=False)
    stretch.output.unneeded(stretch.rows[missing], "sign of life without an address")


def _logons(stretch: _Stretch) -> None:
    text = stretch.fields.text
    account = pc.replace_substring_regex(text("UserName"), r"^.*\\", "")
    system = pc.match_substring_regex(pc.utf8_lower(account), _SYSTEM_ACCOUNT)
    stretch.output.add(
        Logon,
        {
            **stretch.common(), "event": stretch.words(_LOGONS),
            "source": pc.binary_join_element_wise(pa.scalar("falcon"), text("event_simpleName"), " "),
            "logon_type": stretch.fields.whole("LogonType"),
            "account": stretch.context.hide_all(pc.if_else(system, _NONE, account)),
            "session_id": text("AuthenticationId"), "remote_h": stretch.address("Remote"),
            "remote_p": stretch.port("Remote"), "remote_name": lowered(text("ClientComputerName")),
        },
        stretch.rows,
    )  # fmt: skip


def _connections(stretch: _Stretch) -> None:
    state = stretch.words(_SOCKETS)
    listening = pc.equal(state, "listening")
    direction = stretch.fields.whole("ConnectionDirection")  # 0 outbound, 1 inbound
    told = pc.if_else(pc.is_in(direction, pa.array([0, 1])), pc.equal(direction, 0), pa.scalar(None, pa.bool_()))
    protocol = pa.array([_PROTOCOLS.get(number or 0) for number in stretch.fields.whole("Protocol").to_pylist()], _TEXT)
    stretch.output.add(
        Socket,
        {
            **stretch.common(), "state": state, "proto": pc.coalesce(protocol, pa.scalar("unknown")),
            "process": file_names(stretch.fields.text("ContextBaseFileName")),
            "local_h": stretch.address("Local"), "local_p": stretch.port("Local"),
            "remote_h": pc.if_else(listening, _NONE, stretch.address("Remote")),
            "remote_p": pc.if_else(listening, pa.scalar(None, _WHOLE), stretch.port("Remote")),
            "outbound": pc.if_else(pc.equal(state, "connected"), told, False),
        },
        stretch.rows,
    )  # fmt: skip


def _names(stretch: _Stretch) -> None:
    kinds = pa.array([QTYPES.get(number or 0) for number in stretch.fields.whole("RequestType").to_pylist()], _TEXT)
    asked = pc.utf8_rtrim(lowered(stretch.fields.text("DomainName")), ".")
    answers = each(_answers, stretch.fields.text("IP4Records", "IP6Records"))
    stretch.output.add(
        DnsLookup,
        {
            **stretch.common(), "qtype": kinds,
            "name": pc.if_else(pc.match_substring_regex(asked, _NAME), asked, _NONE),
            "process": file_names(stretch.fields.text("ContextBaseFileName")), "answers": answers,
        },
        stretch.rows,
    )  # fmt: skip


def _answers(records: str) -> str | None:
    parts = [part for part in re.split(r"[;,\s]+", records) if part][:8]
    return ",".join(addresses(pa.array(parts, _TEXT)).drop_null().to_pylist()) or None


def _processes(stretch: _Stretch) -> None:
    text = stretch.fields.text
    event = stretch.words(_PROCESSES)
    common = stretch.common()
    began = times(pc.if_else(pc.equal(event, "started"), text("ProcessStartTime"), _NONE))
    digest = lowered(text("SHA256HashData"))
    image = text("ImageFileName")
    stretch.output.add(
        Process,
        {
            **common, "ts": pc.coalesce(began, common["ts"]), "event": event,
            "pid": stretch.fields.whole("RawProcessId"), "name": file_names(image), "path": masked_paths(image),
            "arguments": options_of(text("CommandLine")), "parent_name": file_names(text("ParentBaseFileName")),
            "original_name": text("OriginalFilename"),
            "company": text("CompanyName"),
            "sha256": pc.if_else(pc.match_substring_regex(digest, "^0+$"), _NONE, digest),
        },
        stretch.rows,
    )  # fmt: skip


def _plugged(stretch: _Stretch, known: dict[tuple[str, str], _Usb]) -> dict[int, tuple[str, str]]:
    """USB devices that came and went; which event connected which device."""
    columns = stretch.common() | {"event": stretch.words(_USB)} | _identity(stretch.fields)
    stretch.output.add(UsbDevice, columns, stretch.rows)
    identities = pa.table({name: columns[name] for name in _identity(stretch.fields)}).to_pylist()
    connected: dict[int, tuple[str, str]] = {}
    for row, key, event, identity in zip(
        stretch.rows.tolist(), _descriptor_sets(stretch.fields), columns["event"].to_pylist(), identities, strict=True
    ):
        if all(key) and (key in known or len(known) < _MOST_DEVICES):
            known[key] = _Usb(identity, known[key].interfaces if key in known else [])
            if event == "attached":
                connected[row] = key
    return connected


def _descriptor_sets(fields: Fields) -> list[tuple[str, str]]:
    names = (fields.text(name).to_pylist() for name in ("aid", "DeviceDescriptorSetHash"))
    return list(zip(*names, strict=True))


def _identity(fields: Fields) -> dict[str, Any]:
    """Who made a USB device; vendor and product by the instance path where it has them."""
    paths = fields.text("DeviceInstanceId")
    found = [instance_of(path or "") for path in paths.to_pylist()]
    told = {name: pa.array([getattr(one, name) for one in found], _WHOLE) for name in ("vendor_id", "product_id")}
    serial = pa.array([one.serial for one in found], _TEXT)
    return {
        "vendor_id": pc.coalesce(told["vendor_id"], fields.whole("DeviceVendorId")),
        "product_id": pc.coalesce(told["product_id"], fields.whole("DeviceProductId")),
        "manufacturer": fields.text("DeviceManufacturer"), "product": fields.text("DeviceProduct"),
        "serial": pc.coalesce(fields.text("DeviceSerialNumber"), serial), "bcd_device": fields.whole("DeviceVersion"),
        "bcd_usb": fields.whole("DeviceUsbVersion"), "instance_path": masked_paths(paths),
        "class_name": fields.text("DevicePropertyClassName"),
    }  # fmt: skip


def _interfaces(stretch: _Stretch, known: dict[tuple[str, str], _Usb], connected: dict[int, tuple[str, str]]) -> None:
    """Interfaces a USB device declares, one an event: a row with those told since it was connected."""
    keys = _descriptor_sets(stretch.fields)
    numbers = (
        stretch.fields.whole(name).to_pylist() for name in ("DeviceUsbClass", "DeviceUsbSubclass", "DeviceProtocol")
    )
    triplets = [_triplet(one) for one in zip(*numbers, strict=True)]
    held = np.array([key in known and triplet != "" for key, triplet in zip(keys, triplets, strict=True)], np.bool_)
    stretch.output.unneeded(stretch.rows[~held], "interface of a USB device that was not seen to connect")
    at, told, events = (
        np.flatnonzero(held),
        list[dict[str, Any]](),
        dict(zip(stretch.rows.tolist(), range(len(keys)), strict=True)),
    )
    for row in sorted(connected.keys() | set(stretch.rows[at].tolist())):
        if row in connected:
            known[connected[row]].interfaces.clear()
            continue
        usb = known[keys[events[row]]]
        if len(usb.interfaces) < _MOST_INTERFACES:
            usb.interfaces.append(triplets[events[row]])
        told.append({**usb.columns, "interfaces": ",".join(usb.interfaces)})
    common = {name: values.take(pa.array(at, pa.int64())) for name, values in stretch.common().items()}
    columns = {name: [one[name] for one in told] for name in (told[0] if told else ())}
    stretch.output.add(UsbDevice, {**common, "event": "present", **columns}, stretch.rows[at])


def _triplet(numbers: tuple[int | None, ...]) -> str:
    """Class, subclass and protocol in hex; empty where there is no class."""
    sound = [number if number in range(256) else None for number in numbers]
    return "" if sound[0] is None else "".join(f"{number or 0:02x}" for number in sound)


def _local(stretch: _Stretch) -> None:
    """Addresses a device was given, and the gateway where the event has it."""
    text, common = stretch.fields.text, stretch.common()
    local, name = stretch.address("Local"), {"interface": text("InterfaceAlias")}
    stretch.output.add(
        DeviceFact, {**common, "macs": hardware_addresses(text("PhysicalAddress")), "addresses": local}, stretch.rows
    )
    _sightings(stretch, common, local, "local_ip", **name)
    _sightings(stretch, common, addresses(text("DefaultGatewayIP4", "DefaultGatewayIP6")), "gateway_ip", **name)
    gateway = hardware_addresses(text("DefaultGatewayPhysicalAddress"))
    _sightings(stretch, common, gateway, "gateway_mac", oui=_ouis(gateway), **name)


def _ouis(addresses_of: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.utf8_slice_codeunits(addresses_of, 0, 8), ":", "")


def _neighbours(stretch: _Stretch) -> None:
    """Other devices on the network, each as a hash with its maker's prefix; what else the list says stays behind."""
    listed = [
        _LINK_ADDRESS.findall(text or "")[:_MOST_NEIGHBOURS] for text in stretch.fields.text("NeighborList").to_pylist()
    ]
    at = np.repeat(np.arange(len(listed)), [len(one) for one in listed])
    seen = hardware_addresses(pa.array([one for found in listed for one in found], _TEXT))
    group = each(lambda mac: bool(int(mac[1], 16) & 1), seen, pa.bool_())  # multicast: nobody's address
    held = np.flatnonzero(pc.fill_null(pc.invert(group), False).to_numpy(zero_copy_only=False))
    part, macs = at[held], seen.take(pa.array(held, pa.int64()))
    common = {name: values.take(pa.array(part, pa.int64())) for name, values in stretch.common().items()}
    stretch.output.add(
        Sighting,
        {**common, "kind": "neighbour", "value": stretch.context.hide_all(macs), "oui": _ouis(macs)},
        stretch.rows[part],
    )
    alone = np.setdiff1d(np.arange(len(listed)), part)
    stretch.output.unneeded(stretch.rows[alone], "neighbours: none named")


def _software(stretch: _Stretch) -> None:
    text = stretch.fields.text
    stretch.output.add(
        Software,
        {
            **stretch.common(), "kind": "program", "name": text("AppName"), "version": text("AppVersion"),
            "publisher": text("AppVendor"),
        },
        stretch.rows,
    )  # fmt: skip
