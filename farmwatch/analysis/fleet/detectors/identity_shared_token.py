"""One device token or fingerprint behind sign-ins of several people, or one token on two devices (I2, E19).

A token belongs to one browser on one machine. Where a device we did not issue signs in as two of our people, one
person works as both; where two of our devices show one token, it was copied. Shared computers of a household, an
office or a kiosk are respected.
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

__all__ = ["IdentitySharedToken"]

_STRENGTH = ("people", "two_devices", "one_device", "accounts")  #: of grades, the strongest first


@dataclass(frozen=True, slots=True)
class IdentitySharedToken(FleetDetector):
    """Finds machines that sign in as several people."""

    id: ClassVar[str] = "identity.shared_token"
    title: ClassVar[str] = "do several people's accounts sign in from one machine?"
    topic: ClassVar[str] = "device tokens shared by accounts"
    signals: ClassVar[tuple[str, ...]] = ("I2", "E19")
    family: ClassVar[Family] = Family.IDENTITY
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn,)
    benign: ClassVar[tuple[str, ...]] = (
        "a computer shared by a family, an office or a shift that the roster does not name",
        "somebody of the help desk who signed in on a colleague's laptop",
        "laptops set up from one disk image, with one token in it",
    )
    group: ClassVar[str] = "device token"
    grades: ClassVar[Mapping[str, Grade]] = {
        "people": Grade(
            Claim.DRIVEN, 18.0, "judged: a machine nobody issued signs in as two people (docs/evidence.md, I2)"
        ),
        "two_devices": Grade(
            Claim.DRIVEN, 12.0, "judged: one token on two laptops; disk images make some (docs/evidence.md, E19)"
        ),
        "one_device": Grade(Claim.DRIVEN, 8.0, "judged: two people on one person's laptop; help desks do this (I2)"),
        "accounts": Grade(Claim.DRIVEN, 4.0, "judged: two accounts, whose they are the roster does not say (I2)"),
    }
    when_clear: ClassVar[str] = "no device token of its account signed in another person"
    check: ClassVar[str] = "find the machine by its addresses and programs; end its sessions if nobody knows it"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices of accounts that share a token."""
        found: dict[str, list[tuple[int, Shared]]] = {}
        for shared in shared_values(fleet, "device_token"):
            grade = _grade(shared)
            for device in shared.devices if grade is not None else ():
                found.setdefault(device, []).append((_STRENGTH.index(grade or ""), shared))
        for device in sorted(found):
            rank = min(rank for rank, _ in found[device])
            counted = [shared for one, shared in found[device] if one == rank]
            people, accounts = max(one.people for one in counted), max(one.accounts for one in counted)
            what = {
                "people": "a machine that is none of the company's signed in as "
                f"{many(people, 'person', 'people')}, its owner too",
                "two_devices": f"one device token shows on {max(len(one.named) for one in counted)} laptops "
                f"of {people} people",
                "one_device": f"{people} people signed in on one laptop",
                "accounts": f"one machine signed in as {accounts} accounts that the roster does not list",
            }[_STRENGTH[rank]]
            yield Hit(
                device,
                _STRENGTH[rank],
                f"{what}, {times(sum(one.n for one in counted))} in thirty days",
                observed=f"{many(len(counted), 'shared token')}, {many(accounts, 'account')}",
                expected="a device token of one machine and one person",
                telling=tuple(
                    telling(SignIn, one.first, one.last, count=one.n, record_ids=one.record_ids) for one in counted[:5]
                ),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose sign-ins carry no token."""
        rows = fleet.rows(
            """
            SELECT DISTINCT about FROM sign_ins_30d WHERE about IS NOT NULL
            AND about NOT IN (SELECT about FROM sign_ins_30d WHERE device_token IS NOT NULL AND about IS NOT NULL)
            ORDER BY about
            """
        )
        return {row["about"]: "its sign-ins carry no device token" for row in rows}


def _grade(shared: Shared) -> str | None:
    if shared.issued_to_nobody or shared.one_site:
        return None
    if shared.people > 1:
        return "people" if not shared.named else "two_devices" if len(shared.named) > 1 else "one_device"
    return "accounts" if not shared.people and shared.unlisted > 1 else None
