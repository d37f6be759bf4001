"""A USB device that cannot be the product it says it is: speed, interfaces, report descriptor or serial number (E2).

What a product is like is known from the fleet itself: a keyboard that a hundred people have shows a hundred times the
same speed, interfaces and descriptors. A KVM with that keyboard's numbers shows its own. For the keyboards that public
disguises copy most, speed and serial number are known without a fleet, from kernel logs and descriptor dumps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, Record, UsbDevice

__all__ = ["UsbIdentityContradiction"]

_PLAIN_KEYBOARDS = {
    (0x046D, 0xC31C): "Logitech K120",  # low speed, SerialNumber=0: kernel logs; bMaxPacketSize0 8: lsusb dumps
    (0x046D, 0xC52B): "Logitech Unifying receiver",  # bMaxPacketSize0 32, iSerial 0: linux-hardware.org b5445d70db
    (0x046D, 0xC531): "Logitech receiver",  # bMaxPacketSize0 8, iSerial 0: pwr-Solaar/Solaar issue 441
    (0x413C, 0x2113): "Dell KB216",  # low speed: kernel logs
    (0x413C, 0x2010): "Dell keyboard",  # bMaxPacketSize0 8, iSerial 0: raspberrypi/linux issue 273
}  #: never high speed: that needs a bMaxPacketSize0 of 64 (USB 2.0 section 5.5.3); without a serial number

_MAKERS = {
    "Logitech": (r"\blogitech\b", 0x046D), "Dell": (r"\bdell\b", 0x413C), "Microsoft": (r"\bmicrosoft\b", 0x045E),
    "Lenovo": (r"\blenovo\b", 0x17EF), "HP": (r"^hp\b|\bhewlett", 0x03F0), "Apple": (r"^apple\b", 0x05AC),
    "Corsair": (r"\bcorsair\b", 0x1B1C), "Razer": (r"\brazer\b", 0x1532),
}  # fmt: skip
"""Makers of keyboards by the name they write and the vendor id they hold (usb.ids)."""

_GADGET_VENDORS = (0x1D6B, 0x0525)  #: Linux Foundation and NetChip: ids of Linux's gadget drivers (usb.ids)
_FIRST_GADGET = 0x0100  #: products of 1d6b below are the machine's own root hubs
_KINDS = ("gadget", "speed", "build", "descriptor", "class", "maker", "serial")
_HEAVY = ("gadget", "speed", "build")


@dataclass(frozen=True, slots=True)
class UsbIdentityContradiction(FleetDetector):
    """Finds USB devices under the name of another product."""

    id: ClassVar[str] = "usb.identity_contradiction"
    title: ClassVar[str] = "is a USB device something else than its name and numbers say?"
    topic: ClassVar[str] = "whether USB devices fit their names"
    signals: ClassVar[tuple[str, ...]] = ("E1", "E2")
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (UsbDevice,)
    benign: ClassVar[tuple[str, ...]] = (
        "a newer build of the product under the same numbers",
        "a desk switch or dock that passes itself off as the keyboard behind it",
        "a cheap copy of a well-known product",
        "a hobbyist's board programmed with somebody else's numbers",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "several": Grade(
            Claim.DRIVEN,
            21.0,
            "judged: a new build or a copy changes one thing, a disguise several (E2)",
            for_review=True,
        ),
        "gadget": Grade(
            Claim.DRIVEN, 18.0, "judged: no maker of keyboards uses the ids of Linux gadgets; a published kit does (E2)"
        ),
        "speed": Grade(Claim.DRIVEN, 18.0, "judged: a chip that has no high speed cannot be seen at it (E2)"),
        "build": Grade(Claim.DRIVEN, 15.0, "judged: none of the other units has such an interface (E2)"),
        "details": Grade(Claim.DRIVEN, 11.0, "judged: two small things differ from the other units"),
        "descriptor": Grade(
            Claim.DRIVEN, 7.0, "judged: same revision, other firmware; a new build may keep its number"
        ),
        "class": Grade(Claim.DRIVEN, 5.0, "judged: another device class than the other units"),
        "maker": Grade(Claim.DRIVEN, 5.0, "judged: products made for another brand may say so"),
        "serial": Grade(Claim.DRIVEN, 4.0, "judged: a serial number where the other units have none"),
        "mouse": Grade(
            Claim.DRIVEN,
            3.0,
            "judged: jigglers copy mice, and many staff have one (docs/evidence.md, E7)",
            group="jiggler",
        ),
    }
    when_clear: ClassVar[str] = (
        "every USB device is built like the other units of its product, as far as there are some"
    )
    check: ClassVar[str] = "compare the device with another unit of the same product, or ask for a photograph of it"

    fewest_units: int = param(10, "Devices that must show a product before it is known how it is built.",
                              low=3, high=100)  # fmt: skip
    odd_share: float = param(0.2, "Share of units up to which a build is the exception: farms buy many, firms more.",
                             low=0.01, high=0.4)  # fmt: skip

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such a thing: for each the one that contradicts itself most."""
        join = fleet.label("usb_makers", "usb_things", ("manufacturer", "product"), _maker)
        known = ", ".join(f"({vendor}, {product}, '{name}')" for (vendor, product), name in _PLAIN_KEYBOARDS.items())
        rows = fleet.rows(
            f"""
            WITH plain AS (SELECT * FROM (VALUES {known}) AS v (vendor_id, product_id, plain)),
            units AS (
                SELECT vendor_id, product_id, count(*) FILTER (whole) AS n_units,
                       count(*) FILTER (speed_mbps IS NOT NULL) AS n_speed,
                       count(*) FILTER (speed_mbps >= 480) AS n_fast, count(*) FILTER (whole AND storage) AS n_storage,
                       count(*) FILTER (whole AND network) AS n_network, count(*) FILTER (whole AND audio) AS n_audio,
                       count(*) FILTER (whole AND video) AS n_video, count(*) FILTER (kinds_told) AS n_kinds,
                       count(*) FILTER (kinds_told AND pointer) AS n_pointer,
                       count(*) FILTER (kinds_told AND keyboard) AS n_keyboard,
                       count(*) FILTER (whole AND serial IS NOT NULL) AS n_serial
                FROM usb_things GROUP BY vendor_id, product_id
            ), classes AS (
                SELECT vendor_id, product_id, device_class AS usual_class, count(*) AS n_class,
                       sum(count(*)) OVER (PARTITION BY vendor_id, product_id) AS n_classes
                FROM usb_things WHERE device_class IS NOT NULL GROUP BY vendor_id, product_id, device_class
                QUALIFY n_classes >= $fewest AND n_class >= (1 - $odd) * n_classes
            ), reports AS (
                SELECT vendor_id, product_id, bcd_device, hid_reports AS usual_reports, count(*) AS n_report,
                       sum(count(*)) OVER (PARTITION BY vendor_id, product_id, bcd_device) AS n_reports
                FROM usb_things WHERE whole AND hid_reports IS NOT NULL AND bcd_device IS NOT NULL
                GROUP BY vendor_id, product_id, bcd_device, hid_reports
                QUALIFY n_reports >= $fewest AND n_report >= (1 - $odd) * n_reports
            ), named AS (
                SELECT usb_things.*, label AS maker FROM usb_things {join.replace("JOIN", "LEFT JOIN", 1)}
            ), told AS (
                SELECT t.*, plain, n_units, n_speed, usual_class, usual_reports,
                       coalesce(speed_mbps >= 480, false) AND (plain IS NOT NULL
                           OR n_speed >= $fewest AND n_fast <= $odd * n_speed) AS speed,
                       n_units >= $fewest AND (storage AND n_storage <= $odd * n_units
                           OR network AND n_network <= $odd * n_units OR audio AND n_audio <= $odd * n_units
                           OR video AND n_video <= $odd * n_units)
                       OR n_kinds >= $fewest AND (pointer AND n_pointer <= $odd * n_kinds
                           OR kinds_told AND keyboard AND n_keyboard <= $odd * n_kinds) AS build,
                       coalesce(whole AND t.hid_reports <> usual_reports, false) AS descriptor,
                       coalesce(t.device_class <> usual_class, false) AS class,
                       t.serial IS NOT NULL AND (plain IS NOT NULL AND keyboard
                           OR whole AND n_units >= $fewest AND n_serial <= $odd * n_units) AS new_serial,
                       n_storage <= $odd * n_units AS storage_odd, n_network <= $odd * n_units AS network_odd,
                       n_audio <= $odd * n_units AS audio_odd, n_video <= $odd * n_units AS video_odd,
                       n_pointer <= $odd * n_kinds AS pointer_odd
                FROM named AS t JOIN units USING (vendor_id, product_id) LEFT JOIN plain USING (vendor_id, product_id)
                LEFT JOIN classes USING (vendor_id, product_id)
                LEFT JOIN reports AS r USING (vendor_id, product_id, bcd_device)
                WHERE NOT virtual AND device_id NOT IN (SELECT device_id FROM kvm_approved)
            )
            SELECT told.*, coalesce(o.accommodation, false) AS arranged
            FROM told LEFT JOIN owners AS o ON o.device_id = told.device_id
            WHERE speed OR build OR descriptor OR class OR new_serial OR maker IS NOT NULL
            ORDER BY told.device_id, vendor_id, product_id
            """,
            fewest=self.fewest_units,
            odd=self.odd_share,
        )
        order = list(self.grades)
        for device, things in groupby(rows, key=lambda row: row["device_id"]):
            graded = [(_grade(kinds, thing), kinds, thing) for thing in things if (kinds := _kinds(thing))]
            graded = [one for one in graded if one[0] in _HEAVY or one[0] == "several" or not one[2]["arranged"]]
            if graded:
                grade, kinds, thing = min(graded, key=lambda one: order.index(one[0]))
                yield _hit(device, grade, kinds, thing)


