"""A VPN that fell for a moment: VPN, then a line abroad, then the VPN again, on one device or in one session (N6).

In the best-documented case the tunnel broke and the same system reached the company from another country until it was
up again (docs/evidence.md, N6). The time between the last sight of the VPN and its return is minutes; what shows in
between must be abroad by the roster, so a home line (split tunnel), a relay or a carrier at home is none. Such
addresses are passed over, since a device's own agent may use the line while its browser uses the VPN. Telephones and
days of declared travel are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.geo import distance_sql, placed
from farmwatch.analysis.fleet.places import on_line
from farmwatch.analysis.fleet.tool_proof import times
from farmwatch.analysis.fleet.visits import BORDER_KM, networks_said, travelling_sql, unplaced
from farmwatch.knowledge.countries import country_name
from farmwatch.records import Claim, Family, Record, RosterEntry, Sighting, SignIn

__all__ = ["VpnFlap"]


@dataclass(frozen=True, slots=True)
class VpnFlap(FleetDetector):
    """Finds the address behind a VPN that fell."""

    id: ClassVar[str] = "vpn.flap"
    title: ClassVar[str] = "did a VPN fall for a moment, and what was behind it?"
    topic: ClassVar[str] = "short gaps between VPN addresses"
    signals: ClassVar[tuple[str, ...]] = ("N6",)
    family: ClassVar[Family] = Family.PLACE
    needs: ClassVar[tuple[type[Record], ...]] = (RosterEntry,)
    benign: ClassVar[tuple[str, ...]] = (
        "somebody on undeclared travel who switches a VPN on and off",
        "an exit of the same VPN that no list names",
        "a hand-over to a mobile network that leads traffic out abroad",
    )
    group: ClassVar[str] = "place"
    grades: ClassVar[Mapping[str, Grade]] = also_driven(
        {
            "abroad": Grade(
                Claim.ABROAD, 22.0, "judged: VPN, a line abroad, VPN again within minutes (docs/evidence.md, N6)"
            ),
            "abroad_mobile": Grade(
                Claim.ABROAD, 11.0, "judged: the same with a carrier in between, which may be roaming"
            ),
            "data_centre": Grade(Claim.ABROAD, 4.0, "judged: a data centre abroad in between is mostly another exit"),
        }
    )
    when_clear: ClassVar[str] = "no VPN address was left for an address abroad and taken again"
    check: ClassVar[str] = "compare the sign-in log around the gap; ask where the person was at that minute"

    gap_min: float = param(30.0, "From the last sight of the VPN to the next: the case was minutes.", low=1, high=240)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices behind whose VPN an address abroad showed."""
        self._kinds(fleet)
        rows = fleet.rows(
            f"""
            WITH seen AS (
                SELECT device_id AS about, 'device ' || device_id AS thread, ts, value AS address, record_id
                FROM sightings SEMI JOIN flap_devices ON flap_devices.about = sightings.device_id
                WHERE kind = 'public_ip'
                UNION ALL
                SELECT about, coalesce('device ' || device_id, 'session ' || session) AS thread, ts, address, record_id
                FROM sign_ins SEMI JOIN flap_devices USING (about)
                WHERE outcome = 'success' AND address IS NOT NULL AND coalesce(device_id, session) IS NOT NULL
                      AND NOT coalesce(client_os IN ('ios', 'android'), false)
            ), told AS (
                SELECT s.*, k.class, lag(k.class) OVER w AS before
                FROM seen AS s JOIN flap_kinds AS k USING (about, address) WHERE k.class <> 'other'
                WINDOW w AS (PARTITION BY thread ORDER BY ts, address)
            ), numbered AS (
                SELECT *, sum(CASE WHEN class IS DISTINCT FROM before THEN 1 ELSE 0 END)
                          OVER (PARTITION BY thread ORDER BY ts, address) AS run FROM told
            ), runs AS (
                SELECT about, thread, class, run, min(ts) AS first, max(ts) AS last, count(*) AS n,
                       list(DISTINCT address ORDER BY address) AS addresses,
                       list(DISTINCT record_id ORDER BY record_id)[:20] AS ids
                FROM numbered GROUP BY ALL
            ), beside AS (
                SELECT *, lag(class) OVER w AS earlier, lead(class) OVER w AS later, lag(last) OVER w AS left_vpn,
                       lead(first) OVER w AS back, lag(addresses) OVER w AS exits
                FROM runs WINDOW w AS (PARTITION BY thread ORDER BY run)
            )
            SELECT about, class, count(*) AS times, min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n,
                   min(epoch(back) - epoch(left_vpn)) AS gap_s, list_sort(flatten(list(ids)))[:20] AS ids,
                   list_sort(list_distinct(flatten(list(addresses)))) AS addresses,
                   list_sort(list_distinct(flatten(list(exits)))) AS exits
            FROM beside
            WHERE class IN ('abroad', 'abroad_mobile', 'data_centre') AND earlier = 'vpn' AND later = 'vpn'
                  AND back - left_vpn <= to_seconds($gap_s) AND NOT {travelling_sql("about", "first", "last")}
            GROUP BY about, class ORDER BY about, class
            """,
            gap_s=self.gap_min * 60,
        )
        said = {row["address"]: row for row in fleet.rows("SELECT * FROM flap_said ORDER BY address")}
        for row in rows:
            there = networks_said((said[one]["country"], said[one]["as_org"]) for one in row["addresses"])
            vpn = networks_said((said[one]["country"], said[one]["as_org"]) for one in row["exits"])
            home = country_name(said[row["addresses"][0]]["home_country"]) or "its declared country"
            yield Hit(
                row["about"],
                row["class"],
                f"it came from a VPN, {vpn}, then from {there}, then from the VPN again, {times(row['times'])}; at "
                f"the shortest {row['gap_s']:.0f} s passed between the two; the device should be in {home}",
                observed=f"{'; '.join(row['addresses'][:8])} between {'; '.join(row['exits'][:8])}",
                expected="one line at home, with or without a VPN",
                telling=tuple(
                    telling(record, row["first"], row["last"], count=row["n"], record_ids=row["ids"])
                    for record in (SignIn, Sighting)
                ),
            )

    def _kinds(self, fleet: Fleet) -> None:
        """``flap_devices``: those with a VPN's address and one abroad; ``flap_kinds``: what their addresses are."""
        km = f"greatest({distance_sql('p', 'o')} - p.radius_km, 0)"
        fleet.make(
            "flap_kinds",
            f"""
            WITH used AS (
                SELECT DISTINCT device_id AS about, address FROM egress
            ), judged AS (
                SELECT u.about, u.address, p.network, {on_line("p")} AS line,
                       coalesce(p.country <> upper(o.place_country), false) AND coalesce(
                           CASE WHEN {placed("p")} AND {placed("o")} THEN {km} END > {BORDER_KM}, true) AS abroad
                FROM used AS u JOIN places AS p USING (address) JOIN owners AS o ON o.device_id = u.about
            )
            SELECT about, address, CASE
                WHEN network LIKE 'vpn %' OR network = 'proxy' THEN 'vpn'
                WHEN line AND abroad AND network = 'mobile' THEN 'abroad_mobile'
                WHEN line AND abroad THEN 'abroad'
                WHEN network = 'hosting' AND abroad THEN 'data_centre'
                ELSE 'other' END AS class
            FROM judged
            QUALIFY bool_or(network LIKE 'vpn %' OR network = 'proxy') OVER (PARTITION BY about)
                AND bool_or(abroad AND (line OR network = 'hosting')) OVER (PARTITION BY about)
            """,
        )
        fleet.make("flap_devices", "SELECT DISTINCT about FROM flap_kinds")
        fleet.make(
            "flap_said",
            """
            SELECT DISTINCT ON (address) address, country, as_org, o.place_country AS home_country
            FROM flap_kinds JOIN places USING (address) JOIN owners AS o ON o.device_id = about ORDER BY address, about
            """,
        )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without a declared place, or without any address that is known."""
        return unplaced(fleet, lines=False)
