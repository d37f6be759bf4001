"""A display whose description contradicts itself, or the other units of its model (E4).

A KVM that poses as a real monitor has to describe one: a copied first block without the rest it announces, a name under
another maker's code, sizes that fit no screen, or a second block that came along under several makers' names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.records import Claim, Display, Family, Record

__all__ = ["DisplayContradiction"]

_BRANDS = {
    "Dell": (r"^dell\b", {"DEL"}), "LG": (r"^lg\b", {"GSM", "LGD", "LPL"}),
    "HP": (r"^hp\b", {"HWP", "HPN", "HPQ", "HPC"}),
    "BenQ": (r"^benq\b", {"BNQ"}), "ASUS": (r"^asus\b", {"AUS", "ACI"}), "Acer": (r"^acer\b", {"ACR", "API"}),
    "Philips": (r"^(philips|phl)\b", {"PHL"}), "Samsung": (r"^samsung\b", {"SAM", "SEC", "SDC", "STN"}),
    "ViewSonic": (r"^viewsonic\b", {"VSC"}), "EIZO": (r"^eizo\b", {"ENC"}), "Lenovo": (r"^lenovo\b", {"LEN"}),
    "Sony": (r"^sony\b", {"SNY"}),
}  # fmt: skip
"""Makers of monitors by how a display's name begins and their codes in the registry of such codes (hwdata, pnp.ids)."""

_SPARSEST_DPI, _DENSEST_DPI = 15, 400  #: of a wall-sized screen and of a telephone's
_WRONG_ASPECT = 1.3  #: 16:9 against 4:3 is 1.33; panels deviate by a few percent
_TEMPLATE = (0x0100, 8, 2018)  #: product, week and year of one chip maker's sample in splitters, KVMs and capture boxes
_TELEVISION = """coalesce(width = 1280 AND height = 720 AND refresh_hz BETWEEN 49 AND 61 AND extensions_present >= 1
    AND width_mm BETWEEN 400 AND 1300 AND width_mm::DOUBLE / height_mm BETWEEN 1.65 AND 1.9
    AND NOT regexp_matches(lower(coalesce(connector, '')), '(^|[^a-z])(dp|displayport|vga|dvi)'), false)"""
"""SQL: a television of 18 inches and more by HDMI, whose own format is 720p (CTA-861, formats 4 and 19). KVMs that ask
for it describe no screen of that size, or are known by their names. Windows does not tell the kind of plug."""
_KINDS = ("model", "maker", "block", "template", "mode", "checksum", "truncated", "size")


