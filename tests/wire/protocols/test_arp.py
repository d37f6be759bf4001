"""ARP decoder: hand-made frames, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.arp import parse_arp

CAPTURES = (
    "negative/CESNET+ipfixprobe/tests/functional/inputs/arp.pcap",
    "negative/CESNET+ipfixprobe/tests/functional/inputs/mixed.pcap",
    "confusable/ntop+nDPI/tests/cfgs/default/pcap/tor.pcap",
)
REQUEST = bytes.fromhex("0001080006040001" + "02005e100001" + "0a000001" + "000000000000" + "0a000002")


def compare(layers):
    """Every sound Ethernet/IPv4 ARP layer, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken or not layer.all("arp_src_hw_mac") or not layer.all("arp_src_proto_ipv4"):
            continue
        parsed = parse_arp(layer.raw)
        assert (parsed.operation, parsed.sender_mac, parsed.sender_ip, parsed.target_mac, parsed.target_ip) == (
            layer.number("arp_opcode"),
            layer.one("arp_src_hw_mac"),
            layer.one("arp_src_proto_ipv4"),
            layer.one("arp_dst_hw_mac"),
            layer.one("arp_dst_proto_ipv4"),
        ), f"frame {layer.frame}"
        compared += 1
    return compared


def test_request_names_both_ends():
    """Operation, hardware and protocol addresses are read; padding is not."""
    parsed = parse_arp(REQUEST + bytes(18))
    assert (parsed.operation, parsed.sender_mac, parsed.sender_ip) == (1, "02:00:5e:10:00:01", "10.0.0.1")
    assert (parsed.target_mac, parsed.target_ip) == ("00:00:00:00:00:00", "10.0.0.2")
    assert not parsed.is_probe
    assert not parsed.is_announcement


def test_probe_and_announcement():
    """A probe has no sender address, an announcement asks for its own."""
    assert parse_arp(REQUEST[:14] + bytes(4) + REQUEST[18:]).is_probe
    assert parse_arp(REQUEST[:24] + REQUEST[14:18]).is_announcement


def test_other_address_families_are_hexadecimal():
    """Addresses that are not IPv4 are shown as they are."""
    parsed = parse_arp(bytes.fromhex("0006 0800 02 02 0001 0102 0304 0506 0708"))
    assert (parsed.sender_mac, parsed.sender_ip) == ("01:02", "0304")


@pytest.mark.parametrize("end", range(28))
def test_cut_message_is_refused(end):
    """Every proper prefix is an error."""
    with pytest.raises(DecodeError):
        parse_arp(REQUEST[:end])


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Operation and all four addresses equal tshark's."""
    assert compare(tshark_layers(capture, "arp")) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """Who has which address in one capture does not change unseen."""
    rows = []
    for layer in tshark_layers(CAPTURES[0], "arp"):
        parsed = parse_arp(layer.raw)
        rows.append([parsed.operation, parsed.sender_mac, parsed.sender_ip, parsed.target_ip])
    names_golden("arp", rows)
