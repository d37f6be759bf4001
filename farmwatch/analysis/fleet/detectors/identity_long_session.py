"""A sign-in session that is kept alive for weeks, longer than nearly all of the fleet's (I6).

Somebody who works through a remote hand avoids to sign in again. So do developers, and companies that allow it; hence
next to no weight, and only for what is rare in this very fleet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.records import Claim, Family, Record, SignIn

__all__ = ["IdentityLongSession"]

MOST_DEVICES = 5  #: of one session; with more the number is the service's: judged


@dataclass(frozen=True, slots=True)
class IdentityLongSession(FleetDetector):
    """Finds sessions that never end."""

    id: ClassVar[str] = "identity.long_session"
    title: ClassVar[str] = "is a sign-in session kept alive for weeks?"
    topic: ClassVar[str] = "how long sessions last"
    signals: ClassVar[tuple[str, ...]] = ("I6",)
    family: ClassVar[Family] = Family.IDENTITY
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn,)
    benign: ClassVar[tuple[str, ...]] = (
        "a developer's machine that is never shut down",
        "an application that the company allows to stay signed in",
    )
    group: ClassVar[str] = "long session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "weeks": Grade(Claim.DRIVEN, 2.0, "judged from grade C of I6 (docs/evidence.md): developers do this too"),
    }
    when_clear: ClassVar[str] = "its sessions last as long as others' do"
    check: ClassVar[str] = "nothing on its own account; limit how long sessions may last"

    min_days: float = param(21.0, "Weeks; of the thirty days that are looked at.", low=7, high=30)
    rarest: float = param(0.005, "Share of the fleet's sessions that last as long.", low=0.0001, high=0.1)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with such sessions."""
        rows = fleet.rows(
            f"""
            WITH lives AS (
                SELECT session, provider, min(about) AS about, min(ts) AS first, max(ts) AS last, count(*) AS n,
                       min(record_id) AS record_id
                FROM sign_ins_30d WHERE session IS NOT NULL AND outcome = 'success'
                GROUP BY session, provider HAVING count(DISTINCT device_id) <= {MOST_DEVICES}
            ), ranked AS (
                SELECT *, epoch(last - first) / 86400 AS days, count(*) OVER () AS sessions,
                       count(*) FILTER (last - first >= to_seconds($least)) OVER () AS longer
                FROM lives
            )
            SELECT about, max(days) AS days, count(*) AS kept, max(longer) AS longer, max(sessions) AS sessions,
                   min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n, list(record_id) AS ids
            FROM ranked WHERE about IS NOT NULL AND days >= $least / 86400 AND longer <= greatest($rarest * sessions, 1)
            GROUP BY about ORDER BY about
            """,
            least=self.min_days * 86400,
            rarest=self.rarest,
        )
        for row in rows:
            yield Hit(
                row["about"],
                "weeks",
                f"a sign-in session has been kept alive for {row['days']:.0f} days; {row['longer']} of "
                f"{row['sessions']:,} sessions of the fleet last as long as {self.min_days:.0f} days",
                observed=f"{row['days']:.0f} days",
                expected="sessions that end within days, as nearly all others do",
                telling=(telling(SignIn, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose sign-ins carry no session."""
        rows = fleet.rows(
            """
            SELECT about FROM (SELECT DISTINCT about FROM sign_ins WHERE about IS NOT NULL)
            ANTI JOIN (SELECT about FROM sign_ins_30d WHERE session IS NOT NULL) USING (about) ORDER BY about
            """
        )
        return {row["about"]: "its sign-ins carry no session" for row in rows}
