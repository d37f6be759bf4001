"""Multicast DNS view: hand-made announcements, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import struct

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.mdns import MdnsHost, MdnsService, parse_mdns

CAPTURES = (
    "negative/zeek+zeek/testing/btest/Traces/dns/mdns.pcap",
    "negative/CESNET+ipfixprobe/tests/functional/inputs/dnssd.pcap",
    "confusable/ntop+nDPI/tests/cfgs/default/pcap/telegram.pcap",
)


def name(*labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, rtype, data, ttl=120):
    return owner + struct.pack("!HHIH", rtype, 0x8001, ttl, len(data)) + data


def message(answers=(), *, flags=0x8400, questions=(), authorities=()):
    counts = (len(questions), len(answers), len(authorities), 0)
    return struct.pack("!6H", 0, flags, *counts) + b"".join((*questions, *answers, *authorities))


HOST = name(b"pikvm-1A2b", b"local")
INSTANCE = name(b"My PiKVM v4.2", b"_pikvm", b"_tcp", b"local")
TYPE = name(b"_pikvm", b"_tcp", b"local")


def announcement(ttl=120):
    return message(
        [
            record(TYPE, 12, INSTANCE, ttl),
            record(INSTANCE, 33, struct.pack("!3H", 0, 0, 443) + HOST, ttl),
            record(INSTANCE, 16, b"\x08Model=v4\x06serial\x07model=x\x02=y", ttl),
            record(HOST, 1, b"\x0a\0\0\7", ttl),
            record(HOST, 28, bytes(15) + b"\1", ttl),
        ]
    )


def compare(layers):
    """Every sound response: hosts and instances as tshark's records name them."""
    compared = 0
    for layer in layers:
        if layer.broken or not layer.one("dns_flags_response"):
            continue
        parsed = parse_mdns(layer.raw)
        zero = "0" in layer.all("dns_resp_ttl")
        addresses = {address for host in parsed.hosts for address in host.addresses}
        ports = sorted(service.port for service in parsed.services if service.target)
        # a record with a lifetime of zero withdraws its name, so then ours are fewer
        assert (addresses <= {*layer.all("dns_a"), *layer.all("dns_aaaa")}) is True
        if not zero:
            assert addresses == {*layer.all("dns_a"), *layer.all("dns_aaaa")}, f"frame {layer.frame}"
            assert ports == sorted(int(port) for port in layer.all("dns_srv_port")), f"frame {layer.frame}"
        compared += 1
    return compared


def test_announcement_joins_name_service_and_properties():
    """PTR, SRV, TXT and address records of a device become one host and one service."""
    parsed = parse_mdns(announcement())
    assert parsed.hosts == (MdnsHost("pikvm-1a2b.local", ("10.0.0.7", "::1")),)
    assert parsed.services == (
        MdnsService(
            "My PiKVM v4.2", "_pikvm._tcp", "local", "pikvm-1a2b.local", 443, (("model", "v4"), ("serial", ""))
        ),
    )
    assert (parsed.service_types, parsed.goodbye) == (("_pikvm._tcp",), ())


def test_goodbye_is_no_announcement():
    """Records with a lifetime of zero withdraw what they name."""
    parsed = parse_mdns(announcement(ttl=0))
    assert (parsed.hosts, parsed.services, parsed.service_types) == ((), (), ())
    assert "pikvm-1A2b.local" in parsed.goodbye


def test_enumeration_lists_types():
    """The enumeration name answers with types, not with instances."""
    enumeration = name(b"_services", b"_dns-sd", b"_udp", b"local")
    parsed = parse_mdns(message([record(enumeration, 12, name(b"_RFB", b"_tcp", b"local"))]))
    assert (parsed.service_types, parsed.services) == (("_rfb._tcp",), ())


def test_query_tells_what_is_sought_and_probe_what_is_claimed():
    """Known answers in a query are not announcements; the authority section of a probe is."""
    question = TYPE + struct.pack("!HH", 12, 1)
    query = parse_mdns(message([record(TYPE, 12, INSTANCE)], flags=0, questions=[question]))
    assert (query.asked, query.services, query.is_response) == (("_pikvm._tcp.local",), (), False)
    probe = parse_mdns(message(flags=0, questions=[question], authorities=[record(HOST, 1, b"\x0a\0\0\7")]))
    assert probe.hosts == (MdnsHost("pikvm-1a2b.local", ("10.0.0.7",)),)


def test_other_bytes_are_refused():
    """A payload that is no DNS message is an error."""
    with pytest.raises(DecodeError):
        parse_mdns(b"M-SEARCH * HTTP/1.1\r\n")


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Announced addresses and service ports equal tshark's records."""
    assert compare(tshark_layers(capture, "mdns")) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """Service types and properties one capture announces do not change unseen."""
    rows = {}
    for layer in tshark_layers(CAPTURES[1], "mdns"):
        parsed = parse_mdns(layer.raw)
        for service in parsed.services:
            rows[service.service, service.port, tuple(key for key, _ in service.properties)] = None
    names_golden("mdns", sorted(rows))
