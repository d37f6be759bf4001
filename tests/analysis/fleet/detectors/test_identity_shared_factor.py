"""IdentitySharedFactor: hits, near misses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.identity_shared_factor import IdentitySharedFactor
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import PHOENIX, holder, sign_in

DETECTOR = IdentitySharedFactor()
TWO = [holder("lt-1", "p1", "a1"), holder("lt-2", "p2", "a2")]
BOTH = {"lt-1": "people", "lt-2": "people"}
NEITHER = {"lt-1": "clear", "lt-2": "clear"}


def confirmed(account, factor, day=1.0, **values):
    return sign_in(account, PHOENIX, day, factor=factor, factor_kind="push", **values)


def test_one_telephone_for_two_people():
    """Both laptops are told of it, also where the second use was weeks ago."""
    rows = [*TWO, confirmed("a1", "f1"), confirmed("a2", "f1", -20), confirmed("a2", "f2", 2)]
    assert answers(DETECTOR, rows) == BOTH
    finding = judged(DETECTOR, rows).hits["lt-1"][0]
    assert (
        finding.summary == "one second factor (push) confirmed sign-ins of accounts of 2 people, 2 times in thirty days"
    )


def test_each_persons_own_factor():
    """Two factors for two people; one factor for two accounts of one person."""
    assert answers(DETECTOR, [*TWO, confirmed("a1", "f1"), confirmed("a2", "f2")]) == NEITHER
    admin = [holder("lt-1", "p1", "a1", "a1-adm"), confirmed("a1", "f1"), confirmed("a1-adm", "f1")]
    assert answers(DETECTOR, admin) == {"lt-1": "clear"}


def test_a_household_may_share():
    """Two people who live together by the roster."""
    rows = [holder("lt-1", "p1", "a1", household="h1"), holder("lt-2", "p2", "a2", household="h1")]
    assert answers(DETECTOR, [*rows, confirmed("a1", "f1"), confirmed("a2", "f1")]) == NEITHER


def test_accounts_the_roster_does_not_know():
    """Beside a known person a weak sign: it may be their test account; without anybody known a stronger one."""
    rows = [holder("lt-1", "p1", "a1"), confirmed("a1", "f1"), confirmed("test-account", "f1")]
    assert answers(DETECTOR, rows) == {"lt-1": "unlisted"}
    rows = [confirmed("x", "f1", device_id="lt-1"), confirmed("y", "f1", device_id="lt-2")]
    assert answers(DETECTOR, rows) == {"lt-1": "accounts", "lt-2": "accounts"}


def test_a_kiosk_is_nobodys():
    """A device that the roster gives to nobody, and its account."""
    rows = [
        holder("kiosk", None, "k"),
        confirmed("k", "f1", device_id="kiosk"),
        confirmed("new", "f1", device_id="kiosk"),
    ]
    assert answers(DETECTOR, rows) == {"kiosk": "clear"}


def test_a_value_of_the_platforms_is_nobodys():
    """One value for very many accounts, or for most of a small fleet, is no telephone."""
    people = [holder(f"lt-{n}", f"p{n}", f"a{n}") for n in range(30)]
    rows = people + [confirmed(f"a{n}", "f1") for n in range(25)]
    assert set(answers(DETECTOR, rows).values()) == {"clear", "no data"}
    small = people[:6] + [confirmed(f"a{n}", "f1") for n in range(6)]
    assert set(answers(DETECTOR, small).values()) == {"clear"}


def test_a_desk_of_one_site_shares_what_it_has():
    """People whom the roster puts at one site may have one token there; at two sites they have not."""
    uses = [confirmed("a1", "f1"), confirmed("a2", "f1")]
    together = [holder("lt-1", "p1", "a1", site="HQ"), holder("lt-2", "p2", "a2", site="HQ")]
    apart = [holder("lt-1", "p1", "a1", site="HQ"), holder("lt-2", "p2", "a2", site="plant")]
    assert answers(DETECTOR, [*together, *uses]) == NEITHER
    assert answers(DETECTOR, [*apart, *uses]) == BOTH


def test_failed_confirmations_do_not_count():
    """A push that was refused confirmed nobody."""
    rows = [*TWO, confirmed("a1", "f1"), confirmed("a2", "f1", outcome="failure"), confirmed("a2", "f2")]
    assert answers(DETECTOR, rows) == NEITHER


def test_without_factors_there_is_no_data():
    """Sign-ins that name no factor say nothing."""
    assert answers(DETECTOR, [*TWO, sign_in("a1", PHOENIX, 1)]) == {"lt-1": "no data", "lt-2": "no data"}
