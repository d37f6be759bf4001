"""What a remote KVM is built of, whatever its name: interfaces, report descriptors, driver texts, speed (E2).

A KVM may copy the names and numbers of a real keyboard with one command; what it has to do stays: type, point at
places of the screen, offer a disc, and often a network card, a microphone or a camera, all in one USB device. Few
things on desks combine those. The traits are told apart by how few, and a product that is built like that on most
devices which have it is what its maker sells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import kvm_approved
from farmwatch.knowledge.entries import Grade as Certainty
from farmwatch.knowledge.entries import Kind, Layer, Sign
from farmwatch.knowledge.loading import parse_conditions
from farmwatch.records import Claim, Family, Record, UsbDevice

__all__ = ["UsbKvmStructure"]

_HIGH_SPEED_MBPS = 480  #: USB 2.0 section 5.4: wired keyboards of offices are low or full speed, 1.5 or 12
_TRAITS = {
    "pointer": "a pointer that jumps to places",
    "storage": "a disc",
    "network": "a network card",
    "video": "a camera",
    "audio": "sound",
    "fast": "480 Mb/s, forty times what a keyboard needs",
    "constants": "revision, version and power as Linux gadgets declare them",
    "shared": "a report descriptor that KVMs and code samples share",
    "board": "a development board's vendor id",
}
_WEAK = ("class mix", "pointing keyboard", "gadget constants", "shared descriptor", "board keyboard", "fast keyboard")


@dataclass(frozen=True, slots=True)
class UsbKvmStructure(FleetDetector):
    """Finds KVMs by what they are built of."""

    id: ClassVar[str] = "usb.kvm_structure"
    title: ClassVar[str] = "is one of its keyboards built like a remote KVM?"
    topic: ClassVar[str] = "what USB keyboards are built of"
    signals: ClassVar[tuple[str, ...]] = ("E2", "E3")
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (UsbDevice,)
    benign: ClassVar[tuple[str, ...]] = (
        "a gaming keyboard that brings its software on a small disc or reports 8,000 times a second",
        "a desk switch or dock that copies keyboards",
        "a maker's or hobbyist's board",
        "an input device for somebody with a disability",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "report descriptor": Grade(
            Claim.DRIVEN,
            23.0,
            "judged: the very bytes of a KVM's firmware, kept when names change (docs/evidence.md, E2)",
            for_review=True,
        ),
        "remote-control composite": Grade(
            Claim.DRIVEN,
            18.0,
            "judged: what KVMs must have and makers' manuals say cannot be hidden (docs/evidence.md, E2)",
            for_review=True,
        ),
        "gadget keyboard": Grade(
            Claim.DRIVEN, 16.0, "judged: a text of Linux's own gadget driver in a keyboard (docs/evidence.md, E2)"
        ),
        "several traits": Grade(
            Claim.DRIVEN,
            12.0,
            "judged: two traits of KVMs in one keyboard; rare, seen in one published environment (E2)",
        ),
        "pointing keyboard": Grade(Claim.DRIVEN, 8.0, "judged: remains when a KVM's disc is switched off (E3)"),
        "gadget constants": Grade(Claim.DRIVEN, 8.0, "judged: what a gadget declares if nobody changes it"),
        "class mix": Grade(
            Claim.DRIVEN, 7.0, "judged: rare in the one published environment; some gaming keyboards are built so (E2)"
        ),
        "shared descriptor": Grade(Claim.DRIVEN, 5.0, "judged: several KVMs and hobby projects share it"),
        "board keyboard": Grade(Claim.DRIVEN, 4.0, "judged: boards that type are injectors, toys or aids"),
        "fast keyboard": Grade(Claim.DRIVEN, 3.0, "judged: gaming keyboards do it too"),
    }
    when_clear: ClassVar[str] = "no USB keyboard is built like a remote KVM"
    check: ClassVar[str] = (
        "ask for a photograph of what is plugged into the USB ports and of the keyboard it claims to be"
    )

    fewest_holders: int = param(
        10, "Devices that must have a product before its usual build is known.", low=3, high=100
    )
    usual_share: float = param(0.5, "Share of holders with a trait from which on it is how the product is made.",
                               low=0.3, high=0.95)  # fmt: skip

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such a keyboard: for each the one with the strongest grade."""
        _label_reports(fleet)
        rows = fleet.rows(
            f"""
            WITH built AS (
                SELECT t.*, r.own, r.shared IS NOT NULL AS shared,
                       coalesce(speed_mbps >= {_HIGH_SPEED_MBPS}, false) AND whole
                           AND NOT (storage OR network OR video OR audio) AS fast,
                       coalesce(speed_mbps >= {_HIGH_SPEED_MBPS} AND bcd_usb = 512 AND max_power_ma = 250
                           AND bcd_device IN (256, 257, 258), false) AS constants,
                       t.vendor_id IN (SELECT vendor_id FROM usb_boards) AS board
                FROM usb_things AS t LEFT JOIN usb_reports AS r USING (device_id, vendor_id, product_id)
                ANTI JOIN kvm_approved AS k ON k.device_id = t.device_id
                WHERE NOT virtual AND NOT hub
            ), usual AS (
                SELECT vendor_id, product_id, count(*) AS n_all,
                       count(*) FILTER (storage OR network OR video OR pointer OR fast) AS n_such
                FROM built GROUP BY vendor_id, product_id
            )
            SELECT b.*, u.n_all >= $fewest AND u.n_such > $share * u.n_all AS usual,
                   coalesce(o.accommodation, false) AS arranged
            FROM built AS b JOIN usual AS u USING (vendor_id, product_id)
            LEFT JOIN owners AS o ON o.device_id = b.device_id
            WHERE own IS NOT NULL OR shared
                OR keyboard AND (storage OR network OR video OR pointer AND NOT pen OR gadget_text OR fast OR constants
                                 OR board)
            ORDER BY b.device_id, vendor_id, product_id
            """,
            fewest=self.fewest_holders,
            share=self.usual_share,
        )
        order = list(self.grades)
        for device, things in groupby(rows, key=lambda row: row["device_id"]):
            graded = [(grade, thing) for thing in things if (grade := _grade(thing))]
            if graded:
                grade, thing = min(graded, key=lambda one: order.index(one[0]))
                yield _hit(device, grade, thing)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose feeds say nothing of what USB devices can do, and those with an approved KVM."""
        rows = fleet.rows(
            "SELECT device_id FROM usb_seen GROUP BY device_id HAVING bool_and(interfaces IS NULL "
            "AND hid_kinds IS NULL AND hid_reports IS NULL AND class_name IS NULL) ORDER BY device_id"
        )
        named = {row["device_id"]: "USB devices are named without their interfaces" for row in rows}
        return named | kvm_approved(fleet)


def _label_reports(fleet: Fleet) -> None:
    """Make ``usb_reports`` (whose report descriptors a product has) and ``usb_boards`` (vendor ids of boards)."""
    join = fleet.label("usb_report_owners", "usb_seen", ("hid_reports",), lambda row: _owners(fleet, row))
    fleet.make(
        "usb_reports",
        f"""
        SELECT device_id, vendor_id, product_id, CASE WHEN bool_or(label = 'approved') THEN 'approved'
                   ELSE max(CASE WHEN label <> 'shared' THEN label END) END AS own,
               max(CASE WHEN label = 'shared' THEN label END) AS shared
        FROM usb_seen {join} GROUP BY ALL
        """,
    )
    entry = fleet.knowledge.complete.get("usb-injector")
    facts = [parse_conditions(fact.value) for fact in entry.facts if fact.layer is Layer.USB] if entry else []
    boards = sorted({int(fact["vid"], 16) for fact in facts if fact.keys() == {"vid"}})
    fleet.make("usb_boards", "SELECT unnest($boards::BIGINT[]) AS vendor_id", boards=boards)


def _owners(fleet: Fleet, row: Mapping[str, Any]) -> str | None:
    """Names of the KVMs whose report descriptor is among those listed, else ``shared`` where several share one.

    ``approved`` where the company approved one of them.
    """
    found = [
        match
        for digest in (row["hid_reports"] or "").split(",")[:32]
        if digest
        for match in fleet.knowledge.match_hid(digest)
        if match.entry.kind is Kind.KVM
    ]
    own = [match for match in found if match.alone and match.sign is Sign.SESSION]
    if any(match.id in fleet.profile.approved_tools for match in own):
        return "approved"
    if own:
        return " or ".join(sorted({match.entry.name for match in own})[:3])
    return "shared" if any(match.grade is not Certainty.LOW for match in found) else None


def _grade(thing: Mapping[str, Any]) -> str | None:
    """What the traits of one product together amount to."""
    if thing["own"] == "approved":
        return None
    if thing["own"]:
        return "report descriptor"
    weak = _weak_traits(thing)
    points = thing["pointer"] and not thing["pen"]
    strong = "remote-control composite" if thing["keyboard"] and points and thing["storage"] else (
        "gadget keyboard" if thing["gadget_text"] and thing["keyboard"] else
        "several traits" if len(weak) > 1 else None
    )  # fmt: skip
    if strong:
        softer = {"remote-control composite": "several traits", "gadget keyboard": "several traits"}
        return softer.get(strong, "class mix") if thing["arranged"] else strong
    if thing["arranged"] or thing["usual"] or not weak:
        return None
    grades = {"pointer": "pointing keyboard", "constants": "gadget constants", "shared": "shared descriptor",
              "board": "board keyboard", "fast": "fast keyboard"}  # fmt: skip
    found = {grades.get(trait, "class mix") for trait in weak if trait != "audio"}
    return next((grade for grade in _WEAK if grade in found), None)


def _weak_traits(thing: Mapping[str, Any]) -> list[str]:
    """Traits that single innocent products have."""
    if not thing["keyboard"]:
        return ["shared"] if thing["shared"] else []
    weak = [name for name in ("storage", "network", "video", "shared", "board") if thing[name]]
    weak += ["pointer"] if thing["pointer"] and not thing["pen"] else []
    weak += ["constants"] if thing["constants"] else ["fast"] if thing["fast"] else []
    return weak + (["audio"] if thing["audio"] and weak else [])


def _hit(device: str, grade: str, thing: Mapping[str, Any]) -> Hit:
    name = " ".join(filter(None, (f"{thing['vendor_id']:04x}:{thing['product_id']:04x}", thing["manufacturer"],
                                  thing["product"])))[:80]  # fmt: skip
    traits = [text for trait, text in _TRAITS.items() if thing[trait]]
    if thing["gadget_text"]:
        traits.append("the text 'HID Interface' of Linux's gadget driver")
    if thing["own"]:
        said = f"{name} describes its reports byte for byte as {thing['own']} does"
    elif thing["keyboard"]:
        said = f"the keyboard {name} also has {', '.join(traits)}"
    else:
        said = f"{name} has {', '.join(traits)}"
    arranged = "; an arrangement for unusual input is declared, so it counts less" if thing["arranged"] else ""
    return Hit(
        device,
        grade,
        f"{said}{arranged}",
        observed=f"interfaces {thing['interfaces'] or 'not told'}; input {thing['hid_kinds'] or 'not told'}; "
        f"{thing['speed_mbps'] or 'unknown'} Mb/s"[:300],
        expected="a keyboard is an input device of 1.5 or 12 Mb/s and nothing else",
        telling=(telling(UsbDevice, thing["first"], thing["last"], count=thing["n"], record_ids=[thing["record_id"]]),),
    )
