"""The clock of the machine that drives a remote desktop keeps another time than the device (RdpCoreTS 104).

Windows logs the client's time zone as whole hours east of UTC. What the device's own offset is stands in the rows its
agent sends; without one, the declared longitude gives it within two hours and a half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import travelling_sql
from farmwatch.records import Claim, Family, Logon, Record

__all__ = ["LogonFarClock"]

_COMPARED = f"""
WITH clocks AS (
    SELECT device_id, ts, session_id, client_utc_offset_min AS far, record_id FROM logons_30d
    WHERE client_utc_offset_min BETWEEN -840 AND 840 AND NOT $approved AND device_id NOT IN (
        SELECT device_id FROM owners WHERE list_contains(approved_tools, 'rdp'))
), own AS (
    SELECT device_id, ts, min(utc_offset_min) AS utc_offset_min FROM devices_ever
    WHERE utc_offset_min BETWEEN -840 AND 840 GROUP BY device_id, ts
), office AS (
    SELECT DISTINCT l.device_id, l.session_id FROM logons_30d AS l JOIN places AS p ON p.address = l.remote_h
    WHERE l.session_id IS NOT NULL AND l.event IN ('connection', 'authenticated')
          AND (p.scope = 'own' OR l.remote_h IN (FROM logon_desks))
), near AS (
    SELECT c.*, n.utc_offset_min AS own FROM clocks AS c
    ASOF LEFT JOIN own AS n ON n.device_id = c.device_id AND n.ts <= c.ts
), first_own AS (
    SELECT device_id, arg_min(utc_offset_min, ts) AS own FROM own GROUP BY device_id
), known AS (
    SELECT n.device_id, n.ts, n.far, n.record_id, coalesce(n.own, f.own) AS own,
           coalesce(n.own, f.own, 60 * round(o.longitude / 15)) AS due, c.session_id IS NOT NULL AS office
    FROM near AS n LEFT JOIN first_own AS f USING (device_id) LEFT JOIN owners AS o USING (device_id)
    LEFT JOIN office AS c ON c.device_id = n.device_id AND c.session_id = n.session_id
)
SELECT device_id, ts, far, due, record_id, own IS NULL AS by_place,
       office OR {travelling_sql("k.device_id", "k.ts")} AS explained,
       least(abs(far - due), 1440 - abs(far - due)) - CASE WHEN own IS NULL THEN 90 ELSE 0 END AS apart
