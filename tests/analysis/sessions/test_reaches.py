"""What is known of a session's round trips, put to the model."""

from __future__ import annotations

import pytest

from farmwatch.analysis.sessions.reaches import session_reaches
from farmwatch.analysis.sessions.regions import NEAR_MS, Basis
from tests.rows import tables_of

DEVICE = {"device_id": "LAPTOP", "addresses": "10.0.0.5"}
FLOW = {"device_id": "LAPTOP", "flow": 0, "protocol": "rfb"}
SESSION = {"session_id": "S1", "device_id": "LAPTOP", "tool": "vnc", "role": "controlled", "live": True, "members": "0",
           "rtt_ms": 12.0, "rtt_samples": 90, "loop_low_ms": 190.0}  # fmt: skip
HAND = {"device_id": "LAPTOP", "flow": 0, "members": "0"}


def known(session=None, flow=None, hand=None, device=None):
    """What is said of one session, or None where nothing is."""
    tables = tables_of(
        devices_seen=[DEVICE | (device or {})],
        device_flows=[FLOW | (flow or {})],
        sessions=[SESSION | (session or {})],
        hands=[HAND | (hand or {})],
    )
    return session_reaches(tables).get("S1")


@pytest.mark.parametrize("columns", [{"live": False}, {"role": "controlling"}])
def test_nobody_is_behind_it(columns):
    """Idle lines, and sessions in which this device is the one that drives."""
    assert known(columns) is None


def test_a_loop_over_a_short_transport():
    found = known()
    assert found.reach.basis is Basis.DIFFERENCE
    assert (found.loop_low_ms, found.transport_ms, found.near) == (190.0, 12.0, False)


def test_one_transport_sample_is_enough_beside_a_loop():
    """One that waited makes what is left of the loop too short, which is the safe side."""
    assert known({"rtt_samples": 1}).reach.basis is Basis.DIFFERENCE
    assert known({"rtt_samples": 0, "rtt_ms": None}).reach.basis is Basis.LOOP


def test_flags_come_from_the_flow_that_was_timed():
    """An upper bound or mixed sizes of one of the session's flows lower its weight."""
    whole = known().reach.decibans
    assert known(hand={"upper_bound": True}).reach.decibans == pytest.approx(whole / 2)
    assert known(hand={"upper_bound": True}).upper_bound
    assert known(hand={"mixed": True}).reach.decibans == pytest.approx(whole * 0.75)
    assert known(hand={"mixed": True, "members": "3,4"}).reach.decibans == whole, "another session's flow"


@pytest.mark.parametrize("low", [3.0, 30.0, NEAR_MS])
def test_near(low):
    """Up to the limit the hand is near, unless the flow is a tunnel by tool or protocol."""
    assert known({"loop_low_ms": low}).near
    assert known({"loop_low_ms": low}, hand={"upper_bound": True}).near, "an upper bound bounds"
    for tunnel in (
        known({"loop_low_ms": low, "tool": "openvpn"}),
        known({"loop_low_ms": low}, {"protocol": "wireguard"}),
    ):
        assert tunnel.tunnel
        assert not tunnel.near
        assert "tunnel" in tunnel.why


@pytest.mark.parametrize("protocol", ["tls", "rustdesk", None])
def test_a_gateway_that_the_device_dialled_keeps_nobody_near(protocol):
    """A web gateway answers for whoever sits at its browser; what is said to it is hidden."""
    found = known({"loop_low_ms": 12.0, "dialled": True}, {"protocol": protocol})
    assert not found.near
    assert found.why == "what answers in a loop of 12 ms may be a gateway that this device dialled, short of the person"
    direct = known({"loop_low_ms": None, "relayed": 0, "dialled": True}, {"protocol": protocol})
    assert not direct.near, "without a loop the end of the flow may be one all the more"


@pytest.mark.parametrize("protocol", ["rfb", "rdp", "rdp-udp"])
def test_a_protocol_in_the_open_keeps_its_end_near(protocol):
    """Reverse VNC to a viewer: the device dialled, and the end speaks the protocol itself."""
    assert known({"loop_low_ms": 12.0, "dialled": True}, {"protocol": protocol}).near


def test_a_gateway_is_the_reason_only_of_short_loops():
    assert "gateway" not in known({"loop_low_ms": 190.0, "dialled": True}, {"protocol": "tls"}).why


HOME = {"place": "Phoenix, US", "latitude": 33.4, "longitude": -112.1}


@pytest.mark.parametrize(
    ("device", "named"),
    [
        ({}, True),
        (HOME, True),
        ({"place": "Warsaw, PL", "latitude": 52.2, "longitude": 21.0}, False),
        ({"place": "Pune, IN", "latitude": 18.5, "longitude": 73.9}, False),
        ({"place": "the office"}, False),
    ],
)
def test_regions_are_named_from_where_the_table_starts(device, named):
    """The table starts in North America: for a device declared elsewhere its regions would be wrong places."""
    found = known(device=device).reach
    assert bool(found.regions) is named
    assert not found.nearby
    assert found.decibans == known().reach.decibans


def test_not_near():
    assert not known({"loop_low_ms": NEAR_MS + 0.1}).near


def test_the_profile_says_what_is_near():
    """Its limit replaces the general one, both ways."""
    assert known({"loop_low_ms": 190.0}, device={"max_rtt_ms": 200.0}).near
    assert not known({"loop_low_ms": 30.0}, device={"max_rtt_ms": 20.0}).near


def test_transport_counts_only_without_a_relay():
    """No loop: the flow's own round trip bounds whoever is at its end, which a relay makes meaningless."""
    direct = known({"loop_low_ms": None, "relayed": 0})
    assert direct.near
    assert direct.reach.basis is Basis.TRANSPORT
    for relayed in (1, None):
        found = known({"loop_low_ms": None, "relayed": relayed})
        assert found.reach is None
        assert "relay may hide" in found.why
    assert known({"loop_low_ms": None, "relayed": 0, "rtt_samples": 2}).reach is None, "too few to trust"
    assert known({"loop_low_ms": None, "relayed": 0, "tool": "ssh"}).reach is None, "a tunnel's own end"
