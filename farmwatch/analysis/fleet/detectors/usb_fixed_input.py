"""A keyboard and pointer in one USB device that is there at every look, never unplugged, and the only input (E3).

People unplug things: they move between desks, carry the laptop to a meeting, change a mouse. A KVM stays. What sets it
apart from a receiver or a dock is a pointer that jumps to places, which mice on desks have not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, Record, UsbDevice

__all__ = ["UsbFixedInput"]


@dataclass(frozen=True, slots=True)
class UsbFixedInput(FleetDetector):
    """Finds keyboards with a pointer that never leave."""

    id: ClassVar[str] = "usb.fixed_input"
    title: ClassVar[str] = "does all its input come from one box that is never unplugged?"
    topic: ClassVar[str] = "USB keyboards and pointers that are never unplugged"
    signals: ClassVar[tuple[str, ...]] = ("E3",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (UsbDevice,)
    benign: ClassVar[tuple[str, ...]] = (
        "a desk with a switch between two computers or a tablet as pointer",
        "a laptop that is used as a desktop computer",
        "a virtual machine, whose pointer jumps too",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "only input": Grade(
            Claim.DRIVEN, 10.0, "judged: keyboard and jumping pointer in one, always, alone (E3: C to B)"
        ),
        "fixed pointer": Grade(Claim.DRIVEN, 5.0, "judged: the same beside other input devices (E3: C)"),
    }
    when_clear: ClassVar[str] = "no keyboard with a pointer that jumps to places was there all the time"
    check: ClassVar[str] = "ask for a photograph of what is plugged into the USB ports"

    least_days: int = param(3, "Days with a list of USB devices: fewer are one stay at one desk.", low=2, high=20)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such a thing; those whose input the roster explains are left out."""
        for row in fleet.rows(
            """
            WITH looked AS (
                SELECT device_id, bit_or(present_days) AS looks,
                       count(*) FILTER ((keyboard OR mouse) AND NOT inside AND NOT virtual) AS inputs
                FROM usb_things GROUP BY device_id
            )
            SELECT t.*, bit_count(looks) AS stayed, inputs
            FROM usb_things AS t JOIN looked USING (device_id)
            WHERE keyboard AND pointer AND NOT pen AND NOT inside AND NOT virtual AND moves = 0
                AND present_days = looks AND bit_count(looks) >= $least
                AND t.device_id NOT IN (SELECT device_id FROM excused)
            QUALIFY row_number() OVER (PARTITION BY t.device_id ORDER BY vendor_id, product_id) = 1
            ORDER BY t.device_id
            """,
            least=self.least_days,
        ):
            name = " ".join(filter(None, (f"{row['vendor_id']:04x}:{row['product_id']:04x}", row["manufacturer"],
                                          row["product"])))[:80]  # fmt: skip
            alone = row["inputs"] <= 1
            beside = (
                "and is its only keyboard or mouse"
                if alone
                else f"beside {many(row['inputs'] - 1, 'other input device')}"
            )
            days = "the only day" if row["stayed"] == 1 else f"all {many(row['stayed'], 'day')}"
            yield Hit(
                row["device_id"],
                "only input" if alone else "fixed pointer",
                f"{name}, keyboard and jumping pointer in one, was there on {days} with a list of USB devices, was "
                f"never unplugged, {beside}",
                observed=f"input {row['hid_kinds'] or 'by interfaces'}; {many(row['n'], 'sighting')}",
                expected="input devices come and go, and a mouse reports movements",
                telling=(telling(UsbDevice, row["first"], row["last"], count=row["n"], record_ids=[row["record_id"]]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose feeds do not list USB devices with what they can do, or on too few days."""
        rows = fleet.rows(
            """
            SELECT device_id, bool_or(hid_kinds IS NOT NULL) AS told FROM usb_seen GROUP BY device_id
            HAVING NOT told OR bit_count(bit_or(present_days)) < $least ORDER BY device_id
            """,
            least=self.least_days,
        )
        return {
            row["device_id"]: "USB devices were listed on too few days" if row["told"]
            else "USB devices are listed without their input reports"
            for row in rows
        }  # fmt: skip
