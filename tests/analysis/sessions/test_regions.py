"""How much round trips say of distance."""

from __future__ import annotations

import pytest

from farmwatch.analysis.sessions.regions import (
    ALONE_CAP_DECIBANS,
    DIFFERENCE_CAP_DECIBANS,
    LONGEST_MS,
    NEAR_MS,
    SLACK_MS,
    Basis,
    combined,
    consistent_with,
    farthest_km,
    farthest_past_relay_km,
    floor_ms,
    reach,
)
from farmwatch.knowledge.regions import load_regions

EXCLUDED = 10  #: decibans from which the same continent is called not consistent
TIMES = [*range(0, 400, 7), 450, 600, 1000, 5000]


def test_the_bound_is_that_of_light_in_fibre():
    """99.93 km a millisecond, never beyond half the earth, and it only grows."""
    assert farthest_km(110) == pytest.approx(10_992, abs=1)
    assert farthest_km(1e9) == farthest_km(300) == pytest.approx(20_015, abs=1)
    bounds = [farthest_km(ms) for ms in TIMES]
    assert bounds == sorted(bounds)


def test_past_the_relay_with_slack():
    """Two measured times are subtracted, so 5 ms are added before anything is excluded."""
    assert farthest_past_relay_km(30, 12) == pytest.approx(farthest_km(18 + SLACK_MS))
    assert farthest_past_relay_km(10, 12) == pytest.approx(farthest_km(SLACK_MS))


def test_110_ms_alone_are_weak():
    """A likelihood ratio between 2 and 5, whether loop or transport."""
    for found in (reach(loop_ms=110, transport_ms=None), reach(loop_ms=None, transport_ms=110)):
        assert 3 <= found.decibans <= 7
        assert found.nearby


def test_190_ms_over_12_are_strong():
    """One flow, two times: enough for a review from a prior of one in a thousand, within 8 bits."""
    found = reach(loop_ms=190, transport_ms=12)
    assert 20.5 <= found.decibans <= DIFFERENCE_CAP_DECIBANS
    assert found.basis is Basis.DIFFERENCE
    assert not found.nearby
    assert "East Asia" in found.regions
    assert consistent_with(found).endswith("hardly with the same continent")


@pytest.mark.parametrize("loop", TIMES)
@pytest.mark.parametrize("transport", [None, 5, 40, 120, 240])
def test_caps(loop, transport):
    """A time alone never weighs more than 4 bits, a difference never more than 8, nothing speaks against."""
    found = reach(loop_ms=loop, transport_ms=transport)
    cap = DIFFERENCE_CAP_DECIBANS if found.basis is Basis.DIFFERENCE else ALONE_CAP_DECIBANS
    assert 0 <= found.decibans <= cap
    assert found.likely_km is None or found.likely_km[0] <= found.likely_km[1] <= found.bound_km


def test_a_far_relay_is_not_a_far_person():
    """Where the relay itself is 150 ms away, the loop past it must not count as if the relay were near."""
    assert reach(loop_ms=190, transport_ms=150).decibans <= ALONE_CAP_DECIBANS


@pytest.mark.parametrize(("loop", "transport"), [(345, 160), (385, 180), (425, 210), (205, 100), (150, 75), (190, 60)])
def test_a_neighbour_on_the_same_far_relay_is_not_far(loop, transport):
    """A helper in the device's own town has a loop of two transports and a line: that is no distance."""
    assert reach(loop_ms=loop, transport_ms=transport).decibans < 1


def test_two_transports_hardly_explain_a_long_loop_over_a_near_relay():
    """What a near relay adds twice is little: the weight stays."""
    assert reach(loop_ms=190, transport_ms=5).decibans >= 20.5
    assert reach(loop_ms=205, transport_ms=11).decibans >= 20.5


@pytest.mark.parametrize("transport", range(10, 250, 20))
@pytest.mark.parametrize("line", [0, 5, 15, 40])
def test_no_far_relay_makes_a_neighbour_far(transport, line):
    """However far the relay is, and whichever of both lines is the better one."""
    assert reach(loop_ms=2 * transport + line, transport_ms=transport).decibans < 3
    assert reach(loop_ms=2 * transport - line / 4, transport_ms=transport).decibans < 5, "their line is the better one"


def test_seen_from_a_far_relay_nothing_is_a_place():
    """Distances past a relay are from the relay: named, and drawn round the device, only where both are near."""
    far = reach(loop_ms=250, transport_ms=NEAR_MS + 20)
    assert far.decibans > EXCLUDED
    assert (far.regions, far.likely_km, far.nearby) == ((), None, False)
    assert consistent_with(far) == "hardly with the same continent"
    assert far.bound_km == farthest_km(250)
    near = reach(loop_ms=250, transport_ms=NEAR_MS)
    assert near.regions
    assert near.likely_km


def test_short_loops_say_nothing_for_far():
    for loop in (10, 20, 30):
        found = reach(loop_ms=loop, transport_ms=8)
        assert found.decibans < 1
        assert not found.regions
        assert consistent_with(found) == "consistent with the same continent"


@pytest.mark.parametrize("loop", [LONGEST_MS + 13, 640, 900])
def test_satellites_and_queues_are_no_distance(loop):
    """What is longer than any way on earth speaks for none."""
    assert reach(loop_ms=loop, transport_ms=12).decibans == 0


def test_rough_loops_count_less():
    """Upper bounds half, mixed sizes three quarters; an upper bound gives no likely range."""
    whole = reach(loop_ms=190, transport_ms=12)
    rough = reach(loop_ms=190, transport_ms=12, upper_bound=True)
    assert rough.decibans == pytest.approx(whole.decibans / 2)
    assert rough.likely_km is None
    assert reach(loop_ms=190, transport_ms=12, mixed=True).decibans == pytest.approx(whole.decibans * 0.75)
    assert rough.bound_km == whole.bound_km


def test_nothing_measured():
    assert reach(loop_ms=None, transport_ms=None) is None


def test_sessions_of_one_end_are_one_hand():
    """The shorter loop speaks: delay can be added to a way, never taken from it."""
    long, short = reach(loop_ms=260, transport_ms=12), reach(loop_ms=170, transport_ms=12)
    both = combined([long, short])
    assert both.decibans == short.decibans
    assert both.bound_km == short.bound_km
    assert set(both.regions) <= set(short.regions)
    assert combined([]) is None
    assert combined([short, reach(loop_ms=20, transport_ms=12)]).nearby


@pytest.mark.parametrize("pair", load_regions().pairs, ids=lambda pair: f"{pair.here.name} to {pair.there.name}")
def test_a_person_at_a_measured_distance_is_never_excluded(pair):
    """The bound of a region's own round trip reaches that region; the model counts nothing below its floor."""
    assert farthest_km(pair.rtt_ms) >= pair.distance_km
    assert floor_ms(pair) <= pair.rtt_ms


@pytest.mark.parametrize("pair", [pair for pair in load_regions().pairs if pair.there.region != load_regions().home])
def test_a_typical_person_of_a_region_is_consistent_with_it(pair):
    """The region's round trip and an ordinary line behind a near relay: the region is among those named."""
    found = reach(loop_ms=12 + pair.rtt_ms + 20, transport_ms=12)
    assert pair.there.region in found.regions
