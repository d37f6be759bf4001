"""Whose accounts they are: what one factor or device token shared by several accounts says about people.

A person may have several accounts (an administrator's second one), and people of one household or one desk may share a
telephone or a computer; neither is two people pretending to be one. An account the roster does not list may be either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["MOST_ACCOUNTS", "Shared", "shared_values"]

MOST_ACCOUNTS = 20
"""Accounts of one value, beyond which it is the platform's and not anybody's (one value for all who use a method):
judged; a farm's people are its operators, of whom one has had twelve identities (docs/evidence.md, I1)."""

_FEW = 4  #: accounts from which on a value that most of a fleet shares is called the platform's


@dataclass(frozen=True, slots=True)
class Shared:
    """One value that several accounts used."""

    value: str
    accounts: int
    people: int  #: known ones, a household counted once
    unlisted: int  #: accounts the roster does not know
    one_site: bool  #: all known people belong to one site
    devices: tuple[str, ...]  #: devices the accounts are about, sorted
    named: tuple[str, ...]  #: devices the sign-ins named, sorted
    issued_to_nobody: bool  #: a device they named is shared or unassigned by the roster
    kinds: tuple[str, ...]
    first: datetime
    last: datetime
    n: int
    record_ids: tuple[str, ...]


def shared_values(fleet: Fleet, column: str) -> list[Shared]:
    """Values of a column of sign-ins that several accounts used successfully within thirty days, in their order.

    Args:
        fleet: whose.
        column: ``factor`` or ``device_token``.
    """
    fleet.make(
        "shared_uses",
        f"""
        SELECT {column} AS value, account, about, device_id, min(factor_kind) AS kind, min(ts) AS first,
               max(ts) AS last, count(*) AS n, min(record_id) AS record_id
        FROM sign_ins_30d WHERE {column} IS NOT NULL AND account IS NOT NULL AND outcome = 'success'
              AND {column} <> account
        GROUP BY value, account, about, device_id
        """,
    )
    rows = fleet.rows(
        f"""
        WITH counted AS (
            SELECT value, count(DISTINCT account) AS accounts FROM shared_uses GROUP BY value
            HAVING accounts BETWEEN 2 AND {MOST_ACCOUNTS}
        ), usual AS (SELECT count(DISTINCT account) AS accounts FROM shared_uses),
        holders AS (
            SELECT a.account, min(a.person) AS person, bool_and(a.person IS NULL) AS nobody,
                   min(o.household) AS household,
                   CASE WHEN count(DISTINCT o.site) = 1 AND count(*) = count(o.site) THEN min(o.site) END AS site
            FROM account_owners AS a JOIN owners AS o USING (device_id) GROUP BY a.account
        )
        SELECT u.*, h.person, coalesce(h.nobody, false) AS nobody, h.account IS NULL AS unlisted, h.household, h.site,
               d.device_id IS NOT NULL AND d.person IS NULL AS to_nobody
        FROM shared_uses AS u JOIN counted AS c USING (value) LEFT JOIN holders AS h ON h.account = u.account
        LEFT JOIN owners AS d ON d.device_id = u.device_id
        WHERE NOT (c.accounts > {_FEW} AND 2 * c.accounts > (SELECT accounts FROM usual))
        ORDER BY u.value, u.account, u.about, u.device_id
        """
    )
    by_value: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_value.setdefault(row["value"], []).append(row)
    return [_shared(value, uses) for value, uses in by_value.items()]


def _shared(value: str, uses: list[dict[str, Any]]) -> Shared:
    known = [row for row in uses if row["person"] is not None]
    sites = {row["site"] for row in known}
    return Shared(
        value=value,
        accounts=len({row["account"] for row in uses}),
        people=_people(known),
        unlisted=len({row["account"] for row in uses if row["unlisted"]}),
        one_site=len(sites) == 1 and None not in sites,
        devices=_texts(row["about"] for row in uses),
        named=_texts(row["device_id"] for row in uses),
        issued_to_nobody=any(row["to_nobody"] or row["nobody"] for row in uses),
        kinds=_texts(row["kind"] for row in uses),
        first=min(row["first"] for row in uses),
        last=max(row["last"] for row in uses),
        n=sum(row["n"] for row in uses),
        record_ids=_texts(row["record_id"] for row in uses),
    )


def _people(known: Sequence[Mapping[str, Any]]) -> int:
    """How many people or households they are."""
    return len({f"household {row['household']}" if row["household"] else f"person {row['person']}" for row in known})


def _texts(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value is not None}))
