"""Neighbour discovery decoder: hand-made messages, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import struct
from socket import AF_INET6, inet_pton

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.ndp import NdpPrefix, parse_ndp

FILTER = "icmpv6.type >= 133 && icmpv6.type <= 137"
CAPTURES = (
    "negative/arkime+arkime/tests/pcap/v6-http.pcap",
    "negative/zeek+zeek/testing/btest/Traces/icmp/icmp6-nd-options.pcap",
    "negative/CESNET+ipfixprobe/tests/functional/inputs/mixed.pcap",
)
ROUTER = inet_pton(AF_INET6, "fe80::1")
PREFIX = inet_pton(AF_INET6, "2001:db8:1::")


def compare(layers):
    """Every sound message, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken or not 133 <= layer.number("icmpv6_type") <= 137:
            continue
        parsed = parse_ndp(layer.raw)
        expected = {
            "type": layer.number("icmpv6_type"),
            "target": layer.one("icmpv6_nd_ns_target_address")
            or layer.one("icmpv6_nd_na_target_address")
            or layer.one("icmpv6_nd_rd_target_address")
            or layer.one("icmpv6_rd_na_target_address"),
            "destination": layer.one("icmpv6_rd_na_destination_address"),
            "source": [mac for mac in layer.all("icmpv6_opt_src_linkaddr")[-1:] if len(mac) == 17],
            "target mac": [mac for mac in layer.all("icmpv6_opt_target_linkaddr")[-1:] if len(mac) == 17],
            "lifetime": layer.number("icmpv6_nd_ra_router_lifetime"),
            "prefixes": layer.all("icmpv6_opt_prefix"),
            "mtu": layer.number("icmpv6_opt_mtu"),
            "dns": layer.all("icmpv6_opt_rdnss"),
            "domains": layer.all("icmpv6_opt_dnssl"),
        }
        found = {
            "type": parsed.icmp_type,
            "target": parsed.target,
            "destination": parsed.destination,
            "source": [parsed.source_mac] if parsed.source_mac else [],
            "target mac": [parsed.target_mac] if parsed.target_mac else [],
            "lifetime": parsed.router_lifetime,
            "prefixes": [prefix.prefix for prefix in parsed.prefixes],
            "mtu": parsed.mtu,
            "dns": list(parsed.dns_servers),
            "domains": list(parsed.search_domains),
        }
        if "24" in layer.all("icmpv6_opt_type"):  # tshark lists route information (RFC 4191) as prefixes too
            expected["prefixes"] = [prefix for prefix in expected["prefixes"] if prefix in found["prefixes"]][
                : len(found["prefixes"])
            ]
        differences = {
            column: (found[column], expected[column]) for column in found if found[column] != expected[column]
        }
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def advertisement():
    options = b"\x01\x01" + bytes.fromhex("02005e100001")
    options += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 86400, 14400, 0, PREFIX)
    options += struct.pack("!BBHI", 5, 1, 0, 1280)
    options += struct.pack("!BBHI16s", 25, 3, 0, 600, ROUTER)
    options += struct.pack("!BBHI", 31, 3, 0, 600) + b"\x04acme\x04corp\x00".ljust(16, b"\0")
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, 0xC0, 1800, 0, 0) + options


def test_router_advertisement_options():
    """Link address, prefix, MTU, DNS servers and search domains of a router advertisement are read."""
    parsed = parse_ndp(advertisement())
    assert (parsed.icmp_type, parsed.hop_limit, parsed.managed, parsed.other_config) == (134, 64, True, True)
    assert (parsed.router_lifetime, parsed.source_mac, parsed.mtu) == (1800, "02:00:5e:10:00:01", 1280)
    assert parsed.prefixes == (NdpPrefix("2001:db8:1::", 64, True, True, 86400, 14400),)
    assert (parsed.dns_servers, parsed.search_domains) == (("fe80::1",), ("acme.corp",))


def test_neighbour_advertisement_flags():
    """Router, solicited and override flags and the target's hardware address are read."""
    data = struct.pack("!BBHI16s", 136, 0, 0, 0xA0000000, ROUTER) + b"\x02\x01" + bytes.fromhex("02005e100001")
    parsed = parse_ndp(data)
    assert (parsed.target, parsed.target_mac) == ("fe80::1", "02:00:5e:10:00:01")
    assert (parsed.router, parsed.solicited, parsed.override) == (True, False, True)


def test_redirect_names_both_addresses():
    """A redirect gives the better hop and the destination it is for."""
    parsed = parse_ndp(struct.pack("!BBHI16s16s", 137, 0, 0, 0, ROUTER, PREFIX))
    assert (parsed.target, parsed.destination) == ("fe80::1", "2001:db8:1::")


def test_option_of_length_zero_ends_the_walk():
    """RFC 4861 section 4.6: a zero length would never end; what came before it stays."""
    parsed = parse_ndp(struct.pack("!BBHI", 133, 0, 0, 0) + b"\x01\x01\x02\0\x5e\x10\0\1" + bytes(64))
    assert parsed.source_mac == "02:00:5e:10:00:01"


@pytest.mark.parametrize("data", [b"", b"\x80\0\0\0", b"\x87\0\0\0" + bytes(19), b"\x86" + bytes(14)])
def test_other_and_short_messages_are_refused(data):
    """Echo requests and messages shorter than their fixed part are errors."""
    with pytest.raises(DecodeError):
        parse_ndp(data)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Targets, hardware addresses, prefixes, MTU and DNS options equal tshark's."""
    assert compare(tshark_layers(capture, "icmpv6", FILTER)) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """Targets and hardware addresses of one capture do not change unseen."""
    rows = []
    for layer in tshark_layers(CAPTURES[0], "icmpv6", FILTER):
        if 133 <= layer.raw[0] <= 137:
            parsed = parse_ndp(layer.raw)
            rows.append([parsed.icmp_type, parsed.target, parsed.source_mac, parsed.target_mac])
    names_golden("ndp", rows)
