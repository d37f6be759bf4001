"""Velociraptor's artifacts, in collections and as its server sends them."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.velociraptor import Velociraptor
from farmwatch.collectors.feeds.velociraptor_artifacts import ARTIFACTS, artifact_of
from farmwatch.records import DeviceFact, Logon, Process, Sighting, Socket, UsbDevice
from tests.collectors.feeds.golden import account, check_golden, parsed, rows

KIND = "velociraptor"
ARCHIVE = "Collection-ACME-LT-0142-2026-11-01T12_00_00Z.zip!results/"
PROCESS = {"Pid": 7, "Ppid": 1, "Name": "AnyDesk.exe", "CommandLine": "AnyDesk.exe --backend", "Exe": "C:\\AnyDesk.exe"}


def told(artifact, listed, record, name=None):
    """Rows of a table from rows of an artifact in a collection."""
    data = "".join(json.dumps(one) + "\n" for one in listed).encode()
    return rows(parsed(KIND, data, name or f"{ARCHIVE}{artifact}.json"), record)


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND, "acme-lt-0142")


@pytest.mark.parametrize(
    "name",
    [
        "Windows.System.Pslist", "windows.system.pslist", "Custom.Windows.System.Pslist",
        "artifact_Windows_System_Pslist",
        "Exchange.Windows.System.Pslist", "artifact_Custom_Windows_System_Pslist", "Windows.System.Pslist/Source",
    ],
)  # fmt: skip
def test_an_artifact_has_many_names(name):
    """File names, names in rows, names of indices, and copies that were changed are one artifact."""
    assert artifact_of(name)[1] == ARTIFACTS["windows.system.pslist"]


def test_names_of_indices_do_not_mix_artifacts():
    """Where the source's name hangs on, the longest artifact that fits is meant."""
    assert (
        artifact_of("artifact_Windows_Network_NetstatEnriched_Netstat")[1]
        == ARTIFACTS["windows.network.netstatenriched"]
    )
    assert artifact_of("artifact_Windows_Network_Netstat")[1] == ARTIFACTS["windows.network.netstat"]
    assert artifact_of("artifact_Windows_Network_NetstatOther")[1] is None


def test_device_and_time_of_a_collection_come_from_its_name():
    """Rows of a collection say neither; its name says both."""
    (row,) = told("Windows.System.Pslist", [PROCESS], Process)
    assert (row["device_id"], row["ts"].isoformat()) == ("acme-lt-0142", "2026-11-01T12:00:00+00:00")
    assert row["record_id"] == "Windows.System.Pslist 1"


def test_sent_rows_bring_their_own():
    """A row that the server sent says whose it is and when it was sent; the client's id stands where no name is."""
    sent = PROCESS | {
        "Artifact": "Windows.System.Pslist",
        "ClientId": "C.00AA",
        "FlowId": "F.1",
        "timestamp": "2026-11-02T00:00:00Z",
    }
    named, nameless = told("x", [sent | {"Hostname": "LT-9.corp.example"}, sent], Process, "sent.json")
    assert (named["device_id"], nameless["device_id"]) == ("lt-9", "c.00aa")
    assert named["record_id"] == "F.1 Windows.System.Pslist"
    assert named["ts"].day == 2


def test_netstat_over_the_versions():
    """Sockets are the same row by whichever names the versions give their columns."""
    common = {"Pid": 7, "Name": "ssh", "Timestamp": "2026-11-01T09:00:00Z", "Status": "ESTAB"}
    forms = [
        {"Type": "TCP", "SrcIP": "192.0.2.9", "SrcPort": 5000, "DestIP": "203.0.113.7", "DestPort": 22},
        {"Type": "TCP", "Laddr.IP": "192.0.2.9", "Laddr.Port": 5000, "Raddr.IP": "203.0.113.7", "Raddr.Port": 22},
        {"Type": "TCP", "LaddrIP": "192.0.2.9", "LaddrPort": 5000, "RaddrIP": "203.0.113.7", "RaddrPort": 22},
        {"TypeString": "TCP", "Laddr": {"IP": "192.0.2.9", "Port": 5000}, "Raddr": {"IP": "203.0.113.7", "Port": 22}},
        {"Type": "TCP", "Laddr": "192.0.2.9", "Lport": 5000, "Raddr": "203.0.113.7", "Rport": 22},
    ]
    found = told("Windows.Network.Netstat", [common | form for form in forms], Socket)
    assert (
        len({tuple(sorted((name, str(value)) for name, value in row.items() if name != "record_id")) for row in found})
        == 1
    )
    assert (found[0]["proto"], found[0]["state"], found[0]["remote_p"]) == ("tcp", "connected", 22)


def test_logons_by_remote_desktop():
    """RDPAuth's own names for an event's fields do not hide who came from where."""
    common = {
        "EventTime": "2026-11-01T11:00:00Z",
        "Computer": "lt-1.corp.example",
        "DomainName": "ACME",
        "UserName": "jane",
    }
    terminal = "Microsoft-Windows-TerminalServices-"
    events = [
        {"Channel": f"{terminal}RemoteConnectionManager/Operational", "EventID": 1149, "SourceIP": "203.0.113.7"},
        {"Channel": f"{terminal}LocalSessionManager/Operational", "EventID": 25, "SourceIP": "203.0.113.7"},
        {"Channel": "Security", "EventID": 4624, "LogonType": 10, "SourceIP": "203.0.113.7"},
        {"Channel": "Security", "EventID": 4778, "LogonType": "null", "SourceIP": "203.0.113.7"},
        {"Channel": "Security", "EventID": 4625, "LogonType": 3, "SourceIP": "null"},
    ]
    listed = [common | event | {"EventRecordID": n} for n, event in enumerate(events)]
    found = told("Windows.EventLogs.RDPAuth", listed, Logon)
    assert [row["event"] for row in found] == ["authenticated", "reconnect", "logon", "reconnect", "failed"]
    assert [row.get("remote_h") for row in found] == ["203.0.113.7"] * 4 + [None]
    assert len({row["account"] for row in found}) == 1
    assert "jane" not in str(found)
    assert {row["device_id"] for row in found} == {"lt-1"}


