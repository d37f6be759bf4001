"""WireGuard messages and flows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.wireguard import decode_wireguard, decode_wireguard_message

INIT = bytes.fromhex("01000000d837d030") + bytes(range(140))
ANSWER = bytes.fromhex("020000005b1cf8a5d837d030") + bytes(range(80))
NDPI = "confusable/ntop+nDPI/tests/cfgs/default/pcap/"


def data(counter, size=96):
    return b"\4\0\0\0" + b"abcd" + counter.to_bytes(8, "little") + bytes(size - 16)


def test_samples_of_the_module():
    flow = decode_wireguard([INIT, data(0)], [ANSWER, data(0, 32)])
    assert (flow.initiator_side, flow.answered, flow.data_messages, flow.keepalives) == (0, True, 2, 1)


def test_answer_to_another_index_does_not_count():
    assert not decode_wireguard([INIT], [ANSWER[:8] + b"xxxx" + ANSWER[12:]]).answered


def test_client_id_in_the_reserved_bytes_needs_a_matching_answer():
    """Cloudflare WARP fills the reserved bytes; without the index in the answer that is just any datagram."""
    marked = b"\1\xaa\xbb\xcc" + INIT[4:]
    assert decode_wireguard([marked], [ANSWER]).reserved == 0xAABBCC
    with pytest.raises(DecodeError):
        decode_wireguard([marked], [])


def test_data_alone_needs_distinct_small_counters():
    assert decode_wireguard([data(1), data(2)], []).initiator_side is None
    for datagrams in ([data(1)], [data(1), data(1)], [data(1), data(1 << 60)]):
        with pytest.raises(DecodeError):
            decode_wireguard(datagrams, [])


@pytest.mark.parametrize("bad", [b"", INIT[:-1], ANSWER + b"\0", b"\4" + bytes(30), b"\5" + bytes(40)])
def test_wrong_sizes_are_refused(bad):
    with pytest.raises(DecodeError):
        decode_wireguard_message(bad)


def test_golden_capture(flows_of, golden):
    flows = [decode_wireguard(*flow.datagrams) for flow in flows_of(NDPI + "wireguard.pcap") if flow.proto == "udp"]
    golden("wireguard", flows[0])


@pytest.mark.needs("tshark")
@pytest.mark.parametrize(
    "name", [NDPI + "wireguard.pcap", "confusable/corelight+zeek-spicy-wireguard/testing/Traces/wireguard.pcap"]
)
def test_every_message_equals_tsharks(name, corpus: Path):
    command = ["tshark", "-r", str(corpus / name), "-Y", "wg", "-T", "fields"]
    for field in ("wg.type", "wg.sender", "wg.receiver", "wg.counter", "udp.payload"):
        command += ["-e", field]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines
    names = {1: "initiation", 2: "response", 3: "cookie", 4: "data"}
    for line in lines:
        kind, sender, receiver, counter, payload = line.split("\t")
        message = decode_wireguard_message(bytes.fromhex(payload))
        assert message.kind == names[int(kind, 0)]
        assert message.sender == (int(sender, 0) if sender else None)
        assert message.receiver == (int(receiver, 0) if receiver else None)
        assert message.counter == (int(counter, 0) if counter else None)
