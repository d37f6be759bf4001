"""network_of: whose word counts."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.networks import network_of
from farmwatch.knowledge import load_knowledge


@pytest.mark.parametrize(
    ("address", "asn", "org", "told", "kind"),
    [
        ("198.51.100.1", 7922, "Comcast Cable", None, None),
        ("100.64.3.4", None, None, None, "cgnat"),
        ("198.19.255.254", None, None, None, "vpn astrill"),
        ("198.51.100.1", 207137, "PacketHub S.A.", None, "vpn nordvpn"),
        ("198.51.100.1", 207137, "PacketHub S.A.", "vpn", "vpn nordvpn"),
        ("198.51.100.1", 7922, "Comcast Cable", "vpn", "vpn unnamed"),
        ("198.51.100.1", 207137, "PacketHub S.A.", "hosting", "vpn nordvpn"),
        ("198.51.100.1", 16509, "AMAZON-02", "proxy", "hosting"),
        ("198.51.100.1", 7922, "Comcast Cable", "proxy", "proxy"),
        ("198.51.100.1", 21928, None, "satellite", "satellite"),
        ("198.51.100.1", 13335, "CLOUDFLARENET", "vpn", "relay"),
        ("2001:db8::1", None, "Starlink", None, "satellite"),
        ("not an address", None, "Starlink", None, None),
    ],
)
def test_kinds(address, asn, org, told, kind):
    """The company's blocks first, then what a database says, with the brand that the number tells."""
    assert network_of(load_knowledge(), address, asn, org, told) == kind
