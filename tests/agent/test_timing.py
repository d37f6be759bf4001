"""Aggregates of input timing: grids, clumps, stalls, jigglers of documented make, bounded memory."""

from __future__ import annotations

import random

import pytest

from farmwatch.agent.timing import Axes, WindowCounter, interval_bin, lattice

SCREEN = Axes((0, 32767), (0, 32767))


def typed(rng, count):
    """Times of presses with log-normal intervals about 180 ms, as people type."""
    at, times = 0.0, []
    for _ in range(count):
        at += rng.lognormvariate(-1.7, 0.45)
        times.append(at)
    return times


def on_grid(times, step, rng, jitter=0.0, drift=0.0):
    return sorted(round(at / step) * step * (1 + drift) + rng.gauss(0, jitter) for at in times)


@pytest.mark.parametrize(
    ("step_ms", "jitter_ms"), [(8, 0.5), (8, 1.0), (10, 1.0), (20, 1.5), (16, 1.0), (1000 / 60, 1.0)]
)
def test_a_grid_is_found(step_ms, jitter_ms):
    """Fifty presses with up to a millisecond of jitter show their polling interval in at least 95 of 100 windows."""
    rng = random.Random(21)
    found = 0
    for _ in range(100):
        times = on_grid(typed(rng, 50), step_ms / 1000, rng, jitter_ms / 1000, rng.uniform(-9e-5, 9e-5))
        seen = lattice(times)
        found += seen is not None and seen[0] == pytest.approx(step_ms, abs=0.001)
    assert found >= 95


def test_typing_without_a_grid():
    """Of a thousand windows of free times no more than one in two hundred is taken for a grid."""
    rng = random.Random(22)
    assert sum(lattice(typed(rng, rng.randrange(20, 300))) is not None for _ in range(1000)) <= 5


def test_too_few_presses():
    """Nineteen presses are not tested at all."""
    assert lattice([0.008 * number for number in range(19)]) is None


def test_share_on_the_grid():
    """All intervals of a clean grid are on it; half of them where half are."""
    rng = random.Random(23)
    clean = lattice(on_grid(typed(rng, 200), 0.02, rng))
    mixed = lattice(sorted(on_grid(typed(rng, 400), 0.02, rng) + typed(rng, 100)))
    assert clean == (20.0, 1.0)
    assert mixed is not None
    assert mixed[1] < 0.95


@pytest.mark.parametrize(
    ("seconds", "number"),
    [(0, 0), (0.0009, 0), (0.001, 1), (0.0011, 2), (0.002, 9), (0.004, 17), (1.024, 81), (9e9, 128)],
)
def test_bins(seconds, number):
    """Eight bins to the doubling from one millisecond."""
    assert interval_bin(seconds) == number


def counted(presses=(), moves=(), axes=None):
    counter = WindowCounter(0.0, axes)
    for at in presses:
        counter.press(at)
    for at, x, y in moves:
        counter.move(at, x, y)
    return counter.window(1_700_000_000.0, 300.0, "046d:c31c", "")


def test_clumps_and_stalls():
    """Three presses at once after a pause are a clump behind a stall; two after typing are a clump alone."""
    seen = counted([0.0, 0.2, 0.4, 1.0, 1.0005, 1.001, 1.1, 1.1001])
    assert (seen.presses, seen.clumps, seen.clumped_presses, seen.stalls) == (8, 2, 5, 1)
    assert sum(seen.intervals) == 7


def test_a_clock_that_goes_back():
    """A negative interval counts as none, not as an error."""
    assert counted([5.0, 4.0]).intervals == (1,)


def burst(start, steps, gap=0.1):
    return [(start + number * gap, *step) for number, step in enumerate(steps)]


