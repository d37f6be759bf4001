"""Which flows are one session, who drives whom, and whether anybody worked."""

from __future__ import annotations

import pytest

from farmwatch.analysis.assess import derive
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.sessions.named import endpoint
from farmwatch.knowledge import load_knowledge
from farmwatch.records import RemoteSession
from tests.rows import Net, turned

LAPTOP = "f8:bc:12:00:00:05"
BUSY = {"orig_data_pkts": 400, "resp_data_pkts": 500, "orig_bytes": 20_000, "resp_bytes": 800_000, "orig_active_s": 300,
        "resp_active_s": 300, "orig_small_pkts": 390, "orig_small_gaps": 300}  # fmt: skip
FAMILIES = pytest.mark.parametrize(
    ("near", "far"), [("10.0.0.5", "198.51.100.7"), ("2001:db8:1::5", "2001:db8:f::7")], ids=["ipv4", "ipv6"]
)


def sessions(net, **options):
    tables, _ = derive(net.tables(), load_knowledge(), Profile().with_options(**options))
    return list(tables[RemoteSession].rows())


@pytest.fixture
def net():
    net = Net()
    net.host(LAPTOP, "10.0.0.5", "2001:db8:1::5")
    net.flow("10.0.0.5", "203.0.113.200")
    return net


@FAMILIES
def test_the_rfb_server_is_driven(net, near, far):
    """Somebody dials in and drives: the role comes from the protocol, not from who dialled."""
    net.flow(far, near, 5900, protocol="rfb", controlled_side=1, orig_rtt_ms=11.0, orig_rtt_samples=90, **BUSY)
    [session] = sessions(net)
    assert (session.tool, session.role, session.proven, session.live) == ("vnc", "controlled", True, True)
    assert session.dialled is False
    assert session.rtt_ms == 11.0
    assert (session.bytes_out, session.bytes_in) == (800_000, 20_000)
    assert session.local == endpoint(near, 5900)


@FAMILIES
def test_a_reverse_connection_is_driven_all_the_same(net, near, far):
    """The laptop dials a listening viewer: driven, and it dialled."""
    net.flow(near, far, 5500, protocol="rfb", controlled_side=0, **BUSY)
    [session] = sessions(net)
    assert (session.role, session.dialled) == ("controlled", True)


@FAMILIES
def test_the_rdp_client_drives(net, near, far):
    """The mirror image."""
    net.flow(near, far, 3389, protocol="rdp", controlled_side=1, **BUSY)
    [session] = sessions(net)
    assert (session.tool, session.role, session.proven) == ("rdp", "controlling", True)


@pytest.mark.parametrize(
    "weak",
    [
        {"orig_bytes": 40, "resp_bytes": 19, "orig_data_pkts": 2, "resp_data_pkts": 1},
        {"established": False},
        {"orig_bytes": 9_000, "resp_bytes": 9_000, "orig_small_gaps": 0},
    ],
    ids=["refused", "never answered", "keep-alives"],
)
def test_an_attempt_is_no_session(net, weak):
    """A scan, a refusal or an hour of keep-alives names the tool and says that no session ran."""
    net.flow("198.51.100.7", "10.0.0.5", 3389, protocol="rdp", controlled_side=1, **(BUSY | weak))
    [session] = sessions(net)
    assert session.live is False
    assert "no session ran" in session.role_reason


def test_slow_typing_is_a_session(net):
    """Little data, but paced like a hand."""
    slow = BUSY | {"orig_bytes": 4_000, "resp_bytes": 4_000, "orig_active_s": 200, "resp_active_s": 200}
    net.flow("198.51.100.7", "10.0.0.5", 22, protocol="ssh", controlled_side=1, **slow)
    assert sessions(net)[0].live is True


def test_tcp_and_udp_of_one_tool_are_one_session(net):
    """RDP adds a UDP side channel to the same far end."""
    net.flow("198.51.100.7", "10.0.0.5", 3389, protocol="rdp", controlled_side=1, **BUSY)
    net.flow("198.51.100.7", "10.0.0.5", 3389, proto="udp", protocol="rdp-udp", controlled_side=1, **BUSY)
    [session] = sessions(net)
    assert (session.flows, session.proto) == (2, "tcp")


def test_far_ends_and_long_pauses_part_sessions(net):
    """Another far end, or half an hour of nothing, is another session."""
    for start, far in ((0, "198.51.100.7"), (60, "198.51.100.7"), (60, "198.51.100.8"), (3_000, "198.51.100.7")):
        net.flow(far, "10.0.0.5", 5900, protocol="rfb", controlled_side=1, ts=start, last_ts=start + 30, **BUSY)
    assert [(session.remote.split(":")[0][-1], session.flows) for session in sessions(net)] == [
        ("7", 2),
        ("8", 1),
        ("7", 1),
    ]
    assert [session.session_id for session in sessions(net)] == ["S1", "S2", "S3"]


def test_the_byte_direction_of_a_screen_tool_tells(net):
    """Forty times more bytes leave than arrive, for minutes, and a hand is at the other end."""
    worked = {"orig_bytes": 4_000_000, "resp_bytes": 90_000, "resp_small_pkts": 400, "resp_small_gaps": 300}
    flow = net.flow("10.0.0.5", "198.51.100.7", **(BUSY | worked))
    net.add("tls", flow=flow, packet=1, transport="tcp", client_side=0, server_name="relay-0a1b2c3d.net.anydesk.com")
    [session] = sessions(net)
    assert (session.tool, session.role, session.proven) == ("anydesk", "controlled", False)
    assert session.relayed == 1
    assert session.remote_name == "relay-0a1b2c3d.net.anydesk.com"


