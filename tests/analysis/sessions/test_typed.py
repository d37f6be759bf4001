"""Whose typing is described, in which direction, and that only aggregates are."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions import typed as module
from farmwatch.analysis.sessions.hands import measured_flows
from farmwatch.analysis.sessions.typed import typing_rows
from farmwatch.records import DeviceFlow, Tables, Typing
from tests.analysis.sessions.test_stones import Day
from tests.lab.hand.simulated import obscured, on_lattice, stalled, swept, typist


def typing_of(tables):
    """How typing in some tables is paced."""
    return typing_rows(tables, measured_flows(tables, tables[DeviceFlow]))


@pytest.fixture
def day():
    return Day()


@pytest.fixture
def rng():
    return np.random.default_rng(31)


@pytest.mark.parametrize(
    ("columns", "role", "way"),
    [
        ({"protocol": "ssh"}, "unclear", "out"),
        ({"protocol": "ssh", "local_side": 1}, "unclear", "in"),
        ({"protocol": "rfb"}, "controlled", "in"),
        ({"protocol": None}, "controlling", "out"),
        ({"protocol": "tls"}, "unclear", "out"),
        ({"protocol": "tls", "local_side": 1}, "unclear", None),
        ({"protocol": "quic"}, "unclear", None),
        ({"protocol": "ssh", "controlled": 1}, "controlling", "in"),
    ],
)
def test_the_direction_keys_go(day, rng, columns, role, way):
    """Out to what the device drives, in where it is driven; TLS of unknown role only with much typing."""
    day.flow("10.80.0.5", typist(rng, 600), typist(rng, 600), role=role, **columns)
    assert typing_of(day.tables())["way"].tolist() == ([way] if way else [])


def test_numbers_of_plain_typing(day, rng):
    times = typist(rng, 900)
    day.flow("10.80.0.5", times[::40], times, protocol="ssh")
    row = typing_of(day.tables()).row(0)
    assert (row.packets, row.stalls, row.largest_clump, row.grid, row.lattice_ms) == (len(times), 0, 1, "", None)
    assert 2 < row.law_shape < 5


def test_clumps_clocks_and_grids_show(day, rng):
    times = typist(rng, 900)
    for number, changed in enumerate((stalled(rng, times, 0.03), on_lattice(rng, times, 8, jitter_ms=0.3),
                                      obscured(rng, times))):  # fmt: skip
        day.flow(f"10.80.0.{number}", times[::40], changed, protocol="ssh")
    swept_times = np.sort(np.concatenate([swept(rng, 120, 17.2), typist(rng, 120)]))
    day.flow("198.51.100.7", swept_times, swept_times[::40], role="controlled", protocol="rfb")
    stalls, clock, decoys, pointer = typing_of(day.tables()).rows()
    assert stalls.stalls >= 5
    assert clock.lattice_ms == 8
    assert clock.lattice_strength > 1
    assert decoys.decoys
    assert pointer.grid_ms == 17


def test_timers_are_no_typing(day, rng):
    """Even gaps within human bounds are a program's."""
    beats = np.arange(0, 300, 0.25) + rng.normal(0, 0.004, 1200)
    day.flow("10.80.0.5", beats[::40], beats, protocol="ssh")
    assert len(typing_of(day.tables())) == 0


def test_no_column_can_hold_times_of_keys():
    """One number or name a column; the only times of any table of this kind are of flows."""
    assert {column.type for column in Typing.columns.values()} <= {int, float, str, bool}


def test_no_more_flows_than_the_bound(day, rng, monkeypatch):
    """The busiest come first, the rows in order of flow."""
    monkeypatch.setattr(module, "MOST_TYPED", 2)
    for number in range(4):
        times = typist(rng, 100 + 100 * number)
        day.flow(f"10.80.0.{number}", times[::40], times, protocol="ssh")
    assert typing_of(day.tables())["flow"].tolist() == [2, 3]


def test_no_series_no_rows():
    assert len(typing_of(Tables())) == 0