def _maker(row: Mapping[str, Any]) -> str | None:
    """The maker of keyboards whose name a device writes, with where it does, as ``maker by manufacturer``."""
    for place in ("manufacturer", "product"):
        text = (row[place] or "")[:200].lower()
        found = next((name for name, (pattern, _) in _MAKERS.items() if re.search(pattern, text)), None)
        if found:
            return f"{found} by {place}"
    return None


def _kinds(thing: Mapping[str, Any]) -> list[str]:
    """In what ways a device contradicts its identity.

    Units are compared of input devices only: phones and docks show other interfaces by what they are set to, and no KVM
    poses as one.
    """
    kinds = {kind for kind in ("speed", "build", "descriptor", "class") if thing[kind]}
    kinds |= {"serial"} if thing["new_serial"] else set()
    maker, _, place = (thing["maker"] or "").partition(" by ")
    vendor = thing["vendor_id"]
    if vendor in _GADGET_VENDORS:  # any gadget has these numbers: its units are no product
        root_hub = vendor == _GADGET_VENDORS[0] and thing["product_id"] < _FIRST_GADGET
        inbox = thing["windows"] and maker == "Microsoft"  # Windows writes the driver's maker there
        return ["gadget"] if maker and not inbox and not root_hub else []
    if not (thing["keyboard"] or thing["mouse"] or thing["pointer"]):
        return []
    holders = {number for _, number in _MAKERS.values()}
    if place == "manufacturer" and not thing["windows"] and vendor in holders - {_MAKERS[maker][1]}:
        kinds.add("maker")
    return [kind for kind in _KINDS if kind in kinds]


