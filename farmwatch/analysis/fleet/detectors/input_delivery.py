"""How keys arrive over days: in clumps after pauses, as a network lets them go, or on the grid of a far screen.

A packet that is lost holds back all keys behind it; then they come at once. So typing that crossed a network has pauses
that end in several presses within 2 ms, which hands hardly make. Programs at the far end send at the pace of their
screen or timer: 17, 20, 50 or 100 ms, where keyboards and USB have 1 to 16 (docs/evidence.md, M16). Both are looked at
per keyboard and over the whole window, with the fleet's own keyboards as the measure; windows in which the system
dropped reports are left out.

What a remote hand can hide: a relay that paces keys evenly leaves neither. What it cannot make: keys of a built-in
keyboard, which is why those are not judged. Wireless keyboards have grids and clumps of their radio and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, InputTiming, Record

__all__ = ["InputDelivery"]

_KEYBOARDS = """
    SELECT device_id, input_device, role, sum(presses) AS presses, sum(sound_presses) AS sound, sum(clumped) AS clumped,
           sum(stalls) AS stalls, sum(tested) AS tested, sum(gridded) AS gridded, sum(windows) AS windows,
           sum(lossy) AS lossy, count(*) FILTER (presses > 0) AS days, min(day)::TIMESTAMPTZ AS first,
           max(day)::TIMESTAMPTZ + INTERVAL 1 DAY - INTERVAL 1 SECOND AS last
    FROM input_days GROUP BY device_id, input_device, role
"""


@dataclass(frozen=True, slots=True)
class InputDelivery(FleetDetector):
    """Finds keyboards whose presses bear the marks of a network or of a program's pace."""

    id: ClassVar[str] = "input.delivery"
    title: ClassVar[str] = "do its keys arrive as if a network had carried them?"
    topic: ClassVar[str] = "clumps and grids of key presses"
    signals: ClassVar[tuple[str, ...]] = ("E15",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (InputTiming,)
    benign: ClassVar[tuple[str, ...]] = (
        "a keyboard with macros, chords or steno, which presses several keys at once by design",
        "a wireless keyboard that the system shows as a plain USB device",
        "a keyboard shared by software or a switch between two computers",
        "a machine so busy that it reads its keyboard late",
    )
    group: ClassVar[str] = "input delivery"
    grades: ClassVar[Mapping[str, Grade]] = {
        "clumps": Grade(
            Claim.DRIVEN,
            8.0,
            "judged: pauses that end in presses within 2 ms, again and again over days (docs/evidence.md, M16)",
        ),
        "grid": Grade(
            Claim.DRIVEN,
            5.0,
            "judged: the pace of a far program's timer; keyboards of other makes may have it (docs/evidence.md, M16)",
        ),
        "both": Grade(
            Claim.DRIVEN, 12.0, "judged: a far program's pace, held up and let go by a network (docs/evidence.md, M16)"
        ),
    }
    when_clear: ClassVar[str] = (
        "keys of plugged-in keyboards came at the pace of fingers; a relay that evens out its keys would not show"
    )
    check: ClassVar[str] = "ask what keyboard it is and what is plugged into the laptop; capture the traffic beside it"

    least_presses: float = param(1500, "Several hours of typing, so that 3 % are dozens.", low=200, high=100_000)
    least_days: float = param(3, "One bad day of a machine or a hub is none.", low=1, high=28)
    clumped_share: float = param(0.03, "Hands press two keys within 2 ms in less than 1 %.", low=0.01, high=0.5)
    times_fleet: float = param(5.0, "Beyond the fleet's own middle, should its keyboards clump.", low=2, high=100)
    least_stalls: float = param(20, "Pauses that end in a clump: enough to be no chance.", low=5, high=1000)
    stalled_share: float = param(0.3, "Of clumps that follow a pause; chords come amid typing.", low=0.05, high=1)
    grid_share: float = param(0.5, "Of presses where a grid could be told.", low=0.2, high=1)
    most_lossy: float = param(0.5, "Of windows with dropped reports: beyond, nothing is told.", low=0.1, high=1)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on keyboards with enough presses on enough days."""
        for row in fleet.rows(
            f"""
            WITH keyboards AS ({_KEYBOARDS}), usual AS (
                SELECT coalesce(median(clumped / sound), 0) AS share FROM keyboards WHERE sound >= $least
                HAVING count(*) >= 20
            ), marked AS (
                SELECT k.*, clumped / sound AS share, gridded / greatest(tested, 1) AS on_grid,
                       clumped / sound >= greatest($clumped, $times * coalesce((SELECT share FROM usual), 0))
                           AND stalls >= $stalls AND 2 * stalls >= $stalled * clumped AS clumps,
                       tested >= $least AND gridded >= $grid * tested AS grid
                FROM keyboards AS k
                WHERE role IN ('usb', 'injected', 'unknown') AND sound >= $least AND days >= $days
                      AND device_id NOT IN (SELECT device_id FROM excused)
            )
            SELECT * FROM marked WHERE clumps OR (grid AND role <> 'unknown') ORDER BY device_id, input_device
            """,
            least=int(self.least_presses),
            days=int(self.least_days),
            clumped=self.clumped_share,
            times=self.times_fleet,
            stalls=int(self.least_stalls),
            stalled=self.stalled_share,
            grid=self.grid_share,
        ):
            grid = row["grid"] and row["role"] != "unknown"
            yield _hit(row, "both" if row["clumps"] and grid else "clumps" if row["clumps"] else "grid")

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices on which too little was typed, reports were lost, or an arrangement explains input."""
        rows = fleet.rows(
            f"""
            SELECT device_id, sum(lossy) > $lossy * sum(windows) AS lossy FROM ({_KEYBOARDS})
            GROUP BY device_id
            HAVING max(CASE WHEN role <> 'bluetooth' AND days >= $days THEN sound ELSE 0 END) < $least
            ORDER BY device_id
            """,
            lossy=self.most_lossy,
            least=int(self.least_presses),
            days=int(self.least_days),
        )
        few = f"fewer than {self.least_presses:,.0f} presses on one keyboard"
        lost = "the system dropped input reports in most windows"
        return {**{row["device_id"]: lost if row["lossy"] else few for row in rows}, **excused(fleet)}


def _hit(row: Mapping[str, Any], grade: str) -> Hit:
    clumps = f"{many(row['stalls'], 'pause')} ended in several keys at once ({100 * row['share']:.1f} % of presses)"
    grid = f"{100 * row['on_grid']:.0f} % of presses keep a program's pace of 17 ms or slower"
    told = {"clumps": clumps, "grid": grid, "both": f"{clumps}, and {grid}"}[grade]
    return Hit(
        row["device_id"],
        grade,
        f"{told}, over {row['sound']:,} presses on {many(row['days'], 'day')}: consistent with keys that a network "
        "carried",
        observed=f"{row['input_device'][:80]} ({row['role']}): {row['clumped']:,} of {row['sound']:,} presses within "
        f"2 ms of another; {row['lossy']} of {many(row['windows'], 'window')} left out for lost reports",
        expected="less than 1 % of presses within 2 ms, and a grid of 1 to 16 ms or none",
        telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"]),),
    )
