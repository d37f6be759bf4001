"""Hardware reports of macOS in all three shapes, and the names in them that are left behind."""

from __future__ import annotations

import json
import plistlib
import random

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.macos import MacHardware
from farmwatch.collectors.feeds.macos_profiler import pnp_letters
from farmwatch.errors import SourceError
from farmwatch.records import DeviceFact, Display, PowerEvent, UsbDevice
from tests.collectors.feeds.golden import account, check_golden, parsed, read, rows, samples
from tests.wire.hardware.devices import PIKVM_EDID

KIND = "macos"
FILES = {path.name: path for path in samples(KIND)}


def profile(**parts):
    overview = [{"platform_UUID": "6B29FC40-CA47-1067-B31D-00DD010662DA"}]
    return json.dumps({"SPHardwareDataType": overview, **parts}).encode()


def test_golden():
    """The samples give what they gave, and no name of anybody."""
    check_golden(KIND)


@pytest.mark.parametrize("name", FILES)
def test_recognised(name):
    """Each shape by its beginning, the whole document known or not."""
    head = FILES[name].read_bytes()
    documents = (json.loads(head),) if name.endswith("json") else ()
    assert MacHardware().recognises(Sample(name, head, documents, ()))
    assert MacHardware().recognises(Sample(name, head[:1500], (), ()))


def test_other_inputs_are_not_recognised():
    """Another property list, another object, plain text."""
    for head in (b'<?xml version="1.0"?><plist><dict/></plist>', b'{"a": 1}', b"hello"):
        assert not MacHardware().recognises(Sample("x", head, (), ()))


def test_the_registry_names_every_interface_class():
    """A Comet behind its own name: storage and network beside keyboard and pointer."""
    for name in ("registry.plist", "registry.txt"):
        found = read(KIND, FILES[name].read_bytes(), UsbDevice)
        comet = next(row for row in found if row.get("serial") == "CAFEBABE")
        assert comet["interfaces"] == "e00103,0a0000,030101,030000,080650"
        assert (comet["vendor_id"], comet["bcd_usb"], comet["speed_mbps"]) == (0x1D6B, 0x0200, 480.0)
        assert next(row for row in found if row.get("class_name") == "hid usb")["hid_kinds"] == "pointer"


def test_text_and_property_list_say_the_same():
    """Both prints of one registry give the same rows."""
    plist, text = (rows(parsed(KIND, FILES[name].read_bytes())) for name in ("registry.plist", "registry.txt"))
    assert [row for row in plist if row["table"] != "devices"] == [row for row in text if row["table"] != "devices"]


def test_registry_converted_to_json():
    """A property list that somebody made JSON of, its bytes as hexadecimal text."""

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return f"<{value.hex()}>" if isinstance(value, bytes) else value

    tree = plain(plistlib.loads(FILES["registry.plist"].read_bytes()))
    assert MacHardware().recognises(Sample("x", b"", (tree,), ()))
    found = rows(parsed(KIND, json.dumps(tree).encode()))
    original = rows(parsed(KIND, FILES["registry.plist"].read_bytes()))
    assert [row for row in found if row["table"] != "devices"] == [row for row in original if row["table"] != "devices"]


def test_profile():
    """USB tree with hubs, a display by its EDID, mains and charge, the device by its UUID."""
    data = FILES["profile.json"].read_bytes()
    comet = next(row for row in read(KIND, data, UsbDevice) if row.get("serial") == "CAFEBABE")
    assert (comet["vendor_id"], comet["product_id"], comet["bcd_device"], comet["max_power_ma"]) == (
        0x1D6B,
        0x104,
        0x100,
        250,
    )
    internal = next(row for row in read(KIND, data, UsbDevice) if row["vendor_id"] == 0x05AC)
    assert internal["removable"] is False
    box = next(row for row in read(KIND, data, Display) if row.get("name") == "PiKVM V4 Plus")
    assert (box["vendor"], box["serial_text"], box["internal"]) == ("LNX", "CAFEBABE", False)
    (power,) = read(KIND, data, PowerEvent)
    assert (power["on_mains"], power["battery_pct"], power["cycles"]) == (True, 100.0, 11)
    (device,) = read(KIND, data, DeviceFact)
    assert (device["device_id"], device["os"]) == ("6b29fc40-ca47-1067-b31d-00dd010662da", "macOS 14.6.1 (23G93)")


