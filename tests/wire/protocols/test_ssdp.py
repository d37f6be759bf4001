"""SSDP decoder: hand-made messages, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.ssdp import parse_ssdp
from farmwatch.wire.protocols.text import printable

CAPTURES = (
    "negative/CESNET+ipfixprobe/tests/functional/inputs/ssdp.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/gnutella.pcap",
    "confusable/ntop+nDPI/tests/cfgs/default/pcap/telegram.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/starcraft_battle.pcap",
)


def header(layer, name):
    """First header of that name: tshark's own field for the ones HTTP knows, else from its lists of lines."""
    known = layer.one(f"http_{name.replace('-', '_')}")
    if known:
        return printable(known.encode())
    for line in layer.all("http_request_line") + layer.all("http_response_line") + layer.all("http_unknown_header"):
        found, colon, value = line.partition(":")
        if colon and found.strip().lower() == name:
            return printable(value.replace("\\r\\n", "").strip().encode())
    return ""


def compare(layers):
    """Every sound message, header by header."""
    compared = 0
    for layer in layers:
        if layer.broken:
            continue
        parsed = parse_ssdp(layer.raw)
        found = (parsed.method, parsed.host, parsed.search_target, parsed.notify_kind, parsed.unique_name)
        found += (parsed.server, parsed.user_agent, parsed.location)
        expected = (
            layer.one("http_request_method", "RESPONSE"),
            header(layer, "host"),
            header(layer, "st") or header(layer, "nt"),
            *(header(layer, name) for name in ("nts", "usn", "server", "user-agent", "location")),
        )
        differences = [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def test_notify_announces_a_device():
    """Type, kind, unique name, server and location of a NOTIFY are read; header names compare without case."""
    parsed = parse_ssdp(
        b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\nnts:ssdp:alive\r\n"
        b"USN: uuid:1::upnp:rootdevice\r\nSERVER: Linux UPnP/1.1 kvm\x1b[2J/2\r\n"
        b"Location: http://10.0.0.7/d.xml\r\n\r\nbody: x"
    )
    assert (parsed.method, parsed.search_target, parsed.notify_kind) == ("NOTIFY", "upnp:rootdevice", "ssdp:alive")
    assert (parsed.unique_name, parsed.server) == ("uuid:1::upnp:rootdevice", "Linux UPnP/1.1 kvm\\x1b[2J/2")
    assert (parsed.location, "body" in parsed.header_names) == ("http://10.0.0.7/d.xml", False)


def test_search_and_response():
    """A search names what it looks for, a response what it is."""
    search = parse_ssdp(b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\nUSER-AGENT: Google Chrome/120\r\n\r\n")
    assert (search.method, search.search_target, search.user_agent) == ("M-SEARCH", "ssdp:all", "Google Chrome/120")
    response = parse_ssdp(b"HTTP/1.1 200 OK\r\nST: urn:x\r\nCPFN.UPNP.ORG: kvm\r\n\r\n")
    assert (response.method, response.search_target, response.friendly_name) == ("RESPONSE", "urn:x", "kvm")


def test_headers_are_bounded():
    """A message of a thousand headers gives the first forty."""
    lines = b"".join(b"X-%d: 1\r\n" % number for number in range(1000))
    assert len(parse_ssdp(b"NOTIFY * HTTP/1.1\r\n" + lines).header_names) == 40


@pytest.mark.parametrize("payload", [b"", b"GET / HTTP/1.1\r\n\r\n", b"NOTIFYX * HTTP/1.1\r\n", bytes(100)])
def test_other_bytes_are_refused(payload):
    """Anything but the three start lines is an error."""
    with pytest.raises(DecodeError):
        parse_ssdp(payload)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Every column equals tshark's, message by message."""
    assert compare(tshark_layers(capture, "ssdp")) > 0


@pytest.mark.needs("tshark")
def test_golden_capture(tshark_layers, names_golden):
    """What one capture's devices announce and look for does not change unseen."""
    rows = {}
    for layer in tshark_layers(CAPTURES[1], "ssdp"):
        parsed = parse_ssdp(layer.raw)
        rows[parsed.method, parsed.search_target, parsed.server, parsed.user_agent] = None
    names_golden("ssdp", sorted(rows))
