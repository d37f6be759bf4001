"""An absolute pointer that reports far too seldom for a finger or a pen: a far browser sets its pace.

TinyPilot's page waits between two pointer positions: each wait is a third of the last one plus the round trip, which
settles at half the round trip between operator and box (its app.js and mouse.js; read in the code, not measured). So
the gaps of an absolute pointer in movement say that positions come from afar, and with TinyPilot how far. Fingers, pens
and virtual machines report every 5 to 17 ms. An operator in the house leaves a few ms and is missed; one who uses
another box, or a relative pointer, is too. Nobody can make the gap shorter than the way is long, but a slow network
makes it longer: so it bounds nothing from below, and weighs little as a distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.knowledge import Knowledge
from farmwatch.records import Claim, Family, InputTiming, Record

__all__ = ["PointerSpacing"]

_FOLLOWS_ROUND_TRIP = frozenset({"tinypilot", "tinypilot-kit"})  #: boxes whose page paces by half the round trip
_VIRTUAL = ("0627", "0e0f", "1ab8", "80ee")  #: QEMU, VMware, Parallels, VirtualBox (usb.ids)
_COLUMNS = ("vendor_id", "product_id", "manufacturer", "product", "serial", "hid_reports")
_POINTERS = """
    SELECT t.device_id, lower(t.input_device) AS input_device, s.role, count(*) AS windows,
           count(DISTINCT CAST(t.ts AS DATE)) AS days, median(t.move_gap_ms) AS gap,
           quantile_cont(t.move_gap_ms, 0.1) AS low, quantile_cont(t.move_gap_ms, 0.9) AS high,
           avg(CASE WHEN t.move_gap_ms BETWEEN $slow AND 1000 THEN 1.0 ELSE 0.0 END) AS share,
           sum(t.moves) AS moves, min(t.ts) AS first, max(t.ts) AS last
    FROM input_timing AS t JOIN input_sources AS s
         ON s.device_id = t.device_id AND s.input_device = lower(t.input_device)
    WHERE t.pointer = 'absolute' AND t.jiggle_period_s IS NULL AND t.moves >= $moves AND t.move_gap_ms > 0
          AND s.role IN ('usb', 'injected', 'unknown') AND NOT list_contains($virtual, substr(s.input_device, 1, 4))
    GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class PointerSpacing(FleetDetector):
    """Finds absolute pointers paced by a round trip."""

    id: ClassVar[str] = "pointer.spacing"
    title: ClassVar[str] = "do positions of its pointer come at the pace of a distant browser?"
    topic: ClassVar[str] = "gaps between positions of an absolute pointer"
    signals: ClassVar[tuple[str, ...]] = ("E3", "N15")
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (InputTiming,)
    benign: ClassVar[tuple[str, ...]] = (
        "a virtual machine or cloud desktop, whose pointer is its viewer's",
        "the owner's own KVM, used from another room or on the road",
        "a slow or worn touch panel or drawing tablet",
    )
    group: ClassVar[str] = "pointer spacing"
    grades: ClassVar[Mapping[str, Grade]] = {
        "slow": Grade(
            Claim.DRIVEN, 6.0, "judged: fingers, pens and viewers nearby report every 5 to 17 ms (docs/evidence.md, E3)"
        ),
        "paced_by_box": Grade(
            Claim.DRIVEN,
            9.0,
            "judged: a box whose page paces by the round trip, and such a pace; read in its code, not measured "
            "(docs/evidence.md, E3)",
        ),
        "far": Grade(
            Claim.ABROAD,
            6.0,
            "judged: twice the gap is more than coast to coast with home access takes (docs/evidence.md, M4); queues "
            "and slow lines lengthen it",
            group="control round trip",
        ),
    }
    when_clear: ClassVar[str] = (
        "absolute pointers, if any, report as fast as hands move; an operator nearby would not show"
    )
    check: ClassVar[str] = (
        "ask what the absolute pointer is: a touch screen, a tablet, a virtual machine or a box on USB"
    )

    slow_ms: float = param(25.0, "Beyond what screens at 60 Hz and their viewers make.", low=17, high=200)
    far_ms: float = param(
        75.0, "Half of 150 ms: 76 ms coast to coast and up to 60 ms of home access.", low=40, high=500
    )
    least_moves: float = param(50, "Reports in a window, for a median.", low=10, high=1000)
    least_windows: float = param(12, "An hour of movement.", low=3, high=500)
    least_days: float = param(3, "A bad line lasts a day.", low=1, high=28)
    least_share: float = param(0.8, "Of windows that are slow: the pace is kept.", low=0.5, high=1.0)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on pointers that are slow in most windows on enough days."""
        fleet.make(
            "slow_pointers",
            f"""
            SELECT * FROM ({_POINTERS}) WHERE windows >= $windows AND days >= $days AND share >= $share
                   AND device_id NOT IN (SELECT device_id FROM excused)
            """,
            slow=self.slow_ms,
            moves=int(self.least_moves),
            virtual=list(_VIRTUAL),
            windows=int(self.least_windows),
            days=int(self.least_days),
            share=self.least_share,
        )
        fleet.make("slow_pointer_things", "SELECT * FROM usb_seen SEMI JOIN slow_pointers USING (device_id)")
        join = fleet.label("pacing_boxes", "slow_pointer_things", _COLUMNS, lambda row: _box(fleet.knowledge, row))
        for row in fleet.rows(
            f"""
            WITH boxes AS (
                SELECT slow_pointer_things.device_id, printf('%04x:%04x', slow_pointer_things.vendor_id,
                           slow_pointer_things.product_id) AS input_device, min(label) AS box
                FROM slow_pointer_things {join} GROUP BY ALL
            )
            SELECT p.*, b.box FROM slow_pointers AS p LEFT JOIN boxes AS b USING (device_id, input_device)
            ORDER BY p.device_id, p.input_device
            """
        ):
            yield _hit(row, "paced_by_box" if row["box"] else "slow")
            if row["box"] and row["gap"] >= self.far_ms:
                yield _hit(row, "far")

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without an absolute pointer in movement, and those with an arrangement."""
        rows = fleet.rows(
            f"""
            SELECT device_id FROM presence WHERE name = 'input_timing'
                   AND device_id NOT IN (SELECT device_id FROM ({_POINTERS})) ORDER BY device_id
            """,
            slow=self.slow_ms,
            moves=int(self.least_moves),
            virtual=list(_VIRTUAL),
        )
        return {**{row["device_id"]: "no absolute pointer moved" for row in rows}, **excused(fleet)}


