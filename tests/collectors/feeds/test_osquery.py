"""osquery's results, in every shape its loggers write."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.osquery import Osquery
from farmwatch.collectors.feeds.osquery_tables import BANNED, COLUMNS, MAPPINGS
from farmwatch.records import (
    DeviceFact,
    InputHook,
    Logon,
    Process,
    RemoteToolLog,
    Service,
    Sighting,
    Socket,
    Software,
    UsbDevice,
)
from tests.collectors.feeds.golden import account, check_golden, parsed, read, rows

KIND = "osquery"
USB = {
    "vendor_id": "046d",
    "model_id": "c52b",
    "vendor": "Logitech",
    "model": "Receiver",
    "usb_address": "1",
    "usb_port": "3",
}
SOCKET = {
    "pid": "7", "path": "C:\\Program Files\\AnyDesk\\AnyDesk.exe", "protocol": "6", "local_address": "192.0.2.9",
    "local_port": "50000", "remote_address": "203.0.113.7", "remote_port": "443", "state": "ESTABLISHED",
}  # fmt: skip


def result(columns, name="pack/x/y", action="added", **envelope):
    return {
        "name": name, "hostIdentifier": "lt-1.corp.example", "unixTime": 1793534400, "epoch": 0, "counter": 3,
        "action": action, "columns": columns, **envelope,
    }  # fmt: skip


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda one: one,
        lambda one: one | {"unixTime": "1793534400", "epoch": "0", "counter": "3"},
        lambda one: {name: value for name, value in one.items() if name != "hostIdentifier"} | {"hostname": "LT-1"},
        lambda one: one | {"hostIdentifier": "4c4c4544-0051", "decorations": {"hostname": "lt-1.other.example"}},
        lambda one: one | {"hostIdentifier": "4c4c4544-0051", "hostname": "lt-1", "host_uuid": "4c4c4544-0051"},
        lambda one: one | {"numerics": True, "columns": one["columns"] | {"usb_address": 1, "usb_port": 3}},
        lambda one: one | {"columns": one["columns"] | {"usb_address": 1, "usb_port": 3}},
    ],
    ids=["today", "2014", "hostname", "decorated", "decorated at the top", "numerics", "numbers unannounced"],
)
@pytest.mark.parametrize("packed", ["lines", "array", "request", "spread"])
def test_one_row_in_every_spelling(spelled, packed):
    """However a version spells it and a sender packs it, a USB device is the same row."""
    listed = [spelled(result(USB))] * 2
    data = {
        "lines": "\n".join(map(json.dumps, listed)),
        "array": json.dumps(listed),
        "request": json.dumps({"node_key": "k", "log_type": "result", "data": listed}),
        "spread": "\n".join(json.dumps(one, indent=1) for one in listed),
    }[packed]
    found = read(KIND, data, UsbDevice)
    assert found[0] == found[1]
    assert (found[0]["device_id"], found[0]["vendor_id"], found[0]["port_path"]) == ("lt-1", 0x046D, "1:3")
    assert (found[0]["event"], found[0]["ts"].timestamp(), found[0]["record_id"]) == (
        "attached",
        1793534400,
        "pack/x/y:0:3:",
    )


def test_shapes_give_the_same_rows():
    """Events, batches and snapshots of the same rows differ only in what they say has happened, and in their place."""
    envelope = {name: value for name, value in result({}).items() if name not in ("action", "columns")}
    rows_of = [USB, USB | {"usb_port": "4"}]
    snapshot = envelope | {"action": "snapshot", "snapshot": rows_of}
    batch = envelope | {"diffResults": {"added": rows_of, "removed": ""}}
    events = [result(one, action="snapshot") for one in rows_of]
    told = [
        [(row["event"], row["port_path"], row["record_id"][-2:]) for row in read(KIND, data, UsbDevice)]
        for data in ([snapshot], [batch], events)
    ]
    assert told == [
        [("present", "1:3", ":0"), ("present", "1:4", ":1")],
        [("attached", "1:3", ":0"), ("attached", "1:4", ":1")],
        [("present", "1:3", "3:"), ("present", "1:4", "3:")],
    ]


def test_what_was_there_at_first_was_not_attached():
    """The first results of a differential query, counter 0, are what is there, not what came."""
    found = read(KIND, [result(USB, counter=0), result(USB, counter=1), result(USB, action="removed")], UsbDevice)
    assert [row["event"] for row in found] == ["present", "attached", "removed"]


def test_rows_that_went_away():
    """A socket that is gone is closed; a program that is gone is no row."""
    data = [result(SOCKET, action="removed"), result({"name": "x", "version": "1", "publisher": "y"}, action="removed")]
    stretches = parsed(KIND, "\n".join(map(json.dumps, data)).encode())
    assert [row["state"] for row in rows(stretches, Socket)] == ["closed"]
    assert account(stretches)[1] == {"removed row of programs": 1}


@pytest.mark.parametrize(
    ("columns", "table"),
    [
        (SOCKET | {"name": "AnyDesk.exe", "cmdline": "AnyDesk.exe"}, "sockets"),
        ({"pid": "1", "name": "init", "path": "/sbin/init", "cmdline": "init", "on_disk": "1"}, "processes"),
        ({"pid": "1", "port": "22", "protocol": "6", "address": "0.0.0.0"}, "sockets"),
        ({"address": "192.0.2.1", "mac": "02:00:5e:10:00:01", "interface": "en0"}, "sightings"),
        ({"interface": "en0", "address": "192.0.2.9", "mask": "", "mac": "", "type": "6"}, "sightings"),
        ({"name": "a.example", "type": "A", "flags": "8195"}, "dns"),
        ({"name": "x", "type": "REG_DWORD", "data": "0", "key": "HKEY_LOCAL_MACHINE\\SOFTWARE"}, None),
        ({"name": "zoom", "version": "6", "arch": "amd64", "maintainer": "Somebody"}, "software"),
        ({"name": "zoom", "version": "6"}, None),
        ({"user": "u", "tty": "console", "host": "", "type": "user", "time": "1", "pid": "5"}, "logons"),
        ({"username": "u", "uid": "501", "directory": "/Users/u"}, None),
        ({"platform": "darwin", "version": "15.1", "name": "macOS", "build": "24B83"}, "devices"),
        ({"path": "/etc/hosts", "target_path": "/etc/hosts", "action": "UPDATED", "time": "1"}, None),
        ({"pid": "1", "fd": "3", "path": "/dev/null"}, None),
    ],
)  # fmt: skip
def test_a_row_is_told_by_its_columns(columns, table):
    """Whatever the query is called, its columns say what a row is; too few say nothing."""
    found = {row["table"] for row in rows(parsed(KIND, json.dumps(result(columns, name="q")).encode()))}
    assert (table in found) if table else not found


def test_a_query_called_after_software_is_software():
    """Name and version alone are software where the query is called so."""
    found = read(KIND, [result({"name": "zoom", "version": "6"}, name="pack_it_installed_software")], Software)
    assert [(row["kind"], row["name"]) for row in found] == [("program", "zoom")]


def test_nearby_access_points_are_not_the_one_it_uses():
    """A survey of networks says who is near, not where the device is connected."""
    row = {"interface": "en0", "bssid": "02:00:5e:10:00:aa", "rssi": "-60", "channel": "6"}
    data = [result(row, name="wifi_survey"), result(row | {"country_code": "US"}, name="fw_wifi")]
    assert len(read(KIND, data, Sighting)) == 1


def test_windows_gives_its_clock_by_the_registry():
    """The bias counts the other way round and may come without its sign."""
    key = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation\\ActiveTimeBias"
    data = [
        result({"path": key, "name": "ActiveTimeBias", "data": text}) for text in ("300", "-540", "4294966756", "9999")
    ]
    stretches = parsed(KIND, "\n".join(map(json.dumps, data)).encode())
    assert [row["utc_offset_min"] for row in rows(stretches, DeviceFact)] == [-300, 540, 540]
    assert account(stretches)[0] == [("ActiveTimeBias is not a number of minutes", 4)]


def test_the_abbreviation_of_a_zone_says_nothing():
    """``local_timezone`` is cut to four letters, and where it does not fit it says UTC."""
    data = json.dumps(result({"unix_time": "1793534400", "local_timezone": "UTC"})).encode()
    assert account(parsed(KIND, data))[1] == {"clock without offset or uptime": 1}


def test_loopback_and_unspecified_ends():
    """A far end that is nowhere is none: the socket listens."""
    data = [
        result(SOCKET | {"remote_address": far, "remote_port": "0", "state": ""}) for far in ("0.0.0.0", "::", "", "*")
    ]
    found = read(KIND, data, Socket)
    assert [row["state"] for row in found] == ["listening"] * 4
    assert not any("remote_h" in row or "remote_p" in row for row in found)


def test_taps_of_other_events_and_without_a_program():
    """Only programs that tap input are of use."""
    data = [
        result({"event_tapped": "EventKeyDown", "enabled": "1", "name": "spy", "path": ""}),
        result({"event_tapped": "EventNull", "enabled": "1", "name": "spy", "path": ""}),
        result({"event_tapped": "EventKeyDown", "tapping_process": "44", "enabled": "1"}),
    ]
    assert [row["process"] for row in read(KIND, data, InputHook)] == ["spy"]


def test_sessions_are_those_of_people():
    """The window manager and services hold sessions as well, and terminals wait for somebody."""
    logons = [
        {"user": name, "logon_type": "Interactive", "session_id": "1"} for name in ("jane", "DWM-1", "UMFD-0", "LT-1$")
    ]
    listed = [
        {"user": "", "tty": "services", "host": "", "type": "disconnected"},
        {"user": "jane", "tty": "x", "type": "listen"},
    ]
    data = [result(columns) for columns in (*logons, *listed)]
    assert [(row["logon_type"], row["session_id"]) for row in read(KIND, data, Logon)] == [(2, "1")]


def test_an_index_is_no_serial_number():
    """Where a device has no serial number, macOS' number of the missing text is none either."""
    data = [result(USB | {"serial": serial}) for serial in ("0", "3", "", "CAFE1", "1234")]
    assert [row.get("serial") for row in read(KIND, data, UsbDevice)] == [None, None, None, "CAFE1", "1234"]


