"""What is plugged in and connected: keyboards, docks, headsets, monitors, and boxes that stand for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.chunk import Chunk, Days
from farmwatch.simulation.lines import Events, concatenated, json_lines, once
from farmwatch.simulation.texts import hexed, joined
from farmwatch.simulation.world import KVM

__all__ = ["MONITORS", "Monitor", "Usb", "ids_of", "plugged", "screens", "usb_devices"]


@dataclass(frozen=True, slots=True)
class Usb:
    """One model of USB device. ``reports`` stand for its report descriptors; ``#`` in the serial number for digits."""

    vendor: int
    product: int
    maker: str
    title: str
    interfaces: str
    kinds: str = ""
    reports: str = ""
    serial: str = ""
    speed: float = 12.0
    power: int = 100
    attributes: int = 0xA0
    revision: int = 0x0110
    device_class: str = "000000"
    strings: str = ""
    removable: bool = True


def _reports(name: str, count: int) -> str:
    """Digests that stand for the descriptors of an ordinary device."""
    import hashlib

    return ",".join(hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:16] for number in range(count))


_KEY, _MOUSE, _MEDIA = "030101", "030102", "030000"
_KEYBOARDS = (
    Usb(0x046D, 0xC31C, "Logitech", "USB Keyboard", f"{_KEY},{_MEDIA}", "keyboard,consumer", _reports("k120", 2), speed=1.5, revision=0x6403),
    Usb(0x413C, 0x2113, "Dell", "Dell KB216 Wired Keyboard", f"{_KEY},{_MEDIA}", "keyboard,consumer", _reports("kb216", 2), speed=1.5),
    Usb(0x17EF, 0x6099, "Lenovo", "Lenovo Traditional USB Keyboard", f"{_KEY},{_MEDIA}", "keyboard,consumer", _reports("lenovo", 2), speed=1.5),
    Usb(0x046D, 0xC52B, "Logitech", "USB Receiver", f"{_KEY},{_MOUSE},{_MEDIA}", "keyboard,mouse,consumer,vendor", _reports("unifying", 3), speed=12, power=98, revision=0x2410),
    Usb(0x046D, 0xC548, "Logitech", "USB Receiver", f"{_KEY},{_MOUSE},{_MEDIA}", "keyboard,mouse,consumer,vendor", _reports("bolt", 3), speed=12, power=98),
    Usb(0x03F0, 0x034A, "HP", "HP Elite USB Keyboard", f"{_KEY},{_MEDIA}", "keyboard,consumer", _reports("hp", 2), speed=1.5),
    Usb(0x05AC, 0x024F, "Apple Inc.", "Aluminium Keyboard", f"{_KEY},{_MEDIA}", "keyboard,consumer", _reports("apple", 2), speed=12),
)  # fmt: skip
_GAMING = (
    Usb(0x1532, 0x0228, "Razer", "Razer BlackWidow Elite", f"{_KEY},{_MEDIA},{_MOUSE}", "keyboard,consumer,mouse,vendor", _reports("razer", 3), speed=12, power=500),
    Usb(0x1B1C, 0x1B4F, "Corsair", "Corsair K68 RGB Keyboard", f"{_KEY},{_MEDIA},{_MEDIA}", "keyboard,vendor,consumer", _reports("corsair", 3), serial="0F0#", speed=12, power=500),
    Usb(0x1038, 0x1612, "SteelSeries", "SteelSeries Apex 7", f"{_KEY},{_MEDIA},{_MEDIA},{_MOUSE}", "keyboard,consumer,vendor,mouse", _reports("apex", 4), speed=12, power=500),
    Usb(0x3434, 0x0361, "Keychron", "Keychron Q6 Max", f"{_KEY},{_MEDIA},080650", "keyboard,consumer,vendor", _reports("keychron", 2), speed=12, power=500),
)  # fmt: skip
_MICE = (
    Usb(0x046D, 0xC077, "Logitech", "USB Optical Mouse", _MOUSE, "mouse", _reports("m105", 1), speed=1.5),
    Usb(0x413C, 0x301A, "PixArt", "Dell MS116 USB Optical Mouse", _MOUSE, "mouse", _reports("ms116", 1), speed=1.5),
    Usb(0x17EF, 0x6019, "Lenovo", "Lenovo Optical USB Mouse", _MOUSE, "mouse", _reports("lenovo mouse", 1), speed=1.5),
)
_HEADSETS = (
    Usb(0x0B0E, 0x24C9, "GN Audio A/S", "Jabra Evolve2 65", "010100,010200,010200,030000", "consumer,vendor", _reports("jabra", 1), serial="50C2#", speed=12),
    Usb(0x047F, 0xC056, "Plantronics", "Plantronics Blackwire 3220 Series", "010100,010200,010200,030000", "consumer,vendor", _reports("poly", 1), serial="#", speed=12),
    Usb(0x1395, 0x0089, "Sennheiser", "EPOS ADAPT 165T", "010100,010200,010200,030000,080650", "consumer", _reports("epos", 1), serial="#", speed=12),
)  # fmt: skip
_DOCKS = (
    Usb(0x17EF, 0x30B4, "Lenovo", "ThinkPad Thunderbolt 3 Dock USB Audio", "010100,010200,030000", "consumer", _reports("dock", 1), serial="#", speed=480),
    Usb(0x17E9, 0x6015, "DisplayLink", "Dell Universal Dock D6000", "ff0000,010100,010200,020d00,0a0001", "", "", serial="#", speed=5000, power=0),
    Usb(0x0BDA, 0x8153, "Realtek", "USB 10/100/1000 LAN", "ffff00", "", "", serial="00#", speed=5000),
)  # fmt: skip
_INSIDE = (
    Usb(0x04F2, 0xB6D0, "Chicony", "Integrated Camera", "0e0100,0e0200", "", "", serial="0001", speed=480, power=500, device_class="ef0201", removable=False),
    Usb(0x8087, 0x0033, "", "Bluetooth", "e00101,e00101", "", "", speed=12, device_class="e00101", removable=False),
    Usb(0x06CB, 0x00BD, "", "Fingerprint reader", "ff0000", "", "", serial="#", speed=12, removable=False),
)  # fmt: skip
_TABLET = Usb(
    0x056A,
    0x0374,
    "Wacom Co.,Ltd.",
    "Intuos S",
    "030000,030000",
    "digitizer,pointer",
    _reports("wacom", 2),
    serial="#",
    speed=12,
    power=498,
)
_SWITCH = (
    Usb(0x0557, 0x7000, "", "Hub", "090000", "", "", speed=12, device_class="090000"),
    Usb(0x0557, 0x2419, "", "", f"{_KEY},{_MOUSE}", "keyboard,mouse", _reports("aten", 2), speed=1.5),
)
_STICK = Usb(0x12D1, 0x14DC, "HUAWEI_MOBILE", "HUAWEI_MOBILE", "020600,0a0600,080650", "", "", speed=480, power=500)
#: Jigglers as sold and made at home: one poses as a mouse, one as nobody's, one is a board. Mechanical ones, which move
#: the mouse on the desk, show nothing here.
_JIGGLERS = (
    Usb(0x046D, 0xC077, "Logitech", "USB Optical Mouse", _MOUSE, "mouse", _reports("jiggler", 1), speed=12),
    Usb(0x1A2C, 0x0042, "", "USB Optical Mouse", _MOUSE, "mouse", _reports("plain jiggler", 1), speed=1.5),
    Usb(0x2341, 0x8036, "Arduino LLC", "Arduino Leonardo", f"020201,0a0000,{_MEDIA}", "mouse", _reports("board", 1), speed=12, device_class="ef0201"),
)  # fmt: skip
_PRESSER = Usb(
    0x1D6B,
    0x0104,
    "Raspberry Pi",
    "Pi Zero Keyboard",
    _KEY,
    "keyboard",
    "81c9b5a7d7ecf4b9",
    serial="0123456789",
    speed=480,
    power=250,
    strings="HID Interface",
)

