"""TCP flows by their first bytes, bare and inside proxies and WebSockets."""

from __future__ import annotations

import pytest

from farmwatch.wire.protocols.identified import Identified
from farmwatch.wire.protocols.tcp_probes import identify_tcp

RFB = b"RFB 003.008\n"
ASKED = b"GET /websockify HTTP/1.1\r\nHost: kvm\r\nUpgrade: websocket\r\n\r\n"
GRANTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def masked(payload, key=b"\x11\x22\x33\x44"):
    return (
        bytes((0x82, 0x80 | len(payload))) + key + bytes(octet ^ key[index & 3] for index, octet in enumerate(payload))
    )


def test_rdp_inside_socks_is_named_with_its_tunnel(flows_of):
    (flow,) = flows_of("positive/arkime+arkime/tests/pcap/socks5-rdp.pcap")
    found = identify_tcp(flow.head(0), flow.head(1), flow.first_side, flow.ports)
    assert (found.protocol, found.tunnel, found.controlled_side) == ("rdp", "socks", 1)


def test_vnc_inside_http_connect_is_named_and_nesting_ends_there():
    asked, granted = b"CONNECT h:5900 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    rfb = b"RFB 003.008\n"
    assert identify_tcp(asked + rfb + b"\x02", granted + rfb + b"\x02\x02\x10").tunnel == "http-connect"
    assert identify_tcp(asked * 2 + rfb, granted * 2 + rfb).protocol == "http"
    assert identify_tcp(asked + b"x", granted.replace(b"200", b"403") + rfb).protocol == "http"


@pytest.mark.parametrize(
    ("orig", "resp", "protocol"),
    [
        (b"\x16\x03\x01\x02\0\x01", b"", "tls"),
        (b"", b"\x16\x03\x03\0\x5a\x02", "tls"),
        (b"GET / HTTP/1.1\r\n\r\n", b"", "http"),
        (b"", b"HTTP/1.1 200 OK\r\n\r\n", "http"),
        (b"\x05\x01\0", b"\x05\0", "socks"),
        (b"\x04\x01\0\x50\x7f\0\0\1user\0", b"\0\x5a" + bytes(6), "socks"),
        (b"\x05\x01\0", b"", "unknown"),
        (b"\x17\x24\x1b\0\0", b"\x17\x24\x1b\0\0", "teamviewer"),
        (b"GET /derp HTTP/1.1\r\nHost: d\r\nUpgrade: DERP\r\n\r\n", b"", "derp"),
        (b"", b"", "unknown"),
    ],
)
def test_tcp_by_first_bytes(orig, resp, protocol):
    assert identify_tcp(orig, resp).protocol == protocol


def test_vnc_in_a_browser_is_named_through_its_websocket():
    """NoVNC and KVM consoles carry RFB in binary frames; the page's server is the driven end."""
    server = b"\x82\x0c" + RFB + b"\x82\x03\x02\x02\x10"
    found = identify_tcp(ASKED + masked(RFB) + masked(b"\x02"), GRANTED + server, 0, (50000, 80))
    assert (found.tool, found.tunnel, found.controlled_side) == ("vnc", "websocket", 1)
    assert identify_tcp(ASKED, GRANTED + b"\x82\x05hello").protocol == "http"
    assert identify_tcp(ASKED, GRANTED + b"\xff\xff").protocol == "http"


def test_ssh_inside_a_websocket_tunnel_of_a_capture(flows_of):
    flows = flows_of("confusable/zeek+zeek/testing/btest/Traces/websocket/wstunnel-ssh.pcap")
    found = [
        identify_tcp(flow.head(0), flow.head(1), flow.first_side, flow.ports) for flow in flows if flow.proto == "tcp"
    ]
    assert ("ssh", "websocket") in {(one.protocol, one.tunnel) for one in found}


def test_tls_whose_handshake_was_missed_is_tls_where_both_ends_fit():
    data = b"\x17\x03\x03\0\x40" + bytes(64)
    assert identify_tcp(data, data).protocol == "tls"
    assert identify_tcp(data, b"") == Identified("tls")
    assert identify_tcp(data, b"HELLO").protocol == "unknown"


def relay_request(body):
    return bytes((len(body) << 2,)) + body


UUID = b"0b6d3b3a-2f0c-4a52-9a53-0d9f1f1b7a11"
SIGNED_ID = b"\xc5\x01\x1a\x6f\x0a\x6d" + bytes(range(64)) + b"\x0a\x09123456789\x12\x20" + bytes(32)


@pytest.mark.parametrize(
    ("orig", "resp", "tool", "side"),
    [
        (b"", SIGNED_ID, "rustdesk", 1),
        (SIGNED_ID, b"", "rustdesk", 0),
        (relay_request(b"\x92\x01\x26\x12\x24" + UUID), b"", "rustdesk", 0),
        (relay_request(b"\x92\x01\x31\x0a\x09123456789\x12\x24" + UUID), b"", "rustdesk", None),
        (bytes.fromhex("000100080000000000020100"), b"", "splashtop", 1),
        (bytes.fromhex("01003412"), bytes.fromhex("02003100"), "splashtop", 1),
        (bytes.fromhex("e100000000000b0000d8000000") + b"MIGdMA", b"", "aeroadmin", None),
        (b"\x17\x16\x03\x01\0\xee\x01\0" + bytes(60), b"", "frp", 0),
        (b"NXSH-8.10.1\n", b"NXD-8.10.1\n", "nomachine", 1),
        (b"\x7f\x7fICA\0", b"\x7f\x7fICA\0", "citrix", 1),
        (bytes.fromhex("01000000010000000808"), b"", "radmin", 1),
        (b"GET /x HTTP/1.1\r\nSec-WebSocket-Protocol: tunnel-relay-host\r\n\r\n", b"", "vscode-tunnel", 0),
        (b"GET /din.aspx HTTP/1.1\r\nUser-Agent: DynGate\r\n\r\n", b"", "teamviewer", None),
        (b"\0\x0e\x38\xc3\x5d\x2b\x1e\x90\x7a\x44\x10" + bytes(5), b"", "openvpn", None),
    ],
)
def test_tools_without_a_capture_are_reached_through_the_probes(orig, resp, tool, side):
    """No earlier probe may claim the documented first bytes of a tool."""
    found = identify_tcp(orig, resp)
    assert (found.tool, found.controlled_side) == (tool, side)
