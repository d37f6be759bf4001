"""Address blocks and ports that one product publishes."""

from __future__ import annotations

import pytest

from farmwatch.analysis.assess import derive
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.relays import published_relays
from farmwatch.knowledge import load_knowledge
from farmwatch.records import CloudSign, ToolSighting
from tests.rows import Net

LAPTOP, BOX = "f8:bc:12:00:00:05", "dc:a6:32:00:00:08"
RELAY = "52.113.4.9"  # inside the block that Teams publishes for media


def net_of(address, port, proto="udp", **shown):
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.host(BOX, "10.0.0.8")
    net.flow("10.0.0.5", "203.0.113.200")
    net.flow("10.0.0.8", address, port, proto=proto, **shown)
    return net


@pytest.mark.parametrize(
    ("address", "port", "proto", "shown", "found"),
    [
        (RELAY, 3479, "udp", {}, [(1, "teams", f"{RELAY} udp/3479")]),
        (RELAY, 3479, "udp", {"protocol": "rtp"}, [(1, "teams", f"{RELAY} udp/3479")]),
        ("2603:1063::9", 3481, "udp", {}, [(1, "teams", "2603:1063::9 udp/3481")]),
        (RELAY, 3479, "tcp", {}, []),
        (RELAY, 443, "udp", {}, []),
        ("198.51.100.9", 3479, "udp", {}, []),
        (RELAY, 3479, "udp", {"established": False}, []),
        ("74.125.250.129", 19302, "udp", {}, []),
    ],
    ids=["relay", "named too", "ipv6", "other protocol", "other port", "other block", "unanswered", "public STUN"],
)
def test_address_and_port_together(address, port, proto, shown, found):
    """Each alone is anybody's; a public STUN server is no relay though its block is a meeting service's."""
    relays = published_relays(net_of(address, port, proto, **shown).tables(), load_knowledge())
    assert [(row, match.id, seen) for row, match, seen in relays] == found


def test_a_neighbours_relay_is_a_cloud_sign_and_a_devices_one_a_sighting():
    """A relay counts without any name beside it: of the device's own traffic, and of every host's."""
    net = net_of(RELAY, 3479)
    net.flow("10.0.0.5", RELAY, 3480, proto="udp")
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    seen = {(row.device_id, row.tool, row.layer, row.value, row.flow) for row in tables[ToolSighting].rows()}
    assert (LAPTOP, "teams", "relay", f"{RELAY} udp/3480", 2) in seen
    assert {(row.host, row.kind, row.sign) for row in tables[CloudSign].rows()} == {
        (BOX, "meeting", "session"),
        (LAPTOP, "meeting", "session"),
    }


def test_media_of_a_meeting_names_its_host():
    net = net_of("198.51.100.9", 8801, protocol="zoom", tool="zoom")
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    assert [(row.host, row.tool, row.value) for row in tables[CloudSign].rows()] == [(BOX, "zoom", "zoom media")]