def test_arguments_and_accounts_lose_what_they_say():
    """Command lines keep option names, paths no user, accounts nothing but their hash."""
    data = [
        result({"pid": "1", "name": "x", "path": "/home/jane/bin/x", "cmdline": "x --password secret -v"}),
        result({"user": "jane", "tty": "pts/1", "host": "203.0.113.9", "type": "user"}),
    ]
    stretches = parsed(KIND, "\n".join(map(json.dumps, data)).encode())
    (ran,), (seen,) = rows(stretches, Process), rows(stretches, Logon)
    assert (ran["arguments"], ran["path"]) == ("--password -v", "/home/*/bin/x")
    assert seen["remote_h"] == "203.0.113.9"
    assert "jane" not in str(rows(stretches))
    assert "secret" not in str(rows(stretches))


def test_a_status_log_is_not_needed_and_anything_else_is_said():
    """Lines that are no results are counted by what they are."""
    status = {"hostIdentifier": "h", "severity": 0, "filename": "x.cpp", "message": "m"}
    request = {"node_key": "k", "log_type": "result", "data": [result(USB)]}
    empty = {name: value for name, value in result({}).items() if name != "columns"} | {"snapshot": []}
    lines = [result(USB), status, empty, request, {"a": 1}, result({"foo": "1"}, name="q")]
    rejects, unneeded, _ = account(parsed(KIND, "\n".join(map(json.dumps, lines)).encode()))
    assert unneeded == {"status log": 1, "result without rows": 1, "query q": 1}
    assert rejects == [
        ("a whole logger request among results", 4),
        ("not a result of osquery: no columns, snapshot or diffResults", 5),
    ]


