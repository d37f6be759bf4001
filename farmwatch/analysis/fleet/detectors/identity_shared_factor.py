"""One telephone or other second factor that confirms sign-ins of several people's accounts (I1).

It was one of the links by which a tenant's cluster of false workers was found. Several accounts of one person are the
roster's to declare; a household's shared telephone is respected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.sharing import Shared, shared_values
from farmwatch.analysis.fleet.tool_proof import many, times
from farmwatch.records import Claim, Family, Record, SignIn

__all__ = ["IdentitySharedFactor"]

_STRENGTH = ("people", "accounts", "unlisted")  #: of grades, the strongest first


@dataclass(frozen=True, slots=True)
class IdentitySharedFactor(FleetDetector):
    """Finds factors that several people's accounts use."""

    id: ClassVar[str] = "identity.shared_factor"
    title: ClassVar[str] = "does one second factor serve several people's accounts?"
    topic: ClassVar[str] = "second factors shared by accounts"
    signals: ClassVar[tuple[str, ...]] = ("I1",)
    family: ClassVar[Family] = Family.IDENTITY
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn,)
    benign: ClassVar[tuple[str, ...]] = (
        "an administrator's own test or service accounts that the roster does not list",
        "a couple or family with one telephone, not declared as a household",
        "a shared telephone or hardware token of a kiosk, a shift or a desk",
    )
    group: ClassVar[str] = "factor"
    grades: ClassVar[Mapping[str, Grade]] = {
        "people": Grade(
            Claim.DRIVEN, 20.0, "judged: one factor, two people of the roster, no household (docs/evidence.md, I1)"
        ),
        "accounts": Grade(Claim.DRIVEN, 10.0, "judged: two accounts, whose they are the roster does not say (I1)"),
        "unlisted": Grade(Claim.DRIVEN, 4.0, "judged: mostly a second account of the same person (I1)"),
    }
    when_clear: ClassVar[str] = "no second factor of its account confirmed another person's sign-in"
    check: ClassVar[str] = "ask each of the people, separately, to show what confirms their sign-ins"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices of accounts that share a factor."""
        found: dict[str, list[tuple[int, Shared]]] = {}
        for shared in shared_values(fleet, "factor"):
            grade = _grade(shared)
            for device in shared.devices if grade is not None else ():
                found.setdefault(device, []).append((_STRENGTH.index(grade or ""), shared))
        for device in sorted(found):
            rank = min(rank for rank, _ in found[device])
            counted = [shared for one, shared in found[device] if one == rank]
            accounts, people = max(one.accounts for one in counted), max(one.people for one in counted)
            whose = {
                "people": f"accounts of {people} people",
                "accounts": f"{accounts} accounts that the roster does not list",
                "unlisted": f"its account and {accounts - 1} that the roster does not list",
            }[_STRENGTH[rank]]
            kinds = sorted({kind for one in counted for kind in one.kinds})
            method = f" ({', '.join(kinds)[:60]})" if kinds else ""
            yield Hit(
                device,
                _STRENGTH[rank],
                f"one second factor{method} confirmed sign-ins of {whose}, {times(sum(one.n for one in counted))} "
                "in thirty days",
                observed=f"{many(len(counted), 'shared factor')}, {many(accounts, 'account')}",
                expected="a second factor of each person's own",
                telling=tuple(
                    telling(SignIn, one.first, one.last, count=one.n, record_ids=one.record_ids) for one in counted[:5]
                ),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose sign-ins say nothing of factors."""
        rows = fleet.rows(
            """
            SELECT DISTINCT about FROM sign_ins_30d WHERE about IS NOT NULL
            AND about NOT IN (SELECT about FROM sign_ins_30d WHERE factor IS NOT NULL AND about IS NOT NULL)
            ORDER BY about
            """
        )
        return {row["about"]: "its sign-ins name no second factor" for row in rows}


def _grade(shared: Shared) -> str | None:
    if shared.one_site or shared.issued_to_nobody:
        return None
    if shared.people > 1:
        return "people"
    if not shared.unlisted:
        return None
    return "unlisted" if shared.people else "accounts" if shared.unlisted > 1 else None
