"""shared_values: who is counted, and which values are nobody's."""

from __future__ import annotations

from farmwatch.analysis.fleet.sharing import MOST_ACCOUNTS, shared_values
from tests.analysis.fleet.fleets import fleet_of
from tests.analysis.fleet.placing import PHOENIX, holder, sign_in


def used(account, factor="f1", day=1, **values):
    return sign_in(account, PHOENIX, day, factor=factor, **values)


def shared(*rows, column="factor"):
    with fleet_of(rows) as fleet:
        return shared_values(fleet, column)


def test_people_households_and_unlisted_accounts_are_told_apart():
    """Two people of one household and a third person are two; an account that no roster lists is none of them."""
    roster = [holder("lt-1", "p1", "a1", household="h"), holder("lt-2", "p2", "a2", household="h"),
              holder("lt-3", "p3", "a3")]  # fmt: skip
    found = shared(*roster, *(used(account) for account in ("a1", "a2", "a3", "x")))
    assert [(one.accounts, one.people, one.unlisted, one.n) for one in found] == [(4, 2, 1, 4)]
    assert found[0].devices == ("lt-1", "lt-2", "lt-3")


def test_values_that_are_not_shared():
    """One account; failed sign-ins; a value that is the account itself; more than thirty days ago."""
    assert shared(used("a"), used("a", day=2)) == []
    assert shared(used("a"), used("b", outcome="failure")) == []
    assert shared(used("f1"), used("b")) == []
    assert shared(used("a"), used("b", day=-40)) == []


def test_values_of_the_platform():
    """More accounts than one hand has; or most of those there are."""
    others = [used(f"o{number}", f"f{number}") for number in range(2, 60)]
    few = [used(f"a{number}") for number in range(MOST_ACCOUNTS)]
    assert [one.accounts for one in shared(*others, *few)] == [MOST_ACCOUNTS]
    assert shared(*others, *few, used("one-more")) == []
    assert shared(*few) == []


def test_one_site_and_devices_of_nobody():
    """People of one office; a device that the roster gives to nobody."""
    roster = [holder("lt-1", "p1", "a1", site="north"), holder("lt-2", "p2", "a2", site="north"), holder("kiosk", None)]
    office = shared(*roster, used("a1"), used("a2"))[0]
    assert (office.one_site, office.issued_to_nobody) == (True, False)
    kiosk = shared(*roster, used("a1", device_id="kiosk"), used("x", device_id="kiosk"))[0]
    assert (kiosk.issued_to_nobody, kiosk.named) == (True, ("kiosk",))
