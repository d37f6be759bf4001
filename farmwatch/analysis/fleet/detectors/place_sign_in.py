"""Sign-ins from another country than the one the device should be in, or from far away within it (I3, E12).

Only lines count: VPNs, data centres, relays, satellites and proxies place nobody, and days of declared travel are left
out. Signs of a telephone alone are a holiday more often than not and weigh next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import networks_said, unplaced
from farmwatch.knowledge.countries import country_name
from farmwatch.records import Claim, Family, Record, RosterEntry, SignIn

__all__ = ["PlaceSignIn"]


@dataclass(frozen=True, slots=True)
class PlaceSignIn(FleetDetector):
    """Finds accounts used from elsewhere than the roster says."""

    id: ClassVar[str] = "place.sign_in"
    title: ClassVar[str] = "do its sign-ins come from where it should be?"
    topic: ClassVar[str] = "places of sign-ins against the roster"
    signals: ClassVar[tuple[str, ...]] = ("I3", "E12")
    family: ClassVar[Family] = Family.PLACE
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn, RosterEntry)
    benign: ClassVar[tuple[str, ...]] = (
        "travel or a stay with family that nobody declared",
        "a move that the roster does not know yet",
        "an address that the place database has in the wrong place",
        "a carrier that leads traffic out in another country (roaming)",
    )
    group: ClassVar[str] = "place"
    grades: ClassVar[Mapping[str, Grade]] = also_driven(
        {
            "abroad_days": Grade(
                Claim.ABROAD, 14.0, "judged: several days from abroad, no travel declared (docs/evidence.md, I3)"
            ),
            "abroad": Grade(
                Claim.ABROAD, 6.0, "judged: once from abroad is mostly undeclared travel (docs/evidence.md, I3)"
            ),
            "telephone": Grade(Claim.ABROAD, 2.0, "judged: a telephone or its carrier abroad tells little of a laptop"),
            "far": Grade(Claim.ABROAD, 3.0, "judged: places by address within a country are often wrong"),
        }
    )
    when_clear: ClassVar[str] = "sign-ins whose place is known came from where the roster expects the device"
    check: ClassVar[str] = (
        "ask HR whether travel or a move is known for those days; compare with the device's own place"
    )

    min_days: int = param(3, "A week-end abroad is two days.", low=1, high=14)
    min_far_km: float = param(800.0, "Beyond the radius: networks are placed in the wrong state.", low=100, high=5000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices whose accounts were used elsewhere."""
        for row in fleet.rows(
            """
            SELECT about, abroad, portable OR coalesce(network = 'mobile', false) AS carried,
                   count(DISTINCT day) AS days, min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n,
                   max(km) AS km,
                   any_value(home ORDER BY home) AS home, any_value(home_country ORDER BY home_country) AS home_country,
                   list(DISTINCT {'country': country, 'org': as_org}) AS networks,
                   list(DISTINCT address ORDER BY address)[:8] AS addresses,
                   list(DISTINCT record_id ORDER BY record_id)[:20] AS ids
            FROM visits_away WHERE interactive AND (abroad OR km > $far)
            GROUP BY ALL ORDER BY about, abroad DESC, carried
            """,
            far=self.min_far_km,
        ):
            grade = self._grade(row)
            if grade is None:
                continue
            networks = [(one["country"], one["org"]) for one in row["networks"]]
            km = "" if row["km"] is None else f", at least {row['km']:,.0f} km away"
            declared = row["home"] or country_name(row["home_country"]) or "its declared place"
            yield Hit(
                row["about"],
                grade,
                f"its account signed in on {many(row['days'], 'day')} from "
                f"{networks_said(networks)}{km}; the device should be in {declared[:80]}",
                observed="; ".join(row["addresses"]),
                expected=f"sign-ins from {declared[:80]}, or travel in the roster",
                telling=(telling(SignIn, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def _grade(self, row: Mapping[str, Any]) -> str | None:
        if row["carried"]:
            return "telephone" if row["abroad"] else None
        if row["abroad"]:
            return "abroad_days" if row["days"] >= self.min_days else "abroad"
        return "far" if row["days"] >= self.min_days else None

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without a declared place, or without any address whose place is known."""
        return unplaced(fleet)
