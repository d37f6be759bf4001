r"""The queries that farmwatch asks osquery to run, each with its reason, and the forms they are written in.

Inventory comes as snapshots, so that no reader has to replay differences. What comes and goes (USB devices, sockets,
Windows events) is asked for often and as differences. On Windows osquery has no ``usb_devices`` and no
``connected_displays``; ``drivers`` and the registry stand in for them. Nothing asks for names of networks or for what
people type; accounts and arguments that come along are hidden or left behind where they are taken in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["FORMATS", "QUERIES", "Query", "pack"]

_ALL = ("darwin", "linux", "windows")
_POSIX = ("darwin", "linux")
_MAC, _LINUX, _WINDOWS = ("darwin",), ("linux",), ("windows",)
_MINUTES, _HOURS = 60, 3600
_DAY = 24 * _HOURS
_USB = (
    "SELECT usb_address, usb_port, vendor_id, model_id, vendor, model, version, serial, class, subclass, protocol, "
    "removable FROM usb_devices"
)
_DRIVERS = (
    "SELECT device_id, device_name, class, manufacturer, provider FROM drivers WHERE device_id LIKE 'USB\\VID%' "
    "OR device_id LIKE 'HID\\VID%' OR device_id LIKE 'USBSTOR%' OR device_id LIKE 'BTH%' OR device_id LIKE 'DISPLAY\\%'"
)
_EVENTS = (
    "SELECT channel, datetime, provider_name, eventid, data FROM windows_eventlog "
    "WHERE channel = '{channel}' AND eventid IN ({events}) AND timestamp = '3600000'"
)  # timestamp: how many milliseconds to look back; longer than the interval, and differences leave repeats out
_TERMINAL = "Microsoft-Windows-TerminalServices-"


@dataclass(frozen=True, slots=True)
class Query:
    """One scheduled query."""

    name: str
    platforms: tuple[str, ...]  #: of darwin, linux, windows
    sql: str
    interval: int  #: seconds
    why: str  #: what it is good for, in a sentence
    snapshot: bool = True  #: the whole result every time; else what was added and removed
    removed: bool = True  #: of differences: whether rows that went away are told


QUERIES: tuple[Query, ...] = (
    Query(
        "fw_host", _ALL,
        "SELECT s.uuid, s.hostname, s.hardware_vendor, s.hardware_model, s.hardware_serial, o.platform, o.name AS os, "
        "o.version FROM system_info s, os_version o",
        6 * _HOURS, "Which device this is, so that what other feeds say of it comes together.",
    ),
    Query(
        "fw_clock", _ALL,
        "SELECT t.unix_time, u.total_seconds, "
        "(strftime('%s', 'now', 'localtime') - strftime('%s', 'now')) / 60 AS utc_offset_min FROM time t, uptime u",
        1 * _HOURS, "The clock's offset from UTC tells where its user set it; shared outages tell shared power.",
    ),
    Query(
        "fw_tz_windows", _WINDOWS,
        "SELECT path, name, data FROM registry WHERE path = 'HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet"
        "\\Control\\TimeZoneInformation\\ActiveTimeBias'",
        6 * _HOURS, "The clock's offset on Windows, where osquery's own column is cut to four letters.",
    ),
    Query(
        "fw_usb", _POSIX, _USB, 1 * _MINUTES,
        "A capture stick, an IP-KVM or a jiggler shows as a USB device, if only for minutes.", snapshot=False,
    ),
    Query("fw_usb_present", _POSIX, _USB, 12 * _HOURS, "All USB devices, for readers that missed a difference."),
    Query(
        "fw_devices_windows", _WINDOWS, _DRIVERS, 5 * _MINUTES,
        "USB, HID, Bluetooth and display devices that come and go on Windows, by their instance path.", snapshot=False,
    ),
    Query("fw_devices_windows_present", _WINDOWS, _DRIVERS, 12 * _HOURS, "All such devices, whatever was missed."),
    Query(
        "fw_edid_windows", _WINDOWS,
        "SELECT d.device_id, d.device_name, d.manufacturer, r.data AS edid FROM drivers d "
        "CROSS JOIN registry r ON r.path = 'HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Enum\\' || d.device_id "
        "|| '\\Device Parameters\\EDID' WHERE d.device_id LIKE 'DISPLAY\\%'",
        6 * _HOURS, "The EDID tells a capture stick or a dummy plug from a monitor somebody looks at.",
    ),
    Query(
        "fw_displays", _MAC,
        "SELECT name, vendor_id, product_id, serial_number, manufactured_week, manufactured_year, pixels, resolution, "
        "connection_type, online FROM connected_displays",
        15 * _MINUTES, "A display that is a capture stick or a dummy plug has nobody in front of it.",
    ),
    Query(
        "fw_sockets", _ALL,
        "SELECT s.pid, p.name, p.path, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port "
        "FROM process_open_sockets s JOIN processes p USING (pid) WHERE s.remote_port <> 0 AND s.remote_address NOT IN "
        "('', '0.0.0.0', '::', '127.0.0.1', '::1') AND s.state IN ('ESTABLISHED', '')",
        2 * _MINUTES, "Which program holds the connection that a screen goes out of and a hand comes in by.",
        snapshot=False,
    ),
    Query(
        "fw_listen", _ALL,
        "SELECT l.pid, p.name, p.path, l.protocol, l.address, l.port FROM listening_ports l "
        "JOIN processes p USING (pid) WHERE l.port <> 0",
        15 * _MINUTES, "Programs that wait for somebody to connect.",
    ),
    Query(
        "fw_processes", _ALL,
        "SELECT p.pid, p.name, p.path, p.cmdline, q.name AS parent_name, q.path AS parent_path FROM processes p "
        "LEFT JOIN processes q ON q.pid = p.parent",
        1 * _HOURS, "Remote tools and jigglers that run without having been installed.",
    ),
    Query(
        "fw_services_windows", _WINDOWS, "SELECT name, start_type, status, path, module_path FROM services",
        12 * _HOURS, "Remote tools that start before anybody logs on.",
    ),
    Query(
        "fw_launchd_mac", _MAC, "SELECT label, name, path, program, run_at_load, disabled FROM launchd",
        12 * _HOURS, "Remote tools that start by themselves.",
    ),
    Query(
        "fw_units_linux", _LINUX,
        "SELECT id, load_state, active_state, fragment_path FROM systemd_units WHERE id LIKE '%.service'",
        12 * _HOURS, "Remote tools that start by themselves.",
    ),
    Query(
        "fw_startup", _ALL, "SELECT name, path, args, type, source, status FROM startup_items",
        12 * _HOURS, "Programs that start when somebody logs on.",
    ),
    Query(
        "fw_tasks_windows", _WINDOWS,
        "SELECT name, action, path, enabled, state FROM scheduled_tasks WHERE path NOT LIKE '\\Microsoft\\%'",
        12 * _HOURS, "Scheduled tasks keep tunnels and jigglers alive.",
    ),
    Query(
        "fw_software_windows", _WINDOWS,
        "SELECT name, version, publisher, install_date, identifying_number FROM programs",
        12 * _HOURS, "Installed remote tools, against those the device may have.",
    ),
    Query(
        "fw_software_mac", _MAC, "SELECT name, bundle_identifier, bundle_short_version, path FROM apps",
        12 * _HOURS, "Installed remote tools, against those the device may have.",
    ),
    Query(
        "fw_software_deb", _LINUX, "SELECT name, version, arch FROM deb_packages",
        12 * _HOURS, "Installed remote tools, against those the device may have.",
    ),
    Query(
        "fw_software_rpm", _LINUX, "SELECT name, version, arch FROM rpm_packages",
        12 * _HOURS, "Installed remote tools, against those the device may have.",
    ),
    Query(
        "fw_extensions", _ALL,
        "SELECT c.browser_type, c.identifier, c.name, c.version, c.install_timestamp "
        "FROM users u CROSS JOIN chrome_extensions c USING (uid)",
        12 * _HOURS, "Remote desktops that are browser extensions.",
    ),
    Query(
        "fw_net", _POSIX,
        "SELECT d.interface, d.mac, d.type, a.address, a.mask FROM interface_details d "
        "JOIN interface_addresses a USING (interface)",
        15 * _MINUTES, "Addresses that tie the device to captures and to others in its network.",
    ),
    Query(
        "fw_net_windows", _WINDOWS,
        "SELECT d.interface, d.friendly_name, d.mac, d.type, a.address, a.mask, d.dns_server_search_order "
        "FROM interface_details d JOIN interface_addresses a USING (interface)",
        15 * _MINUTES, "The same on Windows, with the resolvers that a house's router hands out.",
    ),
    Query(
        "fw_gateway", _ALL,
        "SELECT r.destination, r.netmask, r.gateway, r.interface, c.mac AS gateway_mac FROM routes r "
        "LEFT JOIN arp_cache c ON c.address = r.gateway WHERE r.destination IN ('0.0.0.0', 'default', '::')",
        15 * _MINUTES, "Laptops of unrelated people behind one router share its link-layer address.",
    ),
    Query(
        "fw_arp", _ALL, "SELECT address, mac, interface FROM arp_cache",
        15 * _MINUTES, "Who else is in the local network: other company laptops, or an IP-KVM.",
    ),
    Query(
        "fw_wifi_mac", _MAC, "SELECT interface, bssid, country_code FROM wifi_status",
        15 * _MINUTES, "The access point is where the device is.",
    ),
    Query(
        "fw_power", ("darwin", "windows"), "SELECT state, percent_remaining, cycle_count FROM battery",
        15 * _MINUTES, "A laptop that never leaves the mains stands on a shelf.",
    ),
    Query(
        "fw_logins", _ALL, "SELECT type, user, tty, host FROM logged_in_users",
        5 * _MINUTES, "Sessions that somebody holds from elsewhere, with the address.",
    ),
    Query(
        "fw_logons_windows", _WINDOWS,
        "SELECT user, logon_type, session_id FROM logon_sessions "
        "WHERE logon_type IN ('Interactive', 'RemoteInteractive', 'CachedInteractive', 'CachedRemoteInteractive')",
        15 * _MINUTES, "Whether a session of Windows is at the console or remote.",
    ),
    Query(
        "fw_dns_windows", _WINDOWS, "SELECT name, type, flags FROM dns_cache", 5 * _MINUTES,
        "Names of relays stay in the cache after the connection is gone.", snapshot=False, removed=False,
    ),
    Query(
        "fw_taps_mac", _MAC,
        "SELECT e.enabled, group_concat(DISTINCT e.event_tapped) AS event_tapped, p.name, p.path FROM event_taps e "
        "JOIN processes p ON p.pid = e.tapping_process WHERE e.event_tapped LIKE '%Key%' "
        "OR e.event_tapped LIKE '%Mouse%' GROUP BY e.enabled, p.name, p.path",
        1 * _HOURS, "Programs that listen to or change what is typed and clicked.",
    ),
    Query(
        "fw_sharing_mac", _MAC,
        "SELECT screen_sharing, remote_login, remote_management, remote_apple_events FROM sharing_preferences",
        6 * _HOURS, "The remote control that macOS brings along.",
    ),
    Query(
        "fw_rdp_core_windows", _WINDOWS,
        _EVENTS.format(
            channel="Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational", events="104, 131, 168"
        ),
        10 * _MINUTES, "A remote desktop's client tells its address, its clock's offset and its screens.",
        snapshot=False, removed=False,
    ),
    Query(
        "fw_rdp_auth_windows", _WINDOWS,
        _EVENTS.format(channel=f"{_TERMINAL}RemoteConnectionManager/Operational", events="1149"),
        10 * _MINUTES, "Who came in by remote desktop and from where.", snapshot=False, removed=False,
    ),
    Query(
        "fw_rdp_sessions_windows", _WINDOWS,
        _EVENTS.format(channel=f"{_TERMINAL}LocalSessionManager/Operational", events="21, 22, 23, 24, 25, 39, 40"),
        10 * _MINUTES, "When a remote desktop began, broke off and came back.", snapshot=False, removed=False,
    ),
    Query(
        "fw_chrome_desktop_windows", _WINDOWS,
        _EVENTS.format(channel="Application", events="1, 2, 3, 4") + " AND provider_name = 'chromoting'",
        10 * _MINUTES, "Who came in by Chrome Remote Desktop and from where.", snapshot=False, removed=False,
    ),
    Query(
        "fw_pnp_windows", _WINDOWS,
        _EVENTS.format(channel="Microsoft-Windows-Kernel-PnP/Configuration", events="400, 410, 420"),
        10 * _MINUTES, "Devices that were plugged in between two looks.", snapshot=False, removed=False,
    ),
)  #: in the order in which they are printed  # fmt: skip


def _osquery_pack() -> dict[str, object]:
    """The pack as osquery's configuration takes it, in ``packs`` or as a file of its own."""
    return {"queries": {query.name: _options(query) for query in QUERIES}}


