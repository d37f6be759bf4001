"""The named features: finite on anything, the same on any clock, and saying what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmwatch.analysis.sessions.features import FEATURES, feature_values
from farmwatch.analysis.sessions.flow_series import device_series
from farmwatch.analysis.sessions.hands import LEAST_EVENTS, hands, measured_flows
from farmwatch.analysis.sessions.role_model import load_role_model
from farmwatch.records import DeviceFlow
from tests.analysis.sessions.screens import ANSWER, Seen, screen, shell, tables, video


def values(seen, **options):
    """Features by name."""
    return dict(zip(FEATURES, feature_values(seen.behaviour(**options)).tolist(), strict=True))


def kinds():
    at_screen, at_viewer = screen(21, 70, jitter_ms=4)
    return {"screen": at_screen, "viewer": at_viewer, "shell": shell(21), "video": video(21, 40)}


def test_every_feature_has_a_name_and_words():
    """The model's names, in its order, each with a description of its own."""
    assert load_role_model().features == tuple(FEATURES)
    words = [text for text, _ in FEATURES.values()]
    assert len(set(words)) == len(words)
    assert all(len(text) > 20 for text in words)


@pytest.mark.parametrize("kind", ["screen", "viewer", "shell", "video"])
def test_a_clock_set_otherwise_changes_nothing(kind):
    """Hours later or seconds since 1970: features and loops are the same to the microsecond the clock can hold."""
    seen = kinds()[kind]
    first = seen.behaviour()
    for later in (-13.0, 3600.0, 1_800_000_000.0):
        moved = seen.moved(later).behaviour()
        assert feature_values(moved) == pytest.approx(feature_values(first), abs=0.02)
        assert [loop.rtt_ms for loop in moved.loops] == pytest.approx([one.rtt_ms for one in first.loops], abs=0.05)
        assert moved.seconds == pytest.approx(first.seconds, abs=1e-3)


@pytest.mark.parametrize("kind", ["screen", "viewer", "shell"])
def test_a_whole_shift_in_binary_fractions_changes_no_bit(kind):
    """Times on a grid that floating point holds exactly: then nothing at all changes."""
    seen = kinds()[kind]
    grid = Seen(np.round(seen.times_s * 2**20) / 2**20, seen.out, seen.sizes)
    np.testing.assert_array_equal(feature_values(grid.behaviour()), feature_values(grid.moved(4096.0).behaviour()))


@pytest.mark.parametrize("kind", ["screen", "viewer", "shell", "video"])
def test_the_order_of_equal_times_changes_nothing(kind):
    """Messages of one millisecond, in any order among themselves."""
    seen = kinds()[kind]
    coarse = np.round(seen.times_s, 3)
    rng = np.random.default_rng(22)
    expected = None
    for _ in range(4):
        order = np.lexsort((rng.random(len(coarse)), coarse))
        found = feature_values(Seen(coarse[order], seen.out[order], seen.sizes[order]).behaviour())
        expected = found if expected is None else expected
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_ports_names_and_dialling_are_no_features():
    """A behaviour is made of times, directions and sizes; the transport's round trip changes loops, no feature."""
    seen = kinds()["screen"]
    np.testing.assert_array_equal(feature_values(seen.behaviour()), feature_values(seen.behaviour(transport_s=0.5)))
    assert seen.behaviour().loops
    assert seen.behaviour(transport_s=0.5).loops == []


def test_features_of_a_screen_and_its_mirror():
    """Input comes in at the screen and goes out at the viewer; answers the same; effects follow input at the screen."""
    at_screen, at_viewer = screen(23, 120, jitter_ms=4)
    near, far = at_screen.behaviour(), at_viewer.behaviour()
    driven, driving = values(at_screen), values(at_viewer)
    assert driven["byte_ratio"] > 0.5 > -0.5 > driving["byte_ratio"]
    assert driven["initiative"] > 0.5 > -0.5 > driving["initiative"]
    assert driven["response"] > 0.3
    assert driving["quick_out"] > 0.5 > driven["quick_out"]
    assert driven["sweeps_in"] > 1 > driving["sweeps_in"]
    assert near.into.hand.sweep_events > 50 > near.out.hand.sweep_events
    assert far.out.hand.sweep_events > 50 > far.into.hand.sweep_events
    for answered in (near.into, far.out):
        assert [one.size for one in answered.classes if one.is_answer and one.runner_up < 0.6] == [ANSWER]


def test_a_clock_is_regular():
    rng = np.random.default_rng(24)
    beats = np.arange(200) + rng.normal(0, 0.004, 200)
    found = values(Seen.of((beats, np.full(200, 40)), (np.sort(rng.uniform(0, 200, 200)), np.full(200, 50))))
    assert found["regular_in"] > 0.9
    assert found["regular_out"] < 0.3


