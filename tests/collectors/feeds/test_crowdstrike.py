"""Falcon's events."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.crowdstrike import FalconReplicator
from farmwatch.records import DeviceFact, DnsLookup, Logon, Process, Sighting, Socket, UsbDevice
from tests.collectors.feeds.golden import account, check_golden, parsed, read

KIND = "crowdstrike-fdr"
CONNECTED = {"DeviceInstanceId": "USB\\VID_1D6B&PID_0104\\A1", "DeviceDescriptorSetHash": "h1", "DeviceProduct": "X"}


def event(name, **fields):
    return {"event_simpleName": name, "aid": "s1", "id": "e1", "timestamp": "1791187200000", **fields}


def interface(kind, sub, protocol, **fields):
    numbers = {"DeviceUsbClass": kind, "DeviceUsbSubclass": sub, "DeviceProtocol": protocol}
    return event("DcUsbInterfaceDescriptor", **{"DeviceDescriptorSetHash": "h1", **numbers, **fields})


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


def test_numbers_as_text_and_as_numbers_are_the_same():
    """One record has a port in quotes, the next has not."""
    bare = event(
        "NetworkConnectIP4", RemoteAddressIP4="198.51.100.8", RemotePort=443, Protocol=6, timestamp=1791187200000
    )
    text = {name: str(value) for name, value in bare.items()}
    rows = read(KIND, [bare, text], Socket)
    assert rows[0] == rows[1]
    assert (rows[0]["remote_p"], rows[0]["proto"]) == (443, "tcp")


def test_quoting_bare_numbers_leaves_text_alone():
    """What looks like a number inside a command line is part of the command line."""
    line = 'tool --x {"a":1,"b":2} -y'
    (process,) = read(
        KIND, [event("ProcessRollup2", ImageFileName="/bin/tool", CommandLine=line, RawProcessId=5)], Process
    )
    assert (process["arguments"], process["pid"]) == ("--x -y", 5)


def test_a_device_goes_by_its_host_name_where_the_event_has_one():
    """Else by the sensor's number; that both are one device is told as a fact."""
    data = [
        event("AgentOnline", aip="203.0.113.5"),
        event("UserLogon", ComputerName="LT-7.corp.example", UserName="one"),
    ]
    assert [row["device_id"] for row in read(KIND, data, Sighting)] == ["s1"]
    assert [row["device_id"] for row in read(KIND, data, Logon)] == ["lt-7"]
    assert [(row["device_id"], row["host_name"]) for row in read(KIND, data, DeviceFact)] == [("s1", "lt-7")]


def test_the_list_of_hosts():
    """The file aidmaster has no events: it says what each device is and where it was seen."""
    host = {"aid": "s1", "cid": "c", "ComputerName": "LT-7", "AgentVersion": "7", "aip": "203.0.113.5",
            "Time": "1791187200.5", "SystemManufacturer": "Example", "event_platform": "Win"}  # fmt: skip
    facts = read(KIND, [host], DeviceFact)
    assert {(row["device_id"], row.get("vendor")) for row in facts} == {("lt-7", "Example"), ("s1", None)}
    assert [(row["kind"], row["value"]) for row in read(KIND, [host], Sighting)] == [("public_ip", "203.0.113.5")]


def test_interfaces_hang_on_the_device_that_was_connected():
    """Descriptors name their device by the hash of the set only."""
    data = [event("DcUsbDeviceConnected", **CONNECTED), interface("3", "1", "1"), interface(8, 6, 80)]
    rows = read(KIND, data, UsbDevice)
    assert [row.get("interfaces") for row in rows] == [None, "030101", "030101,080650"]
    assert {(row["vendor_id"], row["serial"]) for row in rows} == {(0x1D6B, "A1")}


def test_interfaces_are_counted_anew_with_each_connection():
    """The sensor tells all descriptors again after a week."""
    once = [event("DcUsbDeviceConnected", **CONNECTED), interface("3", "1", "1")]
    assert [row.get("interfaces") for row in read(KIND, [*once, *once], UsbDevice) if "interfaces" in row] == [
        "030101"
    ] * 2


