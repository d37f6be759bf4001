"""VNC: versions, security, screen, counts, repeaters, and the server whoever dialled."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.rfb import RfbInput, decode_rfb

V38 = b"RFB 003.008\n"
SERVER_INIT = bytes.fromhex("04000300 2018000100ff00ff00ff1008000000 00".replace(" ", "")) + b"\0\0\0\x05alice"
ZEEK = "positive/zeek+zeek/testing/btest/Traces/rfb/"


def test_sample_of_the_module():
    session = decode_rfb(V38 + b"\x02", V38 + b"\x02\x02\x10")
    assert (session.security_offered, session.security_chosen) == (("vnc", "tight"), "vnc")
    assert session.controlled_side == 1


def test_reverse_connection_puts_the_server_at_the_dialler():
    """A VNC server that dials out still speaks first and is the driven end."""
    assert decode_rfb(V38 + b"\x01\x01", V38 + b"\x01", first_side=0).controlled_side == 0


def test_the_security_list_wins_over_a_wrong_order_of_packets():
    assert decode_rfb(V38 + b"\x02\x02\x10", V38 + b"\x02", first_side=1).controlled_side == 0


def test_without_the_order_the_content_tells_and_bare_versions_do_not():
    """A version 3.3 server decides in 32 bits; two banners alone are the same from both ends."""
    old = b"RFB 003.003\n"
    assert decode_rfb(old + b"\0\0\0\2" + bytes(range(16)), old + bytes(range(16, 32))).controlled_side == 0
    assert decode_rfb(old, old + b"\0\0\0\1").controlled_side == 1
    assert decode_rfb(V38, V38 + b"\0\0\0\0\4full").controlled_side == 1
    assert decode_rfb(V38, V38).controlled_side is None


def test_clear_session_gives_screen_and_counts_and_no_names():
    client = (
        V38
        + b"\x01"
        + b"\x01"
        + b"\x04\x01\0\0\0\0\0a" * 3
        + b"\x05\0\0\x01\0\x02" * 2
        + b"\x03"
        + bytes(9)
        + b"\x02\0\0\x01\0\0\0\0"
    )
    session = decode_rfb(client, V38 + b"\x01\x01" + bytes(4) + SERVER_INIT)
    assert (session.width, session.height) == (1024, 768)
    assert session.input == RfbInput(key_events=3, pointer_events=2, update_requests=1, other=1)
    assert "alice" not in json.dumps(asdict(session))


def test_failed_authentication_is_said():
    session = decode_rfb(V38 + b"\x02" + bytes(16), V38 + b"\x01\x02" + bytes(16) + b"\0\0\0\x01")
    assert session.failed
    assert session.input is None


def test_encrypted_security_ends_reading():
    session = decode_rfb(V38 + b"\x13", V38 + b"\x01\x13" + b"x" * 100)
    assert (session.security_chosen, session.encrypted, session.width) == ("vencrypt", True, None)


def test_server_behind_a_repeater_is_still_the_driven_end():
    """In UltraVNC's mode II the server dials the repeater, names its id in 250 bytes and then greets."""
    session = decode_rfb(b"ID:1234\0".ljust(250, b"\0") + V38 + b"\x01\x02", V38 + b"\x02", first_side=0)
    assert (session.controlled_side, session.repeater, session.via_repeater) == (0, "ID:1234", True)


def test_viewer_at_a_repeater_sees_the_driven_end_on_the_far_side():
    session = decode_rfb(b"10.0.0.9:0\0".ljust(250, b"\0") + V38, b"RFB 000.000\n" + V38 + b"\x01\x02", first_side=1)
    assert (session.controlled_side, session.repeater) == (1, "10.0.0.9:0")


@pytest.mark.parametrize("data", [b"", b"RFB 3.8\n", b"RFB 003.008", b"RFB abc.def\n", b"rfb 003.008\n"])
def test_other_bytes_are_no_version(data):
    with pytest.raises(DecodeError):
        decode_rfb(b"", data)


def test_one_end_alone_is_enough_but_a_stranger_opposite_is_not():
    assert decode_rfb(b"", V38, first_side=1).controlled_side == 1
    with pytest.raises(DecodeError):
        decode_rfb(b"GET / HTTP/1.0\r\n\r\n", V38, first_side=0)


def test_a_client_captured_alone_points_at_the_other_end():
    """Its lone choice of a security type cannot be a server's list."""
    session = decode_rfb(V38 + b"\x02" + bytes(range(16)), b"", first_side=0)
    assert (session.controlled_side, session.server_version, session.client_version) == (1, None, "3.8")


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        (ZEEK + "vnc-mac-to-linux.pcap", {("3.8", "3.3")}),
        (ZEEK + "vncmac.pcap", {("3.889", "3.889")}),
        (ZEEK + "vnc-scanner.pcap", {("3.8", "3.8")}),
        ("positive/ntop+nDPI/tests/cfgs/default/pcap/vnc.pcap", {("4.1", "4.1")}),
        ("positive/OISF+suricata-verify/tests/rfb-partial-tx/in.pcap", {("3.889", "3.8")}),
    ],
)
def test_captures_give_their_versions_and_the_responder_as_server(name, versions, flows_of, golden):
    sessions = [
        decode_rfb(flow.head(0), flow.head(1), flow.first_side)
        for flow in flows_of(name)
        if flow.proto == "tcp" and flow.first_side >= 0
    ]
    assert {(session.server_version, session.client_version) for session in sessions} == versions
    assert {session.controlled_side for session in sessions} == {1}
    golden("rfb_" + Path(name).stem, sessions[-1])


@pytest.mark.needs("tshark")
def test_counts_of_input_equal_tsharks(corpus: Path, flows_of):
    """Within the first 8 KiB a full clear session has the same messages Wireshark names."""
    name = ZEEK + "vnc-mac-to-linux.pcap"
    command = ["tshark", "-r", str(corpus / name), "-d", "tcp.port==5901,vnc", "-Y", "vnc", "-T", "fields"]
    command += ["-e", "tcp.stream", "-e", "vnc.width", "-e", "vnc.client_message_type", "-e", "tcp.len"]
    rows = [
        line.split("\t")
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    ]
    kinds = [kind for row in rows for kind in row[2].split(",") if kind]
    # Wireshark names the first message of a segment only; an update request has ten bytes.
    requests = sum(int(row[3]) // 10 for row in rows if row[2] == "3")
    session = decode_rfb(*(flows_of(name)[-1].head(side) for side in (0, 1)))
    assert session.input is not None
    assert {row[1] for row in rows if row[1]} == {str(session.width)}
    mixed = sum(row[2] in ("0", "2") for row in rows)  # segments whose further messages it does not name
    assert (session.input.key_events, session.input.pointer_events) == (kinds.count("4"), kinds.count("5"))
    assert requests <= session.input.update_requests <= requests + mixed
