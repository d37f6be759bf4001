"""Each way to drive a laptop leaves its telemetry; lawful look-alikes leave theirs."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from farmwatch.simulation.parameters import SETUPS
from tests.simulation.fleets import COVERED, fleet, tables_of, truths


@pytest.fixture(scope="module")
def told():
    """Truth and tables of a fleet with all setups, every feed everywhere."""
    numbers = COVERED | {"agent": 1.0, "kvm_hobbyist": 0.01, "own_remote": 0.02, "vendor_support_week": 0.03}
    simulation = fleet(
        500, seed=11, farms=60, farm_alone=0.6, farm_jiggler=1.0, vpn_flap=1.0, early_foreign=1.0, **numbers
    )
    truth = truths(simulation)
    words = ("kvm-hobbyist", "vendor-supported", "own-remote")
    wanted = [
        name for name, row in truth.items() if row["driven"] == "1" or any(word in row["confusers"] for word in words)
    ]
    named = pa.array([*wanted, None], pa.string())
    tables = {
        name: table.filter(pc.is_in(table.column("device_id"), named)).to_pylist()
        for name, table in tables_of(simulation).items()
    }
    return truth, tables


def _devices(told, setup):
    return {name for name, row in told[0].items() if row["setup"] == setup}


def _rows(told, table, devices):
    found = defaultdict(list)
    for row in told[1][table]:
        if row["device_id"] in devices:
            found[row["device_id"]].append(row)
    return found


def test_all_setups_occur(told):
    """Sixty farms have each at least once."""
    assert {row["setup"] for row in told[0].values()} - {""} == set(SETUPS)


@pytest.mark.parametrize(
    ("setup", "program", "host"),
    [
        ("anydesk", "anydesk", "anydesk.com"),
        ("teamviewer", "teamviewer", "teamviewer.com"),
        ("rustdesk", "rustdesk", "rustdesk.com"),
        ("chrome-remote-desktop", "remoting", "remotedesktop-pa.googleapis.com"),
    ],
)
def test_tools_leave_programs_services_lookups_connections_and_logs(told, setup, program, host):
    """On laptops that have it for a day at least, and unattended sessions in its log."""
    devices = _devices(told, setup)
    processes, lookups = _rows(told, "processes", devices), _rows(told, "dns", devices)
    shown = {device for device in devices if any(program in row["name"] for row in processes[device])}
    assert shown
    assert all(any(host in row["name"] for row in lookups[device]) for device in shown)
    sockets, services = _rows(told, "sockets", devices), _rows(told, "services", devices)
    assert all(any(host in (row["remote_name"] or "") for row in sockets[device]) for device in shown)
    assert all(len(services[device]) > 1 for device in shown)  # beside the company's own
    logs = _rows(told, "remote_tool_log", devices)
    incoming = [row for rows in logs.values() for row in rows if row["direction"] == "incoming"]
    assert incoming
    stated = [row for row in incoming if row["tool"] != "teamviewer"]  # whose list does not say who let them in
    assert all(row["unattended"] is None for row in incoming if row not in stated)
    assert any(row["unattended"] for row in stated) or setup == "teamviewer"
    assert not any(row["unattended"] is False for row in incoming)


def test_a_session_starts_the_program_that_teamviewer_starts_for_it(told):
    """At the moment at which its log tells of one, where both are collected."""
    devices = _devices(told, "teamviewer")
    processes, logs = _rows(told, "processes", devices), _rows(told, "remote_tool_log", devices)
    started = {
        (device, row["ts"]) for device in devices for row in processes[device]
        if row["name"].lower() == "teamviewer_desktop.exe"
    }  # fmt: skip
    assert started
    fed = {device for device, _ in started}
    assert {(device, row["ts"]) for device in fed for row in logs[device] if row["direction"] == "incoming"} <= started


def test_two_tools_are_two(told):
    """Both vendors on each laptop that had the time for the second."""
    devices = _devices(told, "two-tools")
    both = 0
    for rows in _rows(told, "dns", devices).values():
        names = {row["name"] for row in rows}
        both += any("anydesk" in name for name in names) and any("remotedesktop" in name for name in names)
    assert both


def test_boxes_show_on_usb_display_and_input(told):
    """A KVM under its own name on USB and as a display, its jiggler and its hands in the input."""
    devices = _devices(told, "kvm")
    makers = {"PiKVM", "JetKVM", "sipeed", "Glinet", "tinypilot", "BliKVM"}
    usb, displays, timing = (_rows(told, name, devices) for name in ("usb_devices", "displays", "input_timing"))
    assert devices
    for device in usb:
        boxes = [row for row in usb[device] if row["manufacturer"] in makers]
        assert boxes
        assert all("pointer" in row["hid_kinds"] and row["speed_mbps"] == 480 for row in boxes)
        ids = {f"{row['vendor_id']:04x}:{row['product_id']:04x}" for row in boxes}
        assert ids & {row["input_device"] for row in timing[device]}
        assert len(displays[device]) == 2


def test_masked_boxes_keep_their_structure_only(told):
    """No maker's own name; keyboard and absolute pointer in one high-speed device; one monitor for all of a farm."""
    devices = _devices(told, "kvm-masked")
    own = {"PiKVM", "JetKVM", "sipeed", "Glinet", "tinypilot", "BliKVM"}
    for device, rows in _rows(told, "usb_devices", devices).items():
        assert not own & {row["manufacturer"] for row in rows}
        assert any("pointer" in (row["hid_kinds"] or "") and row["speed_mbps"] == 480 for row in rows), device
    farms = defaultdict(set)
    for device, rows in _rows(told, "displays", devices).items():
        farms[told[0][device]["farm_id"]] |= {row["serial_text"] for row in rows if row["internal"] is False}
    assert farms
    assert all(len(serials) == 1 for serials in farms.values())