@dataclass(frozen=True, slots=True)
class DisplayContradiction(FleetDetector):
    """Finds displays that are not what they describe."""

    id: ClassVar[str] = "display.contradiction"
    title: ClassVar[str] = "does a display describe something that cannot be, or is unlike its model?"
    topic: ClassVar[str] = "whether displays fit their description"
    signals: ClassVar[tuple[str, ...]] = ("E4",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (Display,)
    benign: ClassVar[tuple[str, ...]] = (
        "an adapter, dock or long cable that garbles or shortens what the display says",
        "a television or projector, which may prefer a low mode and give no true size",
        "a newer build of the model, or another of its inputs",
        "a splitter or desk switch with a description of its own",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "several": Grade(Claim.DRIVEN, 12.0, "judged: one oddity is an adapter, several are another thing (E4)"),
        "model": Grade(Claim.DRIVEN, 8.0, "judged: name or size unlike the other units of its code (E4)"),
        "maker": Grade(Claim.DRIVEN, 7.0, "judged: a maker's name under another maker's code (E4)"),
        "block": Grade(Claim.DRIVEN, 5.0, "judged: one rare second block under several makers' names (E4)"),
        "template": Grade(Claim.DRIVEN, 5.0, "judged: a bridge chip's sample under another maker's code (E4)"),
        "mode": Grade(
            Claim.DRIVEN, 4.0, "judged: what capture chips can take at most, and monitors do not ask for (E4)"
        ),
        "checksum": Grade(Claim.DRIVEN, 4.0, "judged: edited without care, or garbled on the way"),
        "truncated": Grade(
            Claim.DRIVEN, 3.0, "judged: announces a block it has not, as one KVM's first identity did (E4)"
        ),
        "size": Grade(Claim.DRIVEN, 2.0, "judged: televisions and projectors do it too"),
    }
    when_clear: ClassVar[str] = "what the displays say of themselves is consistent"
    check: ClassVar[str] = "ask for a photograph of the display and its name plate, and of what its cable ends in"

    fewest_units: int = param(10, "Devices that must show a model before it is known what it says.", low=3, high=100)
    usual_share: float = param(0.8, "Share of units that must agree on a value before another is odd.",
                               low=0.5, high=1.0)  # fmt: skip
    rare_share: float = param(0.05, "Share of devices up to which a shortened description is not the feed's doing.",
                              low=0.001, high=0.2)  # fmt: skip
    most_holders: int = param(30, "Devices that a rare second block may be on: a farm's number, not a product's.",
                              low=3, high=200)  # fmt: skip

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such a display: for each the one with the strongest grade."""
        fleet.make("external_screens", "SELECT * FROM screens WHERE NOT coalesce(internal, false)")
        join = fleet.label("display_brands", "external_screens", ("vendor", "name"), _other_brand)
        rows = fleet.rows(
            f"""
            WITH units AS (
                SELECT vendor, product_code, count(DISTINCT device_id) AS units, mode(name) AS usual_name,
                       mode(printf('%d x %d', width_mm, height_mm)) AS usual_size
                FROM external_screens WHERE vendor IS NOT NULL AND product_code IS NOT NULL
                GROUP BY vendor, product_code HAVING units >= $fewest
            ), agreed AS (
                SELECT u.*, count(DISTINCT CASE WHEN name = usual_name THEN device_id END) AS n_name,
                       count(DISTINCT CASE WHEN name IS NOT NULL THEN device_id END) AS n_named,
                       count(DISTINCT CASE WHEN printf('%d x %d', width_mm, height_mm) = usual_size THEN device_id END)
                           AS n_size,
                       count(DISTINCT CASE WHEN width_mm > 0 AND height_mm > 0 THEN device_id END) AS n_sized
                FROM external_screens AS s JOIN units AS u USING (vendor, product_code) GROUP BY ALL
            ), blocks AS (
                SELECT extension_sha256 FROM external_screens WHERE extension_sha256 IS NOT NULL
                GROUP BY extension_sha256
                HAVING count(DISTINCT vendor) >= 3 AND count(DISTINCT device_id) <= $holders
            ), reading AS (
                SELECT count(DISTINCT device_id) AS n_edid,
                       count(DISTINCT CASE WHEN extensions_present < extensions THEN device_id END) AS n_short
                FROM external_screens WHERE extensions_present IS NOT NULL
            ), brands AS (
                SELECT vendor, label, count(DISTINCT device_id) AS n_brand
                FROM (SELECT external_screens.device_id, external_screens.vendor, label FROM external_screens {join})
                GROUP BY vendor, label
            ), told AS (
                SELECT external_screens.*, b.label AS brand, usual_name, usual_size, units,
                       b.label IS NOT NULL AND n_brand < $fewest AS maker,
                       coalesce(external_screens.name <> usual_name AND n_named >= $fewest
                           AND n_name >= $usual * n_named, false) AS name_odd,
                       coalesce(width_mm > 0 AND height_mm > 0 AND printf('%d x %d', width_mm, height_mm) <> usual_size
                           AND n_sized >= $fewest AND n_size >= $usual * n_sized, false) AS size_odd,
                       extension_sha256 IN (SELECT extension_sha256 FROM blocks) AS block,
                       coalesce(external_screens.product_code = {_TEMPLATE[0]} AND week = {_TEMPLATE[1]}
                           AND year = {_TEMPLATE[2]}, false) AS template,
                       NOT {_TELEVISION} AND coalesce(pixel_clock_khz > 0 AND (height BETWEEN 480 AND 720
                           OR height BETWEEN 1080 AND 1200 AND refresh_hz BETWEEN 20 AND 50.5), false) AS mode,
                       coalesce(NOT sound AND extensions_present >= extensions, false) AS checksum,
                       coalesce(extensions_present < extensions AND n_edid >= 2 * $fewest
                           AND n_short <= $rare * n_edid, false) AS truncated,
                       coalesce(width_mm > 0 AND height_mm > 0 AND width > 0 AND height > 0 AND (
                           width * 25.4 / width_mm NOT BETWEEN {_SPARSEST_DPI} AND {_DENSEST_DPI}
                           OR greatest((width::DOUBLE / height) / (width_mm::DOUBLE / height_mm),
                                       (width_mm::DOUBLE / height_mm) / (width::DOUBLE / height)) > {_WRONG_ASPECT}
                       ), false) AS size
                FROM external_screens CROSS JOIN reading
                LEFT JOIN display_brands AS b ON b.vendor IS NOT DISTINCT FROM external_screens.vendor
                    AND b.name IS NOT DISTINCT FROM external_screens.name
                LEFT JOIN brands ON brands.vendor IS NOT DISTINCT FROM b.vendor AND brands.label = b.label
                LEFT JOIN agreed ON agreed.vendor = external_screens.vendor
                    AND agreed.product_code = external_screens.product_code
            )
            SELECT *, name_odd OR size_odd AS model FROM told
            WHERE maker OR name_odd OR size_odd OR block OR template OR mode OR checksum OR truncated OR size
            ORDER BY ALL
            """,
            fewest=self.fewest_units,
            usual=self.usual_share,
            rare=self.rare_share,
            holders=self.most_holders,
        )
        order = list(self.grades)
        for device, screens in groupby(rows, key=lambda row: row["device_id"]):
            graded = [("several" if len(kinds) > 1 else kinds[0], kinds, screen)
                      for screen in screens if (kinds := [kind for kind in _KINDS if screen[kind]])]  # fmt: skip
            grade, kinds, screen = min(graded, key=lambda one: order.index(one[0]))
            yield _hit(device, grade, kinds, screen)


def _other_brand(row: Mapping[str, Any]) -> str | None:
    """The maker that a display's name begins with, where its code is another's."""
    name, vendor = (row["name"] or "")[:100].strip().lower(), row["vendor"]
    if not name or not re.fullmatch("[A-Z]{3}", vendor or ""):
        return None
    return next((brand for brand, (start, codes) in _BRANDS.items() if re.search(start, name) and vendor not in codes),
                None)  # fmt: skip


def _hit(device: str, grade: str, kinds: list[str], screen: Mapping[str, Any]) -> Hit:
    name = " ".join(filter(None, (screen["vendor"], screen["name"] or "without a name")))[:80]
    usual_name, usual_size = f"the name {str(screen['usual_name'])[:40]}", f"{screen['usual_size']} mm"
    model = [text for odd, text in (("name_odd", usual_name), ("size_odd", usual_size)) if screen[odd]]
    said = {
        "model": f"is unlike most units of its code on {screen['units'] or 0:,} devices, with {' and '.join(model)}",
        "maker": f"is called after {screen['brand']} under the code of another maker",
        "block": "has a second block that displays of three or more makers have here and nothing else has",
        "template": "has the product code and date of a bridge chip's sample",
        "mode": f"prefers {screen['width']} x {screen['height']} at {screen['refresh_hz']} Hz, as capture chips do",
        "checksum": "has a wrong checksum",
        "truncated": f"announces {screen['extensions']} more blocks and has {screen['extensions_present']}",
        "size": f"is {screen['width_mm']} x {screen['height_mm']} mm for {screen['width']} x {screen['height']} pixels",
    }
    return Hit(
        device,
        grade,
        f"the display {name} {'; it '.join(said[kind] for kind in kinds)}",
        observed=f"product {screen['product_code']}, serial {screen['serial_number']} {screen['serial_text'] or ''}, "
        f"week {screen['week']} of {screen['year']}"[:200],
        expected="a description like that of the other units of the model",
        telling=(
            telling(Display, screen["first"], screen["last"], count=screen["n"], record_ids=[screen["record_id"]]),
        ),
    )
