"""LLDP and CDP decoders: hand-made messages, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import struct

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.lldp import parse_cdp, parse_lldp
from farmwatch.wire.protocols.text import printable

CAPTURES = (
    "negative/the-tcpdump-group+tcpdump/tests/LLDP_and_CDP.pcap",
    "negative/arkime+arkime/tests/pcap/wireshark-lldp.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/dcb_qcn.pcap",
)
CDP_CAPTURES = (
    "negative/the-tcpdump-group+tcpdump/tests/LLDP_and_CDP.pcap",
    "negative/the-tcpdump-group+tcpdump/tests/3560_CDP.pcap",
    "negative/zeek+zeek/testing/btest/Traces/cdp-v1.pcap",
)


def field(kind, value):
    return struct.pack("!H", kind << 9 | len(value)) + value


def text(layer, name):
    return printable(layer.bytes(name).rstrip(b"\0"))


def compare(layers):
    """Every sound LLDP message that begins as it must, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken or layer.all("lldp_tlv_type")[:2] != ["1", "2"]:
            continue
        parsed = parse_lldp(layer.raw)
        chassis = layer.one("lldp_chassis_id_mac") or layer.one("lldp_chassis_id_ip4") or text(layer, "lldp_chassis_id")
        port = layer.one("lldp_port_id_mac") or layer.one("lldp_port_id_ip4") or text(layer, "lldp_port_id")
        expected = {
            "chassis": (layer.number("lldp_chassis_subtype"), chassis),
            "port": (layer.number("lldp_port_subtype"), port),
            "ttl": layer.number("lldp_time_to_live"),
            "name": text(layer, "lldp_tlv_system_name"),
            "description": text(layer, "lldp_tlv_system_desc"),
            "port description": text(layer, "lldp_port_desc"),
            "capabilities": (layer.number("lldp_tlv_system_cap"), layer.number("lldp_tlv_enable_system_cap")),
            "addresses": layer.all("lldp_mgn_addr_ip4") + layer.all("lldp_mgn_addr_ip6"),
        }
        found = {
            "chassis": (parsed.chassis_kind, parsed.chassis_id),
            "port": (parsed.port_kind, parsed.port_id),
            "ttl": parsed.ttl,
            "name": parsed.system_name,
            "description": parsed.system_description,
            "port description": parsed.port_description,
            "capabilities": (parsed.capabilities, parsed.enabled_capabilities),
            "addresses": [address for address in parsed.management_addresses if "." in address]
            + [address for address in parsed.management_addresses if ":" in address and len(address) != 17],
        }
        differences = {
            column: (found[column], expected[column]) for column in found if found[column] != expected[column]
        }
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def compare_cdp(layers):
    """Every sound CDP message, column by column."""
    compared = 0
    for layer in layers:
        if layer.broken:
            continue
        parsed = parse_cdp(layer.raw)
        found = {
            "version": (parsed.version, parsed.ttl),
            "device": parsed.device_id,
            "port": parsed.port_id,
            "platform": parsed.platform,
            "software": parsed.software.partition("\\x0a")[0],
            "capabilities": parsed.capabilities,
            "vlan": parsed.native_vlan,
            "addresses": [address for address in parsed.addresses if "." in address],
        }
        expected = {
            "version": (layer.number("cdp_version"), layer.number("cdp_ttl")),
            "device": text(layer, "cdp_deviceid"),
            "port": text(layer, "cdp_portid"),
            "platform": text(layer, "cdp_platform"),
            "software": text(layer, "cdp_software_version").removesuffix("\\x0a"),
            "capabilities": layer.number("cdp_capabilities"),
            "vlan": layer.number("cdp_native_vlan"),
            "addresses": list(dict.fromkeys(layer.all("cdp_nrgyz_ip_address"))),
        }
        differences = {
            column: (found[column], expected[column]) for column in found if found[column] != expected[column]
        }
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def lldp():
    return (
        field(1, b"\x04\x02\0\x5e\x10\0\1")
        + field(2, b"\x05e1")
        + field(3, b"\0\x78")
        + field(4, b"uplink")
        + field(5, b"sw1\x1b[2J")
        + field(6, b"switch 1.0")
        + field(7, struct.pack("!HH", 0x14, 4))
        + field(8, b"\x05\x01\x0a\0\0\2\x02\0\0\0\0\0")
        + field(127, b"\0\x12\xbb\x09Maker")
        + field(127, b"\0\x12\xbb\x0aModel 1")
        + field(0, b"")
    )


