"""The Linux probe: USB, HID, displays, power and identity from /sys, read only and without talking to any device.

Sources: Linux Documentation/ABI/testing/sysfs-bus-usb, sysfs-class-drm, sysfs-class-power, sysfs-bus-hid;
Documentation/admin-guide/sysfs-rules.rst. Everything is found under ``root``, so that a recorded tree can be probed.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from farmwatch.agent.facts import Battery, DisplayFact, HidFact, Network, Power, SocketFact, System, UsbFact
from farmwatch.agent.linux_network import addresses, gateways, hardware_addresses, neighbours, socket_facts
from farmwatch.agent.linux_wireless import access_points
from farmwatch.agent.probe import InputSource, UnavailableError
from farmwatch.agent.sysfs import listed, number, raw, text
from farmwatch.wire.hardware.usb import blank_country

__all__ = ["EventDevice", "LinuxProbe"]

_USB_DEVICE = re.compile(r"\d+-[\d.]+")  # 1-2.3: bus, then ports; usb1 is a root hub, 1-2:1.0 an interface
_HID_DEVICE = re.compile(r"([0-9A-F]{4}):([0-9A-F]{4}):([0-9A-F]{4})\.[0-9A-F]+")
_INTERNAL = re.compile(r"-(eDP|LVDS|DSI)-")  # connector types of panels (drivers/gpu/drm/drm_connector.c)
_BUS_BLUETOOTH = 5
_BUTTON_MASKS = (0x110, 0x117)  # BTN_LEFT to BTN_TASK (include/uapi/linux/input-event-codes.h)
_FILLERS = {"to be filled by o.e.m.", "default string", "system serial number", "not specified", "none", "0"}


@dataclass(frozen=True, slots=True)
class EventDevice:
    """One /dev/input/event node that has keys or a pointer."""

    path: Path
    label: str
    pointer: str


@dataclass(frozen=True, slots=True)
class LinuxProbe:
    """A Linux system, or a recording of its /sys and /proc, under ``root``."""

    root: Path = Path("/")

    def device_id(self) -> str:
        """SHA-256 of the machine id, first 32 hex digits: machine-id(5) asks not to show the id itself."""
        machine = text(self.root / "etc/machine-id")
        if not re.fullmatch(r"[0-9a-f]{32}", machine):
            raise UnavailableError("no machine id in /etc/machine-id: name the device with --device-id")
        return hashlib.sha256(b"farmwatch\0" + machine.encode()).hexdigest()[:32]

    def system(self) -> System:
        """Maker, model, serial number and UUID of the firmware tables, system, boot time, own link addresses."""
        dmi = self.root / "sys/class/dmi/id"
        boot = re.search(r"^btime (\d+)$", text(self.root / "proc/stat"), re.MULTILINE)
        return System(
            platform="linux",
            os=self._os(),
            vendor=_declared(dmi / "sys_vendor"),
            model=_declared(dmi / "product_name"),
            serial=_declared(dmi / "product_serial"),
            hardware_uuid=_declared(dmi / "product_uuid").lower(),
            boot_ts=int(boot[1]) if boot else None,
            asleep_s=_asleep_s() if self.root == Path("/") else None,
            utc_offset_min=time.localtime().tm_gmtoff // 60,
            macs=hardware_addresses(self.root),
        )

    def usb(self) -> list[UsbFact]:
        """All USB devices below the root hubs."""
        folder = self.root / "sys/bus/usb/devices"
        if not folder.is_dir():
            raise UnavailableError("no USB in this kernel (/sys/bus/usb/devices)")
        hid = self._hid_by_interface()
        return [self._usb(path, hid) for path in listed(folder) if _USB_DEVICE.fullmatch(path.name)]

    def hid(self) -> list[HidFact]:
        """HID devices that hang on no USB interface: Bluetooth, I2C, and those a program made."""
        folder = self.root / "sys/bus/hid/devices"
        if not folder.is_dir():
            raise UnavailableError("no HID in this kernel (/sys/bus/hid/devices)")
        return [fact for path in listed(folder) if (fact := self._hid(path)) and not fact.port_path]

    def displays(self) -> list[DisplayFact]:
        """Connectors with something on them; a panel or plug without EDID is listed without one."""
        folder = self.root / "sys/class/drm"
        if not folder.is_dir():
            raise UnavailableError("no graphics device in this kernel (/sys/class/drm)")
        return [
            DisplayFact(path.name, raw(path / "edid", 256 * 128).hex(), bool(_INTERNAL.search(path.name)))
            for path in listed(folder)
            if text(path / "status") == "connected"
        ]

    def power(self) -> Power:
        """Mains and batteries of the system (not of a mouse), and the lid switch."""
        folder = self.root / "sys/class/power_supply"
        mains: list[bool] = []
        batteries: list[Battery] = []
        for path in listed(folder):
            kind = text(path / "type")
            if text(path / "scope") == "Device":
                continue
            if kind in ("Mains", "USB") and (online := number(path / "online")) is not None:
                mains.append(bool(online))
            elif kind == "Battery" and number(path / "present") != 0:
                percent = number(path / "capacity")
                cycles = number(path / "cycle_count") or None  # 0 where the firmware does not count
                batteries.append(
                    Battery(None if percent is None else float(percent), cycles, text(path / "status").lower())
                )
        lid = self._lid()
        if not mains and not batteries and lid is None:
            raise UnavailableError("no power supply, battery or lid in /sys/class/power_supply and /proc/acpi")
        return Power(any(mains) if mains else None, lid, tuple(batteries))

    def network(self, key: bytes) -> Network:
        """Gateways with their link addresses, neighbours hashed with ``key``, and the device's own addresses."""
        found = gateways(self.root)
        return Network(found, neighbours(self.root, key, {gateway.mac for gateway in found}), addresses(self.root))

    def bssids(self) -> tuple[str, ...]:
        """Access points of the wireless interfaces, as the kernel tells them; a recorded tree cannot."""
        folders = listed(self.root / "sys/class/net")
        wireless = [path.name for path in folders if (path / "wireless").exists() or (path / "phy80211").exists()]
        if not wireless:
            raise UnavailableError("no wireless interface")
        if self.root != Path("/"):
            raise UnavailableError(f"a recording does not name the access point of {', '.join(wireless)}")
        return access_points(wireless)

    def sockets(self) -> list[SocketFact]:
        """TCP and UDP sockets with the programs that hold them; of other users' programs only as root."""
        if not (self.root / "proc/net/tcp").exists():
            raise UnavailableError("no /proc/net/tcp")
        return socket_facts(self.root)

    def inputs(self) -> list[InputSource]:
        """Event nodes with letter keys, mouse buttons or a pointer."""
        folder = self.root / "sys/class/input"
        if not folder.is_dir():
            raise UnavailableError("no input devices in this kernel (/sys/class/input)")
        nodes = [path for path in listed(folder) if path.name.startswith("event")]
        return [source for path in nodes if (source := self._event(path))]

    def _os(self) -> str:
        release = text(self.root / "etc/os-release")
        pretty = re.search(r'^PRETTY_NAME="?([^"\n]*)"?$', release, re.MULTILINE)
        return pretty[1] if pretty else ""

    def _usb(self, path: Path, hid: dict[str, HidFact]) -> UsbFact:
        try:
            speed = float(text(path / "speed"))
        except ValueError:
            speed = None
        interfaces = sorted(entry for entry in listed(path) if entry.name.startswith(f"{path.name}:"))
        strings = tuple(filter(None, (text(entry / "interface") for entry in interfaces)))
        return UsbFact(
            port_path=path.name,
            parent=_parent(path.name),
            vendor_id=number(path / "idVendor", 16),
            product_id=number(path / "idProduct", 16),
            manufacturer=text(path / "manufacturer"),
            product=text(path / "product"),
            serial=text(path / "serial"),
            speed_mbps=speed,
            removable={"removable": True, "fixed": False}.get(text(path / "removable")),
            descriptors=blank_country(raw(path / "descriptors", 65_536)).hex(),
            interface_strings=strings,
            hid=tuple(hid[entry.name] for entry in interfaces if entry.name in hid),
        )

    def _hid_by_interface(self) -> dict[str, HidFact]:
        facts = map(self._hid, listed(self.root / "sys/bus/hid/devices"))
        return {fact.port_path: fact for fact in facts if fact and fact.port_path}

    def _hid(self, path: Path) -> HidFact | None:
        named = _HID_DEVICE.fullmatch(path.name)
        if not named:
            return None
        place = path.resolve()
        bus, vendor, product = (int(part, 16) for part in named.groups())
        return HidFact(
            bus=bus,
            vendor_id=vendor,
            product_id=product,
            descriptor=raw(path / "report_descriptor", 65_535).hex(),
            port_path=place.parent.name if re.fullmatch(r"\d+-[\d.]+:\d+\.\d+", place.parent.name) else "",
            virtual="/devices/virtual/" in str(place) and bus != _BUS_BLUETOOTH,
        )

    def _lid(self) -> bool | None:
        states = [text(path / "state") for path in listed(self.root / "proc/acpi/button/lid")]
        known = [state.endswith("closed") for state in states if state.endswith(("open", "closed"))]
        return any(known) if known else None

    def _event(self, path: Path) -> EventDevice | None:
        device = path / "device"
        keys = _bits(device / "capabilities/key")
        relative, absolute = _bits(device / "capabilities/rel"), _bits(device / "capabilities/abs")
        letters = all(keys >> code & 1 for code in range(16, 26))  # the ten keys of a letter row
        buttons = any(keys >> code & 1 for code in range(_BUTTON_MASKS[0], _BUTTON_MASKS[1] + 1))
        pointer = "relative" if relative & 3 == 3 else "absolute" if absolute & 3 == 3 else ""
        if not letters and not buttons and not pointer:
            return None
        place = str(path.resolve())
        bluetooth = number(device / "id/bustype", 16) == _BUS_BLUETOOTH
        vendor, product = (text(device / "id" / name) or "0000" for name in ("vendor", "product"))
        label = "injected" if "/devices/virtual/" in place and not bluetooth else f"{vendor}:{product}"
        return EventDevice(self.root / "dev/input" / path.name, label, pointer)


def _asleep_s() -> int:
    """Seconds suspended since boot: one clock goes on while asleep, the other stands still (clock_gettime(2))."""
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC))


def _declared(path: Path) -> str:
    """A firmware text, unless it is one of the maker's fillers."""
    value = text(path)
    return "" if value.lower() in _FILLERS else value


def _parent(port_path: str) -> str:
    """Hub a device hangs on: ``1-2.3`` on ``1-2``, ``1-2`` on the root hub ``usb1``."""
    bus, _, ports = port_path.partition("-")
    return f"{bus}-{ports.rpartition('.')[0]}" if "." in ports else f"usb{bus}"


def _bits(path: Path) -> int:
    """A capability bitmap: words of the machine's size in hexadecimal, the highest first."""
    words = text(path).split()
    value = 0
    for word in words[:64]:
        try:
            value = value << 64 | int(word, 16)
        except ValueError:
            return 0
    return value