def test_names_are_counted_as_left_behind():
    """Names of computer, user, and a tablet used as a display."""
    _, _, dropped = account(parsed(KIND, FILES["profile.json"].read_bytes()))
    assert dropped == {"local_host_name": 1, "user_name": 1, "_name of a wireless display": 1}
    _, _, dropped = account(parsed(KIND, FILES["registry.txt"].read_bytes()))
    assert dropped == {"IOConsoleUsers": 1}


def test_newer_field_names():
    """Since macOS 26 other names say the same."""
    (row,) = read(KIND, FILES["profile-26.json"].read_bytes(), UsbDevice)
    assert (row["vendor_id"], row["bcd_device"], row["speed_mbps"], row["removable"]) == (0x1D6B, 0x100, 480.0, True)
    assert (row["manufacturer"], row["serial"], row["port_path"]) == ("PiKVM", "CAFEBABE", "0x01100000")


@pytest.mark.parametrize(
    ("packed", "letters"), [(0x10AC, "DEL"), (0x31D8, "LNX"), (0, None), (0xFFFF, None), (None, None)]
)
def test_letters(packed, letters):
    """Vendor numbers as three letters."""
    assert pnp_letters(packed) == letters


def test_an_output_without_its_device():
    """Neither said by the caller nor in the output."""
    data = json.dumps({"SPUSBDataType": [{"_items": [{"vendor_id": "0x1"}]}]}).encode()
    assert account(parsed(KIND, data))[0] == [("the output does not name its device: say which it is", 1)]
    assert len(rows(parsed(KIND, data, device_id="d"), UsbDevice)) == 1


def test_a_tree_deeper_than_any_bus():
    """Nesting is bounded and said."""
    tree = {"vendor_id": "0x1"}
    for _ in range(60):
        tree = {"vendor_id": "0x1", "_items": [tree]}
    rejects, _, _ = account(parsed(KIND, profile(SPUSBDataType=[tree])))
    assert [reason for reason, _ in rejects] == ["SPUSBDataType: deeper or larger than any bus"]


def test_a_broken_edid_keeps_the_display():
    """The display is a row, the fault stands beside it."""
    part = [{"spdisplays_ndrvs": [{"_name": "A", "_spdisplays_edid": "0x" + PIKVM_EDID.hex()[:40]}]}]
    (stretch,) = parsed(KIND, profile(SPDisplaysDataType=part))
    assert [fault.reason for fault in stretch.partial] == ["edid: EDID of 20 bytes; a base block has 128"]
    assert len(rows([stretch], Display)) == 1


@pytest.mark.parametrize(
    "data",
    [b'{"a": ', b"<?xml version='1.0'?><plist><dict>", b"bplist00\xff\xff", b"[" * 100_000, b"<plist><integer>x"],
)
def test_what_cannot_be_read_as_a_whole(data):
    """It is told, and accounted for."""
    with pytest.raises(SourceError, match="neither"):
        parsed(KIND, data)


def test_entities_are_refused():
    """A property list cannot expand itself."""
    bomb = b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "aaaa">]><plist><string>&a;</string></plist>'
    with pytest.raises(SourceError, match="neither"):
        parsed(KIND, bomb)


def test_mutations():
    """Thousands of bent reports of each shape: rows, rejects or a SourceError, never anything else."""
    rng = random.Random(13)
    hostile = (None, [], {}, "", -1, 2**70, 1.5, True, "0x", [[]], {"_items": 1}, "AB" * 50)
    used = 0

    def bend(value):
        if rng.random() < 0.02:
            return rng.choice(hostile)
        if isinstance(value, dict):
            return {key: bend(inner) for key, inner in value.items()}
        return [bend(inner) for inner in value] if isinstance(value, list) else value

    original = json.loads(FILES["profile.json"].read_bytes())
    tree = plistlib.loads(FILES["registry.plist"].read_bytes())
    for number in range(3000):
        bent = json.dumps(bend(original)) if number % 3 else None
        raw = bytearray(plistlib.dumps(tree) if number % 3 == 0 and number % 2 else FILES["registry.txt"].read_bytes())
        for _ in range(rng.choice((1, 4))):
            raw[rng.randrange(len(raw))] = rng.choice(b'<>"={} 0aZ\n')
        try:
            used += sum(one.used for one in parsed(KIND, bent.encode() if bent else bytes(raw), device_id="d"))
        except SourceError:
            continue
    assert used > 10_000