def cdp():
    def entry(kind, value):
        return struct.pack("!HH", kind, 4 + len(value)) + value

    address = struct.pack("!IBB", 1, 1, 1) + b"\xcc" + struct.pack("!H", 4) + b"\x0a\0\0\2"
    return (
        b"\x02\xb4\0\0"
        + entry(1, b"sw1")
        + entry(2, address)
        + entry(3, b"Fa0/1")
        + entry(4, struct.pack("!I", 0x28))
        + entry(5, b"IOS\nline")
        + entry(6, b"cisco")
        + entry(10, b"\0\7")
    )


def test_lldp_introduces_a_switch():
    """Identifiers, texts, capabilities, management address and inventory are read, control characters escaped."""
    parsed = parse_lldp(lldp())
    assert (parsed.chassis_id, parsed.port_id, parsed.ttl) == ("02:00:5e:10:00:01", "e1", 120)
    assert (parsed.system_name, parsed.system_description) == ("sw1\\x1b[2J", "switch 1.0")
    assert (parsed.port_description, parsed.capabilities, parsed.enabled_capabilities) == ("uplink", 0x14, 4)
    assert (parsed.management_addresses, parsed.manufacturer, parsed.model) == (("10.0.0.2",), "Maker", "Model 1")


def test_cdp_introduces_a_switch():
    """Device, port, platform, software, address and VLAN are read."""
    parsed = parse_cdp(cdp())
    assert (parsed.version, parsed.ttl, parsed.device_id, parsed.port_id) == (2, 180, "sw1", "Fa0/1")
    assert (parsed.platform, parsed.software, parsed.capabilities) == ("cisco", "IOS\\x0aline", 0x28)
    assert (parsed.addresses, parsed.native_vlan) == (("10.0.0.2",), 7)


def test_cut_messages_keep_whole_fields():
    """Every prefix is a value without the cut field, or DecodeError before the mandatory fields."""
    assert parse_lldp(lldp()[:30]).system_name == ""
    assert parse_cdp(cdp()[:20]).device_id == "sw1"
    with pytest.raises(DecodeError):
        parse_lldp(lldp()[:8])


@pytest.mark.parametrize("data", [b"", field(2, b"\x05e1"), field(1, b"\4"), bytes(64)])
def test_lldp_needs_its_mandatory_fields(data):
    """A message that does not begin with chassis and port is an error."""
    with pytest.raises(DecodeError):
        parse_lldp(data)


@pytest.mark.parametrize("data", [b"", b"\x02\xb4\0\0", b"\x03\xb4\0\0\0\1\0\5a", b"\x02\xb4\0\0\0\1\0\0", b"\x02" * 7])
def test_cdp_needs_a_field(data):
    """An unknown version, and a field whose length cannot be, are errors."""
    with pytest.raises(DecodeError):
        parse_cdp(data)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_lldp_agrees_with_tshark(tshark_layers, capture):
    """Every LLDP column equals tshark's."""
    assert compare(tshark_layers(capture, "lldp")) > 0


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CDP_CAPTURES)
def test_cdp_agrees_with_tshark(tshark_layers, capture):
    """Every CDP column equals tshark's."""
    assert compare_cdp(tshark_layers(capture, "cdp")) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """Switches, ports and platforms of one capture do not change unseen."""
    rows = []
    for layer in tshark_layers(CAPTURES[0], "lldp"):
        parsed = parse_lldp(layer.raw)
        rows.append(["lldp", parsed.chassis_id, parsed.port_id, parsed.system_name, parsed.enabled_capabilities])
    for layer in tshark_layers(CAPTURES[0], "cdp"):
        neighbour = parse_cdp(layer.raw)
        rows.append(["cdp", neighbour.device_id, neighbour.port_id, neighbour.platform, neighbour.addresses])
    names_golden("lldp_cdp", rows)
