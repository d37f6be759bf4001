"""Messages of the agent: rows by what the hardware said, elements that are wrong, names nobody should have sent."""

from __future__ import annotations

import json
import random

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.snapshots import AgentMessages
from farmwatch.records import DeviceFact, Display, InputTiming, PowerEvent, Sighting, Socket, UsbDevice
from tests.collectors.feeds.golden import account, check_golden, context, parsed, read, rows, samples
from tests.wire.hardware.devices import ABSOLUTE_POINTER, JETKVM_EDID, PIKVM_EDID

KIND = "agent"


def message(**sections):
    return {
        "kind": "farmwatch-agent", "version": 1, "message_id": "m1", "sequence": 1, "device_id": "d",
        "ts": "2026-10-05T08:00:00Z", **sections,
    }  # fmt: skip


def test_golden():
    """The samples give what they gave, and nothing of what must not be kept."""
    check_golden(KIND)


def test_recognised_by_its_word():
    """Only objects that call themselves messages of the agent are taken for such."""
    assert AgentMessages().recognises(Sample("x", b"", (message(),), ()))
    assert not AgentMessages().recognises(Sample("x", b"", ({"kind": "x"},), ()))
    assert not AgentMessages().recognises(Sample("x", b"", (), ("kind",)))


def test_documented_box():
    """A composite device's structure comes from its descriptors, its EDID's identity from its bytes."""
    data = samples(KIND)[0].read_bytes()
    box = next(row for row in read(KIND, data, UsbDevice) if row.get("serial") == "CAFEBABE")
    assert (box["interfaces"], box["hid_kinds"]) == ("030101,030000,080650", "keyboard,pointer")
    assert box["hid_reports"].startswith("81c9b5a7d7ecf4b9,")
    assert box["speed_mbps"] == 480.0
    displays = {row["connector"]: row for row in read(KIND, data, Display)}
    plus = displays["card0-HDMI-A-1"]
    assert (plus["vendor"], plus["product_code"], plus["name"], plus["sound"]) == ("LNX", 0x7773, "PiKVM V4 Plus", True)
    assert displays["card0-DP-1"]["sound"] is False
    assert (displays["card0-DP-1"]["extensions"], displays["card0-DP-1"]["extensions_present"]) == (1, 0)
    assert displays["card0-DP-2"].keys() == {"device_id", "ts", "record_id", "connector", "internal"}


def test_a_message_that_came_twice_gives_the_same_rows():
    """Rows are numbered by their place in the message, not in the batch."""
    one = message(power={"on_mains": True}, displays=[{"connector": "a"}, {"connector": "b"}])
    other = message(message_id="m0", displays=[{"connector": "c"}])
    first = read(KIND, [one], Display)
    again = [row for row in read(KIND, [other, one], Display) if row["record_id"].startswith("m1")]
    assert first == again


def test_neighbours_are_hidden_again():
    """What the agent hashed with its key is hidden with the store's."""
    network = {"neighbours": [{"interface": "eth0", "oui": "30:52:53", "hash": "00112233445566aa"}]}
    (row,) = read(KIND, [message(network=network)], Sighting)
    assert (row["kind"], row["oui"], row["value"]) == ("neighbour", "30:52:53", context().hide("00112233445566aa"))


def test_gateway_is_two_sightings():
    """Its link address and its IP address, on the interface they belong to."""
    network = {"gateways": [{"interface": "e", "address": "192.0.2.1", "mac": "94:83:C4:00:00:01", "medium": "wired"}]}
    found = read(KIND, [message(network=network)], Sighting)
    assert [(row["kind"], row["value"], row.get("oui")) for row in found] == [
        ("gateway_mac", "94:83:c4:00:00:01", "94:83:c4"),
        ("gateway_ip", "192.0.2.1", None),
    ]


def test_the_same_boot_is_one_event():
    """The boot is not numbered: told every hour, it stays one row."""
    system = {"platform": "linux", "boot_ts": 1790924400}
    one, two = message(system=system), message(message_id="m2", ts="2026-10-05T09:00:00Z", system=system)
    boots = [row for row in read(KIND, [one, two], PowerEvent) if row["event"] == "boot"]
    assert boots[0] == boots[1]
    assert len(read(KIND, [one, two], DeviceFact)) == 2


def test_sleep():
    """A device that slept fell asleep about then and woke about now."""
    found = read(KIND, [message(sleep={"for_s": 28_800})], PowerEvent)
    assert [(row["event"], row["ts"].hour, row["reason"]) for row in found] == [
        ("sleep", 0, "asleep for 28800 s"),
        ("wake", 8, "asleep for 28800 s"),
    ]


def test_counts_without_an_interval():
    """A single press has no interval, and none is made up."""
    window = {"window_s": 300, "input_device": "injected", "presses": 1, "intervals": []}
    (row,) = read(KIND, [message(input=[window])], InputTiming)
    assert "intervals" not in row