#: Burst and shape of the documented jigglers, pointer kind, spread of the period.
JIGGLERS = {
    "nanokvm relative": ([(10, 10), (-10, -10)], None, 15, 0.0, "there-and-back", 2),
    "nanokvm absolute": ([(0x3F00, 0x3F00), (0x3FFF, 0x3FFF)], SCREEN, 15, 0.0, "centre", 2),
    "jetkvm": ([(1, 1), (0, 0)], SCREEN, 20, 0.0, "corner", 2),
    "pikvm relative": ([(10, 10), (-10, -10)] * 5, None, 60, 0.25, "alternating", 10),
    "pikvm absolute": ([(5000 + 100 * (-1) ** n, 5000 + 100 * (-1) ** n) for n in range(11)], SCREEN, 60, 0.25,
                       "alternating", 11),
    "comet": ([(10, 10), (-10, -10)] * 2, None, 20, 0.0, "alternating", 4),
    "blikvm absolute": ([(3276, 3276), (16383, 16383)], SCREEN, 60, 0.0, "centre", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", JIGGLERS)
def test_documented_jigglers(name):
    """Period, spread, reports and shape of each come out of its own burst."""
    steps, axes, period, spread, shape, reports = JIGGLERS[name]
    rng, at, moves = random.Random(24), 5.0, []
    while at < 290:
        moves += burst(at, steps)
        at += period * (1 + rng.uniform(-spread, spread))
    seen = counted(moves=moves, axes=axes)
    assert (seen.jiggle_shape, seen.jiggle_reports) == (shape, reports)
    assert seen.jiggle_period_s == pytest.approx(period, rel=0.02 if not spread else 0.25)
    assert seen.jiggle_spread < (0.01 if not spread else 0.25)


def test_one_report_a_minute_shows_over_several_windows():
    """JetKVM's newer jiggler: one small step a minute with 25 % jitter, rare in a single window."""
    rng, at, before, told = random.Random(26), 30.0, (), []
    for number in range(5):
        counter = WindowCounter(number * 300.0, None, before)
        while at < (number + 1) * 300:
            counter.move(at, rng.choice((-3, -2, 2, 3)), rng.choice((-1, 1)))
            at += 60 * rng.uniform(0.75, 1.25)
        seen = counter.window(0.0, 300.0, "1d6b:0104", "relative")
        told.append(seen.jiggle_period_s)
        before = counter.recent((number + 1) * 300.0)
    assert told[1:] == pytest.approx([60] * 4, rel=0.15)
    assert seen.jiggle_spread < 0.2
    assert (seen.jiggle_reports, seen.jiggle_shape) == (1, "other")
    quiet = WindowCounter(1500.0, None, before).window(0.0, 300.0, "1d6b:0104", "relative")
    assert quiet.jiggle_period_s is None


def test_a_hand_is_no_jiggler():
    """Strokes of many reports with pauses between, whatever their number, have no period."""
    rng, told = random.Random(25), 0
    for _ in range(100):
        at, moves = 0.0, []
        while at < 300:
            for _ in range(rng.randrange(3, 90)):
                moves.append((at, rng.randrange(-9, 10), rng.randrange(-9, 10)))
                at += 0.008
            at += rng.expovariate(0.25)
        told += counted(moves=moves).jiggle_period_s is not None
    assert told <= 2


def test_movement_is_told_by_its_median_gap():
    """Motion every 8 ms, and pauses between strokes that do not count."""
    seen = counted(moves=[(stroke + number * 0.008, 1, 1) for stroke in range(0, 40, 4) for number in range(50)])
    assert seen.move_gap_ms == pytest.approx(8, rel=0.03)
    assert seen.moves == 500


def test_memory_is_bounded():
    """A million reports and presses are counted and not kept."""
    counter = WindowCounter(0.0)
    for number in range(300_000):
        counter.press(number * 1e-4)
        counter.move(number * 3.0, 1, 0)
    assert len(counter._presses) <= 1000
    assert len(counter._bursts) <= 600
    seen = counter.window(0.0, 300.0, "x", "")
    assert (seen.presses, seen.moves) == (300_000, 300_000)


def test_nothing_came():
    """A quiet device is quiet, and its window has no numbers it did not count."""
    assert WindowCounter(0.0).quiet
    seen = counted()
    assert (seen.intervals, seen.lattice_ms, seen.move_gap_ms, seen.jiggle_shape) == ((), None, None, "")
