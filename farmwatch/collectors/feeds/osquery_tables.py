"""Which osquery tables give which rows of ours. A result row is told by the columns it has, not by its query's name.

Companies name and join their queries as they like, so each :class:`Mapping` says which columns a row must have, and the
first one that fits takes it. Columns keep their name when queries join tables, so a join of sockets and processes
is still a row of sockets, with the program beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import (
    addresses,
    each,
    file_names,
    filled,
    first_of,
    lowered,
    masked_paths,
    options_of,
    reals,
    times,
    truths,
    whole,
)
from farmwatch.collectors.feeds.hosts import device_names
from farmwatch.collectors.feeds.osquery_events import windows_events
from farmwatch.collectors.feeds.osquery_hardware import (
    connected_displays,
    drivers,
    hardware_events,
    monitor_edids,
    registry,
    usb,
)
from farmwatch.collectors.feeds.osquery_network import (
    gateways,
    interfaces,
    listeners,
    lookups,
    neighbours,
    open_sockets,
    socket_events,
    wifi,
)
from farmwatch.collectors.feeds.osquery_rows import UNSPECIFIED, Rows, compact_date, mapped, mask, program_of
from farmwatch.records import DeviceFact, InputHook, Logon, PowerEvent, Process, Service, Software

__all__ = ["BANNED", "COLUMNS", "MAPPINGS", "Mapping"]

BANNED = (
    "username", "user_account", "upn", "author", "maintainer", "computer_name", "language", "default_locale",
    "current_locale", "locale", "keyboard_layout", "development_region", "home_directory", "profile_path",
)  #: columns that are never kept; counted where a row has them  # fmt: skip
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
_SYSTEM = r"(?i)^(?:dwm|umfd)-\d+$|\$$|^(?:system|local service|network service|anonymous logon)$"  # no person's
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
    held = pc.is_in(pc.fill_null(lowered(rows["type"]), ""), pa.array(sorted(_PRESENT)))
    session = mask(pc.and_(held, pc.is_valid(filled(rows["user"]))))
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
    unset = pc.is_in(address, UNSPECIFIED)
    address = pc.if_else(pc.fill_null(unset, False), pa.scalar(None, pa.string()), address)
    name = pc.if_else(pc.is_valid(addresses(host)), pa.scalar(None, pa.string()), host)
    local = pc.fill_null(pc.match_substring_regex(name, r"^:\d"), False)  # an X display of its own
    return {"remote_h": address, "remote_name": pc.if_else(local, pa.scalar(None, pa.string()), name)}


def _logon_sessions(rows: Rows) -> None:
    number = each(lambda text: _LOGON_TYPES.get(text.strip().lower().replace(" ", "")), rows["logon_type"], pa.int64())
    person = pc.is_in(number, pa.array([2, 7, 10, 11, 12]))
    system = pc.match_substring_regex(rows["user"], _SYSTEM)
    used = mask(person) & ~mask(system)
    rows.unneeded(~used, "logon session of a service or of the network")
    values = {"event": "present", "source": "osquery logon_sessions", "logon_type": number}
    account = rows.context.hide_all(rows["user"])
    rows.add(Logon, {**values, "account": account, "session_id": filled(rows["session_id"])}, used)


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
    # Units that others only mention are listed too (systemd.unit(5)): not-found ones do not exist, masked ones cannot
    # be started.
    absent = mask(pc.is_in(lowered(rows["load_state"]), pa.array(["not-found", "masked"])))
    rows.unneeded(absent, "systemd unit that is not there")
    # What stands behind the @ may be an account: chrome-remote-desktop@name.service.
    name = pc.replace_substring_regex(filled(rows["id"]), r"@.+\.(\w+)$", r"@*.\1")
    values = {"kind": "service", "name": name, "path": filled(rows["fragment_path"])}
    rows.add(Service, {**values, "state": lowered(rows["active_state"])}, ~absent)


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
    Mapping("routes", ("destination", "gateway"), gateways, reads=("netmask", "interface", "gateway_mac")),
    Mapping("wifi_survey", ("bssid", "rssi"), _nothing, named="survey|scan|networks"),
    Mapping("wifi_status", ("bssid",), wifi, reads=("interface", "country_code")),
    Mapping("socket_events", ("action", "remote_address"), socket_events, removed=False,
            reads=(*_BEHIND, "status", "success", "time", "local_address", "local_port", "remote_port")),
    Mapping("process_open_sockets", ("remote_address", "remote_port"), open_sockets, removed=True,
            reads=(*_BEHIND, "state", "local_address", "local_port")),
    Mapping("listening_ports", ("port",), listeners, some=("address", "pid", "path"), removed=True,
            lacks=("host",), reads=_BEHIND),
    Mapping("event_taps", (), _taps, some=("event_tapped", "tapping_process"), reads=("enabled", "name", "path")),
    Mapping("process_events", ("pid", "path"), _process_events, reads=(*_RAN, "time", "datetime"),
            some=("event_type", "syscall", "ppid", "eid", "exit_code", "auid"), lacks=("response",)),
    Mapping("dns_lookup_events", ("name",), lookups, some=("response", "type_id"),
            reads=("type", "path", "time", "datetime")),
    Mapping("dns_cache", ("name", "type", "flags"), lookups, lacks=("interface", "path", "mtu")),
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
    Mapping("systemd_units", ("id", "active_state"), _units, reads=("fragment_path", "load_state")),
    Mapping("arp_cache", ("address", "mac"), neighbours, reads=("interface",),
            lacks=("type", "mask", "mtu", "broadcast", "flags")),
    Mapping("interfaces", ("interface",), interfaces, some=("mac", "address"),
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
