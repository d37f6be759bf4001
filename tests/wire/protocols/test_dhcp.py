"""DHCP decoder: hand-made messages, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import struct

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dhcp import parse_dhcp
from farmwatch.wire.protocols.text import printable

CAPTURES = (
    "negative/zeek+zeek/testing/btest/Traces/dhcp/dhcp.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/dhcp-rfc4388.pcap",
    "negative/CESNET+ipfixprobe/tests/functional/inputs/mixed.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/eapon1.pcap",
)


def dhcp(options, *, operation=1, sname=b"", boot_file=b"", client_ip=bytes(4), your_ip=bytes(4)):
    fixed = struct.pack("!4BIHH", operation, 1, 6, 0, 0xA1B2C3D4, 0, 0) + client_ip + your_ip + bytes(8)
    fixed += bytes.fromhex("02005e100001").ljust(16, b"\0") + sname.ljust(64, b"\0") + boot_file.ljust(128, b"\0")
    return fixed + b"\x63\x82\x53\x63" + options


def option(code, value):
    return bytes([code, len(value)]) + value


def expected(layer):
    """Our columns from tshark's fields."""
    text = lambda field: printable(layer.bytes(field).rstrip(b"\0"))  # noqa: E731 - a local table helper
    return {
        "type": layer.number("dhcp_option_dhcp"),
        "id": layer.number("dhcp_id"),
        "mac": layer.one("dhcp_hw_mac_addr"),
        "your": layer.one("dhcp_ip_your").replace("0.0.0.0", ""),
        "hostname": text("dhcp_option_hostname"),
        "vendor": text("dhcp_option_vendor_class_id"),
        "parameters": [int(value) for value in layer.all("dhcp_option_request_list_item")],
        "requested": layer.one("dhcp_option_requested_ip_address"),
        "server": layer.one("dhcp_option_dhcp_server_id"),
        "lease": layer.number("dhcp_option_ip_address_lease_time"),
        "routers": layer.all("dhcp_option_router")[:16],
        "dns": layer.all("dhcp_option_domain_name_server")[:16],
        "domain": text("dhcp_option_domain_name"),
        "fqdn": layer.one("dhcp_fqdn_name").rstrip("."),
        "mask": layer.one("dhcp_option_subnet_mask"),
    }


def compare(layers):
    """Every sound message on an Ethernet, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken or not layer.all("dhcp_hw_mac_addr"):
            continue
        parsed = parse_dhcp(layer.raw)
        found = {
            "type": parsed.message_type,
            "id": parsed.transaction_id,
            "mac": parsed.client_mac,
            "your": parsed.your_ip,
            "hostname": parsed.hostname,
            "vendor": parsed.vendor_class,
            "parameters": list(parsed.parameters),
            "requested": parsed.requested_ip,
            "server": parsed.server_id,
            "lease": parsed.lease_time,
            "routers": list(parsed.routers),
            "dns": list(parsed.dns_servers),
            "domain": parsed.domain,
            "fqdn": parsed.fqdn,
            "mask": parsed.subnet_mask,
        }
        right = expected(layer)
        differences = {column: (found[column], right[column]) for column in found if found[column] != right[column]}
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def test_request_names_host_vendor_and_wishes():
    """The options that tell hosts and systems apart are read, with text cut at its zero byte."""
    parsed = parse_dhcp(
        dhcp(
            option(53, b"\3")
            + option(12, b"acme-lt-1\0")
            + option(60, b"MSFT 5.0")
            + option(61, b"\1\2\0\x5e\x10\0\1")
            + option(55, bytes([1, 3, 6, 15]))
            + option(50, b"\x0a\0\0\5")
            + option(54, b"\x0a\0\0\1")
            + option(81, b"\0\0\0acme-lt-1.corp.example")
            + option(43, b"\1\2")
            + b"\xff"
        )
    )
    assert (parsed.is_reply, parsed.message_type, parsed.client_mac) == (False, 3, "02:00:5e:10:00:01")
    assert (parsed.hostname, parsed.vendor_class, parsed.client_id) == ("acme-lt-1", "MSFT 5.0", "0102005e100001")
    assert (parsed.parameters, parsed.requested_ip, parsed.server_id) == ((1, 3, 6, 15), "10.0.0.5", "10.0.0.1")
    assert (parsed.fqdn, parsed.vendor_data) == ("acme-lt-1.corp.example", "0102")


def test_reply_describes_the_network():
    """Address, lease, mask, router, DNS servers, domain and search list of an acknowledgement are read."""
    parsed = parse_dhcp(
        dhcp(
            option(53, b"\5")
            + option(51, struct.pack("!I", 3600))
            + option(1, b"\xff\xff\xff\0")
            + option(3, b"\x0a\0\0\1")
            + option(6, b"\x0a\0\0\2\x0a\0\0\3")
            + option(15, b"corp.example")
            + option(119, b"\x03eng\x04acme\x03com\0\x02hr\xc0\x04"),
            operation=2,
            your_ip=b"\x0a\0\0\5",
        )
    )
    assert (parsed.is_reply, parsed.your_ip, parsed.lease_time) == (True, "10.0.0.5", 3600)
    assert (parsed.subnet_mask, parsed.routers, parsed.dns_servers) == (
        "255.255.255.0",
        ("10.0.0.1",),
        ("10.0.0.2", "10.0.0.3"),
    )
    assert (parsed.domain, parsed.search_domains) == ("corp.example", ("eng.acme.com", "hr.acme.com"))


def test_encoded_fqdn():
    """Flag E of option 81 means DNS wire form, without a root when the name is partial."""
    assert parse_dhcp(dhcp(option(81, b"\x04\0\0\x04kvm1\x04corp\0"))).fqdn == "kvm1.corp"
    assert parse_dhcp(dhcp(option(81, b"\x04\0\0\x04kvm1"))).fqdn == "kvm1"


def test_options_overflow_into_file_and_server_name():
    """Option 52 moves options into the file and server-name fields; without it these fields are not options."""
    more = option(12, b"kvm") + b"\xff"
    assert parse_dhcp(dhcp(option(52, b"\1") + b"\xff", boot_file=more)).hostname == "kvm"
    assert parse_dhcp(dhcp(option(52, b"\2") + b"\xff", sname=more)).hostname == "kvm"
    assert parse_dhcp(dhcp(b"\xff", boot_file=more, sname=more)).hostname == ""


def test_long_option_in_pieces_is_joined():
    """RFC 3396: pieces with one code are one value."""
    assert parse_dhcp(dhcp(option(12, b"acme-") + option(53, b"\1") + option(12, b"lt"))).hostname == "acme-lt"


def test_cut_options_keep_what_came_before():
    """An option that runs past the end is left out."""
    parsed = parse_dhcp(dhcp(option(53, b"\1") + bytes([12, 200]) + b"kvm"))
    assert (parsed.message_type, parsed.hostname) == (1, "")


@pytest.mark.parametrize("payload", [b"", bytes(235), b"\3" + bytes(300)])
def test_other_bytes_are_refused(payload):
    """A short fixed part or an unknown operation is an error."""
    with pytest.raises(DecodeError):
        parse_dhcp(payload)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Every column equals tshark's, message by message."""
    assert compare(tshark_layers(capture, "dhcp")) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """Message types, vendor classes and wishes of one capture do not change unseen."""
    rows = []
    for layer in tshark_layers(CAPTURES[3], "dhcp"):
        parsed = parse_dhcp(layer.raw)
        rows.append([parsed.message_type, parsed.hostname, parsed.vendor_class, parsed.parameters, parsed.fqdn])
    names_golden("dhcp", rows)
