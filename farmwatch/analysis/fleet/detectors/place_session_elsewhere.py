"""The account is used in one place while the laptop it belongs to reports from another (E19, I3).

The laptop's own agent says which public address it is behind; a sign-in to the company at that very time comes from
hundreds of kilometres away. So somebody uses the account, or its stolen session, without the laptop. What the provider
of sign-ins reports of a device is not its own word, so such sightings are set aside.

No finding where the laptop itself was at the other place within a day (its owner carries it), for telephones, for
carriers' addresses and wherever an address places nobody (VPN, data centre, relay, satellite).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.geo import distance_sql, placed
from farmwatch.analysis.fleet.places import on_line
from farmwatch.analysis.fleet.tool_proof import many, times
from farmwatch.analysis.fleet.visits import BORDER_KM, networks_said, travelling_sql, unplaced
from farmwatch.records import Claim, Family, Record, Sighting, SignIn

__all__ = ["PlaceSessionElsewhere"]

MOST_ADDRESSES = 100  #: of one device in the window; with more it is no laptop of one person: judged


@dataclass(frozen=True, slots=True)
class PlaceSessionElsewhere(FleetDetector):
    """Finds accounts in use far from their laptop."""

    id: ClassVar[str] = "place.session_elsewhere"
    title: ClassVar[str] = "is its account used somewhere else while it is running?"
    topic: ClassVar[str] = "sign-ins away from the device while it reports from elsewhere"
    signals: ClassVar[tuple[str, ...]] = ("E19", "I3")
    family: ClassVar[Family] = Family.PLACE
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn, Sighting)
    benign: ClassVar[tuple[str, ...]] = (
        "the owner is away and uses another computer, while the laptop is running at home",
        "an address that the place database has in the wrong place",
        "a proxy or remote desktop that the company's lists do not name",
    )
    group: ClassVar[str] = "session elsewhere"
    grades: ClassVar[Mapping[str, Grade]] = {
        "days": Grade(
            Claim.DRIVEN, 18.0, "judged: on two days and more, at the time the laptop reports (docs/evidence.md, E19)"
        ),
        "once": Grade(Claim.DRIVEN, 9.0, "judged: one day may be a borrowed computer (docs/evidence.md, E19)"),
        "same_device": Grade(
            Claim.DRIVEN, 13.0, "judged: the session names the laptop, which is elsewhere: a proxy, or a lifted token"
        ),
    }
    when_clear: ClassVar[str] = "sign-ins came from where the device itself was"
    check: ClassVar[str] = "end the account's sessions, then ask its owner from which computers they work"

    min_km: float = param(500.0, "Beyond both radii; a place by address is often off by more.", low=100, high=5000)
    near_h: float = param(1.0, "Hours between the sign-in and a report of the laptop.", low=0.1, high=12)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on laptops whose account was used elsewhere at the time."""
        self._pairs(fleet)
        self._own(fleet)
        rows = fleet.rows(
            f"""
            WITH used AS (
                SELECT s.about, s.device_id IS NOT NULL AS named, s.address, s.ts, s.record_id,
                       o.address AS own_address, f.km
                FROM sign_ins AS s
                JOIN session_far AS f ON f.about = s.about AND f.address = s.address
                JOIN session_own AS o ON o.device_id = s.about AND o.address = f.own_address
                     AND s.ts BETWEEN o.first - to_seconds($near_s) AND o.last + to_seconds($near_s)
                WHERE s.outcome = 'success' AND s.event IN ('sign-in', 'session', 'factor')
                      AND NOT coalesce(s.client_os IN ('ios', 'android'), false)
                      AND NOT EXISTS (
                          SELECT 1 FROM session_there AS t WHERE t.about = s.about AND t.address = s.address
                          AND t.day BETWEEN CAST(s.ts AS DATE) - 1 AND CAST(s.ts AS DATE) + 1)
            )
            SELECT about, named, count(DISTINCT CAST(ts AS DATE)) AS days, min(ts) AS first, max(ts) AS last,
                   count(DISTINCT (ts, used.address)) AS n, max(km) AS km,
                   list(DISTINCT record_id ORDER BY record_id)[:20] AS ids,
                   list(DISTINCT {{'country': p.country, 'org': p.as_org}}) AS networks,
                   list(DISTINCT {{'country': h.country, 'org': h.as_org}}) AS homes,
                   list(DISTINCT used.address ORDER BY used.address)[:8] AS addresses,
                   list(DISTINCT own_address ORDER BY own_address)[:8] AS own
            FROM used JOIN places AS p ON p.address = used.address JOIN places AS h ON h.address = own_address
            WHERE NOT {travelling_sql("about", "ts")}
            GROUP BY about, named ORDER BY about, named
            """,
            near_s=self.near_h * 3600,
        )
        for row in rows:
            grade = "same_device" if row["named"] else "days" if row["days"] > 1 else "once"
            km = "" if row["km"] is None else f", at least {row['km']:,.0f} km away"
            there = networks_said((one["country"], one["org"]) for one in row["networks"])
            here = networks_said((one["country"], one["org"]) for one in row["homes"])
            what = "its own session was" if row["named"] else "its account was"
            yield Hit(
                row["about"],
                grade,
                f"{what} used from {there}{km}, {times(row['n'])} on "
                f"{many(row['days'], 'day')}, while the laptop itself was reporting from {here}",
                observed=f"sign-ins from {'; '.join(row['addresses'])}; the laptop behind {'; '.join(row['own'])}",
                expected="sign-ins from where the laptop is",
                telling=(
                    telling(SignIn, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),
                    telling(Sighting, row["first"], row["last"]),
                ),
            )

    def _pairs(self, fleet: Fleet) -> None:
        """``session_both``: addresses of sign-ins beside the laptop's; ``session_far``: those far from each other."""
        km = f"greatest({distance_sql('p', 'h')} - p.radius_km - h.radius_km, 0)"
        fleet.make(
            "session_both",
            f"""
            WITH used AS (
                SELECT DISTINCT about, address FROM visits JOIN places AS p USING (address)
                WHERE about IS NOT NULL AND NOT portable AND {on_line("p")} AND p.network IS NULL
                QUALIFY count(*) OVER (PARTITION BY about) <= {MOST_ADDRESSES}
            ), own AS (
                SELECT DISTINCT device_id, address FROM egress JOIN places AS p USING (address)
                WHERE via IN ('sightings', 'tunnels') AND {on_line("p")}
                QUALIFY count(*) OVER (PARTITION BY device_id) <= {MOST_ADDRESSES}
            ), measured AS (
                SELECT u.about, u.address, o.address AS own_address, p.country <> h.country AS crosses,
                       coalesce(h.network = 'mobile', false) AS carried,
                       CASE WHEN {placed("p")} AND {placed("h")} THEN {km} END AS km
                FROM used AS u JOIN own AS o ON o.device_id = u.about
                JOIN places AS p ON p.address = u.address JOIN places AS h ON h.address = o.address
            )
            SELECT *, coalesce(crosses AND coalesce(km > {BORDER_KM}, true), false) AS abroad FROM measured
            """,
        )
        far = "SELECT * FROM session_both WHERE abroad OR (km > $km AND NOT carried)"
        fleet.make("session_far", far, km=self.min_km)

    def _own(self, fleet: Fleet) -> None:
        """``session_own``: what laptops said themselves; ``session_there``: days they were at the other place."""
        fleet.make(
            "session_own",
            """
            WITH mirrored AS (
                SELECT device_id, ts, address AS value FROM sign_ins
                SEMI JOIN session_far ON session_far.about = sign_ins.device_id
                WHERE event NOT IN ('tunnel up', 'tunnel down', 'heartbeat')
                UNION ALL
                SELECT device_id, ts, address FROM meetings
                SEMI JOIN session_far ON session_far.about = meetings.device_id
            ), reported AS (
                SELECT device_id, ts, value FROM sightings
                SEMI JOIN session_far ON session_far.about = sightings.device_id WHERE kind = 'public_ip'
            )
            SELECT device_id, CAST(ts AS DATE) AS day, value AS address, min(ts) AS first, max(ts) AS last
            FROM reported ANTI JOIN mirrored USING (device_id, ts, value) GROUP BY ALL
            """,
        )
        fleet.make(
            "session_there",
            """
            SELECT DISTINCT b.about, b.address, o.day FROM session_own AS o
            JOIN session_both AS b ON b.about = o.device_id AND b.own_address = o.address
            ANTI JOIN session_far AS f
                ON f.about = b.about AND f.address = b.address AND f.own_address = b.own_address
            WHERE b.crosses IS NOT NULL OR b.km IS NOT NULL
            """,
        )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without any address whose place is known."""
        return unplaced(fleet, declared=False)
