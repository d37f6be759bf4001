"""An IP-KVM plugged in under its own USB name: vendor and product id, manufacturer, product, serial, storage (E1).

The knowledge says which values are a KVM's own and which others share: ``1d6b:0104`` alone is any Linux gadget, and
counts only together with a serial number or name that such a KVM ships with. Names of the disc or drive that a KVM
offers are separate from those of its USB device and are often forgotten when the latter are changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from farmwatch.analysis.fleet.conditions import candidates
from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import kvm_approved
from farmwatch.knowledge.entries import Grade as Certainty
from farmwatch.knowledge.entries import Kind, Layer, Match, Side, Sign
from farmwatch.knowledge.loading import parse_conditions
from farmwatch.records import Claim, Family, Record, UsbDevice

__all__ = ["UsbKvmIdentity"]

_COLUMNS = (
    "vendor_id", "product_id", "manufacturer", "product", "serial", "bcd_device", "bcd_usb", "attributes",
    "max_power_ma", "device_class", "interface_strings", "scsi_vendor", "scsi_product",
)  # fmt: skip
_CONDITIONS = {
    "vid": "printf('%04x', vendor_id)",
    "pid": "printf('%04x', product_id)",
    "manufacturer": "manufacturer",
    "product": "product",
    "serial": "serial",
    "scsi_vendor": "scsi_vendor",
    "scsi_product": "scsi_product",
}
_NAMING = frozenset(_CONDITIONS)  #: a fact without any of these names nothing: it is how such devices are built
_COMMON = frozenset({"vid=1a40 & pid=0101", "scsi_product=file-stor gadget"})
"""Parts of some KVMs that are sold by the million in other things: a small hub, the kernel's name for its storage."""

_STRENGTH = ("part", "console", "traits", "reported", "shared identity", "identity")  #: grades, weakest first


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
        "a switch on a desk that shares one keyboard between two computers",
        "a hardware test bench of the company",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "identity": Grade(
            Claim.DRIVEN,
            24.0,
            "judged: the maker's own values, rare in an office fleet (docs/evidence.md, E1)",
            for_review=True,
        ),
        "shared identity": Grade(
            Claim.DRIVEN,
            22.0,
            "judged: values that only a few KVM makers share (docs/evidence.md, E1)",
            for_review=True,
        ),
        "reported": Grade(Claim.DRIVEN, 18.0, "judged: a KVM's values by one public report, not by its maker"),
        "traits": Grade(Claim.DRIVEN, 12.0, "judged: two traits of one KVM that other gadgets have singly"),
        "console": Grade(Claim.DRIVEN, 8.0, "judged: a KVM maker's ids, which servers' management chips show as well"),
        "part": Grade(
            Claim.DRIVEN, 5.0, "judged: a switch or keyboard chip that desks have too (docs/evidence.md, E3)"
        ),
    }
    when_clear: ClassVar[str] = "no USB device bears the name of a remote KVM; one under a changed name would not show"
    check: ClassVar[str] = "ask for a photograph of what is plugged into the laptop's USB and video ports"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices to which a KVM is or was attached: for each the strongest of what was seen."""
        wanted = candidates(fleet.knowledge, Layer.USB, _CONDITIONS)
        fleet.make(
            "usb_kvm_candidates", "SELECT * FROM usb_seen ANTI JOIN kvm_approved USING (device_id) WHERE " + wanted
        )
        join = fleet.label("usb_kvm_names", "usb_kvm_candidates", _COLUMNS, lambda row: _kvm(fleet, row))
        rows = fleet.rows(
            f"""
            SELECT c.device_id, label, min(c.first) AS first, max(c.last) AS last, sum(c.n)::BIGINT AS n,
                   list_sort(list(DISTINCT c.record_id))[:20] AS ids,
                   list_sort(list(DISTINCT concat_ws(' ', c.ids, c.texts)))[:3] AS names,
                   any_value(coalesce(o.accommodation, false)) AS arranged
            FROM (
                SELECT usb_kvm_candidates.*, label, printf('%04x:%04x', usb_kvm_candidates.vendor_id,
                           usb_kvm_candidates.product_id) AS ids,
                       substr(concat_ws(' ', usb_kvm_candidates.manufacturer, usb_kvm_candidates.product,
                           usb_kvm_candidates.serial), 1, 80) AS texts
                FROM usb_kvm_candidates {join}
            ) AS c LEFT JOIN owners AS o ON o.device_id = c.device_id
            GROUP BY c.device_id, label ORDER BY c.device_id, label
            """
        )
        for device, found in groupby(rows, key=lambda row: row["device_id"]):
            row = max(found, key=lambda row: (_STRENGTH.index(_grade(row)), row["last"], row["label"]))
            if not (_grade(row) == "part" and row["arranged"]):
                yield _hit(device, row)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices on which the roster approves a KVM."""
        return kvm_approved(fleet)


