"""One session on two machines at once: its cookie or token was lifted from one of them (E19).

A session belongs to the browser that opened it. Two devices that overlap in time under one session number, or two
operating systems of computers in it, mean a copy. Devices that were renamed follow each other and do not overlap;
tablets pass for computers, so telephones' and tablets' systems are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, Record, SignIn

__all__ = ["IdentitySessionCopied"]

MOST_DEVICES = 5  #: of one session; with more the number is the service's: judged


@dataclass(frozen=True, slots=True)
class IdentitySessionCopied(FleetDetector):
    """Finds sessions that run on two machines."""

    id: ClassVar[str] = "identity.session_copied"
    title: ClassVar[str] = "does one session run on two machines at once?"
    topic: ClassVar[str] = "sessions on two machines"
    signals: ClassVar[tuple[str, ...]] = ("E19",)
    family: ClassVar[Family] = Family.IDENTITY
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn,)
    benign: ClassVar[tuple[str, ...]] = (
        "a provider that gives one session number to all programs of an account",
        "a virtual machine or a remote desktop on the laptop that passes the sign-in on",
        "a browser that pretends to be of another system (developers' tools)",
    )
    group: ClassVar[str] = "session elsewhere"
    grades: ClassVar[Mapping[str, Grade]] = {
        "two_devices": Grade(
            Claim.DRIVEN, 18.0, "judged: two devices in one session at one time (docs/evidence.md, E19)"
        ),
        "two_systems": Grade(
            Claim.DRIVEN, 9.0, "judged: two computers' systems in one session; browsers can pretend (E19)"
        ),
    }
    when_clear: ClassVar[str] = "each session of its account ran on one machine"
    check: ClassVar[str] = "end the account's sessions; look which of the two machines opened them"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices in whose session another machine took part."""
        fleet.make(
            "session_uses",
            """
            SELECT session, provider, about, device_id, client_os, min(ts) AS first, max(ts) AS last, count(*) AS n,
                   min(record_id) AS record_id
            FROM sign_ins WHERE session IS NOT NULL AND outcome = 'success'
                  AND (device_id IS NOT NULL OR client_os IN ('windows', 'macos', 'linux', 'chromeos'))
            GROUP BY ALL
            """,
        )
        fleet.make(
            "session_mixed",
            f"""
            SELECT session, provider,
                   count(DISTINCT device_id) AS devices,
                   list_sort(list(DISTINCT client_os) FILTER (client_os IN ('windows', 'macos', 'linux', 'chromeos')))
                       AS systems,
                   list_sort(list(DISTINCT device_id)) AS named
            FROM session_uses GROUP BY session, provider
            HAVING count(DISTINCT device_id) BETWEEN 2 AND {MOST_DEVICES}
                OR (count(DISTINCT client_os) FILTER (client_os IN ('windows', 'macos', 'linux', 'chromeos')) > 1
                    AND count(DISTINCT device_id) <= {MOST_DEVICES})
            """,
        )
        rows = fleet.rows(
            """
            WITH spans AS (
                SELECT session, provider, device_id, min(first) AS first, max(last) AS last, sum(n)::BIGINT AS n,
                       list(record_id) AS ids
                FROM session_uses SEMI JOIN session_mixed USING (session, provider) WHERE device_id IS NOT NULL
                GROUP BY ALL
            )
            SELECT a.device_id, 'two_devices' AS grade, count(DISTINCT a.session) AS sessions,
                   list_sort(list(DISTINCT b.device_id)) AS others, min(a.first) AS first, max(a.last) AS last,
                   sum(a.n)::BIGINT AS n, list_sort(list_distinct(flatten(list(a.ids))))[:20] AS ids
            FROM spans AS a JOIN spans AS b ON a.session = b.session AND a.provider = b.provider
                 AND a.device_id <> b.device_id AND a.first <= b.last AND b.first <= a.last
            GROUP BY a.device_id
            UNION ALL
            SELECT u.about, 'two_systems', count(DISTINCT u.session),
                   list_sort(list_distinct(flatten(list(m.systems)))),
                   min(u.first), max(u.last), sum(u.n)::BIGINT, list(DISTINCT u.record_id ORDER BY u.record_id)[:20]
            FROM session_uses AS u JOIN session_mixed AS m USING (session, provider)
            WHERE u.about IS NOT NULL AND len(m.systems) > 1 AND m.devices < 2 GROUP BY u.about
            ORDER BY device_id, grade
            """
        )
        done: set[str] = set()
        for row in rows:
            if row["device_id"] in done:
                continue
            done.add(row["device_id"])
            count = many(row["sessions"], "session")
            others = ", ".join(row["others"][:4])[:80]
            what = (
                f"{count} of this device ran on {others} at the same time"
                if row["grade"] == "two_devices"
                else f"{count} of its account ran on computers of two systems: {others}"
            )
            yield Hit(
                row["device_id"],
                row["grade"],
                what,
                observed=f"{many(row['n'], 'use')} in {count}, with {others}",
                expected="one machine in each session",
                telling=(telling(SignIn, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose sign-ins carry no session."""
        rows = fleet.rows(
            """
            SELECT DISTINCT about FROM sign_ins WHERE about IS NOT NULL
            AND about NOT IN (SELECT about FROM sign_ins WHERE session IS NOT NULL AND about IS NOT NULL)
            ORDER BY about
            """
        )
        return {row["about"]: "its sign-ins carry no session" for row in rows}
