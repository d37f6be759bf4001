"""A VPN on the router: all that the device reports comes out of one, and no VPN client is on the device (N5).

A client on the laptop is the ordinary reason for a VPN's address; so the finding needs that the device's programs are
known and none of them is one. A VPN on the home router hides all laptops behind it alike, as the applets do that a VPN
brand offers for routers. The size of the tunnel's packets would tell more and needs a capture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import networks_said, unplaced
from farmwatch.records import Claim, Family, Record, Sighting

__all__ = ["VpnRouter"]

_KNOWN = "('processes', 'services', 'software')"  #: tables by which a client on the device would show


@dataclass(frozen=True, slots=True)
class VpnRouter(FleetDetector):
    """Finds devices that a VPN hides which they do not run."""

    id: ClassVar[str] = "vpn.router"
    title: ClassVar[str] = "is there a VPN in front of it, on the router?"
    topic: ClassVar[str] = "VPN addresses without a VPN on the device"
    signals: ClassVar[tuple[str, ...]] = ("N5",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = (Sighting,)
    benign: ClassVar[tuple[str, ...]] = (
        "a privacy-minded household with a VPN on its router",
        "a client that no list knows, or one in a browser",
        "the company's own proxy in a data centre of a VPN brand",
    )
    group: ClassVar[str] = "vpn"
    grades: ClassVar[Mapping[str, Grade]] = also_driven(
        {
            "always": Grade(
                Claim.ABROAD,
                12.0,
                "judged: grade B of N5 (docs/evidence.md): every report through a VPN, no client on it",
            ),
        }
    )
    when_clear: ClassVar[str] = "it also came from a line that is no VPN's, or a VPN client is on it"
    check: ClassVar[str] = "ask what is between the laptop and the line; measure packets' size at the concentrator"

    min_days: int = param(3, "A week-end at friends' is two days.", low=2, high=14)
    most_devices: int = param(20, "More behind one network: the company's own proxy.", low=2, high=1000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices that are never seen without a VPN."""
        rows = fleet.rows(
            f"""
            WITH told AS (
                SELECT e.device_id, e.day, e.address, e.first, e.last, e.n, p.country, p.as_org,
                       coalesce(p.network LIKE 'vpn %', false) AS vpn
                FROM egress AS e JOIN places AS p USING (address) WHERE e.via = 'sightings'
            ), always AS (
                SELECT device_id, count(DISTINCT day) AS days, min(first) AS first, max(last) AS last,
                       sum(n)::BIGINT AS n, list(DISTINCT {{'country': country, 'org': as_org}}) AS networks,
                       list_sort(list(DISTINCT address)) AS addresses
                FROM told GROUP BY device_id HAVING bool_and(vpn) AND count(DISTINCT day) >= $days
            ), crowds AS (
                SELECT address FROM told WHERE vpn GROUP BY address HAVING count(DISTINCT device_id) > $most
            )
            SELECT a.* FROM always AS a
            SEMI JOIN (SELECT device_id FROM presence WHERE name IN {_KNOWN}) AS k ON k.device_id = a.device_id
            ANTI JOIN (SELECT device_id FROM tool_seen WHERE kind IN ('vpn', 'tunnel')) AS t
                ON t.device_id = a.device_id
            WHERE NOT EXISTS (SELECT 1 FROM crowds WHERE list_contains(a.addresses, crowds.address))
            ORDER BY a.device_id
            """,
            days=self.min_days,
            most=self.most_devices,
        )
        for row in rows:
            networks = networks_said((one["country"], one["org"]) for one in row["networks"])
            yield Hit(
                row["device_id"],
                "always",
                f"all {many(row['n'], 'report')} of its public address on {many(row['days'], 'day')} came out of a "
                f"VPN ({networks}), "
                "and no VPN client is on the device",
                observed="; ".join(row["addresses"][:8]),
                expected="a home line, or a VPN client on the device",
                telling=(telling(Sighting, row["first"], row["last"], count=row["n"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of whose addresses or programs nothing is known."""
        rows = fleet.rows(
            f"""
            SELECT device_id FROM fleet_devices
            ANTI JOIN (SELECT device_id FROM presence WHERE name IN {_KNOWN}) USING (device_id) ORDER BY device_id
            """
        )
        programs = {row["device_id"]: "nothing is known of its programs" for row in rows}
        return programs | unplaced(fleet, declared=False, lines=False)