@pytest.mark.parametrize(
    "sent",
    [
        {"resp_small_gaps": 300, "orig_active_s": 10, "resp_active_s": 10},
        {"resp_small_gaps": 4},
    ],
    ids=["ten seconds", "no hand"],
)
def test_a_file_that_is_sent_leaves_the_role_open(net, sent):
    """The bytes of an upload look like a screen; without minutes of a hand's packets nobody is said to drive."""
    flow = net.flow("10.0.0.5", "198.51.100.7", **(BUSY | {"orig_bytes": 4_000_000, "resp_bytes": 90_000} | sent))
    net.add("tls", flow=flow, packet=1, transport="tcp", client_side=0, server_name="relay-0a1b2c3d.net.anydesk.com")
    [session] = sessions(net)
    assert (session.role, session.live) == ("unclear", True)


def test_a_balanced_relay_line_stays_open(net):
    """Keep-alives both ways tell nothing."""
    flow = net.flow("10.0.0.5", "198.51.100.7", **(BUSY | {"orig_bytes": 7_000, "resp_bytes": 7_000}))
    net.add("tls", flow=flow, packet=1, transport="tcp", client_side=0, server_name="relay-0a1b2c3d.net.anydesk.com")
    [session] = sessions(net)
    assert (session.role, session.role_probability) == ("unclear", 0.5)


@pytest.mark.parametrize("far", ["198.51.100.7", "10.0.0.9"])
def test_a_protocol_in_the_clear_does_not_make_a_line_direct(net, far):
    """A session may come through a relay wherever its far end is: a box in the same network relays as well."""
    net.host("54:e1:ad:00:00:06", "10.0.0.9")
    net.flow(far, "10.0.0.5", 5900, protocol="rfb", controlled_side=1, **BUSY)
    assert next(one for one in sessions(net) if one.role == "controlled").relayed is None


def test_a_connection_inside_ssh_leaves_the_role_open(net):
    """Typed packets larger than keys: another connection inside, whose hand may be at either end."""
    typed = {"orig_data_pkts": 265, "resp_data_pkts": 258, "orig_small_pkts": 254, "resp_small_pkts": 247,
             "orig_small_gaps": 244, "resp_small_gaps": 243, "orig_active_s": 57, "resp_active_s": 57}  # fmt: skip
    net.flow(
        "10.0.0.5", "198.51.100.7", 22, protocol="ssh", controlled_side=1, orig_bytes=26_013, resp_bytes=25_765, **typed
    )
    net.flow(
        "10.0.0.5", "198.51.100.8", 22, protocol="ssh", controlled_side=1, orig_bytes=12_361, resp_bytes=12_369, **typed
    )
    assert [session.role for session in sessions(net)] == ["unclear", "controlling"]


def test_the_vendors_pages_are_no_session(net):
    """Reading a price list is not remote control."""
    flow = net.flow("10.0.0.5", "198.51.100.7", **BUSY)
    net.add("tls", flow=flow, packet=1, transport="tcp", client_side=0, server_name="www.anydesk.com")
    assert not sessions(net)


def test_approval_is_written_down(net):
    net.flow("198.51.100.7", "10.0.0.5", 3389, protocol="rdp", controlled_side=1, **BUSY)
    assert sessions(net, corporate=["rdp"])[0].approved is True


def test_a_session_between_two_devices_is_seen_from_both(net):
    """One flow, two judged ends, two mirror roles."""
    net.host("54:e1:ad:00:00:06", "10.0.0.9")
    net.flow("10.0.0.9", "10.0.0.5", 5900, protocol="rfb", controlled_side=1, **BUSY)
    assert {(one.device_id, one.role) for one in sessions(net)} == {
        (LAPTOP, "controlled"),
        ("54:e1:ad:00:00:06", "controlling"),
    }


def test_the_order_of_rows_does_not_matter(net):
    for far in ("198.51.100.7", "198.51.100.8"):
        net.flow(far, "10.0.0.5", 5900, protocol="rfb", controlled_side=1, **BUSY)
    one, _ = derive(net.tables(), load_knowledge(), Profile())
    two, _ = derive(turned(net.tables()), load_knowledge(), Profile())
    assert list(one[RemoteSession].rows()) == list(two[RemoteSession].rows())


def test_endpoints_are_written_as_people_write_them():
    assert endpoint("10.0.0.5", 22) == "10.0.0.5:22"
    assert endpoint("2001:db8::5", 22) == "[2001:db8::5]:22"


def test_a_proven_role_says_what_in_the_bytes_proves_it(net):
    """The reason carries the proof and the header facts of the flow that decides."""
    flow = net.flow("198.51.100.7", "10.0.0.5", 5900, protocol="rfb", controlled_side=1, **BUSY)
    net.add("remote_control", flow=flow, packet=1, protocol="rfb", proof="the RFB server greets first", detail="x")
    [session] = sessions(net)
    assert session.role_reason == ("the rfb protocol itself shows which end is driven: the RFB server greets first (x)")


def test_an_unreadable_flow_on_a_shown_products_port_is_its_session(net):
    """A capture that began in midstream shows no first bytes; the name looked up and the port say whose it is."""
    net.flow("10.0.0.5", "198.51.100.7", 5938, unread="midstream", **BUSY)
    assert not sessions(net)
    net.add("name_queries", packet=4, protocol="dns", client="10.0.0.5", name="router1.teamviewer.com", count=1)
    [session] = sessions(net)
    assert (session.tool, session.remote, session.live) == ("teamviewer", "198.51.100.7:5938", True)