def test_interfaces_may_come_before_their_connection():
    """Files of one delivery are not in order; of another device's interfaces nothing is known."""
    data = [interface("3", "1", "2"), event("DcUsbDeviceConnected", **CONNECTED), interface("3", "0", "0", aid="s2")]
    assert [row["interfaces"] for row in read(KIND, data, UsbDevice) if "interfaces" in row] == ["030102"]
    _, unneeded, _ = account(parsed(KIND, "".join(json.dumps(one) + "\n" for one in data).encode()))
    assert unneeded == {"interface of a USB device that was not seen to connect": 1}


def test_neighbours_are_hidden():
    """A neighbour's address is kept as a hash with its maker's prefix; group addresses are nobody's."""
    listed = (
        "DC-A6-32-00-00-07|192.168.1.7|0|SOMEBODY-PC;01-00-5E-00-00-16|224.0.0.22;FF-FF-FF-FF-FF-FF|255.255.255.255"
    )
    rows = read(KIND, [event("NeighborListIP4", NeighborList=listed)], Sighting)
    assert [(row["kind"], row["oui"]) for row in rows] == [("neighbour", "dca632")]
    assert len(rows[0]["value"]) == 16
    assert "somebody" not in str(rows).lower()


@pytest.mark.parametrize(
    ("name", "direction", "state", "outbound"),
    [
        ("NetworkConnectIP4", "0", "connected", True), ("NetworkConnectIP6", 1, "connected", False),
        ("NetworkConnectIP4", "2", "connected", None), ("NetworkListenIP4", None, "listening", False),
        ("NetworkReceiveAcceptIP4", "1", "accepted", False),
    ],
)  # fmt: skip
def test_connections(name, direction, state, outbound):
    """State by the event, direction by the number."""
    (row,) = read(
        KIND, [event(name, ConnectionDirection=direction, RemoteAddressIP4="198.51.100.8", RemotePort="1")], Socket
    )
    assert (row["state"], row.get("outbound")) == (state, outbound)
    assert ("remote_h" in row) == (state != "listening")


def test_names_asked_for():
    """Names lose their dot, answers are addresses."""
    (row,) = read(
        KIND, [event("DnsRequest", DomainName="A.Example.", RequestType=28, IP4Records="198.51.100.1;x;")], DnsLookup
    )
    assert (row["name"], row["qtype"], row["answers"]) == ("a.example", "AAAA", "198.51.100.1")


def test_a_name_that_is_none_is_rejected():
    """An object where a name should be is a fault."""
    rejects, _, _ = account(parsed(KIND, json.dumps(event("DnsRequest", DomainName={"a": 1})).encode()))
    assert rejects == [("dns.name is missing or unreadable", 1)]


def test_logons():
    """The domain is left off, machines and the system are nobody, what a person is called is counted."""
    names = ["CORP\\One", "one", "LT-7$", "SYSTEM"]
    data = [event("UserLogon", UserName=name, UserPrincipal="one@corp.example", LogonType="10") for name in names]
    rows = read(KIND, data, Logon)
    assert rows[0]["account"] == rows[1]["account"]
    assert [("account" in row) for row in rows] == [True, True, False, False]
    assert account(parsed(KIND, "".join(json.dumps(one) + "\n" for one in data).encode()))[2] == {"UserPrincipal": 4}


def test_other_events_are_counted_by_name():
    """Most of what Falcon sends is not needed here."""
    data = "".join(json.dumps(event(name)) + "\n" for name in ("EndOfProcess", "EndOfProcess", "DcUsbHIDDescriptor"))
    assert account(parsed(KIND, data.encode()))[1] == {"event EndOfProcess": 2, "event DcUsbHIDDescriptor": 1}


def test_others_are_not_taken_for_it():
    """An aid alone is nobody's mark."""
    assert not FalconReplicator().recognises(Sample("x", b"", ({"aid": "x", "timestamp": "1"},), ()))
