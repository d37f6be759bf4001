"""IdentitySharedToken: hits, near misses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.identity_shared_token import IdentitySharedToken
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import PHOENIX, holder, sign_in

DETECTOR = IdentitySharedToken()
TWO = [holder("lt-1", "p1", "a1"), holder("lt-2", "p2", "a2")]
NEITHER = {"lt-1": "clear", "lt-2": "clear"}


def on(account, token, **values):
    return sign_in(account, PHOENIX, 1, device_token=token, **values)


def test_a_machine_nobody_issued_for_two_people():
    """No device is named: it is none of ours."""
    rows = [*TWO, on("a1", "t1"), on("a2", "t1")]
    assert answers(DETECTOR, rows) == {"lt-1": "people", "lt-2": "people"}
    assert "signed in as 2 people" in judged(DETECTOR, rows).hits["lt-2"][0].summary


def test_one_token_on_two_laptops():
    """The token was copied from one to the other."""
    rows = [*TWO, on("a1", "t1", device_id="lt-1"), on("a2", "t1", device_id="lt-2")]
    assert answers(DETECTOR, rows) == {"lt-1": "two_devices", "lt-2": "two_devices"}


def test_two_people_on_one_laptop():
    """A weaker sign: help desks do this. The laptop is told of it."""
    rows = [*TWO, on("a1", "t1", device_id="lt-1"), on("a2", "t1", device_id="lt-1"), on("a2", "t2")]
    assert answers(DETECTOR, rows) == {"lt-1": "one_device", "lt-2": "clear"}


def test_shared_computers_that_are_known():
    """A household's, an office's, a kiosk, and several accounts of one person."""
    for values in ({"household": "h1"}, {"site": "Phoenix office"}):
        rows = [holder("lt-1", "p1", "a1", **values), holder("lt-2", "p2", "a2", **values)]
        assert answers(DETECTOR, [*rows, on("a1", "t1"), on("a2", "t1")]) == NEITHER
    kiosk = holder("kiosk", None)
    rows = [*TWO, kiosk, on("a1", "t1", device_id="kiosk"), on("a2", "t1", device_id="kiosk")]
    assert answers(DETECTOR, rows)["kiosk"] == "clear"
    rows = [holder("lt-1", "p1", "a1", "a1-adm"), on("a1", "t1"), on("a1-adm", "t1")]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_accounts_the_roster_does_not_know():
    """One person's unlisted second account is none; two unlisted accounts are a weak sign."""
    assert answers(DETECTOR, [TWO[0], on("a1", "t1"), on("other", "t1")]) == {"lt-1": "clear"}
    rows = [on("x", "t1", device_id="lt-9"), on("y", "t1", device_id="lt-9")]
    assert answers(DETECTOR, rows) == {"lt-9": "accounts"}


def test_without_tokens_there_is_no_data():
    """Sign-ins without a token say nothing."""
    assert answers(DETECTOR, [*TWO, sign_in("a1", PHOENIX, 1)]) == {"lt-1": "no data", "lt-2": "no data"}
