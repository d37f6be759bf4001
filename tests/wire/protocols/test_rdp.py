"""RDP requests, confirms, client data, and who is driven."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.rdp import decode_rdp, decode_rdp_client, decode_rdp_confirm, decode_rdp_request

REQUEST = bytes.fromhex("030000130ee000000000000100 08000b000000".replace(" ", ""))
CONFIRM = bytes.fromhex("030000130ed000001234000 21f08000800 0000".replace(" ", ""))
ZEEK = "positive/zeek+zeek/testing/btest/Traces/rdp/"
NDPI = "positive/ntop+nDPI/tests/cfgs/default/pcap/"
CAPTURES = [
    ZEEK + "rdp-no-cookie-mstshash.pcap",
    ZEEK + "rdp-proprietary-encryption.pcap",
    ZEEK + "rdp-to-ssl.pcap",
    ZEEK + "rdp-unknown-keyboard.pcap",
    ZEEK + "rdp-x509.pcap",
    NDPI + "rdp.pcap",
    NDPI + "rdp3.pcap",
    NDPI + "rdp_over_tls.pcap",
]


def with_cookie(cookie, negotiation=REQUEST[11:]):
    body = bytes((6 + len(cookie) + len(negotiation),)) + b"\xe0\0\0\0\0\0" + cookie + negotiation
    return b"\x03\0" + (4 + len(body)).to_bytes(2, "big") + body


def test_samples_of_the_module():
    assert decode_rdp_request(REQUEST).requested == ("tls", "credssp", "credssp-early")
    assert decode_rdp_confirm(CONFIRM).selected == "credssp-early"


def test_the_cookies_value_is_not_kept():
    request = decode_rdp_request(with_cookie(b"Cookie: mstshash=KIM.J\r\n"))
    assert request.cookie_length == 5
    assert b"KIM" not in json.dumps(asdict(request)).encode()


def test_routing_token_is_no_user_cookie():
    request = decode_rdp_request(with_cookie(b"Cookie: msts=3640205228.15629.0000\r\n"))
    assert (request.cookie_length, request.routing_token) == (None, True)


def test_refusal_carries_its_reason():
    failure = CONFIRM[:11] + bytes.fromhex("0300080005000000")
    assert decode_rdp_confirm(failure).failure == "hybrid required by server"


@pytest.mark.parametrize("selectors", ["c0010ac1020100c2020102", "c1020100c2020102c0010a", "c101"])
def test_s7_and_mms_requests_with_transport_selectors_are_refused(selectors):
    with pytest.raises(DecodeError):
        decode_rdp_request(with_cookie(b"", bytes.fromhex(selectors)))


def test_bare_request_needs_the_port_or_more_evidence():
    bare = bytes.fromhex("0300000b06e00000000000")
    with pytest.raises(DecodeError):
        decode_rdp(bare, b"")
    assert decode_rdp(bare, b"", port_hint=True).controlled_side == 1


def test_the_end_that_asks_drives_the_other_even_when_the_other_dialled():
    assert decode_rdp(b"", b"" + REQUEST).controlled_side == 0
    session = decode_rdp(REQUEST + b"\x16\x03\x03", CONFIRM)
    assert (session.controlled_side, session.tls, session.confirmed) == (1, True, True)


@pytest.mark.parametrize("cut", range(19))
def test_cut_requests_are_refused(cut):
    with pytest.raises(DecodeError):
        decode_rdp_request(REQUEST[:cut])


def test_client_data_leaves_no_keyboard_layout(flows_of, golden):
    """The client's machine name, screen and build stay; layout, keyboard type and input method never become a field."""
    (flow,) = flows_of(ZEEK + "rdp-unknown-keyboard.pcap")
    session = decode_rdp(flow.head(0), flow.head(1))
    assert session.client is not None
    assert (session.client.client_name, session.client.desktop_width) == ("JOHN-PC-LAPTOP", 1920)
    assert not any("key" in name or "layout" in name for name in asdict(session.client))
    golden("rdp_client", session)


def test_attempt_without_answer_is_not_confirmed(flows_of):
    flows = flows_of("positive/zeek+zeek/testing/btest/Traces/modbus/modbus-and-non-modbus-p502.pcap")
    (flow,) = [flow for flow in flows if flow.proto == "tcp" and b"mstshash" in flow.head(0)]
    assert not decode_rdp(flow.head(0), flow.head(1)).confirmed


def test_client_data_needs_an_mcs_connect():
    with pytest.raises(DecodeError):
        decode_rdp_client(b"\x03\0\0\x0c\x02\xf0\x80\x7f\x65" + b"\0" * 40)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", CAPTURES)
def test_requested_and_selected_protocols_equal_tsharks(name, corpus: Path, flows_of):
    fields = [
        "rdp.negReq.requestedProtocols",
        "rdp.negReq.selectedProtocol",
        "rdp.client.name",
        "rdp.desktop.width",
        "rdp.client.build",
    ]
    command = ["tshark", "-r", str(corpus / name), "-d", "tcp.port==3389,tpkt", "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    columns = [
        [value for value in column if value] for column in zip(*[line.split("\t") for line in lines], strict=True)
    ]
    bits = {"tls": 1, "credssp": 2, "rdstls": 4, "credssp-early": 8}
    sessions = [decode_rdp(flow.head(0), flow.head(1)) for flow in flows_of(name) if flow.proto == "tcp"]
    requests = [session.request for session in sessions if session.request and session.request.requested is not None]
    assert [sum(bits[part] for part in request.requested or ()) for request in requests] == [
        int(value, 0) for value in columns[0]
    ]
    selected = [session.confirm.selected for session in sessions if session.confirm and session.confirm.selected]
    assert [bits.get(value or "", 0) for value in selected] == [int(value, 0) for value in columns[1]]
    clients = [session.client for session in sessions if session.client]
    assert [client.desktop_width for client in clients] == [int(value, 0) for value in columns[3]]
    assert [client.build for client in clients] == [int(value, 0) for value in columns[4]]
