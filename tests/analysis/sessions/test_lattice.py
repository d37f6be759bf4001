"""Clocks behind key times: power and false alarms on simulated typists."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions.lattice import PERIODS_MS, find_lattice, find_pacing
from tests.lab.hand.simulated import ns, obscured, on_lattice, swept, typist


def typists(number, events, seed=1):
    for one in range(number):
        rng = np.random.default_rng([seed, events, one])
        yield rng, typist(rng, events)[:events]  # more than one key a second


def stamped(seconds):
    """As a capture with stamps of a millisecond has them."""
    return ns(seconds) // 1_000_000 * 1_000_000


@pytest.mark.parametrize(
    ("period", "jitter"), [(8, 1.0), (8, 0.5), (4, 0.4), (16, 1.0), (10, 1.0), (20, 1.0), (100, 1.0)]
)
def test_fifty_keys_show_the_clock_behind_them(period, jitter):
    """By its own name, at up to 1 ms of jitter (0.4 ms at 4 ms), 1 ms stamps and whatever drift within 100 ppm."""
    named = 0
    for rng, times in typists(100, 50):
        ticks = on_lattice(rng, times, period, drift_ppm=rng.uniform(-90, 90), jitter_ms=jitter)
        found = find_lattice(stamped(ticks))
        named += found is not None and found.period_ms == period
    assert named >= 95


@pytest.mark.parametrize("events", [50, 200, 1000])
def test_typing_without_a_clock_shows_none(events):
    """At most one in two hundred."""
    count = 600 if events < 1000 else 200
    false = sum(
        find_lattice(ns(times), gap_law=(float(np.median(np.diff(times))), 3.0)) is not None
        for _, times in typists(count, events, seed=2)
    )
    assert false <= count / 200


def test_drift_is_measured():
    """Within 10 ppm over some minutes."""
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.uniform(0.1, 0.5, 600))
    for drift in (-70.0, 0.0, 55.0):
        found = find_lattice(ns(on_lattice(rng, times, 8, drift_ppm=drift, jitter_ms=0.2)))
        assert found.period_ms == 8
        assert -found.drift_ppm == pytest.approx(drift, abs=10), "events run late where the clock runs slow"


def test_ten_keys_show_nothing():
    """R is at most the number of events, and ten cannot reach the threshold."""
    assert find_lattice(ns(np.arange(10) * 0.2)) is None


def test_stamps_of_a_coarse_clock_are_no_lattice():
    """Capture stamps of 10 ms or 1 ms put everything on their own grid."""
    for resolution in (1_000_000, 10_000_000):
        for _, times in typists(20, 200, seed=3):
            assert find_lattice(ns(times) // resolution * resolution) is None


def test_a_clump_votes_once():
    """Packets released together share a phase and are one event."""
    for rng, times in typists(30, 60, seed=4):
        clumps = (times[:, None] + np.sort(rng.uniform(0, 0.0005, (1, 8)))).ravel()
        assert find_lattice(ns(clumps)) is None


@pytest.mark.parametrize(("interval", "name"), [(17.2, "TigerVNC"), (10.3, "PiKVM"), (16.67, "60 Hz")])
def test_pacing_is_named(interval, name):
    """Sweeps at a program's own interval, with typing between them."""
    for seed in range(10):
        rng = np.random.default_rng([5, seed])
        found = find_pacing(ns(np.concatenate([swept(rng, 60, interval), typist(rng, 60)])))
        assert name in found.name
        assert not found.decoys


def test_keys_sent_every_hundred_milliseconds_are_named():
    """What gathers input and sends it on ticks; slow typists leave too few ticks in a row now and then."""
    found = [find_pacing(ns(np.unique(on_lattice(rng, times, 100)))) for rng, times in typists(40, 400, seed=9)]
    named = [one for one in found if one is not None]
    assert len(named) >= 20
    assert all("mstsc" in one.name for one in named)


def test_keystroke_obfuscation_is_named_and_its_counts_distrusted():
    """OpenSSH 9.5 and later: about 20 ms, decoys after the last key."""
    for rng, times in typists(10, 80, seed=6):
        found = find_pacing(ns(obscured(rng, times) + rng.exponential(0.0003)))
        assert "OpenSSH" in found.name
        assert found.decoys


def test_seventeen_and_sixteen_blur_with_jitter():
    """Where the network adds milliseconds, a display's frames and a viewer's pacing cannot be told apart."""
    rng = np.random.default_rng(7)
    found = find_pacing(ns(swept(rng, 120, 17.1, jitter_ms=3.0)))
    assert "or" in found.name


def test_a_name_needs_its_protocol():
    """Steps of 20 ms in VNC are a pointer's, not OpenSSH's decoys; where no protocol is known the name stands."""
    rng = np.random.default_rng(12)
    times = ns(swept(rng, 60, 21.0))
    assert find_pacing(times, "ssh").decoys
    assert find_pacing(times).decoys
    found = find_pacing(times, "rfb")
    assert (found.name, found.decoys) == ("steps of 21 ms (a pointer's own rate, or a program's pacing)", False)


def test_presses_and_releases_do_not_hide_a_grid():
    """Keys held for some 90 ms leave a gap of their own for each press."""
    rng = np.random.default_rng(13)
    keys = typist(rng, 120)
    times = np.concatenate([swept(rng, 60, 17.2), keys, keys + rng.normal(0.09, 0.02, len(keys))])
    assert find_pacing(ns(times), "rfb").period_ms == 17


def test_typing_is_not_paced():
    for events in (50, 300, 1000):
        assert not any(find_pacing(ns(times)) for _, times in typists(100, events, seed=8))


@pytest.mark.parametrize("times", [[], [1], [5] * 100, [0, 10**18] * 20])
def test_degenerate_series(times):
    """Nothing, one moment, centuries: no clock, no endless work."""
    series = np.sort(np.array(times, np.int64))
    assert find_lattice(series) is None
    assert find_pacing(series) is None


def test_periods_are_tried_in_rising_order():
    assert list(PERIODS_MS) == sorted(PERIODS_MS)
