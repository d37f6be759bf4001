"""Stepping stones from packet times: simulated typists, relays and common causes with known truth."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions.stepping import correlation, following, on_off, order_z, relate
from tests.lab.hand.simulated import SECOND, ns, obscured, relayed, stalled, typist
from tests.lab.hand.stepping_curve import cell, unrelated

MS = 1_000_000


@pytest.mark.parametrize("seconds", [120, 600])
def test_clean_relays_are_found(seconds):
    """At least 19 of 20, after two minutes as after ten."""
    assert cell(seconds, 0.0, 0.0, 60).found >= 0.95


def test_unrelated_pairs_are_left_alone():
    """No more than one in a thousand of three thousand pairs."""
    judged = unrelated(120, 3100, seed=5)
    assert len(judged) >= 3000
    assert sum(one.stone for one in judged) <= len(judged) / 1000


@pytest.mark.parametrize(("seconds", "chaff"), [(300, 3.0), (900, 0.0)])
def test_unrelated_pairs_are_left_alone_for_longer_and_among_decoys(seconds, chaff):
    judged = unrelated(seconds, 400, seed=6, chaff=chaff)
    assert sum(one.stone for one in judged) == 0


@pytest.mark.parametrize(("jitter", "chaff"), [(0.4, 0.0), (1.0, 1.0), (0.0, 3.0), (2.0, 0.0)])
def test_delay_and_decoys_cost_little_in_fifteen_minutes(jitter, chaff):
    """The on/off test of 2000 loses most of these."""
    row = cell(900, jitter, chaff, 20)
    assert row.found >= 0.9
    assert row.on_off <= 0.5


def several(number=12, seconds=600):
    for seed in range(number):
        rng = np.random.default_rng([8, seed])
        yield rng, [typist(rng, seconds) for _ in range(3)]


def gated(rng, times, low, high):
    """Only what falls into every other stretch of random length."""
    edges = np.cumsum(rng.uniform(low, high, 400))
    return lambda series: series[np.searchsorted(edges, series) % 2 == 1]


def test_people_busy_in_the_same_minutes_are_no_stone():
    """Everybody starts at nine and pauses for the meeting: nobody is relayed."""
    for rng, (one, other, third) in several():
        gate = gated(rng, one, 20, 120)
        assert not relate(ns(gate(one)), ns(gate(other)), background=ns(gate(third))).stone


def test_a_common_start_is_no_stone():
    """A burst that all flows share when the day starts, and each its own afterwards."""
    for rng, (one, other, third) in several():
        burst = np.sort(rng.uniform(0, 5, 200))
        busy = [np.concatenate([burst + rng.uniform(0, 0.02, 200), series + 5]) for series in (one, other, third)]
        assert not relate(ns(busy[0]), ns(busy[1]), background=ns(busy[2])).stone


def test_broadcasts_all_flows_answer_are_no_stone():
    """What moves every flow of the host at the same moments moves them without a hand."""
    for rng, series in several():
        blips = rng.uniform(0, 600, 120)
        busy = [ns(np.concatenate([one[::20], blips + rng.uniform(0, 0.05, 120)])) for one in series]
        found = relate(busy[0], busy[1], background=busy[2])
        assert not found.stone
        assert found.following.z > 6, "they do move together"


def test_a_backup_beside_two_typists_is_no_stone():
    """Bulk traffic that starts and stops does not tie the flows that run beside it."""
    for rng, (one, other, _) in several(6):
        backup = np.concatenate([start + np.arange(0, 30, 0.01) for start in rng.uniform(0, 560, 6)])
        assert not relate(ns(one), ns(other), background=ns(backup)).stone


def test_answers_are_no_stone():
    """A viewer's acknowledgements come after the keys typed here, however closely."""
    for rng, (one, _, _) in several():
        answers = one + 0.08 + rng.exponential(0.02, len(one))
        found = relate(ns(answers), ns(one))
        assert not found.stone
        assert found.reason.startswith("the arriving flow moves second")


def test_a_hand_whose_screen_is_answered_is_still_a_stone():
    """The driven end's screen updates are answered after each key; the keys come first all the same."""
    for rng, (one, _, _) in several(6):
        answers = one + 0.15 + rng.exponential(0.01, len(one))
        assert relate(ns(np.concatenate([one, answers])), ns(relayed(rng, one))).stone


def test_common_stalls_do_not_hide_a_stone_nor_make_one():
    """Wi-Fi that pauses bunches up all flows of a host."""
    for rng, (one, other, third) in several(6):
        # the same stretches for all: seeds give each flow the same pauses
        pauses = rng.uniform(0, 600, 40)

        def held(series, pauses=pauses):
            for pause in pauses:
                inside = (series >= pause) & (series < pause + 0.5)
                series = np.where(inside, pause + 0.5 + np.linspace(0, 0.002, len(series)), series)
            return ns(series)

        assert not relate(held(one), held(other), background=held(third)).stone
        assert relate(held(one), held(relayed(rng, one)), background=held(third)).stone


def test_a_lossy_way_to_the_relay_does_not_hide_it():
    rng = np.random.default_rng(4)
    lead = stalled(rng, typist(rng, 600), 0.02)
    assert relate(ns(lead), ns(relayed(rng, lead))).stone


