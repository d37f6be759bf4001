"""The account is used on a computer that the company did not issue and does not manage (E19).

Telephones and tablets are left out, and sign-ins before the laptop was handed out. A computer on the line that the
laptop itself is on is mostly the person's own; one on another line is somewhere else. Where more than a tenth of the
accounts do it, the company evidently allows it, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import networks_said, travelling_sql
from farmwatch.records import Claim, Family, Record, SignIn

__all__ = ["IdentityUnmanaged"]

_FEW = 10  #: accounts in a fleet, up to which no share of them says what is usual


@dataclass(frozen=True, slots=True)
class IdentityUnmanaged(FleetDetector):
    """Finds accounts in use on computers nobody issued."""

    id: ClassVar[str] = "identity.unmanaged"
    title: ClassVar[str] = "is its account used on a computer nobody issued?"
    topic: ClassVar[str] = "sign-ins from computers that are not managed"
    signals: ClassVar[tuple[str, ...]] = ("E19",)
    family: ClassVar[Family] = Family.IDENTITY
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn,)
    benign: ClassVar[tuple[str, ...]] = (
        "the person's own computer, used for mail or in an emergency",
        "a laptop whose enrolment broke or is not finished",
        "a private browser window, which hides that the device is managed",
    )
    group: ClassVar[str] = "session elsewhere"
    grades: ClassVar[Mapping[str, Grade]] = {
        "elsewhere_days": Grade(
            Claim.DRIVEN, 11.0, "judged: on lines the laptop was never on, for days (docs/evidence.md, E19)"
        ),
        "elsewhere": Grade(Claim.DRIVEN, 6.0, "judged: once, on a line the laptop was not on (docs/evidence.md, E19)"),
        "beside": Grade(Claim.DRIVEN, 2.0, "judged: on the laptop's own line: mostly the person's own computer"),
    }
    when_clear: ClassVar[str] = "its account was used on managed computers and telephones only"
    check: ClassVar[str] = "ask the owner which computer it is; demand managed devices for the services in question"

    usual_share: float = param(0.1, "Of accounts: more is a company that allows own computers.", low=0.01, high=0.5)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices whose account is used on other computers."""
        self._others(fleet)
        if self._usual(fleet):
            return
        rows = fleet.rows(
            f"""
            WITH own AS (SELECT DISTINCT device_id, address FROM egress WHERE via = 'sightings'),
            used AS (
                SELECT s.laptop AS about, s.address, s.client_os, s.day, s.first, s.last, s.n, s.record_id
                FROM unmanaged_uses AS s LEFT JOIN owners AS o ON o.device_id = s.laptop
                WHERE s.laptop IS NOT NULL AND s.other
                      AND (o.issued IS NULL OR s.first >= o.issued + INTERVAL 3 DAYS)
            ), told AS (
                SELECT u.*, p.country, p.as_org, own.device_id IS NOT NULL OR p.scope IN ('own', 'local') AS beside,
                       count(DISTINCT day) FILTER (own.device_id IS NULL AND p.scope = 'public')
                           OVER (PARTITION BY u.about) AS days_elsewhere
                FROM used AS u LEFT JOIN places AS p USING (address)
                LEFT JOIN own ON own.device_id = u.about AND own.address = u.address
                WHERE NOT {travelling_sql("u.about", "u.day")}
            )
            SELECT about, max(days_elsewhere) AS days_elsewhere, count(DISTINCT day) AS days, sum(n)::BIGINT AS n,
                   min(first) AS first, max(last) AS last, list_sort(list(DISTINCT client_os)) AS systems,
                   list(DISTINCT {{'country': country, 'org': as_org}}) AS networks,
                   list_sort(list(DISTINCT address)) AS addresses,
                   list(DISTINCT record_id ORDER BY record_id)[:20] AS ids
            FROM told WHERE days_elsewhere = 0 OR NOT coalesce(beside, true)
            GROUP BY about ORDER BY about
            """
        )
        for row in rows:
            elsewhere = row["days_elsewhere"]
            grade = "elsewhere_days" if elsewhere > 1 else "elsewhere" if elsewhere else "beside"
            networks = networks_said((one["country"], one["org"]) for one in row["networks"])
            where = f"from {networks}, where the laptop was not" if elsewhere else "from the laptop's own line"
            days = elsewhere or row["days"]
            yield Hit(
                row["about"],
                grade,
                f"its account was used on a computer that is not managed ({', '.join(row['systems'])}), {where}, on "
                f"{many(days, 'day')}",
                observed="; ".join((row["addresses"] or [])[:8]),
                expected="the laptop that was issued",
                telling=(telling(SignIn, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def _others(self, fleet: Fleet) -> None:
        """``unmanaged_uses``: sign-ins by people on computers, and whether the computer is one nobody issued.

        It is one where the provider knows no device and says it is not managed, or where it names a device that the
        roster does not have although it has another one of the account's owner.
        """
        fleet.make(
            "unmanaged_uses",
            """
            SELECT s.account, coalesce(h.device_id, s.about) AS laptop, s.address, s.client_os,
                   CAST(s.ts AS DATE) AS day,
                   (s.device_id IS NULL AND coalesce(s.managed = false, false))
                   OR (s.device_id IS NOT NULL AND NOT coalesce(s.managed, false) AND o.device_id IS NULL
                       AND h.device_id IS NOT NULL) AS other,
                   s.managed IS NOT NULL OR (s.device_id IS NOT NULL AND h.device_id IS NOT NULL) AS told,
                   min(s.ts) AS first, max(s.ts) AS last, count(*) AS n, min(s.record_id) AS record_id
            FROM sign_ins AS s LEFT JOIN account_devices AS h ON h.account = s.account
            LEFT JOIN owners AS o ON o.device_id = s.device_id
            WHERE s.outcome = 'success' AND s.event IN ('sign-in', 'session', 'factor') AND s.account IS NOT NULL
                  AND coalesce(s.interactive, true) AND s.client_os IN ('windows', 'macos', 'linux', 'chromeos')
            GROUP BY ALL
            """,
        )

    def _usual(self, fleet: Fleet) -> bool:
        """Whether the fleet's people use their own computers as a matter of course."""
        row = fleet.rows(
            """
            SELECT count(DISTINCT account) AS accounts, count(DISTINCT account) FILTER (other) AS others
            FROM unmanaged_uses WHERE told
            """
        )[0]
        return bool(row["accounts"] > _FEW and row["others"] > self.usual_share * row["accounts"])

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose provider does not tell computers apart, or all where own computers are usual."""
        self._others(fleet)
        if self._usual(fleet):
            usual = "own computers are usual in this fleet"
            return {row["device_id"]: usual for row in fleet.rows("SELECT device_id FROM fleet_devices ORDER BY 1")}
        rows = fleet.rows(
            """
            SELECT about FROM (SELECT DISTINCT about FROM sign_ins WHERE about IS NOT NULL)
            ANTI JOIN (SELECT laptop AS about FROM unmanaged_uses WHERE told) USING (about) ORDER BY about
            """
        )
        return {row["about"]: "its sign-ins do not say which computers they came from" for row in rows}
