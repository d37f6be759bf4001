"""Visits: what counts as one, what is away, and who cannot be judged by place."""

from __future__ import annotations

from farmwatch.analysis.fleet.visits import networks_said, unplaced
from tests.analysis.fleet.fleets import fleet_of
from tests.analysis.fleet.placing import (
    DANDONG,
    GEO,
    NOWHERE,
    PHOENIX,
    SEATTLE,
    VPN_DALLAS,
    holder,
    seen,
    sign_in,
)

ROSTER = holder("lt-1", "p1", "a1")


def test_sign_ins_of_a_day_are_one_visit():
    """Failed ones and tunnels are none; another day, a telephone and a program's refresh are visits of their own."""
    rows = [ROSTER, sign_in("a1", PHOENIX, 1, 8.0), sign_in("a1", PHOENIX, 1, 9.0), sign_in("a1", PHOENIX, 2)]
    rows += [sign_in("a1", PHOENIX, 1, client_os="ios"), sign_in("a1", PHOENIX, 1, 10.0, interactive=False)]
    rows += [sign_in("a1", PHOENIX, 1, outcome="failure"), sign_in("a1", PHOENIX, 1, event="tunnel up")]
    with fleet_of(rows, geo=GEO) as fleet:
        found = fleet.rows("SELECT about, portable, interactive, n FROM visits ORDER BY portable, interactive, n")
    assert [(row["portable"], row["interactive"], row["n"]) for row in found] == [
        (False, False, 1), (False, True, 1), (False, True, 2), (True, True, 1),
    ]  # fmt: skip
    assert {row["about"] for row in found} == {"lt-1"}


def test_away_is_measured_beyond_the_radius():
    """Abroad with a distance, far at home, not the VPN, not home; by country alone where there is no distance."""
    rows = [ROSTER, *(sign_in("a1", one, 1) for one in (PHOENIX, SEATTLE, DANDONG, VPN_DALLAS))]
    with fleet_of(rows, geo=GEO) as fleet:
        found = {row["address"]: row for row in fleet.rows("SELECT * FROM visits_away ORDER BY address")}
    assert found.keys() == {SEATTLE, DANDONG}
    assert (found[SEATTLE]["abroad"], found[DANDONG]["abroad"]) == (False, True)
    assert 1700 < found[SEATTLE]["km"] < 1780  # 1790 km less a radius of 50
    rows[0] = holder("lt-1", "p1", "a1", latitude=None)
    with fleet_of(rows, geo=GEO) as fleet:
        alone = fleet.rows("SELECT address, km FROM visits_away")
    assert alone == [{"address": DANDONG, "km": None}]


def test_who_cannot_be_judged_is_told_why():
    """No place of an address; none in the roster; a VPN's address will do for rules about VPNs."""
    rows = [ROSTER, sign_in("a1", PHOENIX, 1), holder("lt-2", "p2", place_country=None, latitude=None),
            seen("lt-2", PHOENIX, 1), holder("lt-3", "p3"), seen("lt-3", NOWHERE, 1),
            holder("lt-4", "p4"), seen("lt-4", VPN_DALLAS, 1)]  # fmt: skip
    unknown = "no place is known of its addresses"
    with fleet_of(rows, geo=GEO) as fleet:
        assert unplaced(fleet) == {"lt-2": "the roster has no place for it", "lt-3": unknown, "lt-4": unknown}
        assert unplaced(fleet, declared=False) == {"lt-3": unknown, "lt-4": unknown}
        assert unplaced(fleet, declared=False, lines=False) == {"lt-3": unknown}
    with fleet_of(rows) as fleet:
        assert unplaced(fleet)["lt-1"] == f"{unknown} (no place database)"


def test_networks_are_said_shortly():
    """Sorted, once each, with an end."""
    assert networks_said([("US", "Cox"), ("CN", None), ("US", "Cox")]) == "CN, US (Cox)"
    assert networks_said([(None, "x" * 100)]) == f"an unknown country ({'x' * 60})"
    assert networks_said([("US", str(number)) for number in range(9)]).endswith("US (3) and 5 more")


def test_a_country_is_named_once_where_a_network_is_known():
    """Without a network beside one with it, a country says nothing more."""
    assert networks_said([("DE", None), ("DE", "Example DSL"), ("US", None)]) == "DE (Example DSL), US"
    assert networks_said([(None, None), (None, "Example DSL")]) == "an unknown country (Example DSL)"