_HIGH = "HID Interface,HID Interface,HID Interface,Mass Storage"
_STORE = "080650"
#: Boxes under their own name (docs/evidence.md, KVM over IP; knowledge/data/endpoint/kvm.toml)
_BOXES = {
    "pikvm": Usb(0x1D6B, 0x0104, "PiKVM", "PiKVM Composite Device", f"{_KEY},030000,{_MOUSE},{_STORE}", "keyboard,pointer,mouse", "5333cc3a23db1dd7,3a71a5a23705ee80,92155ddf022d4091", "CAFEBABE", 480, 250, 0xA0, 0x0100, strings=_HIGH),
    "jetkvm": Usb(0x1D6B, 0x0104, "JetKVM", "USB Emulation Device", f"{_KEY},030002,{_MOUSE},{_STORE}", "keyboard,pointer,mouse", "81c9b5a7d7ecf4b9,5e10a7f6cc69f217,55c045b2daf5c91f", "", 480, 250, 0x80, 0x0100, strings=_HIGH),
    "nanokvm": Usb(0x3346, 0x1009, "sipeed", "NanoKVM", f"030001,030002,030002,{_STORE}", "keyboard,mouse,pointer", "bba88cf2c2245cf8,8aab9edd8276e0aa,406e9a7433451eed", "0123456789ABCDEF", 480, 120, 0xE0, 0x0510, "ef0201", strings=_HIGH),
    "comet": Usb(0x1D6B, 0x0104, "Glinet", "Glinet Composite Device", f"e00103,0a0000,{_KEY},030000,{_STORE},{_STORE}", "keyboard,pointer", "5333cc3a23db1dd7,3a71a5a23705ee80", "CAFEBABE", 480, 250, 0xA0, 0x0100, strings="RNDIS Communications Control,RNDIS Ethernet Data,HID Interface,HID Interface,Mass Storage,Mass Storage"),
    "tinypilot": Usb(0x1D6B, 0x0104, "tinypilot", "Multifunction USB Device", f"{_KEY},030000", "keyboard,pointer", "3ff35a2908d55c14,0eab8b0c15825160", "6b65796d696d6570690", 480, 250, 0x80, 0x0100, strings="HID Interface,HID Interface"),
    "blikvm": Usb(0x1D6B, 0x0106, "BliKVM", "Multifunction USB Device", f"{_KEY},030000,{_MOUSE},{_STORE}", "keyboard,pointer,mouse", "3ff35a2908d55c14,0eab8b0c15825160,ed2b0d7e283a431e", "6b65796d696d6570690", 480, 250, 0x80, 0x0100, strings=_HIGH),
}  # fmt: skip
#: Names that masked boxes wear: ids, maker, title, serial number
_NAMES = (
    (0x046D, 0xC31C, "Logitech", "USB Keyboard", ""), (0x046D, 0xC52B, "Logitech", "USB Receiver", ""),
    (0x413C, 0x2113, "Dell", "Dell KB216 Wired Keyboard", ""), (0x045E, 0x0750, "Microsoft", "Wired Keyboard 600", ""),
)  # fmt: skip
#: JetKVM's presets, whose constants stay (docs/evidence.md, KVM over IP)
_PRESETS = (
    (0x046D, 0xC52B, "Logitech (x64)", "Logitech USB Input Device", "6&#&0&1"), (0x045E, 0x005F, "Microsoft", "Wireless MultiMedia Keyboard", "6&#&0&1"),
    (0x413C, 0x2011, "Dell Inc.", "Multimedia Pro Keyboard", "6&#&0&1"), (0x046D, 0xC52B, "Logitech (x64)", "Logitech USB Input Device", "6&#&0&1"),
)  # fmt: skip


