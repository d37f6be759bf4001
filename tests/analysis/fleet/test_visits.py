"""Visits: what counts as one, what is away, and who cannot be judged by place."""

from __future__ import annotations

from farmwatch.analysis.fleet.visits import networks_said, travelling_sql, unplaced
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
    assert networks_said([("US", "Cox"), ("CN", None), ("US", "Cox")]) == "China, the United States (Cox)"
    assert networks_said([(None, "x" * 100)]) == f"an unknown country ({'x' * 60})"
    assert networks_said([("US", str(number)) for number in range(9)]).endswith("the United States (3) and 5 more")


def test_a_country_is_named_once_where_a_network_is_known():
    """Without a network beside one with it, a country says nothing more."""
    assert (
        networks_said([("DE", None), ("DE", "Example DSL"), ("US", None)]) == "Germany (Example DSL), the United States"
    )
    assert networks_said([(None, None), (None, "Example DSL")]) == "an unknown country (Example DSL)"


def test_declared_travel_has_a_day_on_either_side():
    """Days are UTC; a stretch counts where it touches the journey; a journey is nobody else's."""
    away = holder("lt-1", "p1", "a1", travel="2026-03-04/2026-03-05 Lisbon; nonsense; 2026-02-01/2026-02-02")
    days = (
        "SELECT 'lt-' || d AS device_id, DATE '2026-03-01' + n::INTEGER AS first FROM range(1, 3) d(d), range(9) n(n)"
    )
    with fleet_of([away, holder("lt-2", "p2", "a2")]) as fleet:
        for device in ("device_id", "q.device_id"):
            one = fleet.rows(f"SELECT * FROM ({days}) AS q WHERE {travelling_sql(device, 'first')} ORDER BY first")
            assert [(row["device_id"], row["first"].day) for row in one] == [("lt-1", day) for day in (3, 4, 5, 6)]
        stretch = travelling_sql("device_id", "first", "first + 2")
        found = fleet.rows(f"SELECT device_id, first FROM ({days}) AS q WHERE {stretch} ORDER BY first")
    assert [(row["device_id"], row["first"].day) for row in found] == [("lt-1", day) for day in (1, 2, 3, 4, 5, 6)]
