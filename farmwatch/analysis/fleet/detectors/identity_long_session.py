"""A sign-in session that is kept alive for weeks, longer than nearly all of the fleet's (I6).

Somebody who works through a remote hand avoids to sign in again. So do developers, and companies that allow it; hence
next to no weight, and only for what is rare in this very fleet. A session on several devices is left to
``identity.session_copied``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.records import Claim, Family, Record, SignIn

__all__ = ["IdentityLongSession"]


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
        fleet.make(
            "session_lives",
            """
            SELECT min(about) AS about, min(ts) AS first, max(ts) AS last, count(*) AS n, min(record_id) AS record_id,
                   epoch(max(ts) - min(ts)) / 86400 AS days,
                   min(device_id) IS NOT DISTINCT FROM max(device_id) AS one_device
            FROM sign_ins_30d WHERE session IS NOT NULL AND outcome = 'success' GROUP BY session, provider
            """,
        )
        rows = fleet.rows(
            """
            SELECT about, max(days) AS days, min(first) AS first, max(last) AS last,
                   sum(n)::BIGINT AS n, list(record_id) AS ids, (SELECT count(*) FROM session_lives) AS sessions,
                   (SELECT count(*) FROM session_lives WHERE days >= $least) AS longer
            FROM session_lives
            WHERE about IS NOT NULL AND days >= $least AND one_device AND (
                SELECT count(*) FILTER (days >= $least) <= greatest($rarest * count(*), 1) FROM session_lives)
            GROUP BY about ORDER BY about
            """,
            least=self.min_days,
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
