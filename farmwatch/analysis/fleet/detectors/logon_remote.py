"""Somebody logged on to the device from elsewhere, as the system's own log tells (N1, E10).

Only logons that succeeded count: whoever stands in the internet is knocked at. Windows writes the client's address at
each logon and reconnection of a remote desktop; other systems write it beside each session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.desks import REMOTE_LOGON_TYPES
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import countries_said, travelling_sql
from farmwatch.knowledge.countries import country_name
from farmwatch.records import Claim, Family, Logon, Record

__all__ = ["LogonRemote"]

_JUDGED = "judged, as for captures: control from outside is a grade-A fact of the session, help desks its benign cause"
_SESSIONS = f"""
SELECT l.device_id, l.ts, CAST(l.ts AS DATE) AS day, l.remote_h, l.record_id, l.account, p.country, p.network,
       CASE WHEN regexp_matches(l.remote_h, '^(::ffff:)?127[.]|^::1$') THEN 'loopback'
            WHEN l.remote_h IN (FROM logon_desks) THEN 'desk' ELSE p.scope END AS scope
FROM logons_30d AS l JOIN places AS p ON p.address = l.remote_h LEFT JOIN owners AS o ON o.device_id = l.device_id
WHERE l.event IN ('logon', 'reconnect', 'present') AND (l.logon_type IS NULL OR l.logon_type IN ({REMOTE_LOGON_TYPES}))
AND NOT $approved
AND NOT coalesce(list_contains(o.approved_tools, 'rdp'), false)
"""
_WORDS = {
    "outside_often": "from the internet",
    "outside": "from the internet",
    "loopback": "through a tunnel that ends on the device itself",
    "near": "from the local network",
    "desk": "from an address that comes to many devices, to each of them seldom",
}


@dataclass(frozen=True, slots=True)
class LogonRemote(FleetDetector):
    """Finds remote logons by where they came from; those from the company's addresses are the help desk's.

    So are those from an address that logs on to many devices, to each of them seldom: where it lies says nothing.
    """

    id: ClassVar[str] = "logon.remote"
    title: ClassVar[str] = "did somebody log on to it from elsewhere?"
    topic: ClassVar[str] = "remote logons"
    signals: ClassVar[tuple[str, ...]] = ("N1", "E10")
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = (Logon,)
    benign: ClassVar[tuple[str, ...]] = (
        "a help desk whose addresses were not declared",
        "the person reaching the device from a second computer",
        "a laboratory machine or server that is administered remotely",
    )
    group: ClassVar[str] = "remote session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "outside_often": Grade(Claim.DRIVEN, 22.0, f"{_JUDGED}; from the internet on several days"),
        "outside": Grade(Claim.DRIVEN, 18.0, f"{_JUDGED}; from the internet"),
        "loopback": Grade(Claim.DRIVEN, 18.0, f"{_JUDGED}; from the device's own address, as by a reverse tunnel"),
        "near": Grade(Claim.DRIVEN, 6.0, f"{_JUDGED}; from the local network: often a colleague or the owner"),
        "desk": Grade(Claim.DRIVEN, 2.0, "judged: an address that logs on to many devices, seldom, is a help desk's"),
        "country": Grade(
            Claim.ABROAD, 15.0, "judged: the far end's address lies in another country than the device", group="far end"
        ),
        "country_by_network": Grade(
            Claim.ABROAD, 6.0, "judged: the same, by a VPN's or a data centre's address, which may be anywhere",
            group="far end",
        ),
    }  # fmt: skip
    when_clear: ClassVar[str] = "no logon from elsewhere, or from the company's own addresses only"
    check: ClassVar[str] = "ask who owns the far end's address, and whether the device's user knows of the session"
    often_days: float = param(2.0, "Days with such logons that are more than one visit.", low=2, high=20)
    practice_share: float = param(
        0.02, "Share of the fleet, and ten devices, from which on local logons are the company's practice.",
        low=0.001, high=1,
    )  # fmt: skip

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """For each device the strongest way in, and the far end's country where it is another."""
        fleet.make("remote_logons", _SESSIONS, approved="rdp" in fleet.profile.approved_tools)
        for row in fleet.rows(
            """
            WITH ways AS (
                SELECT device_id, scope, count(*) AS n, count(DISTINCT day) AS days, min(ts) AS first, max(ts) AS last,
                       list(DISTINCT remote_h ORDER BY remote_h) AS ends, coalesce(min(record_id, 20), []) AS ids,
                       count(*) OVER (PARTITION BY scope) AS devices
                FROM remote_logons WHERE scope IN ('public', 'loopback', 'local', 'desk') GROUP BY device_id, scope
            )
            SELECT * FROM ways WHERE NOT (scope = 'local' AND devices >= 10
            AND devices >= $practice_share * (SELECT count(*) FROM fleet_devices))
            QUALIFY row_number() OVER (
                PARTITION BY device_id ORDER BY list_position(['public', 'loopback', 'local', 'desk'], scope)
            ) = 1 ORDER BY device_id
            """,
            practice_share=self.practice_share,
        ):
            grade = self._grade(row)
            yield Hit(
                row["device_id"],
                grade,
                f"{many(row['n'], 'logon')} on {many(row['days'], 'day')} came {_WORDS[grade]}",
                observed=", ".join(row["ends"][:3]) + (f" and {len(row['ends']) - 3} more" if row["ends"][3:] else ""),
                expected="logons at the device, or from the company's own addresses",
                telling=(telling(Logon, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )
        for row in fleet.rows(
            f"""
            SELECT s.device_id, count(*) AS n, count(DISTINCT s.day) AS days, min(s.ts) AS first, max(s.ts) AS last,
                   list(DISTINCT s.country ORDER BY s.country) AS countries, any_value(o.place_country) AS declared,
                   bool_and(s.network IS NOT NULL) AS by_network, coalesce(min(s.record_id, 20), []) AS ids
            FROM remote_logons AS s JOIN owners AS o USING (device_id)
            WHERE s.scope = 'public' AND upper(s.country) <> upper(o.place_country)
              AND NOT {travelling_sql("s.device_id", "s.day")}
            GROUP BY s.device_id ORDER BY s.device_id
            """
        ):
            yield Hit(
                row["device_id"],
                "country_by_network" if row["by_network"] else "country",
                f"{many(row['n'], 'logon')} came from addresses in {countries_said(row['countries'])} "
                f"on {many(row['days'], 'day')}; "
                f"the device belongs in {country_name(row['declared'])}",
                observed=f"far ends in {countries_said(row['countries'])}",
                expected=f"far ends in {country_name(row['declared'])}, or the company's own",
                telling=(telling(Logon, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def _grade(self, row: Mapping[str, Any]) -> str:
        if row["scope"] == "public":
            return "outside_often" if row["days"] >= self.often_days else "outside"
        return "near" if row["scope"] == "local" else str(row["scope"])
