"""A tunnel or overlay network that lets somebody in past the router is on the device (N17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import COUNTED, KNOWN_HERE, many, shown, tool_tellings, without_tool_tables
from farmwatch.records import Claim, Family, Process, Record

__all__ = ["TunnelPresent"]

_JUDGED = "judged from grade B of N17 (docs/evidence.md), lowered because developers use these daily"
_COMPANY_VPNS = ("openvpn", "wireguard", "ipsec")  #: protocols that most company VPNs are made of


@dataclass(frozen=True, slots=True)
class TunnelPresent(FleetDetector):
    """Finds tunnel products by program, service and host names, and SSH that opens a port on the far side."""

    id: ClassVar[str] = "tunnel.present"
    title: ClassVar[str] = "is a tunnel product on it?"
    topic: ClassVar[str] = "tunnel products on the device"
    signals: ClassVar[tuple[str, ...]] = ("N17",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "developer tooling",
        "access to one's own home network",
        "a company overlay network that was not declared",
    )
    group: ClassVar[str] = "tunnel"
    grades: ClassVar[Mapping[str, Grade]] = {
        "session": Grade(Claim.DRIVEN, 6.0, f"{_JUDGED}; the tunnel was up"),
        "reverse": Grade(Claim.DRIVEN, 6.0, f"{_JUDGED}; SSH with a port opened on the far side"),
        "present": Grade(Claim.DRIVEN, 2.0, f"{_JUDGED}; there, not seen up"),
    }
    when_clear: ClassVar[str] = "no tunnel product, or only approved ones and those much of the fleet has"
    check: ClassVar[str] = "ask what the tunnel is for; look for the program that opened it"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for each product and device."""
        protocols = ", ".join(f"'{tool}'" for tool in _COMPANY_VPNS)
        for row in fleet.rows(
            f"""
            SELECT device_id, tool, name, vias, value, days, devices, seen,
                   CASE WHEN sign = 'session' AND NOT {KNOWN_HERE} THEN 'session' ELSE 'present' END AS grade
            FROM device_tools
            WHERE kind = 'tunnel' AND tool NOT IN ({protocols}) AND {COUNTED}
            AND (sign = 'session' OR NOT {KNOWN_HERE}) AND (sure <> 'low' OR runs)
            ORDER BY device_id, tool
            """
        ):
            yield Hit(
                row["device_id"],
                row["grade"],
                f"{row['name']}: " + ("tunnel up" if row["grade"] == "session" else "there, not seen up")
                + f"; seen on {many(row['days'], 'day')}, on {many(row['devices'], 'device')} in all",
                observed=f"{shown(row['value'])} ({row['vias']})",
                expected="no tunnel product, or an approved one",
                telling=tool_tellings(row["seen"]),
            )  # fmt: skip
        yield from _reverse(fleet)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of which nothing is reported that could show a tunnel."""
        return without_tool_tables(fleet)


def _reverse(fleet: Fleet) -> Iterable[Hit]:
    """SSH with ``-R`` (ssh(1)): connections to a port of the far side are brought to this device."""
    approved = "'ssh-reverse'" if "ssh-reverse" in fleet.profile.approved_tools else "''"
    for row in fleet.rows(
        f"""
        SELECT p.device_id, count(DISTINCT CAST(p.ts AS DATE)) AS days, min(p.ts) AS first, max(p.ts) AS last,
               count(*) AS n, coalesce(min(p.record_id, 20), []) AS ids, min(p.name) AS name
        FROM processes_30d AS p LEFT JOIN owners AS o USING (device_id)
        WHERE p.name IN ('ssh', 'ssh.exe', 'autossh', 'plink.exe')
        AND list_contains(string_split(p.arguments, ' '), '-R')
        AND p.event <> 'stopped' AND {approved} <> 'ssh-reverse'
        AND NOT coalesce(list_contains(o.approved_tools, 'ssh-reverse'), false)
        GROUP BY p.device_id ORDER BY p.device_id
        """
    ):
        yield Hit(
            row["device_id"],
            "reverse",
            f"{row['name']} opened a port on a far computer that leads back to this device, "
            f"on {many(row['days'], 'day')}",
            observed=f"{row['name']} with the option -R, {many(row['n'], 'time')}",
            expected="connections that lead out only",
            telling=(telling(Process, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
        )
