"""DHCPv6 decoder: hand-made messages, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import struct
from socket import AF_INET6, inet_pton

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dhcpv6 import parse_dhcpv6

CAPTURES = (
    "negative/FoxIO-LLC+ja4/pcap/dhcpv6.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/dhcpv6-ia-na.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/dhcpv6-ia-pd.pcap",
    "negative/CESNET+ipfixprobe/tests/functional/inputs/mixed.pcap",
)
ADDRESS = inet_pton(AF_INET6, "2001:db8::7")
LINK = inet_pton(AF_INET6, "fe80::1")


def option(code, value):
    return struct.pack("!HH", code, len(value)) + value


def compare(layers):
    """Every sound message that no relay wrapped, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken or layer.number("dhcpv6_msgtype") in (12, 13):
            continue
        parsed = parse_dhcpv6(layer.raw)
        duids = [duid for duid in (parsed.client, parsed.server) if duid]
        found = {
            "type": parsed.message_type,
            "id": parsed.transaction_id,
            "duids": sorted(duid.raw for duid in duids),
            "macs": sorted(duid.mac for duid in duids if duid.mac),
            "fqdn": parsed.fqdn,
            "requested": list(parsed.requested_options),
            "addresses": list(parsed.addresses),
            "prefixes": [prefix.partition("/")[0] for prefix in parsed.prefixes],
            "vendor": parsed.vendor_enterprise,
            "dns": list(parsed.dns_servers),
            "search": list(parsed.search_domains),
        }
        expected = {
            "type": layer.number("dhcpv6_msgtype"),
            "id": layer.number("dhcpv6_xid"),
            "duids": sorted(value.replace(":", "") for value in layer.all("dhcpv6_duid_bytes")),
            "macs": sorted(layer.all("dhcpv6_duidllt_link_layer_addr") + layer.all("dhcpv6_duidll_link_layer_addr")),
            "fqdn": layer.one("dhcpv6_client_domain").rstrip("."),
            "requested": [int(value) for value in layer.all("dhcpv6_requested_option_code")],
            "addresses": layer.all("dhcpv6_iaaddr_ip"),
            "prefixes": layer.all("dhcpv6_iaprefix_pref_addr"),
            "vendor": layer.number("dhcpv6_vendorclass_enterprise"),
            "dns": layer.all("dhcpv6_dns_server"),
            "search": [value.rstrip(".") for value in layer.all("dhcpv6_search_list_entry")],
        }
        if not expected["fqdn"] and "." not in parsed.fqdn:  # tshark shows a partial name as free text only
            expected["fqdn"] = parsed.fqdn
        differences = {
            column: (found[column], expected[column]) for column in found if found[column] != expected[column]
        }
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def solicit():
    duid = bytes.fromhex("00010001") + bytes(4) + bytes.fromhex("02005e100001")
    lease = bytes(12) + option(5, ADDRESS + bytes(8))
    delegation = bytes(12) + option(26, bytes(8) + b"\x38" + inet_pton(AF_INET6, "2001:db8:1::"))
    return (
        b"\x01\xa1\xb2\xc3"
        + option(1, duid)
        + option(39, b"\0\x04kvm1\x04corp\0")
        + option(16, struct.pack("!IH", 311, 8) + b"MSFT 5.0")
        + option(6, struct.pack("!HH", 23, 24))
        + option(3, lease)
        + option(25, delegation)
    )


def test_solicit_names_host_and_hardware():
    """The hardware address inside the identifier, the name, the vendor and the wishes of a host are read."""
    parsed = parse_dhcpv6(solicit())
    assert parsed.client is not None
    assert (parsed.message_type, parsed.transaction_id, parsed.client.mac) == (1, 0xA1B2C3, "02:00:5e:10:00:01")
    assert (parsed.fqdn, parsed.vendor_enterprise, parsed.vendor_classes) == ("kvm1.corp", 311, ("MSFT 5.0",))
    assert (parsed.requested_options, parsed.addresses, parsed.prefixes) == (
        (23, 24),
        ("2001:db8::7",),
        ("2001:db8:1::/56",),
    )
    assert (parsed.server, parsed.relays) == (None, ())


def test_relays_are_unwrapped():
    """The inner message comes out with the links it came through and the address a relay added."""
    inner = solicit()
    for _ in range(2):
        inner = b"\x0c\x01" + ADDRESS + LINK + option(79, b"\0\1\2\0\x5e\x10\0\1") + option(9, inner)
    parsed = parse_dhcpv6(inner)
    assert (parsed.fqdn, parsed.relays) == ("kvm1.corp", ("2001:db8::7", "2001:db8::7"))
    assert parsed.relayed_macs == ("02:00:5e:10:00:01", "02:00:5e:10:00:01")


def test_relay_chain_is_bounded():
    """More relays than RFC 8415 allows are an error."""
    inner = solicit()
    for _ in range(9):
        inner = b"\x0c\x01" + ADDRESS + LINK + option(9, inner)
    with pytest.raises(DecodeError):
        parse_dhcpv6(inner)


def test_enterprise_identifier():
    """An identifier of kind 2 holds an enterprise number and no hardware address."""
    parsed = parse_dhcpv6(b"\x01\0\0\1" + option(1, struct.pack("!HI", 2, 9) + b"abc"))
    assert parsed.client is not None
    assert (parsed.client.kind, parsed.client.enterprise, parsed.client.mac) == (2, 9, "")


@pytest.mark.parametrize(
    "payload", [b"", b"\x01\0\0", b"\x00\0\0\0", b"\xff\0\0\0", b"\x0c" + bytes(20), b"\x0c" + bytes(33)]
)
def test_other_bytes_are_refused(payload):
    """Short, unassigned and empty relay messages are errors."""
    with pytest.raises(DecodeError):
        parse_dhcpv6(payload)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Every column equals tshark's, message by message."""
    assert compare(tshark_layers(capture, "dhcpv6")) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """Identifiers, wishes and addresses of one capture do not change unseen."""
    rows = []
    for layer in tshark_layers(CAPTURES[0], "dhcpv6"):
        parsed = parse_dhcpv6(layer.raw)
        mac = parsed.client.mac if parsed.client else ""
        rows.append([parsed.message_type, mac, parsed.requested_options, parsed.addresses, parsed.prefixes])
    names_golden("dhcpv6", rows)