def test_delays_are_those_of_the_relay():
    """Median and spread of the way through the relay, chance coincidences taken out."""
    rng = np.random.default_rng(9)
    lead = typist(rng, 1200)
    follow = np.sort(np.concatenate([lead + rng.uniform(0.010, 0.030, len(lead)), rng.uniform(0, 1200, 4000)]))
    low, middle, high = following(ns(lead), ns(follow)).delay_ms
    assert 8 <= low <= 12
    assert 18 <= middle <= 22
    assert 27 <= high <= 33


def test_on_off_counts_what_the_policy_counts():
    """Three resumes, two of them within 80 ms of the other flow's, one after the other."""
    lead = np.array([0, 1000, 2000, 2100, 5000]) * MS
    follow = np.array([30, 1030, 2050, 5200]) * MS
    found = on_off(lead, follow)
    assert (found.lead_resumes, found.follow_resumes, found.matched, found.consecutive) == (3, 3, 2, 1)
    assert not found.stone
    more = np.arange(0, 20) * 1000 * MS
    assert on_off(more, more + 50 * MS).stone
    assert not on_off(more, more + 90 * MS).stone
    assert not on_off(more[:4], more[:4] + 50 * MS, shared_host=False).stone


def test_correlation_needs_time_and_movement():
    """Less than 90 s, or a flow that does nothing, gives no number."""
    rng = np.random.default_rng(1)
    series = ns(typist(rng, 80))
    assert correlation(series, series, int(series[0]), int(series[-1])) is None
    steady = np.arange(0, 200 * SECOND, SECOND // 2)
    assert correlation(steady, steady, 0, 200 * SECOND) is None


def test_correlation_p_value_counts_shifts():
    """What no shift reaches gets the smallest p that so many shifts allow, once for each of the two looks."""
    rng = np.random.default_rng(3)
    lead = typist(rng, 900)
    series = ns(lead), ns(relayed(rng, lead))
    found = correlation(*series, int(series[0][0]), int(series[0][-1]))
    assert found.p_value == pytest.approx(2 / (found.shifts + 1))
    assert 0.5 < found.score <= 1
    assert found.lag_ms == 0


def test_a_relay_that_holds_packets_shows_as_such():
    rng = np.random.default_rng(6)
    lead = typist(rng, 1800)
    follow = relayed(rng, lead, jitter=2.0)
    found = correlation(ns(lead), ns(follow), int(ns(lead)[0]), int(ns(follow)[-1]))
    assert found.held
    assert found.z > 5


def test_order_says_who_moves_first():
    rng = np.random.default_rng(2)
    lead = ns(typist(rng, 300))
    forth, back = order_z(lead, lead + 30 * MS)
    assert forth > 8 > back
    forth, back = order_z(lead + 30 * MS, lead)
    assert back > 8 > forth


@pytest.mark.parametrize(
    ("lead", "follow"),
    [
        ([], []),
        ([1], []),
        ([5] * 40, [5] * 40),
        (range(40), range(10**12, 10**12 + 40)),
        ([0] * 30 + [10**18], [7] * 40),
    ],
    ids=["nothing", "one empty", "one moment", "apart", "centuries"],
)
def test_degenerate_flows_give_no_stone(lead, follow):
    """Empty, simultaneous, apart in time, absurdly long: no stone, no error, no endless work."""
    found = relate(np.array(list(lead), np.int64), np.array(list(follow), np.int64))
    assert found is None or not found.stone


def test_long_overlaps_are_bounded():
    """Of a day only the busiest two hours are looked at."""
    rng = np.random.default_rng(5)
    morning = typist(rng, 1800)
    late = np.concatenate([morning, morning + 20 * 3600])
    found = relate(ns(late), ns(relayed(rng, late)))
    assert found.stone
    assert found.correlation.z > 5


def test_one_burst_together_is_no_stone():
    """Two flows that burst for the same two seconds, once, and are quiet or apart otherwise."""
    for rng, (one, other, _) in several():
        burst = np.sort(rng.uniform(300, 302, 150))
        found = relate(ns(np.concatenate([one, burst])), ns(np.concatenate([other[::4], burst + 0.02])))
        assert not found.stone


def test_one_beat_is_no_stone():
    """Two programs that do something every second, now and then skipping a beat, resume together all the time."""
    for rng, _ in several(8):
        beats = np.arange(0, 600, 1.0)
        one, other = (beats[rng.random(600) < share] for share in (0.8, 0.6))
        found = relate(ns(one), ns(other + 0.01 + rng.uniform(0, 0.02, len(other))))
        assert found.on_off.stone
        assert not found.stone


def test_keystroke_obfuscation_hides_keys_but_not_when_somebody_works():
    """OpenSSH 9.5 and later fill typing with decoys: no packet follows a key, but whole spells of typing do."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng([11, seed])
        lead = typist(rng, 1200)
        found.append(relate(ns(lead), ns(obscured(rng, relayed(rng, lead)))))
    assert sum(one.stone for one in found) >= 18
    assert not any(one.close for one in found)
