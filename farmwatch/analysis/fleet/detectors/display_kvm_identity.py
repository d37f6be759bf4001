"""A display that is a remote KVM or a capture chip by the identity it ships with: maker, product, serial, dates (E4).

Such a box has to be a monitor for the laptop, and describes one in its EDID. Names change with one command; the block
that follows the first, dates and serial numbers of a template are often kept. Identities that splitters, adapters and
capture sticks of every desk share are told apart from those only KVMs have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import groupby
from typing import Any, ClassVar

from farmwatch.analysis.fleet.conditions import candidates
from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import kvm_approved
from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Grade as Certainty
from farmwatch.knowledge.entries import Kind, Layer, Match, Sign
from farmwatch.knowledge.loading import parse_conditions
from farmwatch.records import Claim, Display, Family, Record

__all__ = ["DisplayKvmIdentity"]

_COLUMNS = (
    "vendor", "product_code", "name", "serial_text", "serial_number", "week", "year", "extension_sha256",
)  # fmt: skip
_CONDITIONS = {
    "vendor": "vendor",
    "product": "printf('%04x', product_code)",
    "name": "name",
    "serial": "trim(serial_text)",
    "serial_number": "printf('%08x', serial_number)",
    "week": "CAST(week AS VARCHAR)",
    "year": "CAST(year AS VARCHAR)",
}
_BLOCK_BYTES = 128  #: of an EDID block, the last of them a checksum that makes the sum 0 (E-EDID A.2 section 3.11)
_WHOLE_BYTES = re.compile(r"(?:[0-9a-fA-F]{2})+\*?")
_STRENGTH = ("dummy", "capture", "template", "fixed block", "reported", "identity")  #: grades, weakest first


@dataclass(frozen=True, slots=True)
class DisplayKvmIdentity(FleetDetector):
    """Finds displays under the identity of a KVM or capture chip."""

    id: ClassVar[str] = "display.kvm_identity"
    title: ClassVar[str] = "is one of its displays a remote KVM, by the identity it gives itself?"
    topic: ClassVar[str] = "displays that name themselves a remote KVM"
    signals: ClassVar[tuple[str, ...]] = ("E4",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (Display,)
    benign: ClassVar[tuple[str, ...]] = (
        "a splitter, switch or capture box on the desk, for streaming or meetings",
        "a plug without a screen, for a machine used from elsewhere",
        "a technician's own KVM, used on servers and plugged in here",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "identity": Grade(
            Claim.DRIVEN, 24.0, "judged: the identity a KVM ships with (docs/evidence.md, E4: grade A)", for_review=True
        ),
        "reported": Grade(
            Claim.DRIVEN, 16.0, "judged: identities of KVMs by reports, not by their makers' source (E4)"
        ),
        "fixed block": Grade(
            Claim.DRIVEN,
            20.0,
            "judged: the very block that a KVM adds to identities copied from monitors (E4)",
            for_review=True,
        ),
        "template": Grade(Claim.DRIVEN, 14.0, "judged: serial number and dates that a KVM's samples share (E4)"),
        "capture": Grade(Claim.DRIVEN, 5.0, "judged: a chip that KVMs, splitters and capture sticks share (E4)"),
        "dummy": Grade(Claim.DRIVEN, 3.0, "judged: a plug instead of a screen; also used on machines without one (E4)"),
    }
    when_clear: ClassVar[str] = "no display bears the identity of a remote KVM; a copied one would not show here"
    check: ClassVar[str] = "ask for a photograph of the display and of what its cable ends in"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such a display: for each the strongest of what was seen."""
        blocks = _blocks(fleet.knowledge)
        wanted = candidates(fleet.knowledge, Layer.EDID, _CONDITIONS)
        fleet.make(
            "display_kvm_candidates",
            "SELECT * FROM screens ANTI JOIN kvm_approved USING (device_id) "
            f"WHERE NOT coalesce(internal, false) AND ({wanted} "
            "OR list_has_any(string_split(extension_sha256, ','), $blocks::VARCHAR[]))",
            blocks=sorted(blocks),
        )
        join = fleet.label(
            "display_kvm_names", "display_kvm_candidates", _COLUMNS, lambda row: _kvm(fleet, blocks, row)
        )
        rows = fleet.rows(
            f"""
            SELECT device_id, label, min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n,
                   list_sort(list(DISTINCT record_id))[:20] AS ids,
                   list_sort(list(DISTINCT substr(concat_ws(' ', display_kvm_candidates.vendor,
                       printf('%04x', display_kvm_candidates.product_code), display_kvm_candidates.name,
                       display_kvm_candidates.serial_text, display_kvm_candidates.week,
                       display_kvm_candidates.year), 1, 100)))[:3] AS names
            FROM display_kvm_candidates {join} GROUP BY device_id, label ORDER BY device_id, label
            """
        )
        for device, found in groupby(rows, key=lambda row: row["device_id"]):
            row = max(
                found, key=lambda row: (_STRENGTH.index(row["label"].partition(": ")[0]), row["last"], row["label"])
            )
            yield _hit(device, row)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices on which the roster approves a KVM."""
        return kvm_approved(fleet)


def _hit(device: str, row: Mapping[str, Any]) -> Hit:
    grade, _, name = row["label"].partition(": ")
    said = {
        "identity": f"a display has the identity of {name}",
        "reported": f"a display has an identity that was reported of {name}",
        "fixed block": f"a display's second block is the one that {name} adds to identities copied from monitors",
        "template": f"a display's serial number and dates are those of a sample that KVMs such as {name} use",
        "capture": f"a display has the identity of a chip in capture sticks, splitters and some KVMs ({name})",
        "dummy": f"a plug takes the place of a display ({name})",
    }[grade]
    return Hit(
        device,
        grade,
        f"{said}; {'told on' if row['n'] == 1 else 'last seen'} {row['last']:%Y-%m-%d}",
        observed="; ".join(row["names"]),
        expected="monitors and docks of ordinary makers",
        telling=(telling(Display, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
    )


def _kvm(fleet: Fleet, blocks: Mapping[str, str], row: Mapping[str, Any]) -> str | None:
    """Grade and name of what has this identity, as ``grade: name``; None where the company approved it."""
    fields: dict[str, Any] = {
        "vendor": row["vendor"], "name": row["name"], "serial": (row["serial_text"] or "").strip(),
        "product": _hex(row["product_code"], 4), "serial_number": _hex(row["serial_number"], 8),
        "week": str(row["week"] or ""), "year": str(row["year"] or ""),
        "cta_block": [blocks[one] for one in (row["extension_sha256"] or "").split(",") if one in blocks],
    }  # fmt: skip
    found = list(fleet.knowledge.match_edid({key: value for key, value in fields.items() if value}))
    if any(one.id in fleet.profile.approved_tools for one in found):
        return None
    kvms = [match for match in found if match.entry.kind is Kind.KVM and match.sign is Sign.SESSION]
    for grade, wanted in (
        ("identity", [one for one in kvms if one.alone and one.grade is not Certainty.LOW]),
        ("fixed block", [one for one in kvms if "cta_block" in parse_conditions(one.fact.value)]),
        ("template", [one for one in kvms if not one.alone and one.grade is Certainty.HIGH]),
        ("reported", kvms),
        ("capture", [one for one in found if one.id == "hdmi-capture" or one.entry.kind is Kind.KVM]),
        ("dummy", [one for one in found if one.id == "dummy-display"]),
    ):
        if wanted:
            return f"{grade}: {_names(wanted)}"
    return None


def _names(matches: Iterable[Match]) -> str:
    return " or ".join(sorted({match.entry.name for match in matches})[:3])


def _hex(number: int | None, digits: int) -> str:
    return "" if number is None else f"{number:0{digits}x}"


@cache
def _blocks(knowledge: Knowledge) -> Mapping[str, str]:
    """Extension blocks of the knowledge in hex by their SHA-256: what is given, zeros, and the checksum."""
    blocks = {}
    for entry in knowledge.complete.values():
        for fact in entry.facts:
            given = parse_conditions(fact.value).get("cta_block", "") if fact.layer is Layer.EDID else ""
            if _WHOLE_BYTES.fullmatch(given):
                start = bytes.fromhex(given.rstrip("*"))[: _BLOCK_BYTES - 1]
                block = start + bytes(_BLOCK_BYTES - 1 - len(start))
                block += bytes([-sum(block) % 256])
                blocks[sha256(block).hexdigest()] = block.hex()
    return blocks