def _grade(row: Mapping[str, Any]) -> str:
    return str(row["label"]).partition(": ")[0]


def _hit(device: str, row: Mapping[str, Any]) -> Hit:
    grade, _, name = row["label"].partition(": ")
    said = {
        "identity": f"a USB device names itself {name}",
        "shared identity": f"a USB device has the serial number that {name} devices share",
        "reported": f"a USB device has the values reported of {name}",
        "traits": f"a USB device has several traits of {name}, none of them its maker's own",
        "console": f"a USB device has the ids of {name}, as servers' management chips do",
        "part": f"a USB device has the ids of a part that {name} uses and desk switches use too",
    }[grade]
    return Hit(
        device,
        grade,
        f"{said}; {'told on' if row['n'] == 1 else 'last seen'} {row['last']:%Y-%m-%d}",
        observed="; ".join(row["names"]),
        expected="keyboards, mice, docks and drives of ordinary makers",
        telling=(telling(UsbDevice, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
    )


def _kvm(fleet: Fleet, row: Mapping[str, Any]) -> str | None:
    """Grade and name of the KVM whose values these are, as ``grade: name``; None where the company approved it."""
    found = [one for one in fleet.knowledge.match_usb(_fields(row)) if _counts(one)]
    if any(one.id in fleet.profile.approved_tools for one in found):
        return None
    sessions = [one for one in found if one.sign is Sign.SESSION and one.entry.kind is Kind.KVM]
    alone = [one for one in sessions if one.alone]
    if alone:
        sure = any(one.grade is Certainty.HIGH for one in alone)
        return f"{'identity' if sure else 'reported'}: {_names(alone)}"
    if sessions:
        numbered = [one for one in sessions if "serial" in parse_conditions(one.fact.value)]
        return f"shared identity: {_names(numbered)}" if numbered else f"console: {_names(sessions)}"
    parts = [one for one in found if one.grade is not Certainty.LOW]
    for entry in sorted({one.id for one in parts}):
        own = [one for one in parts if one.id == entry and one.entry.kind is Kind.KVM]
        if len({one.fact.value for one in own}) > 1:
            return f"traits: {_names(own)}"
    named = [one for one in parts if parse_conditions(one.fact.value).keys() & _NAMING and not _any_gadget(one)]
    return f"part: {_names(named)}" if named else None


def _counts(match: Match) -> bool:
    """A KVM or console, seen from the machine that is driven, by more than a part found in everything."""
    wanted = match.entry.kind is Kind.KVM or match.id == "kvm-console-usb"
    return wanted and match.side is not Side.CONTROLLER and match.fact.value.lower() not in _COMMON


def _any_gadget(match: Match) -> bool:
    """A fact that holds of Linux gadgets in general: no name beside how the device is built."""
    conditions = parse_conditions(match.fact.value)
    return conditions.get("vid", "").lower() == "1d6b" and not conditions.keys() & _NAMING - {"vid", "pid"}


def _names(matches: Iterable[Match]) -> str:
    return " or ".join(sorted({match.entry.name for match in matches})[:3])


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the knowledge's conditions call it."""
    numbers = {"vid": "vendor_id", "pid": "product_id", "bcd_device": "bcd_device", "bcd_usb": "bcd_usb"}
    fields: dict[str, Any] = {key: f"{row[name]:04x}" for key, name in numbers.items() if row[name] is not None}
    if row["attributes"] is not None:
        fields["attributes"] = f"{row['attributes']:02x}"
    if row["max_power_ma"] is not None:
        fields["max_power"] = str(row["max_power_ma"])
    if row["device_class"] and len(row["device_class"]) == 6:
        fields["device_class"] = "/".join(row["device_class"][at : at + 2] for at in (0, 2, 4))
    if row["interface_strings"]:
        fields["interface"] = row["interface_strings"].split(",")[:64]
    texts = ("manufacturer", "product", "serial", "scsi_vendor", "scsi_product")
    return fields | {key: row[key] for key in texts if row[key]}
