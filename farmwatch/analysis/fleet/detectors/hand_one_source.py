"""All input of a laptop comes in by USB, and its own keyboard and touchpad are never touched (E15).

Whoever drives a laptop from afar by a box has that box alone: keyboard and pointer in one USB device, for days, and
not one key on the laptop itself. A docked laptop is silent as well, but its keyboard and mouse are two devices, or a
wireless receiver without an absolute pointer; so that weighs little, and nothing where lid or plug are moved. A remote
hand cannot press a built-in key; a helper in the house can, and a few a day are allowed for. That a camera, microphone
or fingerprint reader is never used is not reported by any feed and not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, InputTiming, Record, UsbDevice

__all__ = ["HandOneSource"]

_SOURCES = """
    WITH sources AS (
        SELECT device_id, input_device, role, bool_or(box) AS box, sum(presses + clicks) AS events, sum(moves) AS moves,
               sum(windows) AS windows, count(*) FILTER (presses + clicks >= 20) AS days,
               min(day)::TIMESTAMPTZ AS first, max(day)::TIMESTAMPTZ + INTERVAL 1 DAY - INTERVAL 1 SECOND AS last
        FROM input_days GROUP BY device_id, input_device, role
    ), summed AS (
        SELECT device_id, sum(events) AS events, sum(windows) AS windows, max(days) AS days, min(first) AS first,
               max(last) AS last, coalesce(sum(events) FILTER (role = 'usb'), 0) AS by_usb,
               coalesce(sum(events) FILTER (role = 'built in'), 0) AS built_in,
               coalesce(sum(moves) FILTER (role = 'built in'), 0) AS touched,
               count(*) FILTER (role = 'usb' AND events > 0) AS n_usb,
               max(events) FILTER (role = 'usb' AND box) AS by_box,
               arg_max(input_device, (events, input_device)) FILTER (role = 'usb' AND box) AS box
        FROM sources GROUP BY device_id
    )
"""


@dataclass(frozen=True, slots=True)
class HandOneSource(FleetDetector):
    """Finds laptops whose own keyboard and touchpad are silent while another device types for days."""

    id: ClassVar[str] = "hand.one_source"
    title: ClassVar[str] = "does all its input come from one USB device, and none from its own keyboard?"
    topic: ClassVar[str] = "which devices input comes from"
    signals: ClassVar[tuple[str, ...]] = ("E15", "E3")
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (InputTiming, UsbDevice)
    benign: ClassVar[tuple[str, ...]] = (
        "a laptop that is always docked, with keyboard and mouse of its own",
        "a broken built-in keyboard",
        "an all-in-one keyboard with a touch panel",
    )
    group: ClassVar[str] = "local hand"
    grades: ClassVar[Mapping[str, Grade]] = {
        "one_box": Grade(
            Claim.DRIVEN,
            8.0,
            "judged from grade B of E15 (docs/evidence.md): one USB device that is keyboard and absolute pointer makes "
            "all input",
            group="kvm",
        ),
        "own_silent": Grade(
            Claim.DRIVEN,
            3.0,
            "judged from E15 (docs/evidence.md), lid and plug never moved; docked laptops may be like this",
        ),
    }
    when_clear: ClassVar[str] = "its own keyboard or touchpad is used, or several devices share the work"
    check: ClassVar[str] = "ask what keyboard and mouse are used, and for a photograph of what is plugged in"

    least_events: float = param(1000, "Keys and clicks: days of work, not a test.", low=100, high=100_000)
    least_days: float = param(4, "A week less a day off.", low=2, high=28)
    least_share: float = param(0.98, "Of all keys and clicks; a helper may sign in by hand.", low=0.8, high=1.0)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on laptops with enough input on enough days."""
        for row in fleet.rows(
            _SOURCES
            + """
            , shelved AS (
                SELECT device_id FROM power GROUP BY device_id
                HAVING count(lid_closed) + count(battery_pct) + count(cycles) > 0 AND count(DISTINCT lid_closed) <= 1
                       AND NOT bool_or(coalesce(event IN ('lid open', 'lid closed', 'on battery'), false)
                                       OR coalesce(NOT on_mains, false))
            )
            SELECT s.*, coalesce(by_box >= $share * events AND touched = 0, false) AS one_box FROM summed AS s
            WHERE events >= $least AND days >= $days
                  AND (by_box >= $share * events
                       OR (by_usb >= $share * events AND n_usb <= 3 AND device_id IN (SELECT device_id FROM shelved)))
                  AND built_in <= (1 - $share) * events AND touched = 0
                  AND device_id NOT IN (SELECT device_id FROM excused)
            ORDER BY device_id
            """,
            least=int(self.least_events),
            days=int(self.least_days),
            share=self.least_share,
        ):
            source = (
                f"from {row['box'][:80]}, which is keyboard and absolute pointer in one"
                if row["one_box"]
                else f"from {many(row['n_usb'], 'USB device')}"
            )
            yield Hit(
                row["device_id"],
                "one_box" if row["one_box"] else "own_silent",
                f"{row['events']:,} keys and clicks on {many(row['days'], 'day')} came {source}; its own "
                "touchpad was never moved",
                observed=f"{row['by_usb']:,} by USB, {row['built_in']:,} on the built-in keyboard and touchpad",
                expected="some input on a laptop's own keyboard or touchpad",
                telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices with too little input to tell, and those with an arrangement."""
        rows = fleet.rows(
            f"{_SOURCES} SELECT device_id FROM summed WHERE events < $least OR days < $days ORDER BY device_id",
            least=int(self.least_events),
            days=int(self.least_days),
        )
        few = f"fewer than {self.least_events:,.0f} keys and clicks, or than {self.least_days:.0f} days of them"
        return {**{row["device_id"]: few for row in rows}, **excused(fleet)}
