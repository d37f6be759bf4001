"""A small Linux computer that poses as a USB network card or disc, above all soon after a laptop was handed out (E17).

In a published case a laptop was loaded from such a board within the hour of its first start. KVMs do the same to bring
files over. Phones share their connection that way too, under their own makers' ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.records import Claim, Family, Record, UsbDevice

__all__ = ["UsbNetworkGadget"]

_BOARD_VENDORS = {0x0525: 0, 0x1D6B: 0x0100, 0x2E8A: 0}
"""NetChip and Linux Foundation, whose ids Linux's gadget drivers use, and Raspberry Pi (hwdata, usb.ids), with the
first product that is one: those of 1d6b below 0100 are the machine's own root hubs."""

_WORDS = r"(?i)raspberry|\b(rndis|ethernet|linux|composite|multifunction|ncm|ecm|cdc)\b.*\bgadget\b|^usb gadget"
_SETTLED_DAYS = 7  #: after the first report of any device: what is new then is a new device, not a new feed


@dataclass(frozen=True, slots=True)
class UsbNetworkGadget(FleetDetector):
    """Finds boards that pose as a network card or a disc."""

    id: ClassVar[str] = "usb.network_gadget"
    title: ClassVar[str] = "was a small Linux computer plugged in as a network card or disc?"
    topic: ClassVar[str] = "USB network cards and discs that are computers"
    signals: ClassVar[tuple[str, ...]] = ("E17",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (UsbDevice,)
    benign: ClassVar[tuple[str, ...]] = (
        "a maker's or developer's board",
        "a cheap mobile-network stick, built from the same drivers",
        "the company's own set-up stick",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "first day": Grade(Claim.DRIVEN, 13.0, "judged: the published case took 25 minutes (docs/evidence.md, E17: B)"),
        "first weeks": Grade(
            Claim.DRIVEN, 9.0, "judged: as remote tools come soon after issue (docs/evidence.md, E17, E11)"
        ),
        "gadget": Grade(Claim.DRIVEN, 4.0, "judged: makers and developers have such boards (docs/evidence.md, E17)"),
    }
    when_clear: ClassVar[str] = "no small computer posed as a USB network card or disc"
    check: ClassVar[str] = "ask what was plugged in, and look at what was copied from it or run that day"

    weeks_days: float = param(14.0, "Days after issue that count as its first weeks: the shortest window published "
                              "rules use (E11).", low=3, high=45)  # fmt: skip

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such a thing: for each the one that came first."""
        boards = " OR ".join(
            f"vendor_id = {vendor} AND product_id >= {first}" for vendor, first in _BOARD_VENDORS.items()
        )
        fleet.make(
            "gadget_boards",
            f"""
            SELECT * FROM usb_things ANTI JOIN kvm_approved USING (device_id)
            WHERE (network OR storage) AND ({boards} OR regexp_matches(concat_ws(' ', manufacturer, product), $words))
            """,
            words=_WORDS,
        )
        for row in fleet.rows(
            """
            WITH since AS (
                SELECT device_id, vendor_id, product_id, min(ts) AS came FROM usb_devices_ever
                SEMI JOIN gadget_boards USING (device_id, vendor_id, product_id) GROUP BY ALL
            ), known AS (
                SELECT device_id, min(ts) AS seen, min(min(ts)) OVER () AS begun FROM devices_ever GROUP BY device_id
            )
            SELECT b.*, came, coalesce(o.issued, CASE WHEN seen > begun + to_days($settled) THEN seen END) AS started,
                   o.issued IS NOT NULL AS declared, epoch(came - started) / 86400 AS after_days
            FROM gadget_boards AS b JOIN since USING (device_id, vendor_id, product_id)
            LEFT JOIN owners AS o ON o.device_id = b.device_id LEFT JOIN known AS k ON k.device_id = b.device_id
            QUALIFY row_number() OVER (PARTITION BY b.device_id ORDER BY came, vendor_id, product_id) = 1
            ORDER BY b.device_id
            """,
            settled=_SETTLED_DAYS,
        ):
            name = " ".join(filter(None, (f"{row['vendor_id']:04x}:{row['product_id']:04x}", row["manufacturer"],
                                          row["product"])))[:80]  # fmt: skip
            after = row["after_days"]
            grade = "gadget"
            if after is not None and -1 <= after <= self.weeks_days:  # handed out during the day, dated by its midnight
                grade = "first day" if after <= 1 else "first weeks"
            what = " and ".join(word for part, word in (("network", "network card"), ("storage", "disc")) if row[part])
            told = "it was handed out" if row["declared"] else "its first report"
            when = "" if grade == "gadget" else f", {max(after, 0) * 24:.0f} hours after {told}" if after < 2 else (
                f", {after:.0f} days after {told}"
            )  # fmt: skip
            yield Hit(
                row["device_id"],
                grade,
                f"{name}, a small Linux computer by its ids or name, was plugged in as {what}{when}",
                observed=f"first seen {row['came']:%Y-%m-%d %H:%M}; interfaces {row['interfaces'] or 'not told'}"[:200],
                expected="network cards, discs and phones of their own makers",
                telling=(telling(UsbDevice, row["first"], row["last"], count=row["n"], record_ids=[row["record_id"]]),),
            )
