"""Which Velociraptor artifacts give which rows of ours.

An artifact's rows are put into the columns that osquery's tables have for the same thing, and go on from there
(:mod:`~farmwatch.collectors.feeds.osquery_tables`): a process is a process. Names of columns are those of
Velociraptor's own artifacts (``artifacts/definitions`` of its source) over the versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import addresses, filled, first_of, times
from farmwatch.collectors.feeds.hosts import device_names
from farmwatch.collectors.feeds.instances import instance_of
from farmwatch.collectors.feeds.osquery_rows import Rows, mask
from farmwatch.collectors.feeds.osquery_tables import MAPPINGS
from farmwatch.records import DeviceFact, Logon, RemoteToolLog, Sighting, UsbDevice

__all__ = ["ARTIFACTS", "LEFT_BEHIND", "NEVER_KEPT", "Artifact", "artifact_of", "pieces", "text_at", "value_at"]

LEFT_BEHIND = frozenset({
    "AttemptedUser", "Author", "CallChain", "Description", "Domain", "DomainName", "Labels", "Language", "Message",
    "SourceHost", "TokenInfo", "User", "UserAccount", "UserId", "UserName", "UserSID", "Username", "uid", "user",
})  #: columns that hold people, or texts in the system's language; counted where they have values  # fmt: skip
NEVER_KEPT = re.compile(r"(?i)language|keyboard|locale")  #: artifacts that are about a person's language
_OSQUERY = {mapping.name: mapping.rows for mapping in MAPPINGS}
_RECORD_TYPES = {"1": "A", "5": "CNAME", "12": "PTR", "28": "AAAA", "33": "SRV", "65": "HTTPS"}  # IANA DNS parameters
_INSTANCE = re.compile(r"(?i)(?:^|\\)((?:USB|HID|USBSTOR)[\\#][^\\#]+[\\#][^\\#]+)$")
_PRIVATE = r"^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cde]|::1$)"  # RFC 1918, 3927, 4193
_NOTHING = frozenset({"null", "<nil>", "0.0.0.0"})  # noqa: S104 - what an absent value is written as, not bound to
_STATES = {"listening": "LISTEN", "estab": "ESTABLISHED"}
_SPELLED: Mapping[str, Callable[[str], str]] = {
    "state": lambda text: _STATES.get(text.lower(), text.replace(" ", "_")),
    "type": lambda text: _RECORD_TYPES.get(text, text),
}  # columns whose values osquery spells otherwise


@dataclass(frozen=True, slots=True)
class Artifact:
    """How rows of an artifact become rows of ours."""

    rows: Callable[[Rows], None]
    columns: Mapping[str, Sequence[str]]  #: our column: where its value may stand, as paths with dots
    constants: Mapping[str, str] | None = None  #: our columns that are the same in each row
    parts: str = ""  #: column whose elements are rows of their own


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """What stands in a row at a path with dots; a column whose name has dots is found as well."""
    if path in row:
        return row[path]
    held: Any = row
    for name in path.split("."):
        if not isinstance(held, Mapping):
            return None
        held = held.get(name)
    return held


def _device(rows: Rows) -> None:
    """Who the client is; its link-layer addresses come as a list."""
    macs = pc.utf8_lower(filled(pc.replace_substring_regex(rows["macs"], r"[^0-9A-Fa-f:,-]", "")))
    address = addresses(pc.replace_substring_regex(rows["last_ip"], r"^(\[?)([0-9A-Fa-f.:]*?)\]?:\d+$", r"\2"))
    public = ~mask(pc.match_substring_regex(address, _PRIVATE))
    words = pc.binary_join_element_wise(pc.fill_null(rows["os"], ""), pc.fill_null(rows["version"], ""), " ")
    values = {
        "host_name": device_names(rows["hostname"]), "platform": pc.utf8_lower(filled(rows["platform"])),
        "os": filled(words), "macs": macs, "serial": filled(rows["hardware_serial"]),
        "hardware_uuid": pc.utf8_lower(filled(rows["uuid"])), "vendor": filled(rows["hardware_vendor"]),
        "model": filled(rows["hardware_model"]),
    }  # fmt: skip
    known = np.zeros(len(rows.where), np.bool_)
    for value in values.values():
        known |= mask(value.is_valid())
    rows.add(DeviceFact, values, known)
    rows.add(Sighting, {"kind": "public_ip", "value": address}, public & mask(address.is_valid()))


def _networks(rows: Rows) -> None:
    """Adapters with their addresses, gateways and resolvers, lists of each."""
    for name, kind in (("gateway", "gateway_ip"), ("address", "local_ip"), ("dns_server_search_order", "dns_server")):
        listed = [
            (at, part.strip()) for at, text in enumerate(rows[name].to_pylist()) for part in (text or "").split(",")[:8]
        ]
        if not listed:
            continue
        value = addresses(pa.array([part for _, part in listed], pa.string()))
        local = pc.fill_null(pc.match_substring_regex(value, r"^(127\.|::1$|fe80:|169\.254\.|0\.0\.0\.0$)"), True)
        good = mask(pc.and_(value.is_valid(), pc.invert(local)))
        origin = rows.where[np.array([at for at, _ in listed])[good]]
        base = {column: whole.take(pa.array(origin)) for column, whole in rows.base.items()}
        rows.output.add(Sighting, {**base, "kind": kind, "value": value.filter(pa.array(good))}, origin)


def _usb(rows: Rows) -> None:
    """Devices that were ever attached, by the registry's keys."""
    paths = rows["instance"].to_pylist()
    seen = [instance_of(path) if path else None for path in paths]
    known = np.array(
        [one is not None and (one.vendor_id is not None or one.serial is not None) for one in seen], np.bool_
    )
    values = {
        "event": "driver",
        "vendor_id": pa.array([one.vendor_id if one else None for one in seen], pa.int64()),
        "product_id": pa.array([one.product_id if one else None for one in seen], pa.int64()),
        "serial": pa.array([one.serial if one else None for one in seen], pa.string()),
        "product": filled(rows["product"]),
        "instance_path": pa.array(paths, pa.string()),
    }
    rows.add(UsbDevice, values, known)