FROM known AS k WHERE due IS NOT NULL
"""
"""Clocks of clients beside the device's own. A place's longitude tells its clock within 90 minutes more: daylight
saving time and the width of zones. Thirteen hours ahead and eleven behind show the same time of day, so differences go
round at 24 h."""


@dataclass(frozen=True, slots=True)
class LogonFarClock(FleetDetector):
    """Compares the driving machine's offset from UTC with the device's own.

    A clock is a fact about a machine, set by whoever runs it; it is compared with the device's declared place only, and
    an offset that many devices' sessions have is the company's own desk abroad. UTC itself tells hardly anything: it is
    what a machine keeps that nobody set. Where remote desktop is approved, nobody looks at its clients' clocks.
    """

    id: ClassVar[str] = "logon.far_clock"
    title: ClassVar[str] = "does the machine that drives it keep another time?"
    topic: ClassVar[str] = "clocks of machines that drive remote desktops"
    signals: ClassVar[tuple[str, ...]] = ("E10", "N15")
    family: ClassVar[Family] = Family.PLACE
    needs: ClassVar[tuple[type[Record], ...]] = (Logon,)
    benign: ClassVar[tuple[str, ...]] = (
        "a help desk abroad whose addresses were not declared",
        "the person on a journey, reaching the device at home",
        "a jump host, thin client or server whose clock is kept in UTC, as most of them are",
    )
    group: ClassVar[str] = "far clock"
    grades: ClassVar[Mapping[str, Grade]] = {
        "far": Grade(Claim.ABROAD, 16.0, "judged: set by the machine that drives, and few think of it"),
        "other": Grade(Claim.ABROAD, 4.0, "judged: a zone or two apart, inside one country in many places"),
        "shared": Grade(Claim.ABROAD, 2.0, "judged: many devices' sessions show this clock: a desk of the company"),
        "utc": Grade(
            Claim.ABROAD, 2.0, "judged: UTC is what servers, jump hosts and thin clients are set to, wherever they are"
        ),
        "driven_days": Grade(
            Claim.DRIVEN,
            16.0,
            "judged: remote sessions ran on several days, from a machine hours away",
            group="remote session",
            for_review=True,
        ),
        "driven": Grade(
            Claim.DRIVEN, 12.0, "judged: a remote session ran, from a machine hours away", group="remote session"
        ),
    }
    when_clear: ClassVar[str] = (
        "machines that drove it keep the device's own time, or come from the company's addresses"
    )
    check: ClassVar[str] = "compare the client's address and screen of the same session; ask whose machine it is"
    other_min: float = param(90.0, "Daylight saving time and half zones explain less.", low=60, high=180)
    far_min: float = param(180.0, "Farther than the zones most countries have.", low=120, high=720)
    least_days: float = param(3.0, "Support from afar is done in a day or two.", low=2, high=20)
    shared_devices: float = param(20.0, "So many devices, and one in fifty, are a desk's.", low=5, high=1000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit about where, and one that a session was driven, for each device."""
        fleet.make("far_clocks", _COMPARED, approved="rdp" in fleet.profile.approved_tools)
        for row in fleet.rows(
            """
            WITH apart AS (
                SELECT *, count(DISTINCT device_id) OVER (PARTITION BY far) AS devices FROM far_clocks
                WHERE apart >= $other_min AND NOT explained
                QUALIFY far <> 0 OR bool_and(far = 0) OVER (PARTITION BY device_id)
            )
            SELECT device_id, count(*) AS n, count(DISTINCT CAST(ts AS DATE)) AS days,
                   count(DISTINCT CAST(ts AS DATE)) FILTER (
                       apart >= $far_min AND far <> 0 AND devices < $shared_devices) AS far_days, min(ts) AS first,
                   max(ts) AS last, max(apart) AS apart, list(DISTINCT far ORDER BY far) AS offsets,
                   any_value(due ORDER BY ts) AS due, bool_and(by_place) AS by_place,
                   bool_and(devices >= $shared_devices
                            AND devices >= 0.02 * (SELECT count(*) FROM fleet_devices)) AS shared,
                   coalesce(min(record_id, 20), []) AS ids
            FROM apart GROUP BY device_id ORDER BY device_id
            """,
            other_min=self.other_min,
            far_min=self.far_min,
            shared_devices=self.shared_devices,
        ):
            utc = row["offsets"] == [0]
            far = row["apart"] >= self.far_min and not utc and not row["shared"]
            offsets = ", ".join(_offset(one) for one in row["offsets"])
            proof = (telling(Logon, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),)
            expected = f"{_offset(row['due'])}" + (
                ", by the declared place" if row["by_place"] else ", the device's own"
            )
            said = (
                f"{many(row['n'], 'remote-desktop session')} on {many(row['days'], 'day')} were driven by a machine "
                f"whose clock is {offsets}"
            )
            yield Hit(
                row["device_id"],
                "utc" if utc else "shared" if row["shared"] else "far" if far else "other",
                f"{said}; the device's is {_offset(row['due'])}",
                observed=offsets,
                expected=expected,
                telling=proof,
            )
            if far:
                driven = "driven_days" if row["far_days"] >= self.least_days else "driven"
                yield Hit(row["device_id"], driven, said, observed=offsets, expected=expected, telling=proof)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose logs hold no client's clock, or whose own offset is not known."""
        rows = fleet.arrow(
            """
            SELECT p.device_id, c.device_id IS NOT NULL AS clock FROM presence AS p
            LEFT JOIN (SELECT DISTINCT device_id FROM logons_30d WHERE client_utc_offset_min IS NOT NULL) AS c
            USING (device_id) ANTI JOIN (SELECT DISTINCT device_id FROM far_clocks) USING (device_id)
            WHERE p.name = 'logons' ORDER BY p.device_id
            """
        ).to_pydict()
        why = {True: "its own offset from UTC is not known", False: "no remote desktop client's clock in its logs"}
        return {device: why[clock] for device, clock in zip(rows["device_id"], rows["clock"], strict=True)}


def _offset(minutes: float) -> str:
    hours, rest = divmod(abs(int(minutes)), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
