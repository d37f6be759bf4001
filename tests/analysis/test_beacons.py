"""Who repeats the NAT test of an idle KVM."""

from __future__ import annotations

import pytest

from farmwatch.analysis.beacons import nat_test_beacons
from farmwatch.records import Stun
from tests.rows import tables_of


def asked(source, times, **more):
    return [
        {"source": source, "ts": ts, "packet": at + 1, "kind": "request", "method": "binding", "change_request": True}
        | more
        for at, ts in enumerate(times)
    ]


def beacons(*rows):
    return list(nat_test_beacons(tables_of(stun=[row for listed in rows for row in listed])[Stun]))


def test_rounds_of_one_sender_are_put_together():
    """Resends belong to their round; the same address in another input is another sender."""
    times = [at for start in range(0, 700, 20) for at in (start, start + 2)]
    found = beacons(asked("10.0.0.9", times), asked("10.0.0.9", times[:8], input=1))
    assert [(number, source, rounds, period) for number, source, rounds, period, _ in found] == [
        (0, "10.0.0.9", 70, 20.0)
    ]


@pytest.mark.parametrize(
    ("times", "more"),
    [
        (range(0, 580, 20), {}),
        (range(0, 4000, 100), {}),
        ((0, 300, 600, 601), {}),
        (range(0, 700, 20), {"change_request": False}),
        (range(0, 700, 20), {"kind": "success"}),
    ],
    ids=["under ten minutes", "too slow", "few rounds", "modern", "answers"],
)
def test_others_are_no_beacon(times, more):
    assert beacons(asked("10.0.0.9", times, **more)) == []