@lru_cache(maxsize=1)
def _masked() -> dict[str, tuple[Usb, ...]]:
    """Each box under another name; its structure stays."""
    from dataclasses import replace

    return {
        name: tuple(
            replace(box, vendor=one[0], product=one[1], maker=one[2], title=one[3], serial=one[4])
            for one in (_PRESETS if name == "jetkvm" else _NAMES)
        )
        for name, box in _BOXES.items()
    }


def plugged(chunk: Chunk) -> list[tuple[str, Usb, Days]]:
    """Everything on USB: a word for it, the model, and on which days it is there."""
    dice, given, world = chunk.world.dice, chunk.world.parameters, chunk.world
    there, driven = chunk.there, chunk.driven
    found: list[tuple[str, Usb, Days]] = []

    def add(word: str, models: Sequence[Usb], has: NDArray[np.bool_] | Days, group: str = "") -> None:
        which = dice.whole(group or word, len(models), chunk.at)
        days = has[:, None] & there if has.ndim == 1 else has & there
        found.extend(
            (f"{word} {number}", model, days & (which == number)[:, None]) for number, model in enumerate(models)
        )

    everyone = np.ones(chunk.size, np.bool_)
    for number, model in enumerate(_INSIDE):
        add(f"inside {number}", (model,), everyone)
    at_desk = (chunk.whether("own keyboard", 0.75) | chunk.has("desk-dock")) & ~driven
    game = chunk.has("gaming-keyboard")
    add("keyboard", _KEYBOARDS, at_desk & ~game)
    add("gaming", _GAMING[:3], game & ~driven & ~chunk.whether("with storage", 0.04))
    add("gaming with storage", _GAMING[3:], game & ~driven & chunk.whether("with storage", 0.04))
    add("mouse", _MICE, at_desk & chunk.whether("own mouse", 0.6))
    head = ~driven & chunk.whether("headset", given.headset)
    add("headset", _HEADSETS[:2], head & ~chunk.whether("storing headset", 0.01))
    add("headset with storage", _HEADSETS[2:], head & chunk.whether("storing headset", 0.01))
    add("dock", _DOCKS, chunk.has("desk-dock") & ~driven)
    add("tablet", (_TABLET,), chunk.has("tablet") & ~driven)
    for number, model in enumerate(_SWITCH):
        add(f"switch {number}", (model,), chunk.has("desk-switch") & ~driven)
    add("stick", (_STICK,), chunk.evades("lte-sticks"))
    electric = ~chunk.whether("mechanical jiggler", 0.35)
    add("jiggler", _JIGGLERS, chunk.has("jiggler-hardware") & electric)
    boxed = chunk.hand("kvm", "kvm-masked")
    bought = dice.whole("bought", 3, chunk.of(world.farm))
    for number, sold in enumerate(_JIGGLERS):
        add(f"farm jiggler {number}", (sold,), chunk.jiggled & ~boxed & electric & (bought == number))
    add("presser", (_PRESSER,), chunk.hand("zoom-control", "arp-bus"))
    model, masked = chunk.of(world.model), chunk.hand("kvm-masked")
    disguise = dice.whole("disguise", 4, chunk.of(world.farm))
    plays = chunk.has("kvm-hobbyist")[:, None] & dice.whether("plays", 0.3, chunk.at[:, None], chunk.day)
    for number, name in enumerate(KVM):
        here = model == number
        found.append(
            (f"box {name}", _BOXES[name], ((boxed & ~masked & here)[:, None] | (plays & here[:, None])) & there)
        )
        for which, hidden in enumerate(_masked()[name]):
            found.append((f"masked {name} {which}", hidden, (masked & here & (disguise == which))[:, None] & there))
    return found


