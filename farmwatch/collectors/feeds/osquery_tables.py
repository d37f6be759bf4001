"""Which osquery tables give which rows of ours. A result row is told by the columns it has, not by its query's name.

Companies name and join their queries as they like, so each :class:`Mapping` says which columns a row must have, and the
first one that fits takes it. Columns keep their name when queries join tables, so a join of sockets and processes
is still a row of sockets, with the program beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import (
    addresses,
    each,
    file_names,
    filled,
    first_of,
    hardware_addresses,
    lowered,
    masked_paths,
    options_of,
    reals,
    times,
    truths,
    whole,
)  # fmt: skip
from farmwatch.collectors.feeds.hosts import device_names
from farmwatch.collectors.feeds.osquery_events import windows_events
from farmwatch.collectors.feeds.osquery_hardware import (
    connected_displays,
    drivers,
    hardware_events,
    monitor_edids,
    registry,
    usb,
)  # fmt: skip
from farmwatch.collectors.feeds.osquery_rows import Rows, compact_date, mapped, mask, medium_of, of_protocol, program_of
from farmwatch.records import (
    DeviceFact,
    DeviceLocation,
    DnsLookup,
    InputHook,
    Logon,
    PowerEvent,
    Process,
    Service,
    Sighting,
    Socket,
    Software,
)  # fmt: skip

__all__ = ["BANNED", "COLUMNS", "MAPPINGS", "Mapping"]

BANNED = (
    "username", "user_account", "upn", "author", "maintainer", "computer_name", "language", "default_locale",
    "current_locale", "locale", "keyboard_layout", "development_region", "home_directory", "profile_path",
)  #: columns that are never kept; counted where a row has them  # fmt: skip
_SOCKET_STATES = {
    "listen": "listening", "syn_sent": "attempted", "syn_recv": "attempted", "syn_received": "attempted",
    "time_wait": "closed", "close": "closed", "closed": "closed", "fin_wait1": "closed", "fin_wait2": "closed",
    "fin_wait_1": "closed", "fin_wait_2": "closed", "last_ack": "closed", "closing": "closed",
}  # fmt: skip
_SOCKET_ACTIONS = {
    "connect": "connected", "accept": "accepted", "accept4": "accepted", "bind": "listening", "listen": "listening",
    "close": "closed",
}  # fmt: skip
_NO_ADDRESS = pa.array(["", "0.0.0.0", "::", "*", "0", "::ffff:0.0.0.0"])  # noqa: S104 - not bound to either
_UNSET = pa.array(["0.0.0.0", "::"])  # noqa: S104 - not bound to: told from real addresses
_LOCAL = r"^(127\.|::1$|fe80:|169\.254\.)"
_SOURCES = {
    "apps": "app", "programs": "program", "deb_packages": "package", "rpm_packages": "package",
    "homebrew_packages": "package", "chocolatey_packages": "package", "chrome_extensions": "browser extension",
    "firefox_addons": "browser extension", "safari_extensions": "browser extension",
}  # fmt: skip
_LOGON_TYPES = {
    "interactive": 2, "network": 3, "batch": 4, "service": 5, "unlock": 7, "networkcleartext": 8, "newcredentials": 9,
    "remoteinteractive": 10, "cachedinteractive": 11, "cachedremoteinteractive": 12,
}  # SECURITY_LOGON_TYPE of ntsecapi.h, as osquery spells it in logon_sessions  # fmt: skip
_PRESENT = {"user", "active", "disconnected", "connected", "shadow", ""}  # types of logged_in_users that are sessions
_SHARING = (
    "screen_sharing", "remote_login", "remote_management", "remote_apple_events", "internet_sharing", "file_sharing",
)  # fmt: skip
_INPUT_EVENTS = r"(?i)key|mouse|flags|scroll|tablet"


@dataclass(frozen=True, slots=True)
class Mapping:
    """How rows of one osquery table become rows of ours."""

    name: str  #: the osquery table, or what a join of several is called here
    needs: tuple[str, ...]  #: columns a row must have
    rows: Callable[[Rows], None]
    some: tuple[str, ...] = ()  #: of these at least one
    lacks: tuple[str, ...] = ()  #: columns that make it something else
    reads: tuple[str, ...] = ()  #: columns that are used where there are any
    named: str = ""  #: pattern of query names to which it is limited
    removed: bool = False  #: whether rows that went away say something


def _none(_: str) -> None:
    """What a word that is not known stands for."""


def _nothing(_: Rows) -> None:
    """Rows that are known and of no use."""


def _processes(rows: Rows) -> None:
    rows.add(Process, {"event": "running", "pid": whole(rows["pid"]), **_program(rows), **_parent(rows)})


def _process_events(rows: Rows) -> None:
    words = lowered(first_of(rows["event_type"], rows["type"], rows["syscall"]))
    ended = pc.fill_null(pc.match_substring_regex(words, "exit|stop"), False)
    rows.add(
        Process,
        {
            "ts": first_of(times(first_of(rows["time"], rows["datetime"])), rows.time()),
            "event": pc.if_else(ended, "stopped", "started"),
            "pid": whole(rows["pid"]),
            **_program(rows),
            **_parent(rows),
        },
    )


def _program(rows: Rows) -> dict[str, Any]:
    path = filled(rows["path"])
    return {
        "name": file_names(first_of(path, rows["name"])),
        "path": masked_paths(path),
        "arguments": options_of(rows["cmdline"]),
        "sha256": pc.utf8_lower(filled(rows["sha256"])),
        "original_name": filled(rows["original_filename"]),
    }


def _parent(rows: Rows) -> dict[str, Any]:
    path = filled(rows["parent_path"])
    return {"parent_name": file_names(first_of(path, rows["parent_name"])), "parent_path": masked_paths(path)}


def _behind(rows: Rows) -> dict[str, Any]:
    path = filled(rows["path"])
    return {
        "process": file_names(first_of(path, rows["name"], rows["process_name"])),
        "path": masked_paths(path),
        "pid": whole(rows["pid"]),
        "proto": of_protocol(rows["protocol"]),
    }


def _open_sockets(rows: Rows) -> None:
    local_p, remote_p = _ports(rows["local_port"]), _ports(rows["remote_port"])
    far = pc.is_in(pc.utf8_trim_whitespace(pc.fill_null(rows["remote_address"], "")), _NO_ADDRESS)
    remote = pc.if_else(far, pa.scalar(None, pa.string()), addresses(rows["remote_address"]))
    told = mapped(rows["state"], _SOCKET_STATES, _none)
    state = pc.if_else(pc.is_null(remote), "listening", pc.fill_null(told, "connected"))
    state = pc.if_else(pa.array(rows.removed), "closed", state)
    unix = mask(pc.and_(pc.is_null(local_p), pc.is_null(remote_p)))
    rows.unneeded(unix, "socket without a port")
    rows.add(
        Socket,
        {
            **_behind(rows), "state": state, "local_h": addresses(rows["local_address"]), "local_p": local_p,
            "remote_h": remote, "remote_p": pc.if_else(pc.is_null(remote), pa.scalar(None, pa.int64()), remote_p),
        },
        ~unix,
    )  # fmt: skip


def _socket_events(rows: Rows) -> None:
    state = mapped(rows["action"], _SOCKET_ACTIONS, _none)
    status = lowered(rows["status"])
    failed = pc.or_(
        pc.fill_null(pc.equal(status, "failed"), False), pc.fill_null(pc.equal(rows["success"], "0"), False)
    )
    pending = pc.fill_null(pc.is_in(status, pa.array(["in_progress", "no_client"])), False)
    state = pc.if_else(pc.and_(pending, pc.equal(state, "connected")), "attempted", state)
    state = pc.if_else(pc.and_(failed, pc.is_valid(state)), "failed", state)
    local_p, remote_p = _ports(rows["local_port"]), _ports(rows["remote_port"])
    keep = pc.and_(pc.is_valid(state), pc.or_(pc.is_valid(local_p), pc.is_valid(remote_p)))
    used = mask(keep)
    rows.unneeded(~used, "socket event of another kind")
    far = pc.is_in(pc.utf8_trim_whitespace(pc.fill_null(rows["remote_address"], "")), _NO_ADDRESS)
    rows.add(
        Socket,
        {
            **_behind(rows), "ts": first_of(times(rows["time"]), rows.time()), "state": state,
            "local_h": addresses(rows["local_address"]), "local_p": local_p,
            "remote_h": pc.if_else(far, pa.scalar(None, pa.string()), addresses(rows["remote_address"])),
            "remote_p": remote_p, "outbound": pc.if_else(
                pc.is_in(lowered(rows["action"]), pa.array(["connect"])), True, pa.scalar(None, pa.bool_())
            ),
        },
        used,
    )  # fmt: skip


def _listeners(rows: Rows) -> None:
    port = _ports(rows["port"])
    used = mask(pc.is_valid(port))
    rows.unneeded(~used, "socket without a port")
    state = pc.if_else(pa.array(rows.removed), "closed", "listening")
    values = {**_behind(rows), "state": state, "local_h": addresses(rows["address"]), "local_p": port}
    rows.add(Socket, values, used)


def _ports(values: pa.Array) -> pa.Array:
    numbers = whole(values)
    sound = pc.and_(pc.greater(numbers, 0), pc.less(numbers, 65536))
    return pc.if_else(sound, numbers, pa.scalar(None, pa.int64()))


def _software(kind: str) -> Callable[[Rows], None]:
    def rows_of(rows: Rows) -> None:
        told = kind or pc.fill_null(mapped(rows["source"], _SOURCES, _none), "program")
        installed = first_of(
            compact_date(rows["install_date"]), times(rows["install_timestamp"]), times(rows["install_time"])
        )
        rows.add(
            Software,
            {
                "kind": told,
                "name": filled(rows["name"]),
                "version": first_of(rows["bundle_short_version"], rows["version"], rows["bundle_version"]),
                "publisher": first_of(rows["publisher"], rows["vendor"]),
                "identifier": first_of(rows["bundle_identifier"], rows["identifier"], rows["identifying_number"]),
                "installed": installed,
            },
        )

    return rows_of


def _interfaces(rows: Rows) -> None:
    mac, address = hardware_addresses(rows["mac"]), addresses(rows["address"])
    local = pc.fill_null(pc.match_substring_regex(address, _LOCAL), False)
    address = pc.if_else(local, pa.scalar(None, pa.string()), address)
    medium, interface = medium_of(rows["type"]), filled(first_of(rows["friendly_name"], rows["interface"]))
    near = mask(pc.is_valid(address))
    known = near | mask(pc.is_valid(mac))
    shared = {"kind": "local_ip", "value": address, "interface": interface, "medium": medium}
    rows.add(Sighting, shared, near)
    rows.add(DeviceFact, {"macs": mac, "addresses": address}, known)
    listed = rows["dns_server_search_order"]
    served = [
        (position, part.strip())
        for position, text in enumerate(listed.to_pylist())
        if text
        for part in text.split(",")[:8]
    ]
    if served:
        server = addresses(pa.array([text for _, text in served], pa.string()))
        good = mask(pc.is_valid(server))
        positions = np.array([position for position, _ in served])[good]
        values = {"kind": "dns_server", "value": server.filter(pa.array(good))}
        _several(rows, Sighting, values, positions)
        known[positions] = True
    rows.unneeded(~known, "interface without an address of its own")


def _several(rows: Rows, record: type[Any], values: dict[str, Any], positions: NDArray[Any]) -> None:
    """Table rows of which one result row may give several: values are of the table rows, not of the result rows."""
    origin = rows.where[positions]
    base = {name: column.take(pa.array(origin)) for name, column in rows.base.items()}
    rows.output.add(record, {**base, **values}, origin)


def _gateways(rows: Rows) -> None:
    target = pc.utf8_trim_whitespace(pc.fill_null(rows["destination"], ""))
    default = pc.is_in(target, pa.array(["0.0.0.0", "default", "::", "0.0.0.0/0", "::/0"]))  # noqa: S104 - a route
    wide = pc.or_(pc.is_null(rows["netmask"]), pc.is_in(pc.utf8_trim_whitespace(rows["netmask"]), pa.array(["0", ""])))
    gateway, mac = addresses(rows["gateway"]), hardware_addresses(rows["gateway_mac"])
    none = pc.is_in(gateway, _UNSET)
    usable = pc.and_(pc.and_(default, wide), pc.invert(pc.fill_null(none, False)))
    at = mask(pc.and_(usable, pc.is_valid(gateway)))
    by = mask(pc.and_(usable, pc.is_valid(mac)))
    interface = filled(rows["interface"])
    rows.add(Sighting, {"kind": "gateway_ip", "value": gateway, "interface": interface}, at)
    rows.add(Sighting, {"kind": "gateway_mac", "value": mac, "oui": _oui(mac), "interface": interface}, by)
    rows.unneeded(~(at | by), "route that is not the default one")


def _neighbours(rows: Rows) -> None:
    mac = hardware_addresses(rows["mac"])
    many = pc.match_substring_regex(mac, "^.[13579bdf]")  # the group bit: multicast is nobody's address
    near = mask(pc.fill_null(pc.invert(many), False))
    rows.unneeded(~near, "neighbour without an address")
    rows.add(
        Sighting,
        {
            "kind": "neighbour",
            "value": rows.context.hide_all(mac),
            "oui": _oui(mac),
            "interface": filled(rows["interface"]),
        },
        near,
    )


def _oui(macs: pa.Array) -> pa.Array:
    return pc.utf8_slice_codeunits(macs, 0, 8)


def _wifi(rows: Rows) -> None:
    bssid, country = hardware_addresses(rows["bssid"]), pc.utf8_upper(filled(rows["country_code"]))
    known = mask(pc.is_valid(bssid))
    place = pc.fill_null(pc.match_substring_regex(country, "^[A-Z]{2}$"), False)
    placed = mask(pc.and_(place, pc.not_equal(country, "XX")))
    rows.add(
        Sighting,
        {
            "kind": "bssid",
            "value": bssid,
            "oui": _oui(bssid),
            "interface": filled(rows["interface"]),
            "medium": "wireless",
        },
        known,
    )
    rows.add(DeviceLocation, {"method": "wifi country code", "place_country": country}, placed)
    rows.unneeded(~(known | placed), "no wireless network")


def _battery(rows: Rows) -> None:
    state = lowered(rows["state"])
    mains = pc.if_else(
        pc.equal(state, "ac power"),
        True,
        pc.if_else(pc.equal(state, "battery power"), False, pa.scalar(None, pa.bool_())),
    )
    percent = reals(rows["percent_remaining"])
    percent = pc.if_else(pc.and_(pc.greater_equal(percent, 0), pc.less_equal(percent, 100)), percent, None)
    values = {"event": "state", "on_mains": mains, "battery_pct": percent, "cycles": whole(rows["cycle_count"])}
    rows.add(PowerEvent, values)


def _logged_in(rows: Rows) -> None:
    session = mask(pc.is_in(pc.fill_null(lowered(rows["type"]), ""), pa.array(sorted(_PRESENT))))
    rows.unneeded(~session, "logged_in_users row that is no session")
    values = {"event": "present", "source": "osquery logged_in_users", "session_id": filled(rows["tty"])}
    rows.add(Logon, {**values, "account": rows.context.hide_all(rows["user"]), **_from(rows)}, session)


def _last(rows: Rows) -> None:
    kind = first_of(lowered(rows["type_name"]), lowered(rows["type"]))
    event = mapped(
        kind, {"7": "logon", "user-process": "logon", "8": "logoff", "dead-process": "logoff"},
        _none,
    )  # fmt: skip
    told = mask(pc.is_valid(event))
    rows.unneeded(~told, "last row that is no session")
    values = {"event": event, "source": "wtmp", "session_id": filled(rows["tty"])}
    account = rows.context.hide_all(rows["username"])
    at = first_of(times(rows["time"]), rows.time())
    rows.add(Logon, {**values, "ts": at, "account": account, **_from(rows)}, told)


def _from(rows: Rows) -> dict[str, Any]:
    host = filled(rows["host"])
    address = addresses(host)
    unset = pc.is_in(address, _UNSET)
    address = pc.if_else(pc.fill_null(unset, False), pa.scalar(None, pa.string()), address)
    name = pc.if_else(pc.is_valid(addresses(host)), pa.scalar(None, pa.string()), host)
    local = pc.fill_null(pc.match_substring_regex(name, r"^:\d"), False)  # an X display of its own
    return {"remote_h": address, "remote_name": pc.if_else(local, pa.scalar(None, pa.string()), name)}


def _logon_sessions(rows: Rows) -> None:
    number = each(lambda text: _LOGON_TYPES.get(text.strip().lower().replace(" ", "")), rows["logon_type"], pa.int64())
    person = pc.is_in(number, pa.array([2, 7, 10, 11, 12]))
    used = mask(person)
    rows.unneeded(~used, "logon session of a service or of the network")
    values = {"event": "present", "source": "osquery logon_sessions", "logon_type": number}
    account = rows.context.hide_all(rows["user"])
    rows.add(Logon, {**values, "account": account, "session_id": filled(rows["session_id"])}, used)


def _lookups(rows: Rows) -> None:
    path = filled(rows["path"])
    name = pc.utf8_rtrim(lowered(rows["name"]), ".")
    rows.add(
        DnsLookup,
        {
            "ts": first_of(times(first_of(rows["time"], rows["datetime"])), rows.time()),
            "name": name,
            "qtype": pc.utf8_upper(filled(rows["type"])),
            "process": file_names(path),
            "path": masked_paths(path),
            "answers": each(_answers, rows["response"]),
        },
    )


def _answers(text: str) -> str | None:
    parts = [part.strip() for part in text[:4096].replace(",", ";").split(";")]
    found = [value for value in addresses(pa.array(parts, pa.string())).to_pylist() if value]
    return ",".join(dict.fromkeys(found[:8])) or None


def _taps(rows: Rows) -> None:
    path = filled(rows["path"])
    process = file_names(first_of(path, rows["name"]))
    about = pc.fill_null(pc.match_substring_regex(rows["event_tapped"], _INPUT_EVENTS), True)
    named = mask(pc.and_(about, pc.is_valid(process)))
    rows.unneeded(~named, "event tap of other events, or without its program")
    values = {"process": process, "path": masked_paths(path), "kind": "tap", "enabled": truths(rows["enabled"])}
    rows.add(InputHook, values, named)


def _sharing(rows: Rows) -> None:
    for name in _SHARING:
        on = truths(rows[name])
        told = mask(pc.is_valid(on))
        rows.add(Service, {"kind": "sharing", "name": name, "state": pc.if_else(on, "on", "off")}, told)


def _services(rows: Rows) -> None:
    rows.add(
        Service,
        {
            "kind": "service",
            "name": filled(rows["name"]),
            "path": masked_paths(program_of(first_of(rows["path"], rows["module_path"]))),
            "start_mode": lowered(rows["start_type"]),
            "state": lowered(rows["status"]),
        },
    )


def _launchd(rows: Rows) -> None:
    start = pc.if_else(pc.fill_null(truths(rows["run_at_load"]), False), "at load", pa.scalar(None, pa.string()))
    state = pc.if_else(truths(rows["disabled"]), "off", "on")
    program = first_of(rows["program"], program_of(rows["program_arguments"]), rows["path"])
    values = {"kind": "autostart", "name": first_of(rows["label"], rows["name"]), "path": masked_paths(program)}
    rows.add(Service, {**values, "start_mode": start, "state": state})


def _startup(rows: Rows) -> None:
    values = {"kind": "autostart", "name": filled(rows["name"]), "path": masked_paths(program_of(rows["path"]))}
    rows.add(Service, {**values, "start_mode": lowered(rows["type"]), "state": lowered(rows["status"])})


def _tasks(rows: Rows) -> None:
    path = masked_paths(program_of(first_of(rows["action"], rows["path"])))
    state = pc.if_else(truths(rows["enabled"]), lowered(rows["state"]), "off")
    rows.add(Service, {"kind": "task", "name": masked_paths(filled(rows["name"])), "path": path, "state": state})


def _units(rows: Rows) -> None:
    values = {"kind": "service", "name": filled(rows["id"]), "path": filled(rows["fragment_path"])}
    rows.add(Service, {**values, "state": lowered(rows["active_state"])})


def _device(rows: Rows) -> None:
    words = pc.binary_join_element_wise(
        pc.coalesce(first_of(rows["os"], rows["name"]), pa.scalar("")), pc.coalesce(rows["version"], pa.scalar("")), " "
    )
    hardware = rows.given("hardware_model") | rows.given("hardware_serial")
    system = pc.if_else(pa.array(rows.given("platform") | ~hardware), filled(words), pa.scalar(None, pa.string()))
    rows.add(
        DeviceFact,
        {
            "host_name": device_names(rows["hostname"]),
            "hardware_uuid": lowered(rows["uuid"]),
            "serial": filled(rows["hardware_serial"]),
            "vendor": filled(rows["hardware_vendor"]),
            "model": filled(rows["hardware_model"]),
            "platform": lowered(rows["platform"]),
            "os": system,
        },
    )


def _clock(rows: Rows) -> None:
    at = first_of(times(rows["unix_time"]), rows.time())
    up = whole(rows["total_seconds"])
    sound = pc.and_(pc.greater_equal(up, 0), pc.less(up, 20 * 366 * 86_400))
    up = pc.if_else(sound, up, pa.scalar(None, pa.int64()))
    boot = pc.subtract(at.cast(pa.int64()), pc.multiply(up, 1_000_000)).cast(at.type)
    offset = whole(rows["utc_offset_min"])
    offset = pc.if_else(pc.less_equal(pc.abs(offset), 14 * 60), offset, pa.scalar(None, pa.int64()))
    told = pc.or_(pc.is_valid(boot), pc.is_valid(offset))
    used = mask(told)
    rows.unneeded(~used, "clock without offset or uptime")
    rows.add(DeviceFact, {"boot_ts": boot, "utc_offset_min": offset}, used)


_BEHIND = ("path", "name", "process_name", "pid", "protocol")
_RAN = ("path", "name", "cmdline", "sha256", "original_filename", "parent_path", "parent_name")
_INSTALLED = (
    "version", "bundle_short_version", "bundle_version", "publisher", "vendor", "bundle_identifier", "identifier",
    "identifying_number", "install_date", "install_timestamp", "install_time", "source",
)  # fmt: skip

MAPPINGS: tuple[Mapping, ...] = (
    Mapping("windows_events", ("eventid", "data"), windows_events, some=("source", "channel", "provider_name"),
            reads=("time", "datetime")),
    Mapping("monitor_edids", ("device_id", "edid"), monitor_edids, reads=("device_name", "manufacturer")),
    Mapping("drivers", ("device_id",), drivers, removed=True, some=("class", "device_name", "inf"),
            reads=("device_name", "class", "manufacturer", "provider", "description")),
    Mapping("registry", ("name", "data"), registry, some=("key", "path"), lacks=("pid", "version"),
            reads=("key", "path")),
    Mapping("hardware_events", ("action", "vendor_id", "model_id"), hardware_events,
            reads=("type", "driver", "vendor", "model", "serial", "path", "time")),
    Mapping("connected_displays", ("product_id", "vendor_id"), connected_displays,
            some=("connection_type", "display_id", "resolution", "manufactured_year"),
            reads=("name", "serial_number", "manufactured_week", "pixels", "online")),
    Mapping("usb_devices", ("vendor_id", "model_id"), usb, removed=True,
            reads=("vendor", "model", "serial", "version", "class", "subclass", "protocol", "removable",
                   "usb_address", "usb_port")),
    Mapping("routes", ("destination", "gateway"), _gateways, reads=("netmask", "interface", "gateway_mac")),
    Mapping("wifi_survey", ("bssid", "rssi"), _nothing, named="survey|scan|networks"),
    Mapping("wifi_status", ("bssid",), _wifi, reads=("interface", "country_code")),
    Mapping("socket_events", ("action", "remote_address"), _socket_events, removed=False,
            reads=(*_BEHIND, "status", "success", "time", "local_address", "local_port", "remote_port")),
    Mapping("process_open_sockets", ("remote_address", "remote_port"), _open_sockets, removed=True,
            reads=(*_BEHIND, "state", "local_address", "local_port")),
    Mapping("listening_ports", ("port",), _listeners, some=("address", "pid", "path"), removed=True,
            lacks=("host",), reads=_BEHIND),
    Mapping("event_taps", (), _taps, some=("event_tapped", "tapping_process"), reads=("enabled", "name", "path")),
    Mapping("process_events", ("pid", "path"), _process_events, reads=(*_RAN, "time", "datetime"),
            some=("event_type", "syscall", "ppid", "eid", "exit_code", "auid"), lacks=("response",)),
    Mapping("dns_lookup_events", ("name",), _lookups, some=("response", "type_id"),
            reads=("type", "path", "time", "datetime")),
    Mapping("dns_cache", ("name", "type", "flags"), _lookups, lacks=("interface", "path", "mtu")),
    Mapping("processes", ("pid",), _processes, some=("cmdline", "path", "name", "parent"), reads=_RAN,
            lacks=("tty", "host", "start_type", "fd", "permissions", "crash_path")),
    Mapping("chrome_extensions", ("identifier", "name"), _software("browser extension"), reads=_INSTALLED,
            some=("browser_type", "permissions", "from_webstore", "update_url", "referenced_identifier", "creator")),
    Mapping("apps", ("bundle_identifier", "name"), _software("app"), reads=_INSTALLED, lacks=("source",)),
    Mapping("software", ("name", "version", "source"), _software(""), reads=_INSTALLED,
            some=("bundle_identifier", "vendor", "browser", "installed_path", "extension_id")),
    Mapping("deb_packages", ("name", "version"), _software("package"), reads=_INSTALLED,
            some=("maintainer", "section", "admindir", "priority", "revision", "release", "arch", "prefix")),
    Mapping("programs", ("name",), _software("program"), reads=_INSTALLED,
            some=("identifying_number", "uninstall_string", "install_source", "install_location", "install_date",
                  "publisher"), lacks=("hardware_model",)),
    Mapping("services", ("name", "start_type"), _services, reads=("path", "module_path", "status")),
    Mapping("launchd", ("label",), _launchd, some=("program", "run_at_load", "program_arguments"),
            reads=("name", "path", "disabled")),
    Mapping("scheduled_tasks", ("name", "action", "enabled"), _tasks, reads=("path", "state")),
    Mapping("startup_items", ("name", "path", "source"), _startup, some=("args", "status"),
            reads=("type",), lacks=("version",)),
    Mapping("systemd_units", ("id", "active_state"), _units, reads=("fragment_path",)),
    Mapping("arp_cache", ("address", "mac"), _neighbours, reads=("interface",),
            lacks=("type", "mask", "mtu", "broadcast", "flags")),
    Mapping("interfaces", ("interface",), _interfaces, some=("mac", "address"),
            reads=("type", "mask", "friendly_name", "dns_server_search_order"), lacks=("gateway",)),
    Mapping("battery", ("state",), _battery, some=("percent_remaining", "cycle_count"),
            ),
    Mapping("logon_sessions", ("logon_type", "user"), _logon_sessions, reads=("session_id",)),
    Mapping("last", ("username", "tty", "host"), _last, some=("type", "type_name"), reads=("time",)),
    Mapping("logged_in_users", ("user", "tty"), _logged_in, reads=("type", "host")),
    Mapping("sharing_preferences", (), _sharing, some=_SHARING),
    Mapping("system", (), _device, some=("hardware_serial", "hardware_model", "hardware_vendor", "hardware_uuid"),
            reads=("hostname", "uuid", "platform", "os", "name", "version")),
    Mapping("os_version", ("platform", "version"), _device, some=("name", "build", "major", "os"),
            reads=("hostname", "uuid")),
    Mapping("time", (), _clock, some=("unix_time", "utc_offset_min", "total_seconds", "local_timezone"),
            lacks=("name", "pid")),
    Mapping("programs by name", ("name", "version"), _software("program"), reads=_INSTALLED,
            named="software|program|package|apps|applications|installed|extension"),
)  #: in the order in which a row is offered; the narrow ones first  # fmt: skip

COLUMNS: tuple[str, ...] = tuple(
    dict.fromkeys(
        name for mapping in MAPPINGS for name in (*mapping.needs, *mapping.some, *mapping.lacks, *mapping.reads)
    )
)  #: every osquery column that is looked at