def test_what_always_follows_is_no_response():
    """In a stream of fifty messages a second something follows everything: neither much nor little is said."""
    rng = np.random.default_rng(25)
    stream = np.arange(0, 100, 0.02)
    keys = np.sort(rng.uniform(0, 100, 100))
    found = values(Seen.of((keys, np.full(100, 40)), (stream, rng.integers(200, 1400, len(stream)))))
    assert found["response"] == pytest.approx(0.3)


def test_datagrams_of_one_block_are_one_size():
    """UDP sizes are classed by blocks of sixteen bytes, TCP's exactly."""
    rng = np.random.default_rng(26)
    left = np.cumsum(rng.uniform(0.2, 1.0, 80))
    seen = Seen.of((left + 0.06, 96 + np.arange(80) % 16), (left, np.full(80, 500)))
    assert [round(loop.rtt_ms) for loop in seen.behaviour(datagrams=True).loops] == [60]
    assert seen.behaviour().loops == []


def test_answers_sooner_than_a_run_pauses_are_found_with_finer_runs():
    """Answers after 5 ms to parts that leave 8 ms apart: the coarse runs hide them, finer ones do not."""
    rng = np.random.default_rng(27)
    starts = np.cumsum(rng.uniform(0.3, 1.2, 80))
    left = np.sort(np.concatenate([starts + part * 0.008 for part in range(4)]))
    seen = Seen.of((left + 0.005, np.full(len(left), 12)), (left, rng.integers(300, 900, len(left))))
    loops = seen.behaviour().loops
    assert [loop.mixed for loop in loops] == [False]
    assert loops[0].rtt_ms == pytest.approx(5, abs=1)


def test_nothing_and_next_to_nothing_have_features():
    """No message, one, or one direction alone: numbers, no warning."""
    one_way = Seen.of((np.arange(50) * 0.3, np.full(50, 20)), (np.zeros(0), np.zeros(0)))
    nothing = Seen.of((np.zeros(0), np.zeros(0)), (np.zeros(0), np.zeros(0)))
    single = Seen(np.array([5.0]), np.array([True]), np.array([9]))
    for seen in (nothing, single, one_way, one_way.mirrored()):
        for datagrams in (False, True):
            assert np.isfinite(feature_values(seen.behaviour(datagrams=datagrams))).all()


@st.composite
def series(draw):
    """Any series: 0 to 3000 messages at gaps of some scale, many of them equal, of few or many sizes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.one_of(st.integers(0, 60), st.integers(0, 3000)))
    scale = draw(st.sampled_from([0.0, 1e-6, 0.003, 0.05, 0.4, 30.0]))
    gaps = draw(st.sampled_from(["equal", "uniform", "exponential", "heavy"]))
    drawn = {
        "equal": np.full(count, scale), "uniform": rng.uniform(0, scale, count),
        "exponential": rng.exponential(scale, count), "heavy": scale * rng.pareto(0.7, count),
    }[gaps]  # fmt: skip
    drawn[rng.random(count) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = 0.0
    most = draw(st.sampled_from([1, 3, 300, 70_000]))
    least = draw(st.sampled_from([0, 1]))
    times = draw(st.sampled_from([0.0, 1e9])) + np.cumsum(np.minimum(drawn, 1e6))
    return Seen(times, rng.random(count) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
                rng.integers(least, most + 1, count))  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=series(), datagrams=st.booleans(), transport_s=st.sampled_from([0.0, 0.05, 2.0]))
def test_any_series_has_finite_features(seen, datagrams, transport_s):
    """No exception, no warning, no infinite or missing number; loops within reach and with their interval in order."""
    found = seen.behaviour(datagrams=datagrams, transport_s=transport_s)
    assert np.isfinite(feature_values(found)).all()
    for loop in found.loops:
        assert np.isfinite([loop.rtt_ms, loop.low_ms, loop.high_ms, loop.least_ms]).all()
        assert 0 <= loop.low_ms <= loop.rtt_ms <= loop.high_ms
        assert loop.samples >= 3
        assert 0 < loop.answered <= 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=series(), proto=st.sampled_from(["tcp", "udp"]))
def test_any_series_has_at_most_an_honest_row(seen, proto):
    """No role with fewer input events than have a pace, of any series."""
    if not len(seen.times_s):
        return
    run = tables((seen, {"proto": proto, "rtt_ms": 10.0, "rtt_samples": 9}))
    assert len(list(device_series(run[DeviceFlow], run))) == 1
    for row in hands(run[DeviceFlow], measured_flows(run, run[DeviceFlow])).rows():
        if row.role != "unclear":
            assert row.events + row.sweeps >= LEAST_EVENTS
        assert 0 <= row.controlled_p <= 1
        assert 0 <= row.controlling_p <= 1
        assert (row.loop_rtt_ms is None) == bool(row.no_loop)
