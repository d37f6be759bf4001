"""A device that takes in another machine's video, plugged into the laptop itself (E5).

Home-made KVMs are built on the same capture sticks that streamers use, so one says little: that something with a video
output is, or was, watched from this laptop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from farmwatch.analysis.fleet.conditions import candidates
from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Kind, Layer, Side
from farmwatch.records import Claim, Family, Record, UsbDevice

__all__ = ["UsbCaptureDevice"]

_CAPTURE_MAKERS = (0x0FD9, 0x07CA, 0x2935)  #: Elgato, AVerMedia, Magewell (hwdata, usb.ids); video devices of theirs
_CAPTURE_WORDS = (
    r"(?i)\b(hdmi|video|game|av|usb)[ -]?capture\b|\bcapture (card|stick|hdmi|device|dongle)|\bcam link\b"
    r"|\bhdmi to usb\b"
)  #: what such things call themselves (docs/evidence.md, E5)
_CONDITIONS = {"vid": "printf('%04x', vendor_id)", "pid": "printf('%04x', product_id)"}


@dataclass(frozen=True, slots=True)
class UsbCaptureDevice(FleetDetector):
    """Finds video capture devices."""

    id: ClassVar[str] = "usb.capture_device"
    title: ClassVar[str] = "is a video capture device plugged into it?"
    topic: ClassVar[str] = "video capture devices on USB"
    signals: ClassVar[tuple[str, ...]] = ("E5",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (UsbDevice,)
    benign: ClassVar[tuple[str, ...]] = (
        "streaming, or a better camera for meetings",
        "a technician who looks at servers without a screen",
        "a meeting-room computer",
    )
    group: ClassVar[str] = "capture"
    grades: ClassVar[Mapping[str, Grade]] = {
        "kvm stick": Grade(
            Claim.DRIVEN, 4.0, "judged: the stick that home-made KVMs are built on (docs/evidence.md, E5: C)"
        ),
        "capture": Grade(Claim.DRIVEN, 2.0, "judged: streamers and meeting rooms have them (docs/evidence.md, E5: C)"),
    }
    when_clear: ClassVar[str] = "no video capture device was plugged in"
    check: ClassVar[str] = "ask what it is used for"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such a thing; a stick of KVMs before another."""
        wanted = candidates(fleet.knowledge, Layer.USB, _CONDITIONS)
        fleet.make("usb_capture_candidates", f"SELECT DISTINCT vendor_id, product_id FROM usb_things WHERE {wanted}")
        fleet.label("usb_capture_sticks", "usb_capture_candidates", ("vendor_id", "product_id"),
                    lambda row: _stick(fleet.knowledge, row))  # fmt: skip
        makers = ", ".join(map(str, _CAPTURE_MAKERS))
        rows = fleet.rows(
            f"""
            SELECT t.*, label FROM usb_things AS t LEFT JOIN usb_capture_sticks USING (vendor_id, product_id)
            WHERE label IS NOT NULL OR regexp_matches(product, $words) AND NOT keyboard
                OR video AND vendor_id IN ({makers})
            ORDER BY device_id, label IS NULL, vendor_id, product_id
            """,
            words=_CAPTURE_WORDS,
        )
        for device, found in groupby(rows, key=lambda row: row["device_id"]):
            row = next(found)
            name = " ".join(filter(None, (f"{row['vendor_id']:04x}:{row['product_id']:04x}", row["manufacturer"],
                                          row["product"])))[:80]  # fmt: skip
            yield Hit(
                device,
                "kvm stick" if row["label"] else "capture",
                f"the video capture device {name} is plugged into it"
                + (f"; kits such as {row['label']} are built on it" if row["label"] else ""),
                observed=f"{name}; last seen {row['last']:%Y-%m-%d}",
                expected="cameras, which look at people and not at other machines",
                telling=(telling(UsbDevice, row["first"], row["last"], count=row["n"], record_ids=[row["record_id"]]),),
            )


def _stick(knowledge: Knowledge, row: Mapping[str, Any]) -> str | None:
    """KVMs that have this on the side of whoever watches."""
    found = knowledge.match_usb({"vid": f"{row['vendor_id']:04x}", "pid": f"{row['product_id']:04x}"})
    names = {one.entry.name for one in found if one.side is Side.CONTROLLER and one.entry.kind is Kind.KVM}
    return " or ".join(sorted(names)[:3]) or None
