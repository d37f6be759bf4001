"""Somebody comes in by a remote-control tool day after day: the program that starts with each session (N1, E10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many, tool_tellings
from farmwatch.records import Claim, Family, Process, Record

__all__ = ["RemoteSessionDays"]

_JUDGED = "judged from grades B of N1 and A of E10 (docs/evidence.md): support comes and is done"


@dataclass(frozen=True, slots=True)
class RemoteSessionDays(FleetDetector):
    """Counts the days on which a tool started what it starts for nobody but somebody who comes in.

    An approved tool counts too where the company allows it for everybody: that allows support, which is over in a day
    or two. Where many devices are like that, it is how this company works.
    """

    id: ClassVar[str] = "remote.session_days"
    title: ClassVar[str] = "does somebody come in over a remote-control tool day after day?"
    topic: ClassVar[str] = "days with sessions of remote-control tools"
    signals: ClassVar[tuple[str, ...]] = ("N1", "E10")
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = (Process,)
    benign: ClassVar[tuple[str, ...]] = (
        "the person reaching the device from a second computer",
        "a long support case or training (match it to a ticket)",
        "a shared device that is administered from afar",
    )
    group: ClassVar[str] = "remote session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "most_days": Grade(Claim.DRIVEN, 16.0, f"{_JUDGED}; how long they lasted and who it was is not told"),
        "allowed": Grade(Claim.DRIVEN, 12.0, f"{_JUDGED}; the tool is allowed, and people reach their own laptops"),
    }
    when_clear: ClassVar[str] = "no program that starts with a session, or on few days, or on many devices"
    check: ClassVar[str] = "collect the tool's own log, and match its sessions to support tickets"
    days: float = param(4.0, "Days with sessions: support cases are over by then.", low=3, high=20)
    span: float = param(6.0, "From the first to the last: an administrator's project is done by then.", low=3, high=20)
    share: float = param(0.5, "Of the days on which programs ran: whoever works there comes daily.", low=0.2, high=1)
    common: float = param(0.02, "Of the devices: where more are like that, it is a habit.", low=0.001, high=0.2)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for each tool and device."""
        for row in fleet.rows(
            """
            WITH visited AS (
                SELECT device_id, tool, name, session_days, approved,
                       [one FOR one IN seen IF one.via = 'processes'] AS seen
                FROM device_tools ANTI JOIN personal_tools USING (device_id, tool)
                WHERE session_days >= $days AND session_span >= $span AND kind IN ('remote_access', 'rmm')
            ), awake AS (
                SELECT device_id, count(DISTINCT CAST(ts AS DATE)) AS days FROM processes_30d
                SEMI JOIN visited USING (device_id) GROUP BY device_id
            )
            SELECT v.*, a.days, count(*) OVER (PARTITION BY tool) AS devices
            FROM visited AS v JOIN awake AS a USING (device_id) WHERE session_days >= $share * a.days
            QUALIFY devices < 10 OR devices < $common * (SELECT count(*) FROM fleet_devices)
            ORDER BY device_id, tool
            """,
            days=self.days,
            span=self.span,
            share=self.share,
            common=self.common,
        ):
            yield Hit(
                row["device_id"],
                "allowed" if row["approved"] else "most_days",
                f"{row['name']} started the program that runs while somebody is in on "
                f"{row['session_days']:,} of {many(row['days'], 'day')}"
                + ("; the tool is allowed, as support is" if row["approved"] else ""),
                observed=f"sessions on {many(row['session_days'], 'day')}",
                expected="support on a day or two",
                telling=tool_tellings(row["seen"]),
            )
