"""IKE headers, vendor ids, and ESP in UDP."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.ike import decode_esp_flow, decode_ike

HEADER = bytes.fromhex("9a0b1c2d3e4f5061000000000000000000202208000000000000001c")
ARKIME = "confusable/arkime+arkime/tests/pcap/"
CAPTURES = [
    ARKIME + "IKEv1.pcap",
    ARKIME + "IKEv2.pcap",
    "confusable/the-tcpdump-group+tcpdump/tests/isakmp4500.pcap",
    "confusable/corelight+zeek-spicy-ipsec/tests/traces/ipsec_client.pcap",
]


def with_vendor(value):
    body = b"\0\0" + (4 + len(value)).to_bytes(2, "big") + value
    return HEADER[:16] + b"\x2b" + HEADER[17:24] + (28 + len(body)).to_bytes(4, "big") + body


def test_header_of_the_first_message():
    message = decode_ike(HEADER)
    assert (message.version, message.exchange, message.from_initiator, message.response) == (
        2,
        "IKE_SA_INIT",
        True,
        False,
    )


def test_marker_of_port_4500_is_taken_off():
    assert decode_ike(bytes(4) + HEADER).nat_traversal


def test_vendor_ids_have_names_where_known():
    assert decode_ike(with_vendor(bytes.fromhex("882fe56d6fd20dbc2251613b2ebe5beb"))).vendor_ids == ("strongSwan",)
    assert decode_ike(with_vendor(b"own")).vendor_ids == (b"own".hex(),)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        HEADER[:27],
        HEADER + b"\0",
        HEADER[:17] + b"\x30" + HEADER[18:],
        HEADER[:18] + b"\x05" + HEADER[19:],
        bytes(8) + HEADER[8:],
        with_vendor(b"x")[:-1],
    ],
    ids=["empty", "short", "trailing", "version", "exchange", "spi", "payload"],
)
def test_other_datagrams_are_refused(bad):
    with pytest.raises(DecodeError):
        decode_ike(bad)


def test_payload_chain_that_runs_past_the_end_is_refused():
    data = bytearray(with_vendor(b"abcd"))
    data[30:32] = b"\xff\xff"
    with pytest.raises(DecodeError):
        decode_ike(bytes(data))


def test_esp_wants_one_spi_and_rising_numbers():
    packets = [b"\x12\x34\x56\x78" + number.to_bytes(4, "big") + bytes(40) for number in (1, 2, 4)]
    assert decode_esp_flow([*packets, b"\xff"], []).spis == ("12345678", None)
    with pytest.raises(DecodeError):
        decode_esp_flow(packets[::-1], packets[:1])


def test_golden_capture(flows_of, golden):
    (flow,) = [flow for flow in flows_of(ARKIME + "IKEv1.pcap") if flow.proto == "udp" and 500 in flow.ports]
    golden("ike_v1", decode_ike(flow.datagrams[0][0]))


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", CAPTURES)
def test_spis_exchanges_and_vendor_ids_equal_tsharks(name, corpus: Path):
    command = ["tshark", "-r", str(corpus / name), "-Y", "isakmp && udp", "-T", "fields", "-E", "occurrence=a"]
    for field in ("isakmp.ispi", "isakmp.exchangetype", "isakmp.messageid", "isakmp.vid_bytes", "udp.payload"):
        command += ["-e", field]
    compared = vendors = 0
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        spi, exchange, number, vids, payload = line.split("\t")
        if not payload:
            continue
        message = decode_ike(bytes.fromhex(payload))
        assert message.initiator_spi == spi.replace(":", "")
        assert message.message_id == int(number, 0)
        shown = [value for value in vids.split(",") if value]
        assert len(message.vendor_ids) == len(shown)
        compared, vendors = compared + 1, vendors + len(shown)
        assert exchange
    assert compared >= 2
