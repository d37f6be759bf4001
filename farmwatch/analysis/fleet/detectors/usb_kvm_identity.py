"""An IP-KVM plugged in under its own USB name: vendor and product id, manufacturer, product, serial number (E1).

The knowledge says which values are a KVM's own and which others share: ``1d6b:0104`` alone is any Linux gadget, and
counts only together with a serial number or name that such a KVM ships with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Kind
from farmwatch.records import Claim, Family, Record, UsbDevice

__all__ = ["UsbKvmIdentity"]

_COLUMNS = ("vendor_id", "product_id", "manufacturer", "product", "serial")


@dataclass(frozen=True, slots=True)
class UsbKvmIdentity(FleetDetector):
    """Finds KVMs by the identity they ship with."""

    id: ClassVar[str] = "usb.kvm_identity"
    title: ClassVar[str] = "is a remote KVM plugged into it, by the name the device gives itself?"
    topic: ClassVar[str] = "USB devices that name themselves a remote KVM"
    signals: ClassVar[tuple[str, ...]] = ("E1",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (UsbDevice,)
    benign: ClassVar[tuple[str, ...]] = (
        "a technician's or hobbyist's own KVM, used on servers or lab machines and plugged in here",
        "a hardware test bench of the company",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "identity": Grade(
            Claim.DRIVEN, 24.0, "judged: the maker's own values, rare in an office fleet (docs/evidence.md, E1)"
        ),
    }
    when_clear: ClassVar[str] = "no USB device bears the name of a remote KVM; one under a changed name would not show"
    check: ClassVar[str] = "ask for a photograph of what is plugged into the laptop's USB and video ports"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices to which a KVM is or was attached."""
        join = fleet.label("usb_kvm_names", "usb_devices", _COLUMNS, lambda row: _kvm(fleet.knowledge, row))
        for row in fleet.rows(
            f"""
            SELECT device_id, label, min(ts) AS first, max(ts) AS last, count(*) AS n,
                   list(DISTINCT record_id)[:20] AS ids,
                   list(DISTINCT concat_ws(' ', printf('%04x:%04x', usb_devices.vendor_id, usb_devices.product_id),
                        usb_devices.manufacturer, usb_devices.product, usb_devices.serial)) AS names
            FROM usb_devices {join} GROUP BY device_id, label ORDER BY device_id, label
            """  # noqa: S608 (names of ours)
        ):
            yield Hit(
                row["device_id"],
                "identity",
                f"a USB device names itself {row['label']}",
                observed="; ".join(sorted(row["names"])),
                expected="keyboards, mice, docks and drives of ordinary makers",
                telling=(telling(UsbDevice, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )


def _kvm(knowledge: Knowledge, row: Mapping[str, Any]) -> str | None:
    """The KVM whose own values these are."""
    ids = {"vid": row["vendor_id"], "pid": row["product_id"]}
    fields = {key: f"{value:04x}" for key, value in ids.items() if value is not None}
    fields |= {key: row[key] for key in ("manufacturer", "product", "serial") if row[key]}
    names = {match.entry.name for match in knowledge.match_usb(fields) if match.entry.kind is Kind.KVM and match.alone}
    return " or ".join(sorted(names)) or None