def test_programs_keep_no_user_folder():
    """A path is masked here as well, whoever sent it."""
    listening = {"proto": "tcp", "state": "listening", "local_h": "::", "local_p": 1, "path": "/home/anna/x"}
    (row,) = read(KIND, [message(sockets=[listening])], Socket)
    assert row["path"] == "/home/*/x"


def test_lost_messages_are_told():
    """What the agent had to throw away stands beside the account."""
    (stretch,) = parsed(KIND, json.dumps(message(lost={"messages": 7, "bytes": 9})).encode())
    assert [(fault.reason, fault.count) for fault in stretch.partial] == [
        ("messages the agent had to throw away unsent, in all", 7)
    ]
    assert stretch.unneeded == {"message without news": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "expected kind farmwatch-agent, version 1"),
        ({"device_id": ""}, "device_id: missing"),
        ({"ts": None}, "ts: missing"),
        ({"ts": "soon"}, "ts: expected a time (ISO 8601 or seconds since 1970)"),
        ({"message_id": "a b"}, "message_id: expected 1 to 64 letters and digits"),
        ({"usb": 5}, "usb: expected a list"),
        ({"usb": ["x"]}, "usb: expected an object"),
        ({"usb": [{"event": "seen"}]}, "usb.event: expected present, attached or removed"),
        ({"usb": [{"descriptors": "xyz"}]}, "usb.descriptors: expected bytes in hexadecimal"),
        ({"usb": [{"product": {"name": "x"}}]}, "usb_devices.product: expected a plain value"),
        ({"usb": [{"vendor_id": 2**70}]}, "usb_devices.vendor_id: expected a whole number"),
        ({"network": []}, "network: expected an object"),
        ({"network": {"gateways": [{"mac": "zz"}]}}, "network.gateways.mac: expected a link-layer address"),
        ({"network": {"neighbours": [{"oui": "aa:bb:cc", "hash": "aa:bb:cc:dd:ee:ff"}]}},
         "network.neighbours: expected oui and hash"),
        ({"sleep": {"for_s": -1}}, "sleep.for_s: expected whole seconds"),
        ({"sleep": {"for_s": 2**62}}, "sleep.for_s: expected whole seconds"),
        ({"sockets": [{"state": "open"}]}, "sockets.state: expected listening or connected"),
        ({"input": [{"intervals": [-1]}]}, "input.intervals: expected counts"),
        ({"displays": [{}] * 20_001}, "displays: more than 20000 elements"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(change, reason):
    """Each fault costs its element alone."""
    rejects, _, _ = account(parsed(KIND, json.dumps(message(**change)).encode()))
    assert [told for told, _ in rejects] == [reason]


def test_broken_bytes_keep_the_device():
    """A device whose descriptor is broken is still a row; the fault stands beside it."""
    broken = [{"port_path": "1-1", "descriptors": "0102", "hid": [{"descriptor": "a1"}]}]
    (stretch,) = parsed(KIND, json.dumps(message(usb=broken, displays=[{"connector": "x", "edid": "00"}])).encode())
    assert (stretch.used, stretch.rejected) == (2, 0)
    assert sorted(fault.reason for fault in stretch.partial) == [
        "edid: EDID of 1 bytes; a base block has 128",
        "report descriptor: item 0xa1 at 0 is cut short",
        "usb descriptors: does not begin with an 18-byte device descriptor",
    ]


def test_ten_thousand_mutations():
    """Whatever is sent: rows or rejects, every record accounted for, no other exception."""
    rng = random.Random(11)
    lines = samples(KIND)[0].read_text().splitlines()
    hostile = (None, [], {}, "", "x", -1, 2**64, 1e308, True, "\ud800", [[]], {"a": 1}, "00" * 200, PIKVM_EDID.hex(),
               JETKVM_EDID.hex()[:-2], ABSOLUTE_POINTER.hex()[2:])  # fmt: skip

    def bend(value):
        if rng.random() < 0.03:
            return rng.choice(hostile)
        if isinstance(value, dict):
            return {key: bend(inner) for key, inner in value.items() if rng.random() > 0.01}
        if isinstance(value, list):
            return [bend(inner) for inner in value] * rng.choice((1, 1, 1, 2))
        return value

    bent = [json.dumps(bend(json.loads(rng.choice(lines)))) for _ in range(10_000)]
    bent = [line if rng.random() > 0.02 else line[: rng.randrange(1, len(line))] for line in bent]
    stretches = parsed(KIND, "\n".join(bent).encode())
    assert sum(one.used for one in stretches) > 10_000
    assert sum(one.rejected for one in stretches) > 1000
    assert len(rows(stretches)) > 10_000
