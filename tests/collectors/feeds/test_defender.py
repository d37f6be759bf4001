"""Hunting tables of Defender, in every form they come out."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.defender import DefenderHunting
from farmwatch.records import (
    DeviceFact,
    Display,
    DnsLookup,
    Logon,
    Process,
    Sighting,
    SignIn,
    Socket,
    Software,
    UsbDevice,
)
from tests.collectors.feeds.golden import account, check_golden, parsed, read

KIND = "defender"


def row(**fields):
    return {"Timestamp": "2026-10-05T08:00:00.1234567Z", "DeviceId": "aa", "DeviceName": "LT-7.corp.example",
            "ReportId": 7, **fields}  # fmt: skip


def streamed(table, **fields):
    return {"time": "2026-10-05T09:00:00Z", "category": f"AdvancedHunting-{table}", "properties": row(**fields)}


def plugged(**fields):
    return streamed("DeviceEvents", ActionType="PnpDeviceConnected", AdditionalFields=json.dumps(fields))


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


def test_every_form_gives_the_same_row():
    """Export, batch, both hunting APIs, rows alone and Azure Monitor's spelling are one thing."""
    fields = {"ActionType": "LogonSuccess", "LogonType": "RemoteInteractive", "AccountName": "one", "LogonId": 5}
    bare = row(**fields)
    monitor = {**{name: value for name, value in bare.items() if name != "Timestamp"},
               "TimeGenerated": bare["Timestamp"], "Type": "DeviceLogonEvents"}  # fmt: skip
    forms = [
        json.dumps(streamed("DeviceLogonEvents", **fields)),
        json.dumps({"records": [streamed("DeviceLogonEvents", **fields)]}),
        json.dumps({"Stats": {}, "Schema": [], "Results": [bare]}, indent=1),
        json.dumps({"schema": [], "results": [bare]}),
        json.dumps(bare), json.dumps([monitor]),
        "\n".join((",".join([*bare]), ",".join(map(str, bare.values())), "")),
    ]  # fmt: skip
    found = [read(KIND, form, Logon) for form in forms]
    assert all(rows == found[0] and len(rows) == 1 for rows in found)
    assert (found[0][0]["logon_type"], found[0][0]["session_id"], found[0][0]["device_id"]) == (10, "5", "lt-7")


def test_a_plugged_device_tells_vendor_product_and_serial():
    """AdditionalFields is JSON within text, and the instance path within it has the numbers."""
    (usb,) = read(KIND, [plugged(DeviceId="USB\\VID_1D6B&PID_0104\\CAFEBABE", ClassName="USB")], UsbDevice)
    assert (usb["vendor_id"], usb["product_id"], usb["serial"], usb["event"]) == (
        0x1D6B,
        0x0104,
        "CAFEBABE",
        "attached",
    )
    (made_up,) = read(KIND, [plugged(DeviceId="USB\\VID_046D&PID_C31C\\6&2ab&0&3")], UsbDevice)
    assert "serial" not in made_up
    (shown,) = read(KIND, [plugged(DeviceId="DISPLAY\\LNX7773\\5&2b&0&UID1", ClassName="Monitor")], Display)
    assert (shown["vendor"], shown["product_code"]) == ("LNX", 0x7773)


def test_additional_fields_as_an_object():
    """Some routes send the object itself."""
    event = streamed(
        "DeviceEvents", ActionType="PnpDeviceConnected", AdditionalFields={"DeviceId": "USB\\VID_0001&PID_0002\\A"}
    )
    assert [one["vendor_id"] for one in read(KIND, [event], UsbDevice)] == [1]


@pytest.mark.parametrize("text", ["{broken", "[]", "null", "", '{"ClassName":"USB"}', "[" * 5000])
def test_additional_fields_that_say_nothing(text):
    """A plugged device nobody can name is a fault, not a silent loss."""
    event = streamed("DeviceEvents", ActionType="PnpDeviceConnected", AdditionalFields=text)
    rejects, _, _ = account(parsed(KIND, json.dumps(event).encode()))
    assert rejects == [("AdditionalFields names no device", 1)]


def test_users_logged_on_are_hidden():
    """DeviceInfo lists them by name; the system is nobody."""
    users = json.dumps([{"UserName": "Worker.One", "DomainName": "CORP"}, {"UserName": "SYSTEM"}, "odd"])
    event = streamed("DeviceInfo", LoggedOnUsers=users, PublicIP="203.0.113.5", OSPlatform="Windows11")
    (logon,) = read(KIND, [event], Logon)
    assert logon["event"] == "present"
    assert len(logon["account"]) == 16
    assert "worker" not in str(logon).lower()
    assert [one["value"] for one in read(KIND, [event], Sighting)] == ["203.0.113.5"]
    assert [one["platform"] for one in read(KIND, [event], DeviceFact)] == ["windows"]


def test_one_account_is_the_same_with_and_without_its_domain():
    """So that logons by several tables meet."""
    events = [
        streamed("DeviceLogonEvents", ActionType="LogonSuccess", AccountName=name)
        for name in ("corp\\One", "one", "LT-7$")
    ]
    rows = read(KIND, events, Logon)
    assert rows[0]["account"] == rows[1]["account"]
    assert "account" not in rows[2]