def _grade(kinds: list[str], thing: Mapping[str, Any]) -> str:
    if set(kinds) & set(_HEAVY):
        return "several" if len(kinds) > 1 else kinds[0]
    if not thing["keyboard"]:
        return "mouse"
    return "details" if len(kinds) > 1 else kinds[0]


def _hit(device: str, grade: str, kinds: list[str], thing: Mapping[str, Any]) -> Hit:
    name = " ".join(filter(None, (f"{thing['vendor_id']:04x}:{thing['product_id']:04x}", thing["manufacturer"],
                                  thing["product"])))[:80]  # fmt: skip
    parts = {"storage": "a disc", "network": "a network card", "audio": "sound", "video": "a camera",
             "pointer": "a pointer that jumps to places"}  # fmt: skip
    odd = [text for part, text in parts.items() if thing[part] and thing[f"{part}_odd"]]
    maker = (thing["maker"] or "").partition(" by ")[0]
    others = f"of {many(thing['n_units'], 'unit')} in the fleet"
    said = {
        "gadget": f"names {maker} under a vendor id of Linux gadgets",
        "speed": f"runs at {thing['speed_mbps']:g} Mb/s, which {thing['plain'] or 'the other units'} cannot"
        if thing["speed_mbps"] is not None
        else "",
        "build": f"has {' and '.join(odd) or 'a keyboard'}, which hardly any {others} has",
        "descriptor": f"describes its reports unlike the others of its revision, {others}",
        "class": f"has class {thing['device_class']}, where units have {thing['usual_class']}",
        "maker": f"names {maker} under another maker's vendor id",
        "serial": f"has a serial number, which hardly any {others} has" if not thing["plain"]
        else f"has a serial number, which a {thing['plain']} has not",
    }  # fmt: skip
    arranged = "; an arrangement for unusual input is declared" if thing["arranged"] else ""
    return Hit(
        device,
        grade,
        f"{name} {'; it '.join(said[kind] for kind in kinds)}{arranged}",
        observed=f"class {thing['device_class'] or 'not told'}; interfaces {thing['interfaces'] or 'not told'}; "
        f"{thing['speed_mbps'] or 'unknown'} Mb/s; serial {thing['serial'] or 'none'}"[:300],
        expected="a device built like the other units of the product it says it is",
        telling=(telling(UsbDevice, thing["first"], thing["last"], count=thing["n"], record_ids=[thing["record_id"]]),),
    )