def _options(query: Query) -> dict[str, object]:
    how: dict[str, object] = {"snapshot": True} if query.snapshot else {"removed": query.removed}
    platform = {} if query.platforms == _ALL else {"platform": ",".join(query.platforms)}
    return {"query": f"{query.sql};", "interval": query.interval, **how, **platform, "description": query.why}


def _as_pack() -> str:
    return json.dumps(_osquery_pack(), indent=1) + "\n"


def _as_configuration() -> str:
    """A whole configuration: the pack, and the decoration that says the host's name whatever identifies the host."""
    configuration = {
        "options": {"schedule_splay_percent": 10, "host_identifier": "hostname"},
        "decorators": {"load": ["SELECT uuid AS host_uuid, hostname FROM system_info;"]},
        "packs": {"farmwatch": _osquery_pack()},
    }
    return json.dumps(configuration, indent=1) + "\n"


def _as_fleet() -> str:
    """Documents for ``fleetctl apply``; texts are written as JSON, which YAML 1.2 includes."""
    return "".join(f"---\n{''.join(_fleet_lines(query))}" for query in QUERIES)


def _fleet_lines(query: Query) -> Iterator[str]:
    logging = "snapshot" if query.snapshot else "differential" if query.removed else "differential_ignore_removals"
    yield "apiVersion: v1\nkind: query\nspec:\n"
    yield f"  name: {query.name}\n"
    yield f"  description: {json.dumps(query.why)}\n"
    yield f"  query: {json.dumps(query.sql + ';')}\n"
    yield f"  interval: {query.interval}\n"
    yield f"  platform: {json.dumps('' if query.platforms == _ALL else ','.join(query.platforms))}\n"
    yield f"  logging: {logging}\n"
    yield "  automations_enabled: true\n"


FORMATS = {"pack": _as_pack, "conf": _as_configuration, "fleet": _as_fleet}  #: how each form is written


def pack(form: str) -> str:
    """The queries in one of :data:`FORMATS`, as text.

    Raises:
        ValueError: there is no such form.
    """
    if form not in FORMATS:
        raise ValueError(f"no form is called {form!r}; there are {', '.join(FORMATS)}")
    return FORMATS[form]()