def test_network_info_lists():
    """Lists are JSON within text; the name of a wireless network is left behind."""
    event = streamed(
        "DeviceNetworkInfo", MacAddress="F8BC12000005", NetworkAdapterType="Wireless80211", TunnelType="None",
        IPAddresses='[{"IPAddress":"192.168.1.9"},{"IPAddress":"x"},3]', DefaultGateways='["192.168.1.1"]',
        DnsAddresses="not a list", ConnectedNetworks='[{"Name":"Somebody wifi"}]',
    )  # fmt: skip
    seen = {(one["kind"], one["value"], one["medium"]) for one in read(KIND, [event], Sighting)}
    assert seen == {("local_ip", "192.168.1.9", "wireless"), ("gateway_ip", "192.168.1.1", "wireless")}
    assert account(parsed(KIND, json.dumps(event).encode()))[2] == {"ConnectedNetworks.Name": 1}


@pytest.mark.parametrize(
    ("action", "state", "outbound"),
    [
        ("ConnectionSuccess", "connected", True), ("ConnectionFailed", "failed", True),
        ("ConnectionSuccessAggregatedReport", "connected", True), ("InboundConnectionAccepted", "accepted", False),
        ("ListeningConnectionCreated", "listening", False),
    ],
)  # fmt: skip
def test_connections(action, state, outbound):
    """What happened to a connection, and who opened it."""
    event = streamed("DeviceNetworkEvents", ActionType=action, RemoteIP="198.51.100.8", RemotePort=443, Protocol="Tcp")
    (socket,) = read(KIND, [event], Socket)
    assert (socket["state"], socket["outbound"]) == (state, outbound)
    assert ("remote_h" in socket) == (state != "listening")


def test_names_seen_inside_connections():
    """Defender looks into DNS and TLS."""
    asked = streamed("DeviceNetworkEvents", ActionType="DnsConnectionInspected",
                     AdditionalFields={"query": "Relay.Example.", "answers": '["198.51.100.9"]'})  # fmt: skip
    (name,) = read(KIND, [asked], DnsLookup)
    assert (name["name"], name["answers"]) == ("relay.example", "198.51.100.9")
    greeted = streamed(
        "DeviceNetworkEvents", ActionType="SslConnectionInspected", AdditionalFields='{"server_name":"A.Example"}'
    )
    assert [one["remote_name"] for one in read(KIND, [greeted], Socket)] == ["a.example"]


def test_command_lines_keep_options_only():
    """Paths lose the user, arguments their values."""
    event = streamed(
        "DeviceProcessEvents", ActionType="ProcessCreated", FileName="Tool.exe", FolderPath="C:\\Users\\Jo\\Tool.exe",
        ProcessCommandLine="C:\\Users\\Jo\\Tool.exe --pin=123456 zoommtg://join?x=1 /S secret",
        InitiatingProcessAccountName="Jo",
    )  # fmt: skip
    (process,) = read(KIND, [event], Process)
    assert process["arguments"] == "--pin zoommtg: /S"
    assert process["path"] == "C:\\Users\\*\\Tool.exe"
    assert account(parsed(KIND, json.dumps(event).encode()))[2] == {"properties.InitiatingProcessAccountName": 1}


def test_times_of_the_portal():
    """As people read them; one that is none is a fault."""
    events = [row(Timestamp=time, ActionType="LogonSuccess") for time in ("Oct 5, 2026 8:00:12 PM", "5 October", "")]
    lines = "".join(json.dumps(one) + "\n" for one in events)
    assert [one["ts"].isoformat() for one in read(KIND, lines, Logon)] == ["2026-10-05T20:00:12+00:00"]
    assert [offset for _, offset in account(parsed(KIND, lines.encode()))[0]] == [2, 3]


def test_software_has_the_time_of_the_export():
    """The inventory's rows have none of their own."""
    event = streamed("DeviceTvmSoftwareInventory", SoftwareName="anydesk", SoftwareVendor="anydesk")
    del event["properties"]["Timestamp"]
    (software,) = read(KIND, [event], Software)
    assert software["ts"].isoformat() == "2026-10-05T09:00:00+00:00"


def test_sign_ins_without_a_device_number_are_not_managed():
    """As Entra's own log has it."""
    events = [streamed("AADSignInEventsBeta", RequestId=str(n), AccountUpn="a@x", AadDeviceId=number, DeviceName="",
                       ErrorCode=0, IsManaged=bool(number)) for n, number in enumerate(["", "d1"])]  # fmt: skip
    assert [(one["managed"], one.get("device_id")) for one in read(KIND, events, SignIn)] == [
        (False, None),
        (True, "d1"),
    ]


def test_tables_and_actions_that_are_not_used_are_counted_by_name():
    """Nothing vanishes."""
    events = [
        streamed("DeviceFileEvents"),
        streamed("DeviceEvents", ActionType="ScreenshotTaken"),
        streamed("DeviceEvents"),
    ]
    _, unneeded, _ = account(parsed(KIND, "".join(json.dumps(one) + "\n" for one in events).encode()))
    assert unneeded == {
        "table DeviceFileEvents": 1,
        "DeviceEvents ScreenshotTaken": 1,
        "DeviceEvents without action": 1,
    }


@pytest.mark.parametrize(
    "document",
    [
        {"DeviceId": "a", "Timestamp": "b"},
        {"Results": []},
        {"category": "SignInLogs"},
        {"records": [{"category": "x"}]},
    ],
)
def test_others_are_not_taken_for_it(document):
    """Column names that many senders have are not enough."""
    assert not DefenderHunting().recognises(Sample("x.json", b"", (document,), ()))
