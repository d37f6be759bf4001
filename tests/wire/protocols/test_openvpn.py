"""OpenVPN resets over UDP and TCP, bare and wrapped."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.openvpn import decode_openvpn, decode_openvpn_reset, decode_openvpn_tcp

SID, PEER = bytes.fromhex("c35d2b1e907a4410"), bytes.fromhex("9421917de7267729")
CLIENT = b"\x38" + SID + bytes(5)
SERVER = b"\x40" + PEER + b"\1\0\0\0\0" + SID + bytes(4)
STAMP = (1_700_000_000).to_bytes(4, "big")
NDPI = "confusable/ntop+nDPI/tests/cfgs/default/pcap/"
CAPTURES = {
    NDPI + "openvpn-tlscrypt.pcap": {"tls-crypt"},
    NDPI + "openvpn_nohmac.pcapng": {"none"},
    NDPI + "443-opvn.pcap": {"tls-auth"},
    "confusable/corelight+zeek-openvpn/tests/Traces/openvpn_udp_tls-auth.pcapng": {"tls-auth"},
    "confusable/corelight+zeek-openvpn/tests/Traces/openvpn_tcp_nontlsauth.pcap": {"none"},
    "confusable/corelight+zeek-spicy-openvpn/tests/traces/openvpn_udp_hmac_256.pcap": {"tls-auth"},
}


def test_sample_of_the_module():
    reset = decode_openvpn_reset(CLIENT)
    assert (reset.from_client, reset.version, reset.session, reset.wrapping) == (True, 2, SID.hex(), "none")


def test_server_reset_repeats_the_clients_session():
    assert decode_openvpn_reset(SERVER).remote_session == SID.hex()
    flow = decode_openvpn([SERVER], [CLIENT])
    assert (flow.client_side, flow.answered) == (1, True)


def test_answer_to_another_session_is_not_accepted():
    with pytest.raises(DecodeError):
        decode_openvpn([CLIENT], [SERVER[:14] + bytes(range(8)) + SERVER[22:]])


@pytest.mark.parametrize("size", [16, 20, 28, 32, 48, 64])
def test_tls_auth_of_every_digest_size(size):
    data = b"\x38" + SID + b"\xa5" * size + b"\0\0\0\1" + STAMP + bytes(5)
    assert decode_openvpn_reset(data).wrapping == "tls-auth"


def test_tls_crypt_in_both_versions():
    for opcode, number, version in ((b"\x38", b"\0\0\0\1", 2), (b"\x50", b"\x0f\0\0\1", 3)):
        reset = decode_openvpn_reset(opcode + SID + number + STAMP + b"\xa5" * 40)
        assert (reset.wrapping, reset.version) == ("tls-crypt", version)


def test_dns_messages_with_unlucky_ids_are_no_resets():
    """A DNS id of 0x38.. or 0x40.. with a name like www looks like opcode, packet number and time."""
    query = bytes.fromhex("3856010000010000000000000377777707") + b"gstatic\3com\0\0\1\0\1"
    reply = bytes.fromhex("3856818000010010000000000377777707") + b"gstatic\3com\0\0\1\0\1" + bytes(200)
    with pytest.raises(DecodeError):
        decode_openvpn([query], [reply])


def test_tcp_puts_a_length_first():
    flow = decode_openvpn_tcp(b"\0\x0e" + CLIENT, b"\0\x1a" + SERVER)
    assert (flow.transport, flow.answered) == ("tcp", True)
    for orig in (b"", b"\0\x0e" + CLIENT[:5], b"\xff\xff" + CLIENT):
        with pytest.raises(DecodeError):
            decode_openvpn_tcp(orig, b"")


@pytest.mark.parametrize(("name", "wrappings"), CAPTURES.items())
def test_captures_give_their_wrapping(name, wrappings, flows_of):
    found = set()
    for flow in flows_of(name):
        try:
            shown = (
                decode_openvpn(*flow.datagrams)
                if flow.proto == "udp"
                else decode_openvpn_tcp(flow.head(0), flow.head(1))
            )
        except DecodeError:
            continue
        found.add(shown.wrapping)
    assert found == wrappings


def test_golden_capture(flows_of, golden):
    (flow,) = [flow for flow in flows_of(NDPI + "openvpn-tlscrypt.pcap") if flow.proto == "udp"]
    golden("openvpn_tlscrypt", decode_openvpn(*flow.datagrams))


@pytest.mark.needs("tshark")
def test_session_ids_equal_tsharks(corpus: Path):
    name = NDPI + "openvpn_nohmac.pcapng"
    command = [
        "tshark",
        "-r",
        str(corpus / name),
        "-d",
        "udp.port==1194,openvpn",
        "-Y",
        "openvpn.opcode==7 || openvpn.opcode==8",
        "-T",
        "fields",
    ]
    command += ["-e", "openvpn.sessionid", "-e", "udp.payload"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines
    for line in lines:
        session, payload = line.split("\t")
        assert decode_openvpn_reset(bytes.fromhex(payload)).session == f"{int(session, 0):016x}"
