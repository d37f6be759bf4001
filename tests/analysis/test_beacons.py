"""Who repeats the NAT test of an idle KVM."""

from __future__ import annotations

import pytest

from farmwatch.analysis.beacons import beacon_servers, nat_test_beacons, products_of
from farmwatch.knowledge import load_knowledge
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
    assert [(one.input, one.source, one.requests, one.period_s) for one in found] == [(0, "10.0.0.9", 70, 20.0)]


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


@pytest.mark.parametrize(
    ("name", "port", "every", "products"),
    [
        ("stun.l.google.com", 19302, 20, {"pikvm": "PiKVM", "comet": "GL.iNet Comet"}),
        ("stun.gl-inet.cn", 3478, 20, {"comet": "GL.iNet Comet"}),
        ("stun.l.google.com", 3478, 20, {}),
        ("stun.example.org", 19302, 20, {}),
        ("stun.l.google.com", 19302, 74, {"pikvm": "PiKVM", "comet": "GL.iNet Comet"}),
    ],
    ids=["both", "one", "another port", "another server", "unanswered"],
)
def test_server_and_spacing_name_the_product(name, port, every, products):
    """A server is known by the name its address was looked up by, in the same input."""
    rows = asked("10.0.0.9", range(0, 1000, every), destination="203.0.113.19", destination_port=port)
    tables = tables_of(stun=rows, names=[{"address": "203.0.113.19", "name": name, "source": "dns"}])
    [test] = nat_test_beacons(tables[Stun])
    assert products_of(test, beacon_servers(tables, load_knowledge())) == products


def test_a_name_seen_in_another_input_names_nothing():
    rows = asked("10.0.0.9", range(0, 1000, 20), destination="203.0.113.19", destination_port=19302)
    named = {"input": 1, "address": "203.0.113.19", "name": "stun.l.google.com", "source": "dns"}
    tables = tables_of(stun=rows, names=[named])
    [test] = nat_test_beacons(tables[Stun])
    assert not products_of(test, beacon_servers(tables, load_knowledge()))


def test_no_servers_are_looked_for_where_nobody_tests():
    """Names alone are not worth a search."""
    tables = tables_of(names=[{"address": "203.0.113.19", "name": "stun.l.google.com", "source": "dns"}])
    assert len(beacon_servers(tables, load_knowledge())) == 0