def _ssh(rows: Rows) -> None:
    """Logons by SSH in the system's log."""
    accepted = mask(pc.match_substring_regex(rows["result"], "(?i)accepted"))
    failed = mask(pc.match_substring_regex(rows["result"], "(?i)failed"))
    rows.add(
        Logon,
        {
            "ts": times(rows["time"]),
            "event": pa.array(np.where(accepted, "logon", "failed"), pa.string()),
            "source": "syslog sshd",
            "account": rows.context.hide_all(rows["user"]),
            "remote_h": addresses(rows["host"]),
            "process": "sshd",
        },
        accepted | failed,
    )


def _teamviewer(rows: Rows) -> None:
    """TeamViewer's log of sessions that came in."""
    rows.add(
        RemoteToolLog,
        {
            "ts": times(rows["start"]),
            "record_id": first_of(pc.utf8_lower(pc.utf8_trim(rows["record"], "{} ")), rows.time("record_id")),
            "tool": "teamviewer",
            "event": "session",
            "direction": "incoming",
            "far_id": filled(rows["far_id"]),
            "ended": times(rows["end"]),
            "mode": filled(rows["mode"]),
        },
    )


def _anydesk(rows: Rows) -> None:
    """Lines of AnyDesk's trace that name the far end's address, or the device's own."""
    far, own = addresses(rows["far"]), addresses(rows["own"])
    at = times(rows["time"])
    values = {"ts": at, "tool": "anydesk", "event": "relay", "direction": "incoming", "far_h": far, "via_relay": True}
    rows.add(RemoteToolLog, values, mask(far.is_valid()))
    rows.add(Sighting, {"ts": at, "kind": "public_ip", "value": own}, mask(own.is_valid()))


_PROCESS = Artifact(
    _OSQUERY["processes"],
    {
        "pid": ("Pid",), "path": ("Exe", "Path"), "name": ("Name",), "cmdline": ("CommandLine",),
        "sha256": ("Hash.SHA256",),
    },
)  # fmt: skip
_SOCKET = Artifact(
    _OSQUERY["process_open_sockets"],
    {
        "pid": ("Pid", "ProcessInfo.Pid"), "name": ("Name", "ProcInfo.Name", "ProcessInfo.Command"),
        "path": ("Path", "ProcInfo.Exe"), "protocol": ("Type", "TypeString"), "state": ("Status", "State"),
        "local_address": ("SrcIP", "LaddrIP", "Laddr.IP", "LocalAddr", "Laddr"),
        "local_port": ("SrcPort", "LaddrPort", "Laddr.Port", "LocalPort", "Lport"),
        "remote_address": ("DestIP", "RaddrIP", "Raddr.IP", "RemoteAddr", "Raddr"),
        "remote_port": ("DestPort", "RaddrPort", "Raddr.Port", "RemotePort", "Rport"), "ts": ("Timestamp",),
    },
)  # fmt: skip
_PACKAGE = Artifact(_OSQUERY["deb_packages"], {"name": ("Package", "Name"), "version": ("Version",)})
_EXTENSION = Artifact(
    _OSQUERY["chrome_extensions"], {"name": ("Name",), "identifier": ("Identifier",), "version": ("Version",)}
)
_ADDRESS = Artifact(_OSQUERY["interfaces"], {"interface": ("Name",), "mac": ("HardwareAddr",), "address": ("IP",)})
_CLIENT = Artifact(
    _device,
    {
        "hostname": ("Hostname", "os_info.hostname", "Fqdn", "os_info.fqdn"),
        "platform": ("OS", "os_info.system"), "os": ("Platform", "os_info.release"), "version": ("PlatformVersion",),
        "macs": ("MACAddresses", "os_info.mac_addresses"), "last_ip": ("last_ip",),
        "hardware_serial": ("product_serial",), "uuid": ("product_uuid",),
        "hardware_vendor": ("product_manufacturer",), "hardware_model": ("product_name",),
    },
)  # fmt: skip