def ids_of(chunk: Chunk, *words: str) -> pa.Array:
    """Vendor and product id of the first thing a device has of some kinds, as the agent writes them; else no value."""
    codes = np.full(chunk.size, -1)
    texts: list[str] = []
    for word, model, days in plugged(chunk):
        if word.startswith(words):
            codes[days.any(axis=1) & (codes < 0)] = len(texts)
            texts.append(f"{model.vendor:04x}:{model.product:04x}")
    return pa.array(texts, pa.string()).take(pa.array(codes, mask=codes < 0))


def usb_devices(chunk: Chunk) -> pa.Array:
    """Rows of ``usb_devices``: the first day a thing is seen, and once a week."""
    covered = chunk.agent[:, None]
    parts = []
    for number, (word, model, days) in enumerate(plugged(chunk)):
        days = days & covered
        if not days.any():
            continue
        first = days & (np.cumsum(days, axis=1) == 1) | days & ((chunk.day - chunk.world.first_day) % 7 == 3)
        at = once(chunk, f"usb {word}", first, chunk.start)
        at = at.at(at.ts + (at.share("when") * 1e9).astype(np.int64))
        parts.append(
            json_lines(
                {
                    "device_id": at.names(), "ts": at.iso(), "event": "present", "vendor_id": model.vendor,
                    "product_id": model.product, "manufacturer": model.maker or None, "product": model.title or None,
                    "serial": _serial(at, model, word), "bcd_device": model.revision, "bcd_usb": 0x0200,
                    "device_class": model.device_class, "interfaces": model.interfaces,
                    "interface_strings": model.strings or None, "hid_reports": model.reports or None,
                    "hid_kinds": model.kinds or None, "speed_mbps": float(model.speed), "max_power_ma": model.power,
                    "attributes": model.attributes, "removable": model.removable,
                    "port_path": f"1-{1 + number % 9}", "parent": "usb1",
                }
            )
        )  # fmt: skip
    return concatenated(parts)


