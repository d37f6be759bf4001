"""The agent beside real drivers: uinput, a composite USB gadget, an emulated display, in a machine that has them.

Needs a kernel package unpacked into the folder that FARMWATCH_VM_KERNEL names (see tests/lab/machine.py).
"""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.snapshots import AgentMessages
from farmwatch.records import Display, InputTiming, UsbDevice
from tests.agent.kernel_devices import JIGGLE_S
from tests.lab.machine import PROGRAMS, Machine, kernel_folder

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
for module in evdev xhci_pci usbhid hid_generic bochs uinput dummy_hcd libcomposite usb_f_hid usb_f_mass_storage; do
  modprobe $module
done
busybox mount -t configfs none /sys/kernel/config
busybox sleep 2
cd {root}
PYTHONDONTWRITEBYTECODE=1 {python} -m tests.agent.kernel_devices
"""
DEVICES = ("qemu-xhci,id=hub", "usb-tablet,bus=hub.0", "bochs-display,edid=on")

pytestmark = [pytest.mark.needs(*PROGRAMS), pytest.mark.timeout(600)]


RADIO = """
export PATH=/usr/sbin:/sbin:$PATH
for module in cfg80211 mac80211 mac80211_hwsim; do
  modprobe $module
done
printf 'interface=wlan0\\ndriver=nl80211\\nssid=lab\\nhw_mode=g\\nchannel=1\\n' > /run/hostapd.conf
ip link set wlan1 up
hostapd -B /run/hostapd.conf >&2
busybox sleep 2
iw dev wlan1 connect lab
busybox sleep 4
iw dev wlan1 link >&2
cd {root}
PYTHONDONTWRITEBYTECODE=1 {python} -m farmwatch agent --dry-run --once --device-id d
"""


def ran_in_machine(folder, script, devices=()):
    """Standard output of a script in the machine."""
    kernel = kernel_folder()
    if kernel is None:
        pytest.skip("no kernel: FARMWATCH_VM_KERNEL does not name a folder with an unpacked linux-image package")
    ran = Machine(kernel, folder, devices).run(script.format(root=ROOT, python=sys.executable), timeout=500)
    assert ran.code == 0, ran.stderr + ran.console
    return ran.stdout, ran.stderr


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows by record that one run of the agent in the machine came to."""
    told, _ = ran_in_machine(tmp_path_factory.mktemp("machine"), SCRIPT, DEVICES)
    messages = json.loads(told)["messages"]
    stream = io.BytesIO("".join(json.dumps(message) + "\n" for message in messages).encode())
    found = {}
    for parsed in AgentMessages().read(stream, Context("agent", datetime.now(UTC), b"k" * 32)):
        assert parsed.balanced()
        assert not parsed.rejects
        for record, table in parsed.tables.items():
            found.setdefault(record, []).extend(table.to_pylist())
    return found


def test_composite_gadget(rows):
    """Keyboard, absolute pointer and storage in one device, by the bytes the kernel read from it."""
    gadget = next(row for row in rows[UsbDevice] if row["serial"] == "CAFEBABE")
    assert (gadget["vendor_id"], gadget["product_id"], gadget["speed_mbps"]) == (0x1D6B, 0x0104, 480.0)
    assert (gadget["manufacturer"], gadget["product"]) == ("PiKVM", "PiKVM Composite Device")
    assert (gadget["interfaces"], gadget["hid_kinds"]) == ("030101,030000,080650", "keyboard,pointer")
    assert gadget["interface_strings"] == "HID Interface,HID Interface,Mass Storage"
    assert gadget["hid_reports"].startswith("81c9b5a7d7ecf4b9,")
    assert (gadget["max_power_ma"], gadget["attributes"], gadget["bcd_usb"]) == (250, 0xA0, 0x0200)


def test_unplugging_is_an_event(rows):
    """The gadget that was pulled is told as removed, once."""
    events = [row["event"] for row in rows[UsbDevice] if row["serial"] == "CAFEBABE"]
    assert events == ["present", "removed"]


def test_emulated_tablet_is_an_absolute_pointer(rows):
    """QEMU's tablet calls itself a mouse and sends positions."""
    tablet = next(row for row in rows[UsbDevice] if row["product"] == "QEMU USB Tablet")
    assert tablet["hid_kinds"] == "pointer"


def test_emulated_display(rows):
    """The EDID of QEMU's display, read through the kernel's graphics driver."""
    (display,) = rows[Display]
    assert (display["vendor"], display["name"], display["sound"], display["internal"]) == (
        "RHT",
        "QEMU Monitor",
        True,
        False,
    )


def window(rows, device, pointer):
    found = [row for row in rows[InputTiming] if row["input_device"] == device and row["pointer"] == pointer]
    return max(found, key=lambda row: (row["presses"] or 0) + (row["moves"] or 0))


def test_injected_typing_keeps_to_a_grid(rows):
    """Presses that a program makes at multiples of 50 ms: injected, and on that grid."""
    seen = window(rows, "injected", None)
    assert seen["lattice_ms"] == pytest.approx(50, rel=0.001)
    assert seen["lattice_share"] > 0.4  # an emulated processor's timers are late by milliseconds
    assert seen["presses"] > 100


def test_clumps_of_a_held_connection(rows):
    """Three presses at a time after a pause are clumps behind stalls."""
    seen = window(rows, "1d6b:0104", None)
    assert seen["clumps"] > 20
    assert seen["clumped_presses"] == pytest.approx(3 * seen["clumps"], abs=2)
    assert seen["stalls"] >= seen["clumps"] - 2


def test_jiggler(rows):
    """Two reports that end at the centre, every three seconds."""
    seen = window(rows, "1d6b:0104", "absolute")
    assert (seen["jiggle_shape"], seen["jiggle_reports"]) == ("centre", 2)
    assert seen["jiggle_period_s"] == pytest.approx(JIGGLE_S, rel=0.05)
    assert seen["jiggle_spread"] < 0.05


def test_moved_mouse(rows):
    """A mouse moved every 50 ms is a pointer in movement and no jiggler."""
    seen = window(rows, "injected", "relative")
    assert seen["moves"] > 300
    assert 49 <= seen["move_gap_ms"] <= 75
    assert seen["jiggle_period_s"] is None


def test_no_report_was_lost(rows):
    """The reader kept up with all devices."""
    assert {row["lost_reports"] for row in rows[InputTiming]} == {0}


@pytest.mark.needs("hostapd", "iw")
def test_access_point(tmp_path):
    """A simulated radio connects to another's access point: its address is the one that iw shows."""
    told, beside = ran_in_machine(tmp_path, RADIO)
    shown = re.search(r"Connected to ([0-9a-f:]{17})", beside)
    assert json.loads(told)["network"]["bssids"] == [shown[1]]