ARTIFACTS: Mapping[str, tuple[Artifact, ...]] = {
    "client_info": (_CLIENT,),
    "generic.client.info/basicinformation": (_CLIENT,),
    "generic.client.hw.identification": (_CLIENT,),
    "generic.client.info/windowsinfo": (
        Artifact(
            _networks,
            {
                "address": ("IPAddresses",), "gateway": ("DefaultIPGateway",),
                "dns_server_search_order": ("DNSServerSearchOrder",),
            },
            parts="Network Info",
        ),
    ),
    "generic.client.info/linuxinfo": (Artifact(_networks, {"address": ("IPAddresses",)}, parts="Network Info"),),
    "windows.system.pslist": (_PROCESS,),
    "linux.sys.pslist": (_PROCESS,),
    "macos.sys.pslist": (_PROCESS,),
    "generic.system.pstree": (_PROCESS,),
    "windows.network.netstat": (_SOCKET,),
    "windows.network.netstatenriched": (_SOCKET,),
    "windows.network.listeningports": (
        Artifact(
            _OSQUERY["listening_ports"],
            {
                "pid": ("Pid",), "name": ("Name",), "port": ("Port",), "protocol": ("Protocol",),
                "address": ("Address",),
            },
        ),
    ),
    "linux.network.netstat": (_SOCKET,),
    "linux.network.netstatenriched": (_SOCKET,),
    "macos.network.netstat": (_SOCKET,),
    "windows.network.arpcache": (
        Artifact(
            _OSQUERY["arp_cache"],
            {"address": ("RemoteAddress",), "mac": ("RemoteMACAddress",), "interface": ("InterfaceAlias",)},
        ),
    ),
    "linux.proc.arp": (
        Artifact(
            _OSQUERY["arp_cache"], {"address": ("IP address",), "mac": ("HW address",), "interface": ("Device",)}
        ),
    ),
    "windows.network.interfaceaddresses": (_ADDRESS,),
    "generic.network.interfaceaddresses": (_ADDRESS,),
    "windows.sys.interfaces": (
        Artifact(_OSQUERY["interfaces"], {"interface": ("Name",), "mac": ("Details.MAC",), "address": ("Details.IP",)}),
        Artifact(_networks, {"gateway": ("Details.Gateway",), "dns_server_search_order": ("Details.DNS",)}),
    ),
    "windows.system.dnscache": (
        Artifact(_OSQUERY["dns_cache"], {"name": ("Name",), "type": ("RecordType",), "response": ("Record",)}),
    ),
    "windows.sys.programs": (
        Artifact(
            _OSQUERY["programs"],
            {
                "name": ("DisplayName", "Name", "KeyName"), "version": ("DisplayVersion",), "publisher": ("Publisher",),
                "install_date": ("InstallDate",), "identifying_number": ("KeyName", "Name"),
            },
        ),
    ),
    "linux.debian.packages": (_PACKAGE,),
    "linux.rhel.packages": (_PACKAGE,),
    "linux.suse.packages": (_PACKAGE,),
    "macos.system.packages": (
        Artifact(_OSQUERY["software"], {"name": ("Name",), "version": ("Version",)}, {"source": "apps"}),
    ),
    "windows.applications.chrome.extensions": (_EXTENSION,),
    "linux.applications.chrome.extensions": (_EXTENSION,),
    "macos.applications.chrome.extensions": (_EXTENSION,),
    "windows.system.services": (
        Artifact(
            _OSQUERY["services"],
            {
                "name": ("Name",), "start_type": ("StartMode",), "status": ("State",),
                "path": ("PathName", "AbsoluteExePath"),
            },
        ),
    ),
    "linux.sys.services": (
        Artifact(
            _OSQUERY["systemd_units"], {"id": ("Unit",), "active_state": ("Active",), "load_state": ("Load",)}
        ),
    ),
    "windows.system.taskscheduler/analysis": (
        Artifact(_OSQUERY["scheduled_tasks"], {"name": ("OSPath", "FullPath"), "action": ("Command",)}),
    ),
    "windows.sys.startupitems": (
        Artifact(
            _OSQUERY["startup_items"], {"name": ("Name",), "path": ("Command", "Details"), "status": ("Enabled",)}
        ),
    ),
    "linux.sys.lastuserlogin": (
        Artifact(
            _OSQUERY["last"],
            {
                "username": ("User", "login_User"), "tty": ("Terminal", "login_Terminal"),
                "host": ("SourceIP", "login_IpAddr", "SourceHost", "login_Host"), "time": ("login_time",),
            },
            {"type_name": "user-process"},
        ),
    ),
    "linux.syslog.sshlogin": (
        Artifact(
            _ssh, {"time": ("Time",), "host": ("IP",), "result": ("Result",), "user": ("AttemptedUser",)}
        ),
    ),
    "windows.applications.teamviewer.incoming": (
        Artifact(
            _teamviewer,
            {
                "far_id": ("TeamViewerID",), "start": ("StartTime",), "end": ("EndTime",),
                "mode": ("ConnectionType",), "record": ("ConnectionID",),
            },
        ),
    ),
    "windows.applications.anydesk.logparser": (
        Artifact(_anydesk, {"time": ("Date",), "far": ("RemoteIP",), "own": ("ExternalIPAddress",)}),
    ),
}  #: by name in lower case, with or without the source behind a slash  # fmt: skip