def test_events_are_read_whichever_artifact_found_them():
    """An artifact nobody knows whose rows are Windows events gives what the events say."""
    event = {
        "System": {"Provider": {"Name": "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS"}, "EventID": {"Value": 131},
                   "Channel": "x", "EventRecordID": 5, "Computer": "lt-1", "TimeCreated": {"SystemTime": 1793530000.5}},
        "EventData": {"ConnType": "TCP", "ClientIP": "203.0.113.7:50000"},
    }  # fmt: skip
    (row,) = told("Custom.Windows.My.Hunt", [event], Logon)
    assert (row["event"], row["remote_h"], row["device_id"]) == ("connection", "203.0.113.7", "lt-1")


def test_what_is_about_a_person_is_left_behind():
    """An artifact of languages gives nothing, whatever its rows look like, and all of its fields are counted."""
    listed = [
        {
            "Language": "x",
            "Key": "HKEY_USERS\\Enum\\USB\\VID_0001&PID_0002\\5",
            "EventID": 1,
            "Channel": "x",
            "EventData": {},
        }
    ]
    for name in ("Windows.Registry.TeamViewer.Language", "Exchange.Windows.Registry.KeyboardInputLocales"):
        data = json.dumps(listed[0]).encode()
        stretches = parsed(KIND, data, f"{ARCHIVE}{name}.json")
        _, unneeded, dropped = account(stretches)
        assert not rows(stretches)
        assert list(unneeded.values()) == [1]
        assert {"Language", "Key"} <= dropped.keys()


def test_unknown_artifacts_are_counted_by_name():
    """What is not needed says what it was, and files about the collection are told."""
    data = "".join(json.dumps({"a": n}) + "\n" for n in range(3)).encode()
    assert account(parsed(KIND, data, f"{ARCHIVE}Windows.Forensics.Prefetch.json"))[1] == {
        "artifact windows.forensics.prefetch": 3
    }
    log = b'{"_ts":1,"client_time":1,"level":"DEFAULT","message":"x"}\n'
    assert account(parsed(KIND, log, "c.zip!log.json"))[1] == {"file log": 1}


def test_usb_by_instance_paths():
    """Whichever column holds the registry key, the device's own numbers are in it."""
    listed = [
        {"Key": "HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum\\USB\\VID_1D6B&PID_0104\\CAFEBABE"},
        {"Instance": "USB#VID_0557&PID_2419#5&1A2B&0&2"},
        {"Key": "HKEY_LOCAL_MACHINE\\SYSTEM\\Select"},
    ]
    found = told("Windows.Registry.USBDevices", listed, UsbDevice)
    assert [(row["vendor_id"], row.get("serial")) for row in found] == [(0x1D6B, "CAFEBABE"), (0x0557, None)]
    assert {row["event"] for row in found} == {"driver"}


def test_client_info_of_server_and_of_collector():
    """Both forms say who the client is; the server's also says where it came from, unless that is inside."""
    server = {
        "client_id": "C.1",
        "os_info": {"system": "linux", "hostname": "nix-1", "fqdn": "nix-1.x"},
        "last_ip": "[2001:db8::5]:4433",
    }
    inside = server | {"last_ip": "10.1.2.3:5000"}
    own = {
        "Hostname": "nix-1",
        "Fqdn": "nix-1.x",
        "OS": "linux",
        "Platform": "debian",
        "PlatformVersion": "12",
        "BuildTime": "x",
    }
    for one, public in ((server, ["2001:db8::5"]), (inside, []), (own, [])):
        data = json.dumps(one, indent=1).encode()
        stretches = parsed(KIND, data, "client_info.json")
        (row,) = rows(stretches, DeviceFact)
        assert (row["device_id"], row["host_name"], row["platform"]) == ("nix-1", "nix-1", "linux")
        assert [row["value"] for row in rows(stretches, Sighting)] == public


def test_csv_holds_the_same():
    """A collection in CSV has its objects as JSON in cells."""
    text = 'Pid,Name,Exe,Hash\n7,a.exe,C:\\a.exe,"{""SHA256"": ""%s""}"\n8,b.exe,C:\\b.exe,{broken\n' % ("ab" * 32)
    found = rows(parsed(KIND, text.encode(), f"{ARCHIVE}Windows.System.Pslist.csv"), Process)
    assert [(row["pid"], row.get("sha256")) for row in found] == [(7, "ab" * 32), (8, None)]


def test_recognition():
    """By names of artifacts and by what sent rows carry; not by any JSON."""

    def is_one(name, *documents):
        return Velociraptor().recognises(Sample(name, b"", documents, ("x",)))

    assert is_one("windows.system.pslist.json", {"Pid": 1})
    assert is_one("custom.linux.my.hunt%2fsource name.json", {"x": 1})
    assert is_one("x.json", PROCESS | {"Artifact": "Any.Name", "ClientId": "C.1", "FlowId": "F.1"})
    assert is_one("windows.system.pslist.json.index")
    assert not is_one("windows.json", {"Pid": 1})
    assert not is_one("x.json", {"Artifact": "painting", "client": 1})
    assert not is_one("x.json", PROCESS)