def test_a_time_that_is_none_is_said():
    """A result without any time gets that of its arrival; one with a senseless time is rejected."""
    silent = {name: value for name, value in result(USB).items() if name != "unixTime"}
    data = [silent, silent | {"calendarTime": "Tue Sep 30 17:37:30 2014 UTC"}, silent | {"calendarTime": "soon"}]
    stretches = parsed(KIND, "\n".join(map(json.dumps, data)).encode())
    assert [row["ts"].year for row in rows(stretches, UsbDevice)] == [2026, 2014]
    assert account(stretches)[0] == [("usb_devices.ts is missing or unreadable", 3)]


def test_numbers_within_texts_stay():
    """Making numbers text looks at values, never into texts that look like JSON."""
    tricky = 'a":5,"b":6}\\" :7, "numerics":true,"unixTime":"1"'
    row = USB | {"model": tricky, "vendor": "end\\"}
    for numerics in (True, False):
        found = read(KIND, [result(row | {"usb_port": 3 if numerics else "3"}, numerics=numerics)], UsbDevice)
        assert [(one["product"], one["manufacturer"], one["port_path"]) for one in found] == [(tricky, "end\\", "1:3")]


def test_blocks_that_are_cut_anywhere_give_the_same():
    """Reading in small pieces changes nothing."""
    import io

    from tests.collectors.feeds.golden import context

    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 777) if size > 0 else 777)

    data = "\n".join(
        json.dumps(result(USB | {"usb_port": n}, numerics=True, counter=n)) for n in range(1, 200)
    ).encode()
    whole = rows(parsed(KIND, data), UsbDevice)
    slow = rows(list(Osquery().read(Slow(data), context())), UsbDevice)
    assert slow == whole
    assert len(whole) == 199