_USB = (Artifact(_usb, {"instance": ("instance",), "product": ("FriendlyName", "DeviceDesc", "Description")}),)
_FLAT = {re.sub(r"[/.]", "_", name): name for name in ARTIFACTS}


def artifact_of(name: str) -> tuple[str, tuple[Artifact, ...] | None]:
    """The name an artifact is known by, and what it gives; None where it gives nothing.

    Takes names as in file names and in ``Artifact`` (``Windows.Network.NetstatEnriched/Netstat``), those of indices
    (``artifact_Windows_System_Pslist``), and both with ``Custom.`` or ``Exchange.`` in front.
    """
    plain = name.strip().lower()
    if plain.startswith("artifact_"):
        plain = plain.removeprefix("artifact_").removeprefix("custom_").removeprefix("exchange_")
        near = max((flat for flat in _FLAT if plain == flat or plain.startswith(flat + "_")), key=len, default="")
        plain = _FLAT.get(near, plain)
    plain = plain.removeprefix("custom.").removeprefix("exchange.")
    if NEVER_KEPT.search(plain):
        return plain, None
    found = ARTIFACTS.get(plain) or ARTIFACTS.get(plain.split("/")[0])
    if found is None and re.search(r"(?:^|[._/])usb", plain):
        found = _USB
    return plain, found


def pieces(artifact: Artifact, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows of an artifact, or their parts, each with the position of its row."""
    for at, row in enumerate(rows):
        if not artifact.parts:
            yield at, row
            continue
        held = row.get(artifact.parts)
        for part in (held if isinstance(held, list) else [held])[:1000]:
            if isinstance(part, Mapping):
                yield at, part


def text_at(row: Mapping[str, Any], name: str, paths: Sequence[str]) -> str | None:
    """The first of some values that says something, as text; lists with commas between."""
    if name == "instance":
        return _instance(row)
    for path in paths:
        text = _text(value_at(row, path))
        if text and text.lower() not in _NOTHING:
            return _SPELLED[name](text) if name in _SPELLED else text
    return None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, Mapping):
        return None
    if isinstance(value, list):
        return ",".join(part for one in value[:64] if (part := _text(one))) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        return str(int(value))
    return str(value).encode("utf-8", "replace").decode()[:4096] or None


def _instance(row: Mapping[str, Any]) -> str | None:
    """The first value of a row that is, or ends with, the instance path of a USB device."""
    for value in row.values():
        if isinstance(value, str) and len(value) < 1024 and (match := _INSTANCE.search(value.strip())):
            return match[1].replace("#", "\\")
    return None