def _serial(at: Events, model: Usb, word: str) -> pa.Array | str | None:
    if "#" not in model.serial:
        return model.serial or None
    before, _, after = model.serial.partition("#")
    return joined(before, hexed(at.chunk.world.dice.raw(f"serial {word}", at.chunk.at[at.device]), 7), after)


# --- displays ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Monitor:
    """One model of display; ``#`` in its serial text stands for letters and digits of each piece."""

    vendor: str
    product: int
    title: str
    serial: str = "#"
    number: int = 0  #: serial number field; 0 for a number of each piece
    week: int = 12
    year: int = 2021
    width: int = 1920
    height: int = 1080
    width_mm: int = 527
    height_mm: int = 296
    fixed: bool = False  #: one and the same serial number on all


MONITORS = (
    Monitor("DEL", 0x41A8, "DELL P2422H"), Monitor("DEL", 0xD0F8, "DELL U2723QE", width=3840, height=2160, width_mm=597, height_mm=336),
    Monitor("DEL", 0xA16B, "DELL P2719H", year=2019, width_mm=598), Monitor("HPN", 0x3691, "HP E24 G5", year=2022),
    Monitor("HPN", 0x3646, "HP E27q G4", width=2560, height=1440, width_mm=597, height_mm=336), Monitor("LEN", 0x62AF, "LEN T24d-10", width=1920, height=1200, width_mm=518),
    Monitor("LEN", 0x61F4, "LEN P27h-20", width=2560, height=1440, width_mm=597), Monitor("GSM", 0x5BBF, "LG ULTRAWIDE", width=2560, height=1080, width_mm=673),
    Monitor("GSM", 0x7706, "LG HDR 4K", width=3840, height=2160, width_mm=600), Monitor("SAM", 0x0F94, "S27A600", width=2560, height=1440, width_mm=597),
    Monitor("AUS", 0x2487, "PA248QV", width=1920, height=1200, width_mm=518), Monitor("ACR", 0x0565, "B246WL", width=1920, height=1200, width_mm=518),
    Monitor("BNQ", 0x78E7, "BenQ GW2480", year=2020), Monitor("AOC", 0x2490, "24G2W1G4", year=2022), Monitor("PHL", 0xC233, "PHL 342E2", width=2560, height=1080, width_mm=800),
)  # fmt: skip
_ALIKE = (
    Monitor("SAM", 0x0F13, "S24F350", "H4ZM100000", 0x5A5A4E30, fixed=True), Monitor("GSM", 0x5AB7, "LG FULL HD", "", 0x01010101, fixed=True),
    Monitor("IVM", 0x6675, "PL2480H", "0000000000000", 0x01010101, fixed=True), Monitor("XXX", 0x2401, "FHD MONITOR", "000000000001", 1, fixed=True),
)  # fmt: skip
_PANEL = Monitor("BOE", 0x0A1C, "", "", 1, 1, 2022, 1920, 1200, 302, 189, fixed=True)
_DUMMIES = (
    Monitor("GTD", 0x0001, "HeadlessGhost", "", 1, 40, 2014, 4095, 2160, fixed=True), Monitor("GSV", 0x0100, "2CH 1080", "", 1, 8, 2018, fixed=True),
    Monitor("HJW", 0x2130, "HDMI TO USB", "", 1, 1, 2019, fixed=True), Monitor("GSM", 0x0001, "LG TV", "", 0x01010101, 1, 2020, 3840, 2160, 1600, 900, fixed=True),
)  # fmt: skip
_BOX_SCREENS = {
    "pikvm": Monitor("LNX", 0x7773, "PiKVM V4 Plus", "CAFEBABE", 0x01010101, 35, 2016, width_mm=530, height_mm=300, fixed=True),
    "jetkvm": Monitor("JET", 0x0001, "JetKVM v1", "", 0xC0FFEE01, 48, 2025, fixed=True),
    "nanokvm": Monitor("SPD", 0x3301, "NanoKVM", "NanoKVM", 0x15, 30, 2025, fixed=True),
    "comet": Monitor("DEL", 0x41A8, "DELL P2422H", "8XHHM93", 0x30313233, 20, 2021, fixed=True),
    "tinypilot": Monitor("TSB", 0x9876, "TinyPilot", "", 0x88888800, 45, 2020, fixed=True),
    "blikvm": Monitor("TSB", 0x8888, "Toshiba-H2C", "", 0x88888800, 28, 2011, 1280, 720, fixed=True),
}  # fmt: skip
#: Monitors whose description masked boxes copy: with its serial number, so that it is on all of them
_COPIED = (
    Monitor("ACR", 0x0565, "B246WL", "T8NEE0038522", 0xE0038522 & 0x7FFFFFFF, 33, 2021, 1920, 1200, 518, fixed=True),
    Monitor("AUS", 0x2487, "PA248QV", "M1LMQS052157", 0x52157, 4, 2021, 1920, 1200, 518, fixed=True),
    Monitor("DEL", 0x2013, "D2721H", "3S5GQ23", 0x4C513842, 13, 2021, 1920, 1080, 598, 336, fixed=True),
)  # fmt: skip