def test_recognition():
    """By what a result or a logger request has, not by any JSON with a name."""

    def told(*documents):
        return Osquery().recognises(Sample("x", b"", documents, ()))

    assert told(result(USB))
    assert told({"node_key": "k", "log_type": "result", "data": []})
    assert told({"hostIdentifier": "h", "severity": 0, "filename": "x", "message": "m"})
    assert not told({"name": "x", "hostname": "y"})
    assert not told({"data": [], "log_type": "weblog"})


def test_no_mapping_reads_what_is_never_kept():
    """Columns that hold people or languages are in no mapping, but for accounts that are hidden."""
    hidden = {"username"}  # of ``last``
    assert not {name for mapping in MAPPINGS for name in mapping.reads} & set(BANNED)
    assert {name for mapping in MAPPINGS for name in mapping.needs} & set(BANNED) <= hidden
    assert set(COLUMNS) & set(BANNED) <= hidden | {"maintainer"}  # that there is one tells a Debian package


@pytest.mark.parametrize(
    ("load_state", "kept"),
    [("loaded", True), ("error", True), (None, True), ("", True), ("not-found", False), ("Masked", False)],
)
def test_units_that_others_only_mention_are_not_there(load_state, kept):
    """Another unit's After= lists them; an older query that did not ask for the state is read as before."""
    columns = {"id": "teamviewerd.service", "active_state": "inactive", "fragment_path": ""}
    columns |= {} if load_state is None else {"load_state": load_state}
    stretches = parsed(KIND, json.dumps(result(columns)).encode())
    assert len(rows(stretches, Service)) == kept
    assert account(stretches)[1] == ({} if kept else {"systemd unit that is not there": 1})


def test_windows_events_whose_values_have_no_names():
    """They come as a list: Chrome Remote Desktop's events, and where the client was."""
    event = {"channel": "Application", "datetime": "2026-11-01T12:00:00.1Z", "provider_name": "chromoting"}
    client = "somebody@mail.example/chromoting_ftl_1"
    told = [
        (1, [client]), (4, [client, "203.0.113.77:51820", "192.0.2.14:50311", "mux", "stun"]), (2, [client]), (5, []),
    ]  # fmt: skip
    listed = [
        result(event | {"eventid": str(number), "data": json.dumps({"EventData": data})}) for number, data in told
    ]
    stretches = parsed(KIND, "\n".join(map(json.dumps, listed)).encode())
    found = rows(stretches, RemoteToolLog)
    assert [(row["event"], row.get("far_h")) for row in found] == [
        ("accepted", None), ("direct", "203.0.113.77"), ("ended", None),
    ]  # fmt: skip
    assert account(stretches)[1] == {"chromoting 5": 1}
    assert "somebody" not in str(found)