def test_meeting_control_runs_a_shift_from_one_minute(told):
    """Opened by a link from the Run box at one minute; hours under control; a key pressed by a stick."""
    devices = _devices(told, "zoom-control")
    opened = _rows(told, "processes", devices)
    for device, rows in opened.items():
        ran = [
            row
            for row in rows
            if "zoommtg" in (row["arguments"] or "") and row["parent_name"] in ("explorer.exe", "launchd")
        ]
        assert ran, device
        assert len({(row["ts"].hour, row["ts"].minute) for row in ran}) <= 2  # its minute, or the next by some seconds
    hours = [
        row["controlled_s"]
        for rows in _rows(told, "meetings", devices).values()
        for row in rows
        if row["controlled_s"] is not None
    ]
    assert max(hours) > 6 * 3600
    assert all(
        any(row["product"] == "Pi Zero Keyboard" for row in rows)
        for rows in _rows(told, "usb_devices", devices).values()
    )


def test_arp_farms_join_within_seconds(told):
    """All of a farm on a day: opened within three seconds of each other."""
    moments = defaultdict(list)
    for device, rows in _rows(told, "processes", _devices(told, "arp-bus")).items():
        for row in rows:
            if "zoommtg" in (row["arguments"] or ""):
                moments[told[0][device]["farm_id"], row["ts"].date()].append(row["ts"])
    assert moments
    same_zone = [times for times in moments.values() if len(times) > 1]
    for times in same_zone:
        assert (max(times) - min(times)).total_seconds() < 3


def test_rdp_tells_the_far_clock(told):
    """Logons of type 10 from inside the house, with an offset that is not the town's."""
    devices = _devices(told, "rdp")
    rows = [row for rows in _rows(told, "logons", devices).values() for row in rows]
    assert any(row["logon_type"] == 10 and row["remote_h"].startswith("192.168.1.") for row in rows)
    assert {row["client_utc_offset_min"] for row in rows} - {None}


def test_farms_are_awake_day_and_night(told):
    """Most driven laptops report their power at hours at which nobody works."""
    driven = {name for name, row in told[0].items() if row["driven"] == "1"}
    hours = {
        device: {row["ts"].hour for row in rows if row["event"] == "state"}
        for device, rows in _rows(told, "power", driven).items()
    }
    assert sum(len(found) == 24 for found in hours.values()) > 0.6 * len(hours)


def test_vpns_flap_to_where_the_hand_is(told):
    """Three sign-ins within minutes: VPN, foreign line, VPN."""
    driven = {name for name, row in told[0].items() if row["driven"] == "1"}
    seen = 0
    for rows in _rows(told, "sign_ins", driven).values():
        abroad = [row for row in rows if row["as_org"] == "Example Broadband Abroad" and row["managed"]]
        for row in abroad:
            near = [
                one for one in rows if one["provider"] == "okta" and abs((one["ts"] - row["ts"]).total_seconds()) < 400
            ]
            seen += any(one["ts"] < row["ts"] for one in near) and any(one["ts"] > row["ts"] for one in near)
    assert seen > len(driven) / 4


def test_new_accounts_begin_abroad(told):
    """Accounts of driven laptops handed out in the window sign in from abroad on a device nobody knows."""
    early = [
        row for row in told[1]["sign_ins"] if row["device_id"] is None and row["as_org"] == "Example Broadband Abroad"
    ]
    assert early
    assert not any(row["managed"] for row in early)


def test_lawful_look_alikes(told):
    """Hobbyists' boxes come and go; helped people clicked accept; own access is unattended."""
    truth = told[0]

    def has(trait):
        return {name for name, row in truth.items() if trait in row["confusers"].split(";")}

    hobby = _rows(told, "usb_devices", has("kvm-hobbyist"))
    assert any(row["product_id"] == 0x0104 for rows in hobby.values() for row in rows)
    helped = [
        row
        for rows in _rows(told, "remote_tool_log", has("vendor-supported")).values()
        for row in rows
        if row["event"] == "accepted"
    ]
    assert helped
    assert not any(row["unattended"] for row in helped)
    own = [
        row
        for rows in _rows(told, "remote_tool_log", has("own-remote")).values()
        for row in rows
        if row["unattended"] is not None
    ]
    assert any(row["unattended"] for row in own)
