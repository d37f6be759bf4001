"""RDP over UDP: SYN, SYN+ACK, and flows whose opening was missed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.rdpudp import decode_rdpudp, decode_rdpudp_syn

ZEEK = "positive/zeek+zeek/testing/btest/Traces/rdp/"
SYN = bytes.fromhex("ffffffff00401801a7eb5da404d004d0") + bytes(32) + bytes.fromhex("00010101") + bytes(1180)
ANSWER = bytes.fromhex("a7eb5da4004010050547d72b04d004d000010101") + bytes(1212)


def test_samples_of_the_module():
    session = decode_rdpudp([SYN], [ANSWER])
    assert (session.controlled_side, session.confirmed) == (1, True)
    assert session.syn is not None
    assert (session.syn.version, session.syn.mtu_up, session.syn.acknowledges) == (3, 1232, None)


def test_answer_to_another_sequence_confirms_nothing():
    assert not decode_rdpudp([SYN], [b"\x01\x02\x03\x04" + ANSWER[4:]]).confirmed


def test_lone_answer_tells_the_side():
    assert decode_rdpudp([ANSWER], []).controlled_side == 0


@pytest.mark.parametrize(
    "data",
    [b"", SYN[:15], SYN[:900], b"\0" + SYN[1:], SYN[:6] + b"\xff\xff" + SYN[8:], SYN[:12] + b"\0\x10" + SYN[14:]],
    ids=["empty", "short", "unpadded", "source", "flags", "mtu"],
)
def test_other_datagrams_are_refused(data):
    with pytest.raises(DecodeError):
        decode_rdpudp_syn(data)


@pytest.mark.parametrize(
    ("name", "confirmed"),
    [("rdpeudp-handshake-fail", False), ("rdpeudp-handshake-success", True), ("rdpeudp2-handshake-success", True)],
)
def test_captures_name_the_controlled_end(name, confirmed, flows_of, golden):
    (flow,) = flows_of(f"{ZEEK}{name}.pcap")
    session = decode_rdpudp(*flow.datagrams)
    assert (session.controlled_side, session.confirmed) == (1, confirmed)
    golden(f"rdpudp_{name}", session)


def test_flow_without_its_opening_is_known_by_its_framed_handshake(flows_of):
    (flow,) = [
        flow
        for flow in flows_of("positive/ntop+nDPI/tests/cfgs/default/pcap/rdp2.pcap")
        if flow.ends[0][0] == "0a082564"
    ]
    session = decode_rdpudp(*flow.datagrams)
    assert (session.syn, session.answer, session.controlled_side) == (None, None, 1)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", ["rdpeudp-handshake-success", "rdpeudp2-handshake-success"])
def test_sequence_numbers_and_mtus_equal_tsharks(name, corpus: Path, flows_of):
    fields = ("rdpudp.initialsequencenumber", "rdpudp.upstreammtu", "rdpudp.downstreammtu")
    command = ["tshark", "-r", str(corpus / f"{ZEEK}{name}.pcap"), "-Y", fields[0], "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = [tuple(int(value, 0) for value in line.split("\t")) for line in lines]
    (flow,) = flows_of(f"{ZEEK}{name}.pcap")
    session = decode_rdpudp(*flow.datagrams)
    assert session.syn is not None
    assert session.answer is not None
    assert [(syn.sequence, syn.mtu_up, syn.mtu_down) for syn in (session.syn, session.answer)] == wanted