def screens(chunk: Chunk) -> list[tuple[str, Monitor, NDArray[np.bool_]]]:
    """Displays of each device: a word, the model, and which devices have one."""
    dice, driven = chunk.world.dice, chunk.driven
    found: list[tuple[str, Monitor, NDArray[np.bool_]]] = [("panel", _PANEL, np.ones(chunk.size, np.bool_))]
    outside = (chunk.whether("monitor", 0.65) | chunk.has("desk-dock")) & ~driven
    alike, dummy = chunk.has("preset-monitor"), chunk.has("dummy-display")
    which = dice.whole("monitor model", len(MONITORS), chunk.at)
    for number, model in enumerate(MONITORS):
        found.append((f"monitor {number}", model, outside & ~alike & (which == number)))
        second = chunk.whether("second monitor", 0.35)
        found.append((f"second {number}", model, outside & second & (which == number)))
    for number, model in enumerate(_ALIKE):
        found.append(
            (f"alike {number}", model, alike & (dice.whole("alike", len(_ALIKE), chunk.at) == number) & ~driven)
        )
    for number, model in enumerate(_DUMMIES):
        found.append((f"dummy {number}", model, dummy & (dice.whole("dummy", len(_DUMMIES), chunk.at) == number)))
    box, masked = chunk.of(chunk.world.model), chunk.hand("kvm-masked")
    for number, name in enumerate(KVM):
        found.append((f"box {name}", _BOX_SCREENS[name], (box == number) & ~masked))
    copied = dice.whole("copied", len(_COPIED), chunk.of(chunk.world.farm))
    for number, model in enumerate(_COPIED):
        found.append((f"copied {number}", model, masked & (copied == number)))
    plugs = chunk.hand(
        "zoom-control", "arp-bus", "anydesk", "teamviewer", "rustdesk", "two-tools", "chrome-remote-desktop"
    )
    found.append(("farm plug", _DUMMIES[0], plugs & dice.whether("farm plug", 0.25, chunk.of(chunk.world.farm))))
    return found