def _box(knowledge: Knowledge, row: Mapping[str, Any]) -> str | None:
    """The box whose page paces by the round trip, by its identity or by the pointer it shows."""
    fields = {key: row[key] for key in ("manufacturer", "product", "serial") if row[key]}
    fields |= {key: f"{row[name]:04x}" for key, name in (("vid", "vendor_id"), ("pid", "product_id"))
               if row[name] is not None}  # fmt: skip
    matches = [*knowledge.match_usb(fields)]
    for descriptor in (row["hid_reports"] or "").split(","):
        matches += knowledge.match_hid(descriptor) if descriptor else ()
    return min((match.entry.name for match in matches if match.alone and match.id in _FOLLOWS_ROUND_TRIP), default=None)


def _hit(row: Mapping[str, Any], grade: str) -> Hit:
    pace = f"its absolute pointer reports every {row['gap']:.0f} ms in movement ({row['low']:.0f} to {row['high']:.0f})"
    told = {
        "slow": f"{pace}, too seldom for a finger or a pen: consistent with positions sent from afar",
        "paced_by_box": f"{pace}, and {row['box']} waits half the round trip to its operator between two positions",
        "far": f"{row['box']} waits half the round trip between two pointer positions, and {row['gap']:.0f} ms make "
        f"about {2 * row['gap']:.0f} ms to its operator",
    }[grade]
    return Hit(
        row["device_id"],
        grade,
        told,
        observed=f"{row['input_device'][:80]} ({row['role']}): {row['moves']:,} reports in "
        f"{many(row['windows'], 'window')} on {many(row['days'], 'day')}",
        expected="5 to 17 ms between two reports of a touch screen, pen, or viewer nearby",
        telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"]),),
    )
