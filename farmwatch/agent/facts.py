"""What a probe can find out about a device, as plain records that become one JSON document.

Bytes a device gave (descriptors, EDIDs) travel as hexadecimal text and are decoded where they arrive, so that a later
version can read more out of them. Values that are None or empty are left out of the document.

What is never in here: names of people, accounts or hosts, keyboard layouts, which key was pressed, link-layer addresses
of neighbours (only their maker's three bytes and a keyed hash).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

__all__ = [
    "Battery", "DisplayFact", "Gateway", "HidFact", "InputWindow", "Neighbour", "Network", "Power", "SocketFact",
    "System", "UsbFact", "as_json",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class System:
    """The device itself.

    ``boot_ts`` in seconds since 1970, ``asleep_s`` how long it was suspended since then, ``utc_offset_min`` by its own
    clock.
    """

    platform: str
    os: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    hardware_uuid: str = ""
    boot_ts: int | None = None
    asleep_s: int | None = None
    utc_offset_min: int | None = None
    macs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HidFact:
    """One HID interface: bus number (3 USB, 5 Bluetooth, 6 virtual, 24 I2C), ids, and its report descriptor in hex.

    ``port_path`` is the USB interface it belongs to, empty on other buses. Its name is not read: wireless keyboards are
    often called after their owners.
    """

    bus: int
    vendor_id: int
    product_id: int
    descriptor: str
    port_path: str = ""
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class UsbFact:
    """One USB device; ``descriptors`` in hex with HID country codes blanked; ``event`` present, attached or removed."""

    port_path: str
    event: str = "present"
    parent: str = ""
    vendor_id: int | None = None
    product_id: int | None = None
    manufacturer: str = ""
    product: str = ""
    serial: str = ""
    speed_mbps: float | None = None
    removable: bool | None = None
    descriptors: str = ""
    interface_strings: tuple[str, ...] = ()
    hid: tuple[HidFact, ...] = ()


@dataclass(frozen=True, slots=True)
class DisplayFact:
    """One connected display: connector as the system names it, and its EDID in hex."""

    connector: str
    edid: str = ""
    internal: bool | None = None


@dataclass(frozen=True, slots=True)
class Battery:
    """One battery of the device itself."""

    percent: float | None = None
    cycles: int | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Power:
    """Mains, lid and batteries."""

    on_mains: bool | None = None
    lid_closed: bool | None = None
    batteries: tuple[Battery, ...] = ()


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where packets leave to; ``medium`` is wired, wireless or tunnel."""

    interface: str
    address: str
    mac: str = ""
    medium: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Something else on the same link: the maker's part of its address, and a keyed hash of the whole address."""

    interface: str
    oui: str
    hash: str


@dataclass(frozen=True, slots=True)
class Network:
    """The device's surroundings on the network."""

    gateways: tuple[Gateway, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    addresses: tuple[str, ...] = ()
    bssids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SocketFact:
    """One socket and its program; the path has user folders masked."""

    proto: str
    state: str
    local_h: str
    local_p: int
    remote_h: str = ""
    remote_p: int | None = None
    pid: int | None = None
    process: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class InputWindow:
    """How input of one device came in during one window: counts and shapes (see :mod:`farmwatch.agent.timing`).

    ``intervals`` counts press intervals in bins of 8 to the doubling from 1 ms; ``lattice_share`` is the share of
    intervals within an eighth of a step of the grid (a quarter of them are by chance).
    """

    ts: float
    window_s: float
    input_device: str
    pointer: str = ""
    presses: int | None = None
    clicks: int | None = None
    moves: int | None = None
    lost_reports: int = 0
    intervals: tuple[int, ...] = ()
    lattice_ms: float | None = None
    lattice_share: float | None = None
    clumps: int | None = None
    clumped_presses: int | None = None
    stalls: int | None = None
    move_gap_ms: float | None = None
    jiggle_period_s: float | None = None
    jiggle_spread: float | None = None
    jiggle_reports: int | None = None
    jiggle_shape: str = ""


def as_json(fact: Any) -> Any:
    """A fact as JSON values; None and empty texts and lists are left out, zero and false stay."""
    if is_dataclass(fact):
        values = {entry.name: as_json(getattr(fact, entry.name)) for entry in fields(fact)}
        return {name: value for name, value in values.items() if value is not None and value not in ("", [])}
    if isinstance(fact, tuple | list):
        return [as_json(value) for value in fact]
    return fact
