"""What detectors share: folding equal answers, and knowing who was heard."""

from __future__ import annotations

import pytest

from farmwatch.analysis.detectors import DETECTORS, run_detectors
from farmwatch.analysis.detectors.contract import folded, heard_beside, untimed
from farmwatch.analysis.scoring import assess_claim
from farmwatch.records import SERIES_LEFT_UNREAD, Arp, Claim, Evidence, Family, Finding, Level, Outcome
from tests.rows import tables_of


def finding(summary, decibans, *packets):
    rows = (Evidence("arp", 0, packets),) if packets else ()
    return Finding(detector="a", family=Family.NAMES, claim=Claim.DRIVEN, outcome=Outcome.HIT, decibans=decibans,
                   summary=summary, rows=rows)  # fmt: skip


def test_the_strongest_speaks_for_all():
    """Two more are named, the others counted, and each keeps some of its proof."""
    many = [finding(f"sender {number}", float(number), *range(100 * number, 100 * number + 30)) for number in range(5)]
    one = folded(many)
    assert one.decibans == 4.0
    assert one.summary == "sender 4; also sender 3; also sender 2; and 2 more"
    assert {packet // 100 for packet in one.rows[0].packets} == {0, 1, 2, 3, 4}
    assert len(one.rows[0].packets) == 20


def test_equal_answers_are_counted():
    assert folded([finding("typing", 4.0), finding("typing", 4.0)]).summary == "typing (2 times)"


@pytest.mark.parametrize(
    ("sender", "heard"),
    [("aa:05", set()), ("aa:01", set()), ("aa:09", {"LAPTOP"}), ("aa:77", set())],
    ids=["itself", "router", "neighbour", "nobody of this network"],
)
def test_only_another_host_shows_who_is_there(sender, heard):
    """ARP of the device and its router is no look at the network, in whichever input a host is listed."""
    tables = tables_of(
        devices_seen=[{"device_id": "LAPTOP", "lan": "r"}, {"device_id": "LAPTOP", "lan": "r", "input": 1}],
        lan_members=[
            {"lan": "r", "host": "aa:05", "role": "device", "device_id": "LAPTOP"},
            {"lan": "r", "host": "aa:01", "role": "gateway"},
            {"lan": "r", "host": "aa:09", "role": "neighbour"},
        ],
        arp=[{"eth_src": sender, "input": 1}],
    )
    assert heard_beside(tables, Arp) == heard


def test_idle_tools_are_names_however_long_they_idle():
    """A session of one tool beside the idle line of another is heavy, but of one family: never strong."""
    sighting = {"device_id": "LAPTOP", "kind": "remote_access", "layer": "dns", "sign": "session", "grade": "high",
                "unattended": True}  # fmt: skip
    session = {"device_id": "LAPTOP", "remote_scope": "public", "unattended": True, "role": "unclear", "end": 3600}
    tables = tables_of(
        devices_seen=[{"device_id": "LAPTOP", "vantage": "host"}],
        device_flows=[{"device_id": "LAPTOP", "last_ts": 3600}],
        tool_sightings=[
            sighting | {"tool": "anydesk", "tool_name": "AnyDesk", "vendor": "AnyDesk"},
            sighting | {"tool": "teamviewer", "tool_name": "TeamViewer", "vendor": "TeamViewer"},
        ],
        sessions=[
            session
            | {"session_id": "S1", "tool": "anydesk", "tool_name": "AnyDesk", "role": "controlled", "live": True},
            session | {"session_id": "S2", "tool": "teamviewer", "tool_name": "TeamViewer"},
        ],
    )
    result = assess_claim(Claim.DRIVEN, run_detectors(DETECTORS, tables)["LAPTOP"], 1e-2)
    assert {weight.detector for weight in result.weights} >= {"remote.named_tool", "remote.idle_relay"}
    assert result.families == ("names",)
    assert result.level is Level.REVIEW


def test_a_flood_of_senders_gives_one_answer_for_each_device():
    """Four hundred senders on a network of fifty devices: one finding for each detector, claim and device."""
    macs = [f"02:00:00:00:{number // 256:02x}:{number % 256:02x}" for number in range(400)]
    tables = tables_of(
        devices_seen=[{"device_id": f"D{number}", "lan": "r", "vantage": "gateway"} for number in range(50)],
        arp=[
            {"op": 1, "sender_ip": "0.0.0.0", "eth_src": mac, "sender_mac": f"61:62:63:64:65:6{digit}"}
            for mac in macs
            for digit in range(3)
        ],
        lan_members=[{"lan": "r", "host": mac, "addresses": f"10.0.{at // 250}.{at % 250}", "role": "kvm",
                      "product_kind": "kvm", "product_name": "PiKVM", "layers": "name/high"}
                     for at, mac in enumerate(macs)],
    )  # fmt: skip
    for findings in run_detectors(DETECTORS, tables).values():
        hits = [(one.detector, one.claim) for one in findings if one.outcome is Outcome.HIT]
        assert len(hits) == len(set(hits)) == 4


def test_devices_whose_flows_were_left_unread_are_named_with_the_reason():
    """Only those of the input that says so, and for no other reject."""
    tables = tables_of(
        devices_seen=[
            {"device_id": name, "input": number} for name, number in (("A", 0), ("B", 1), ("C", 1), ("D", 2))
        ],
        rejects=[
            {"input": 1, "reason": f"{SERIES_LEFT_UNREAD}: no room", "count": 7},
            {"input": 2, "reason": "packets cut short", "count": 9},
        ],
    )
    assert untimed(tables) == dict.fromkeys("BC", f"{SERIES_LEFT_UNREAD}: no room")


@pytest.mark.parametrize("detector", ["hand.driven", "hand.mirror_image"])
def test_an_unread_flow_is_no_clear_answer(detector):
    """A device that was seen and whose candidate flows could not be timed is not cleared."""
    tables = tables_of(
        devices_seen=[{"device_id": "A", "vantage": "host"}],
        device_flows=[{"device_id": "A", "flow": 0, "last_ts": 60, "proto": "tcp", "established": True}],
        rejects=[{"reason": f"{SERIES_LEFT_UNREAD}: no room", "count": 1}],
    )
    (found,) = [one for one in run_detectors(DETECTORS, tables)["A"] if one.detector == detector]
    assert found.outcome is Outcome.NO_DATA
    assert SERIES_LEFT_UNREAD in found.summary
