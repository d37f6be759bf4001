"""A consumer VPN's program on the device, Astrill above all, or its name server (N3, N4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import COUNTED, many, shown, tool_tellings, without_tool_tables
from farmwatch.records import Claim, Family, Record, Sighting

__all__ = ["VpnClient"]

_RESOLVER = "198.19.255.254"  #: Astrill's local name server, by single users' repositories (docs/evidence.md, N4)
_LAWFUL = ("icloud-private-relay", "cloudflare-warp")  #: features of the system and of browsers: no choice of a place
_MANDIANT = "Mandiant M-Trends 2025 (72 % of cases) against a judged 1.5 % of fleets (docs/evidence.md, N3)"


@dataclass(frozen=True, slots=True)
class VpnClient(FleetDetector):
    """Finds VPN clients by program, service, folder and host names. Where sign-ins come out is looked at elsewhere."""

    id: ClassVar[str] = "vpn.client"
    title: ClassVar[str] = "is a consumer VPN on it?"
    topic: ClassVar[str] = "consumer VPNs on the device"
    signals: ClassVar[tuple[str, ...]] = ("N3", "N4")
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = ("privacy habit", "travel", "another client that uses the same address range")
    group: ClassVar[str] = "vpn"
    grades: ClassVar[Mapping[str, Grade]] = also_driven(
        {
            "astrill": Grade(Claim.ABROAD, 12.0, f"{_MANDIANT}, times 0.7 for names of medium grade"),
            "astrill_named": Grade(
                Claim.ABROAD, 7.0, f"{_MANDIANT}, times 0.4: its hosts were looked up, no program seen"
            ),
            "resolver": Grade(
                Claim.ABROAD, 6.0, "judged from grade C of N4 (docs/evidence.md): others use the range too"
            ),
            "other": Grade(
                Claim.ABROAD, 4.0, "judged from grade C of N3 (docs/evidence.md): common among ordinary staff"
            ),
            "other_named": Grade(Claim.ABROAD, 1.0, "judged: hosts looked up only; browsers and phones' pages do that"),
        }
    )
    when_clear: ClassVar[str] = "no consumer VPN, or an approved one; one on the home router would not show here"
    check: ClassVar[str] = "compare sign-in addresses with and without the VPN; ask whether the company allows it"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for each VPN and device."""
        lawful = ", ".join(f"'{tool}'" for tool in _LAWFUL)
        for row in fleet.rows(
            f"""
            SELECT device_id, tool, name, vias, value, days, looked_up, seen FROM device_tools
            WHERE kind = 'vpn' AND tool NOT IN ({lawful}) AND {COUNTED} ORDER BY device_id, tool
            """
        ):
            yield Hit(
                row["device_id"],
                ("astrill" if row["tool"] == "astrill" else "other") + ("_named" if row["looked_up"] else ""),
                f"consumer VPN {row['name']}: "
                + ("its hosts were looked up" if row["looked_up"] else "its program is there")
                + f"; seen on {many(row['days'], 'day')}",
                observed=f"{shown(row['value'])} ({row['vias']})",
                expected="the company's own VPN or none",
                telling=tool_tellings(row["seen"]),
            )
        for row in fleet.rows(
            """
            SELECT s.device_id, count(DISTINCT CAST(s.ts AS DATE)) AS days, min(s.ts) AS first, max(s.ts) AS last,
                   count(*) AS n, coalesce(min(s.record_id, 20), []) AS ids
            FROM sightings_30d AS s ANTI JOIN (SELECT device_id FROM device_tools WHERE tool = 'astrill' AND approved)
            USING (device_id)
            WHERE s.kind = 'dns_server' AND s.value = $resolver GROUP BY s.device_id ORDER BY s.device_id
            """,
            resolver=_RESOLVER,
        ):
            yield Hit(
                row["device_id"],
                "resolver",
                f"names are resolved by {_RESOLVER}, the local name server of Astrill VPN, "
                f"on {many(row['days'], 'day')}",
                observed=f"{_RESOLVER} as name server",
                expected="the home router's or the company's name server",
                telling=(telling(Sighting, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of which nothing is reported that could show a VPN client."""
        return without_tool_tables(fleet)
