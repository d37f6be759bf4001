"""Series of flows turned to their device, and which of them belong to one session."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from farmwatch.analysis.sessions.flow_series import DeviceSeries, device_series, merged, sharing
from farmwatch.records import DeviceFlow, Tables
from tests.analysis.sessions.screens import START, Seen, tables
from tests.rows import tables_of

SECOND = 1_000_000_000


def seen(times, out, sizes=None):
    return Seen(np.array(times, float), np.array(out, bool), np.array(sizes or [100] * len(times)))


def of(*flows):
    run = tables(*flows)
    return list(device_series(run[DeviceFlow], run)), run[DeviceFlow]


@pytest.mark.parametrize("side", [0, 1])
def test_directions_are_the_devices(side):
    """Whoever opened the connection, ``out`` is what left the device."""
    (one,), _ = of((seen([0, 1, 2.5], [True, False, True], [10, 20, 30]), {"local_side": side}))
    assert one.out.tolist() == [True, False, True]
    assert one.sizes.tolist() == [10, 20, 30]
    assert (one.times_s - START).tolist() == [0.0, 1.0, 2.5]
    assert (one.rows, one.datagrams, one.cut) == ((0,), False, False)
    assert len(one) == 3


def rows(flow, entries):
    """Entries of ``series``: (second, side, size, unit, content type)."""
    return [
        {"flow": flow, "n": n, "ts": at, "side": side, "size": size, "unit": unit, "content_type": kind}
        for n, (at, side, size, unit, kind) in enumerate(entries)
    ]


def test_records_with_data_stand_for_framed_flows():
    """Of TLS the application records are taken, whose sizes the programs chose; of other flows the segments."""
    entries = [(1, 0, 1448, 0, 0), (1, 0, 700, 1, 22), (2, 0, 90, 0, 0), (2, 0, 60, 1, 23), (3, 1, 50, 1, 21)]
    run = tables_of(
        device_flows=[{"device_id": "L", "flow": flow, "proto": "tcp"} for flow in (3, 4)],
        series=[*rows(3, entries), *rows(4, entries)],
        series_flows=[{"flow": 3, "framed": True, "left_out": 0}, {"flow": 4, "framed": False, "left_out": 7}],
    )
    framed, plain = device_series(run[DeviceFlow], run)
    assert framed.sizes.tolist() == [60]
    assert plain.sizes.tolist() == [1448, 90]
    assert (framed.cut, plain.cut) == (False, True)


def test_flows_without_a_series_are_passed_over():
    """Rows point into the flows, of whatever input; equal numbers of two inputs are two flows."""
    run = tables_of(
        device_flows=[{"device_id": "L", "flow": 1, "input": number, "proto": "udp"} for number in (0, 1, 2)],
        series=[
            {"input": number, "flow": 1, "ts": 1, "size": 100 + number, "unit": 2} for number in (0, 2)
        ],
    )  # fmt: skip
    found = list(device_series(run[DeviceFlow], run))
    assert [(one.rows, one.sizes.tolist(), one.datagrams) for one in found] == [
        ((0,), [100], True),
        ((2,), [102], True),
    ]
    assert list(device_series(run[DeviceFlow], Tables())) == []


def spread(start, end, count=50):
    times = np.linspace(start, end, count)
    return seen(times, np.arange(count) % 2 == 0)


SAME = {"remote_h": "198.51.100.9"}


def test_flows_of_one_far_end_at_one_time_share_a_session():
    every, flows = of((spread(0, 60), SAME), (spread(2, 61), SAME), (spread(0, 60), {"remote_h": "198.51.100.10"}))
    (group,) = sharing(flows, every)
    assert [one.rows for one in group] == [(0,), (1,)]


@pytest.mark.parametrize(
    "other",
    [
        (spread(40, 100), SAME),
        (spread(0, 60), SAME | {"device_id": "OTHER"}),
        (spread(0, 60), SAME | {"input": 0, "remote_h": "198.51.100.8"}),
    ],
    ids=["another time", "another device", "another far end"],
)  # fmt: skip
def test_what_does_not_share(other):
    """Less than half of the longest in common, another device, another far end."""
    every, flows = of((spread(0, 60), SAME), other)
    assert sharing(flows, every) == []


def test_many_flows_of_one_far_end_are_a_browser():
    """Six at most are looked at together."""
    every, flows = of(*[(spread(0, 60), SAME)] * 6)
    assert [len(group) for group in sharing(flows, every)] == [6]
    every, flows = of(*[(spread(0, 60), SAME)] * 7)
    assert sharing(flows, every) == []


def test_merged_series_are_in_order_of_time():
    """Nothing is lost; of equal times the first flow's come first; UDP and cut are remembered."""
    every, _ = of(seen([0, 1, 3], [True, True, True], [1, 2, 3]), seen([1, 2], [False, False], [4, 5]))
    first, second = every
    whole = merged([first, dataclasses.replace(second, datagrams=True, cut=True)])
    assert (whole.times_s - START).tolist() == [0, 1, 1, 2, 3]
    assert whole.sizes.tolist() == [1, 2, 4, 5, 3]
    assert whole.out.tolist() == [True, True, False, False, True]
    assert (whole.rows, whole.datagrams, whole.cut) == ((0, 1), True, True)


def test_empty_series_share_nothing_with_an_error():
    """A framed flow without one data record has an empty series; its group is looked at without it, or not at all."""
    none = np.zeros(0)
    empty = DeviceSeries((1,), none, none.astype(bool), none.astype(np.int64), False, False)
    every, flows = of((spread(0, 60), SAME), (spread(0, 60), SAME))
    (group,) = sharing(flows, [every[0], empty]) or [[every[0], empty]]
    assert len(merged(group)) == 50
