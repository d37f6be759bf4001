"""What is plugged in and connected: keyboards, docks, headsets, monitors, and boxes that stand for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.chunk import Chunk, Days
from farmwatch.simulation.lines import Events, concatenated, json_lines, once
from farmwatch.simulation.texts import hexed, joined
from farmwatch.simulation.towns import rows_of
from farmwatch.simulation.world import KVM

__all__ = ["Monitor", "Usb", "ids_of", "plugged", "screens", "usb_devices"]


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


@lru_cache(maxsize=1)
def _models() -> dict[str, tuple[Usb, ...]]:
    """The models of ``usb.csv`` by group; those of boxes are what the knowledge has of them (docs/evidence.md, E1)."""
    found: dict[str, list[Usb]] = {}
    for row in rows_of("usb.csv"):
        model = Usb(
            int(row["vendor"], 16), int(row["product"], 16), row["maker"], row["title"], row["interfaces"],
            row["kinds"], row["reports"], row["serial"], float(row["speed"]), int(row["power"]),
            int(row["attributes"], 16), int(row["revision"], 16), row["device_class"], row["strings"],
            row["removable"] == "yes",
        )  # fmt: skip
        found.setdefault(row["group"], []).append(model)
    return {group: tuple(models) for group, models in found.items()}


#: Names that masked boxes wear: ids, maker, title, serial number
_NAMES = (
    (0x046D, 0xC31C, "Logitech", "USB Keyboard", ""), (0x046D, 0xC52B, "Logitech", "USB Receiver", ""),
    (0x413C, 0x2113, "Dell", "Dell KB216 Wired Keyboard", ""), (0x045E, 0x0750, "Microsoft", "Wired Keyboard 600", ""),
)  # fmt: skip
#: JetKVM's presets, whose constants stay (docs/evidence.md, KVM over IP)
_PRESETS = (
    (0x046D, 0xC52B, "Logitech (x64)", "Logitech USB Input Device", "6&#&0&1"),
    (0x045E, 0x005F, "Microsoft", "Wireless MultiMedia Keyboard", "6&#&0&1"),
    (0x413C, 0x2011, "Dell Inc.", "Multimedia Pro Keyboard", "6&#&0&1"),
    (0x046D, 0xC52B, "Logitech (x64)", "Logitech USB Input Device", "6&#&0&1"),
)


@lru_cache(maxsize=1)
def _masked() -> dict[str, tuple[Usb, ...]]:
    """Each box under another name; its structure stays."""
    return {
        name: tuple(
            replace(box, vendor=one[0], product=one[1], maker=one[2], title=one[3], serial=one[4])
            for one in (_PRESETS if name == "jetkvm" else _NAMES)
        )
        for name in KVM
        for box in _models()[f"box {name}"]
    }


def plugged(chunk: Chunk) -> list[tuple[str, Usb, Days]]:
    """Everything on USB: a word for it, the model, and on which days it is there."""
    dice, given, world = chunk.world.dice, chunk.world.parameters, chunk.world
    there, driven = chunk.there, chunk.driven
    found: list[tuple[str, Usb, Days]] = []
    models = _models()

    def add(word: str, choices: Sequence[Usb], has: NDArray[np.bool_]) -> None:
        which = dice.whole(word, len(choices), chunk.at)
        days = has[:, None] & there
        found.extend((f"{word} {number}", one, days & (which == number)[:, None]) for number, one in enumerate(choices))

    everyone = np.ones(chunk.size, np.bool_)
    for number, inside in enumerate(models["inside"]):
        add(f"inside {number}", (inside,), everyone)
    at_desk = (chunk.whether("own keyboard", 0.75) | chunk.has("desk-dock")) & ~driven
    game = chunk.has("gaming-keyboard")
    add("keyboard", models["keyboard"], at_desk & ~game)
    add("gaming", models["gaming"], game & ~driven & ~chunk.whether("with storage", 0.04))
    add("gaming with storage", models["gaming with storage"], game & ~driven & chunk.whether("with storage", 0.04))
    add("mouse", models["mouse"], at_desk & chunk.whether("own mouse", 0.6))
    head = ~driven & chunk.whether("headset", given.headset)
    add("headset", models["headset"], head & ~chunk.whether("storing headset", 0.01))
    add("headset with storage", models["headset with storage"], head & chunk.whether("storing headset", 0.01))
    add("dock", models["dock"], chunk.has("desk-dock") & ~driven)
    add("tablet", models["tablet"], chunk.has("tablet") & ~driven)
    for number, switch in enumerate(models["switch"]):
        add(f"switch {number}", (switch,), chunk.has("desk-switch") & ~driven)
    add("stick", models["stick"], chunk.evades("lte-sticks"))
    electric = ~chunk.whether("mechanical jiggler", 0.35)
    add("jiggler", models["jiggler"], chunk.has("jiggler-hardware") & electric)
    boxed = chunk.hand("kvm", "kvm-masked")
    bought = dice.whole("bought", 3, chunk.of(world.farm))
    for number, sold in enumerate(models["jiggler"]):
        add(f"farm jiggler {number}", (sold,), chunk.jiggled & ~boxed & electric & (bought == number))
    add("presser", models["presser"], chunk.hand("zoom-control", "arp-bus"))
    box, masked = chunk.of(world.model), chunk.hand("kvm-masked")
    disguise = dice.whole("disguise", 4, chunk.of(world.farm))
    plays = chunk.has("kvm-hobbyist")[:, None] & dice.whether("plays", 0.3, chunk.at[:, None], chunk.day)
    for number, name in enumerate(KVM):
        here = box == number
        found.append(
            (
                f"box {name}",
                models[f"box {name}"][0],
                ((boxed & ~masked & here)[:, None] | (plays & here[:, None])) & there,
            )
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
        seen = days & covered
        if not seen.any():
            continue
        weekly = (chunk.day - chunk.world.first_day) % 7 == 3
        first = seen & ((np.cumsum(seen, axis=1) == 1) | weekly)
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


@lru_cache(maxsize=1)
def _monitors() -> dict[str, tuple[Monitor, ...]]:
    """The models of ``monitors.csv`` by group: ``copied`` are those whose description masked boxes use."""
    found: dict[str, list[Monitor]] = {}
    for row in rows_of("monitors.csv"):
        model = Monitor(
            row["vendor"], int(row["product"], 16), row["title"], row["serial"], int(row["number"], 16),
            int(row["week"]), int(row["year"]), int(row["width"]), int(row["height"]), int(row["width_mm"]),
            int(row["height_mm"]), row["fixed"] == "yes",
        )  # fmt: skip
        found.setdefault(row["group"], []).append(model)
    return {group: tuple(models) for group, models in found.items()}


def screens(chunk: Chunk) -> list[tuple[str, Monitor, NDArray[np.bool_]]]:
    """Displays of each device: a word, the model, and which devices have one."""
    dice, driven = chunk.world.dice, chunk.driven
    models = _monitors()
    found: list[tuple[str, Monitor, NDArray[np.bool_]]] = [("panel", models["panel"][0], np.ones(chunk.size, np.bool_))]
    outside = (chunk.whether("monitor", 0.65) | chunk.has("desk-dock")) & ~driven
    alike, dummy = chunk.has("preset-monitor"), chunk.has("dummy-display")
    which = dice.whole("monitor model", len(models["monitor"]), chunk.at)
    for number, model in enumerate(models["monitor"]):
        found.append((f"monitor {number}", model, outside & ~alike & (which == number)))
        second = chunk.whether("second monitor", 0.35)
        found.append((f"second {number}", model, outside & second & (which == number)))
    for number, model in enumerate(models["alike"]):
        found.append(
            (
                f"alike {number}",
                model,
                alike & (dice.whole("alike", len(models["alike"]), chunk.at) == number) & ~driven,
            )
        )
    for number, model in enumerate(models["dummy"]):
        found.append(
            (f"dummy {number}", model, dummy & (dice.whole("dummy", len(models["dummy"]), chunk.at) == number))
        )
    box, masked = chunk.of(chunk.world.model), chunk.hand("kvm-masked")
    for number, name in enumerate(KVM):
        found.append((f"box {name}", models[f"box {name}"][0], (box == number) & ~masked))
    copied = dice.whole("copied", len(models["copied"]), chunk.of(chunk.world.farm))
    for number, model in enumerate(models["copied"]):
        found.append((f"copied {number}", model, masked & (copied == number)))
    plugs = chunk.hand(
        "zoom-control", "arp-bus", "anydesk", "teamviewer", "rustdesk", "two-tools", "chrome-remote-desktop"
    )
    found.append(("farm plug", models["dummy"][0], plugs & dice.whether("farm plug", 0.25, chunk.of(chunk.world.farm))))
    return found
