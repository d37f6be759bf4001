"""The Linux probe on recorded trees: hardware, identity, power, input nodes, and what is not there."""

from __future__ import annotations

import json

import pytest

from farmwatch.agent.facts import Battery, Power, as_json
from farmwatch.agent.linux import LinuxProbe
from farmwatch.agent.probe import UnavailableError
from farmwatch.wire.hardware.usb import decode_descriptors
from tests.agent.tree import ABSOLUTE_POINTER, GADGET_USB, KERNEL_KEYBOARD, PIKVM_EDID, laptop, write


@pytest.fixture
def probe(tmp_path):
    return LinuxProbe(laptop(tmp_path))


def test_usb(probe):
    """The box with its strings, its interface strings and the descriptors of both HID interfaces."""
    (box,) = probe.usb()
    assert (box.port_path, box.parent, box.vendor_id, box.product_id) == ("1-2", "usb1", 0x1D6B, 0x0104)
    assert (box.manufacturer, box.product, box.serial) == ("PiKVM", "PiKVM Composite Device", "CAFEBABE")
    assert (box.speed_mbps, box.removable) == (480.0, True)
    assert box.interface_strings == ("HID Interface", "HID Interface")
    assert [fact.descriptor for fact in box.hid] == [KERNEL_KEYBOARD.hex(), ABSOLUTE_POINTER.hex()]


def test_no_country_code_leaves(probe):
    """The descriptors say that a country is named, and not which."""
    (box,) = probe.usb()
    sent = bytes.fromhex(box.descriptors)
    assert decode_descriptors(sent).configurations == decode_descriptors(GADGET_USB).configurations
    assert [(old, new) for old, new in zip(GADGET_USB, sent, strict=True) if old != new] == [(33, 255)]


def test_hid_on_other_buses(probe):
    """A Bluetooth mouse is hardware, a keyboard that a program made is not; neither brings its name."""
    mouse, made = probe.hid()
    assert (mouse.bus, mouse.vendor_id, mouse.virtual) == (5, 0x4C, False)
    assert (made.bus, made.product_id, made.virtual) == (6, 0x5678, True)
    assert "Anna" not in json.dumps(as_json([mouse, made]))


def test_displays(probe):
    """Connected connectors, the panel inside, the EDID byte by byte."""
    hdmi, panel = probe.displays()
    assert (hdmi.connector, hdmi.edid, hdmi.internal) == ("card0-HDMI-A-1", PIKVM_EDID.hex(), False)
    assert (panel.connector, panel.edid, panel.internal) == ("card0-eDP-1", "", True)


def test_power(probe):
    """Mains, lid and the device's own battery; a mouse's battery is passed over."""
    assert probe.power() == Power(True, True, (Battery(80.0, 3, "not charging"),))


def test_system(probe):
    """Firmware texts, boot time and network hardware; fillers of the maker are no serial number."""
    seen = probe.system()
    assert (seen.platform, seen.os) == ("linux", "Debian GNU/Linux 12 (bookworm)")
    assert (seen.vendor, seen.model, seen.serial) == ("LENOVO", "21CB", "")
    assert seen.hardware_uuid == "4c4c4544-0042-4a10-8052-b4c04f4d3132"
    assert (seen.boot_ts, seen.macs) == (1790924400, ("f4:d4:88:00:11:19",))


def test_inputs(probe):
    """Keyboards and pointers with what they are; a power button is neither."""
    found = {(source.path.name, source.label, source.pointer) for source in probe.inputs()}
    assert found == {
        ("event0", "0001:0001", ""),
        ("event1", "1d6b:0104", "absolute"),
        ("event2", "004c:0269", "relative"),
        ("event3", "injected", ""),
    }


def test_device_id_does_not_tell_the_machine_id(probe, tmp_path):
    """It is stable, and a hash."""
    assert probe.device_id() == probe.device_id()
    assert len(probe.device_id()) == 32
    assert "0123456789abcdef" not in probe.device_id()
    write(tmp_path, "etc/machine-id", "uninitialized")
    with pytest.raises(UnavailableError, match="--device-id"):
        probe.device_id()


def test_access_point_of_a_recording(probe, tmp_path):
    """Only a running kernel names it; neither silence nor a guess."""
    with pytest.raises(UnavailableError, match="no wireless"):
        probe.bssids()
    (tmp_path / "sys/class/net/eth0/wireless").mkdir()
    with pytest.raises(UnavailableError, match="eth0"):
        probe.bssids()


@pytest.mark.parametrize("fact", ["usb", "hid", "displays", "power", "sockets", "inputs"])
def test_a_machine_without_it_says_so(fact, tmp_path):
    """An empty tree gives reasons, not empty lists."""
    with pytest.raises(UnavailableError):
        getattr(LinuxProbe(tmp_path), fact)()


def test_values_of_another_shape(tmp_path):
    """Broken files cost their value, not the device."""
    laptop(tmp_path)
    for name in ("idVendor", "speed", "product"):
        write(tmp_path, f"sys/bus/usb/devices/1-2/{name}", b"\xff\xfe zz\n")
    write(tmp_path, "sys/class/power_supply/BAT0/capacity", "much")
    write(tmp_path, "sys/class/input/event1/device/capabilities/abs", "xyz")
    (box,) = LinuxProbe(tmp_path).usb()
    assert (box.vendor_id, box.speed_mbps, box.serial) == (None, None, "CAFEBABE")
    assert LinuxProbe(tmp_path).power().batteries[0].percent is None
    assert "absolute" not in {source.pointer for source in LinuxProbe(tmp_path).inputs()}
