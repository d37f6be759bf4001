"""Sign-ins and reports that come out of a consumer VPN, a proxy or a data centre (N3, N18).

Which address is a VPN's is known from lists by network, from a privacy database of the user's where there is one, and
from the sign-in provider; all of them miss exits, and brands are rarely named. Astrill is its own grade: it was used in
72 % of the cases Mandiant described, which is prevalence among cases and not precision in a fleet. A company adds
Astrill's exits that it knows with a knowledge file of its own.

Telephones are left out: their owners' VPNs are their own affair. A data centre from which many devices come is the
company's gateway or virtual desktops, and is no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import networks_said, travelling_sql, unplaced
from farmwatch.records import Claim, Family, MeetingUse, Record, Sighting, SignIn

__all__ = ["VpnEgress"]

_TABLES: Mapping[str, type[Record]] = {
    "sightings": Sighting, "sign_ins": SignIn, "tunnels": SignIn, "meetings": MeetingUse,
}  # fmt: skip
_ORDER = ("astrill", "vpn", "data_centre")


@dataclass(frozen=True, slots=True)
class VpnEgress(FleetDetector):
    """Finds devices that come out of VPNs and data centres."""

    id: ClassVar[str] = "vpn.egress"
    title: ClassVar[str] = "does it come out of a consumer VPN or a data centre?"
    topic: ClassVar[str] = "addresses of VPNs and data centres"
    signals: ClassVar[tuple[str, ...]] = ("N3", "N18")
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "privacy habit, or a VPN that comes with another product",
        "a company's proxy, virtual desktop or cloud development machine",
        "travel",
        "an address that lists still call a VPN's",
    )
    group: ClassVar[str] = "vpn"
    grades: ClassVar[Mapping[str, Grade]] = also_driven({
        "astrill": Grade(
            Claim.ABROAD, 12.0,
            "Mandiant M-Trends 2025 (72 % of cases) against a judged 1.5 % of fleets, times 0.7: few exits are known "
            "by name (docs/evidence.md, N3)",
        ),
        "vpn": Grade(Claim.ABROAD, 5.0, "judged from grade C of N3 (docs/evidence.md): common among ordinary staff"),
        "data_centre": Grade(Claim.ABROAD, 3.0, "judged from grade C of N18 (docs/evidence.md)"),
    })  # fmt: skip
    when_clear: ClassVar[str] = "its addresses are no VPN's and no data centre's that the lists know"
    check: ClassVar[str] = "ask whether the company allows a VPN; compare with the place of the device itself"

    min_days: int = param(2, "Once is a trial, or a café's network.", low=1, high=14)
    most_devices: int = param(20, "More behind one data centre's network are the company's own.", low=2, high=1000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """At most one hit for each device and grade."""
        rows = fleet.rows(
            f"""
            WITH kinds AS (
                SELECT address, country, as_org, network,
                       CASE WHEN network LIKE 'vpn %' THEN substr(network, 5) ELSE '' END AS brand,
                       CASE WHEN network = 'vpn astrill' THEN 'astrill'
                            WHEN network LIKE 'vpn %' OR network = 'proxy' THEN 'vpn' ELSE 'data_centre' END AS grade
                FROM places WHERE scope = 'public' AND (network LIKE 'vpn %' OR network IN ('proxy', 'hosting'))
            ), seen AS (
                SELECT device_id, day, address, via, first, last, n FROM egress WHERE via <> 'sign_ins'
                UNION ALL
                SELECT about, day, address, 'sign_ins', first, last, n FROM visits
                WHERE about IS NOT NULL AND NOT portable
            ), used AS (
                SELECT e.device_id, e.day, e.address, e.via, e.first, e.last, e.n, k.country, k.as_org, k.grade, k.brand
                FROM seen AS e JOIN kinds AS k USING (address) LEFT JOIN owners AS o USING (device_id)
                WHERE NOT (k.grade <> 'data_centre' AND k.brand <> '' AND (list_contains($allowed::VARCHAR[], k.brand)
                           OR coalesce(list_contains(o.approved_tools, k.brand), false)))
                      AND (k.grade = 'astrill' OR NOT {travelling_sql("e.device_id", "e.day")})
            ), crowds AS (
                SELECT coalesce(as_org, address) AS crowd FROM used WHERE grade = 'data_centre'
                GROUP BY crowd HAVING count(DISTINCT device_id) > $most
            )
            SELECT device_id, grade, count(DISTINCT day) AS days, min(first) AS first, max(last) AS last,
                   sum(n)::BIGINT AS n, list_sort(list(DISTINCT via)) AS vias,
                   list_sort(list(DISTINCT brand) FILTER (grade = 'vpn' AND brand <> '' AND brand <> 'unnamed'))
                       AS brands,
                   list(DISTINCT {{'country': country, 'org': as_org}}) AS networks,
                   list_sort(list(DISTINCT address)) AS addresses
            FROM used ANTI JOIN crowds ON grade = 'data_centre' AND crowds.crowd = coalesce(used.as_org, used.address)
            GROUP BY device_id, grade HAVING grade = 'astrill' OR count(DISTINCT day) >= $days
            ORDER BY device_id, grade
            """,
            most=self.most_devices,
            days=self.min_days,
            allowed=sorted(fleet.profile.approved_tools),
        )
        strongest: dict[str, str] = {}
        for row in rows:
            device, grade = row["device_id"], row["grade"]
            kept = strongest.get(device)
            strongest[device] = grade if kept is None else min(kept, grade, key=_ORDER.index)
        for row in rows:
            if strongest[row["device_id"]] != row["grade"]:
                continue
            networks = networks_said((one["country"], one["org"]) for one in row["networks"])
            named = ", ".join(row["brands"] or ())
            what = {
                "astrill": "an exit of Astrill VPN",
                "vpn": "a consumer VPN or proxy" + (f" ({named[:60]})" if named else ""),
                "data_centre": "a data centre",
            }[row["grade"]]
            yield Hit(
                row["device_id"],
                row["grade"],
                f"it came out of {what} on {many(row['days'], 'day')}: {networks}",
                observed="; ".join(row["addresses"][:8]),
                expected="a home line, an office, or the company's own VPN",
                telling=tuple(
                    telling(record, row["first"], row["last"], count=row["n"])
                    for record in dict.fromkeys(_TABLES[via] for via in row["vias"])
                ),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of whose addresses nothing is known."""
        return unplaced(fleet, declared=False, lines=False)
