"""The whole first pass: messages, STUN, ARP, hosts, flow columns, limits, and both ways of running."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest

from farmwatch.wire.flows import TcpState, ip_text, mac_text
from farmwatch.wire.messages import MessageKind
from farmwatch.wire.scan import ScanLimits, choose_mode, scan_chunks
from farmwatch.wire.source import open_capture

SECOND = 1_000_000_000
A, B = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")


def ethernet(kind: int, body: bytes, source: bytes = A, target: bytes = B) -> bytes:
    return target + source + struct.pack("!H", kind) + body


def ip4(proto: int, body: bytes, source: str = "10.0.0.1", target: str = "10.0.0.2", ttl: int = 64) -> bytes:
    ends = [bytes(map(int, text.split("."))) for text in (source, target)]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, ttl, proto, 0, *ends) + body


def udp(sport: int, dport: int, payload: bytes, **ends) -> bytes:
    return ethernet(0x0800, ip4(17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload, **ends))


def tcp(sport: int, dport: int, flags: int, seq: int, ack: int = 0, payload: bytes = b"", **ends) -> bytes:
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 1000, 0, 0)
    return ethernet(0x0800, ip4(6, head + payload, **ends))


PORTS = {
    MessageKind.DNS: 53,
    MessageKind.MDNS: 5353,
    MessageKind.LLMNR: 5355,
    MessageKind.NBNS: 137,
    MessageKind.NETBIOS_DATAGRAM: 138,
    MessageKind.DHCP: 67,
    MessageKind.DHCPV6: 547,
    MessageKind.SSDP: 1900,
}


@pytest.mark.parametrize("kind", PORTS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("reply", [False, True], ids=["request", "reply"])
def test_messages_are_selected_by_port(scan_frames, kind, reply):
    """Both directions of a naming or discovery protocol are kept whole, with their flow."""
    ports = (PORTS[kind], 40000) if reply else (40000, PORTS[kind])
    messages = scan_frames([udp(*ports, b"some payload of it")]).messages
    assert messages.kind.tolist() == [kind]
    assert messages.payload(0) == b"some payload of it"
    assert (messages.src_port[0], messages.dst_port[0], messages.flow[0], messages.packet[0]) == (*ports, 0, 1)
    assert ip_text(messages.src_ip_hi[0], messages.src_ip_lo[0]) == "10.0.0.1"
    assert mac_text(messages.src_mac[0]) == "02:00:00:00:00:0a"


def test_repeats_are_counted_not_kept(scan_frames):
    """The same question with another transaction id is a repeat; another question is not."""
    ask = b"\x01\x00\x00\x01\0\0\0\0\0\0\x03abc\0\0\1\0\1"
    frames = [udp(40000 + i, 53, struct.pack("!H", i) + ask) for i in range(5)]
    frames.append(udp(40000, 53, b"\0\0" + ask.replace(b"abc", b"abd")))
    frames.append(udp(40000, 53, b"\0\0" + ask, source="10.0.0.9"))
    messages = scan_frames(frames, times=[i * SECOND for i in range(7)]).messages
    assert messages.count.tolist() == [5, 1, 1]
    assert (messages.ts_ns[0], messages.last_ns[0]) == (0, 4 * SECOND)


def test_message_budget_per_kind(scan_frames):
    """Beyond the budget distinct messages are dropped and counted; other kinds keep their own budget."""
    frames = [udp(40000, 53, b"\0\0" + bytes([i])) for i in range(10)] + [udp(40000, 5353, b"x")]
    messages = scan_frames(frames, limits=ScanLimits(messages_per_kind=4)).messages
    assert messages.kind.tolist() == [MessageKind.DNS] * 4 + [MessageKind.MDNS]
    assert messages.dropped == {"dns": 6}


def test_message_pool_is_bounded(scan_frames):
    """Payload bytes stop at the budget, however many messages there are."""
    frames = [udp(40000, 5353, struct.pack("!I", i) * 300) for i in range(200)]
    messages = scan_frames(frames, limits=ScanLimits(message_bytes=50_000)).messages
    assert len(messages.pool) <= 50_000
    assert len(messages) + messages.dropped["mdns"] == 200
    assert all(messages.payload(i) == struct.pack("!I", i) * 300 for i in range(len(messages)))


def test_lldp_cdp_and_neighbour_discovery(scan_frames):
    """Link-layer announcements and ICMPv6 neighbour discovery are messages without a flow."""
    v6 = struct.pack(
        "!IHBB16s16s", 6 << 28, 24, 58, 255, b"\xfe\x80" + bytes(13) + b"\1", b"\xff\x02" + bytes(13) + b"\1"
    )
    frames = [
        ethernet(0x88CC, b"\x02\x07\x04" + A),
        B + A + struct.pack("!H", 16) + b"\xaa\xaa\x03\0\0\x0c\x20\0" + b"\x02\xb4cdp ok",
        ethernet(0x86DD, v6 + b"\x86" + bytes(23)),
    ]
    messages = scan_frames(frames).messages
    assert messages.kind.tolist() == [MessageKind.LLDP, MessageKind.CDP, MessageKind.NDP]
    assert messages.payload(0) == b"\x02\x07\x04" + A
    assert messages.payload(1) == b"\x02\xb4cdp ok"
    assert messages.payload(2)[0] == 134
    assert messages.flow.tolist() == [-1, -1, -1]


def stun(kind: int, transaction: bytes, attributes: bytes = b"", cookie: bytes = b"\x21\x12\xa4\x42") -> bytes:
    return struct.pack("!HH", kind, len(attributes)) + cookie + transaction + attributes


def test_stun_header_facts(scan_frames):
    """Type, transaction, direction and CHANGE-REQUEST of every STUN message are kept; payloads only a few per flow."""
    transaction = bytes(range(12))
    frames = [
        udp(40000, 40001, stun(1, transaction)),
        udp(40001, 40000, stun(0x101, transaction, bytes(8)), source="10.0.0.2", target="10.0.0.1"),
        udp(40000, 3478, stun(1, transaction, struct.pack("!HHI", 3, 4, 6), b"\x01\x02\x03\x04")),
        udp(40000, 40001, b"\x80\x12\xa4\x42" * 8),
    ]
    scan = scan_frames(frames)
    table = scan.stun
    assert table.type.tolist() == [1, 0x101, 1]
    assert table.direction.tolist() == [0, 1, 0]
    assert table.flow.tolist() == [0, 0, 1]
    assert table.change_request.tolist() == [0, 0, 1]
    assert (table.txn_hi[0], table.txn_lo[0]) == (0x00010203, 0x0405060708090A0B)
    assert table.txn_hi[2] == 0x0102030400010203
    assert scan.flows.orig_stun.tolist() == [1, 1]
    assert scan.messages.kind.tolist() == [MessageKind.STUN] * 3


def test_stun_payloads_are_few_and_facts_are_budgeted(scan_frames):
    """A day of keep-alives neither fills the message table nor exceeds the facts' budget."""
    frames = [udp(40000, 40001, stun(1, struct.pack("!QI", i, i), struct.pack("!HHI", 9, 4, i))) for i in range(100)]
    scan = scan_frames(frames, limits=ScanLimits(stun_messages=60))
    assert (len(scan.stun), scan.stun.dropped) == (60, 40)
    assert len(scan.messages) == 16


def arp(op: int, sender: bytes, sender_ip: int, target_ip: int) -> bytes:
    body = struct.pack("!HHBBH6sI6sI", 1, 0x0800, 6, 4, op, sender, sender_ip, bytes(6), target_ip)
    return ethernet(0x0806, body + bytes(18), source=sender)


def test_arp_table(scan_frames):
    """Each distinct ARP packet once, with repeats counted; other ARP is a reject."""
    frames = [arp(1, A, 0x0A000001, 0x0A000002)] * 3 + [arp(2, B, 0x0A000002, 0x0A000001), ethernet(0x0806, bytes(28))]
    scan = scan_frames(frames)
    assert scan.arp.count.tolist() == [3, 1]
    assert scan.arp.op.tolist() == [1, 2]
    assert scan.arp.sender_ip.tolist() == [0x0A000001, 0x0A000002]
    assert mac_text(scan.arp.eth_src[1]) == "02:00:00:00:00:0b"
    assert scan.rejects == {"damaged ARP": 1}


def test_hosts_sum_over_flows_and_other_packets(scan_frames):
    """A pair counts its TCP, UDP and ICMP packets; a flow whose packets change MAC counts for both."""
    frames = [
        udp(1, 2, b"x"),
        udp(3, 4, b"y", ttl=9),
        ethernet(0x0800, ip4(1, bytes(8))),
        ethernet(0x0800, ip4(17, struct.pack("!HHHH", 1, 2, 9, 0) + b"x"), source=B, target=A),
    ]
    hosts = scan_frames(frames, times=[10, 20, 30, 40]).hosts
    rows = {
        (mac_text(hosts.mac[i]), ip_text(hosts.ip_hi[i], hosts.ip_lo[i])): (hosts.packets[i], hosts.ttl[i])
        for i in range(len(hosts))
    }
    assert rows == {("02:00:00:00:00:0a", "10.0.0.1"): (3, 9), ("02:00:00:00:00:0b", "10.0.0.1"): (1, 64)}
    assert int(hosts.bytes.sum()) == sum(map(len, frames))


def test_host_budget(scan_frames):
    """Beyond the budget pairs are counted as dropped."""
    frames = [udp(1, 2, b"x", source=f"10.0.{i}.1") for i in range(20)]
    hosts = scan_frames(frames, limits=ScanLimits(hosts=5)).hosts
    assert (len(hosts), hosts.dropped) == (5, 15)


def test_flow_limit_is_counted(scan_frames):
    """Packets of flows beyond the limit are rejected and counted."""
    scan = scan_frames([udp(1000 + i, 9, b"x") for i in range(30)], limits=ScanLimits(flows=20))
    assert len(scan.flows) == 20
    assert scan.rejects == {"flow table full": 10}


def test_tables_grow(scan_frames):
    """Tens of thousands of flows keep their identity while the tables double."""
    frames = [udp(1 + i % 60000, 9, b"x", source=f"10.1.{i // 60000}.1") for i in range(20_000)] * 2
    flows = scan_frames(frames).flows
    assert len(flows) == 20_000
    assert set(flows.orig_packets.tolist()) == {2}
    assert flows.first_packet.tolist() == list(range(1, 20_001))


STATES = {
    TcpState.SYN: [(0, 2)],
    TcpState.HALF_OPEN: [(0, 2), (1, 18)],
    TcpState.ESTABLISHED: [(0, 2), (1, 18), (0, 16)],
    TcpState.MIDSTREAM: [(0, 16), (1, 16)],
    TcpState.CLOSING: [(0, 2), (1, 18), (0, 16), (0, 17)],
    TcpState.CLOSED: [(0, 2), (1, 18), (0, 16), (0, 17), (1, 17)],
    TcpState.RESET: [(0, 2), (1, 20)],
}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_tcp_state(scan_frames, state):
    """The state tells how far a connection got."""
    frames = []
    for side, flags in STATES[state]:
        ends = (
            {"source": "10.0.0.1", "target": "10.0.0.2"} if side == 0 else {"source": "10.0.0.2", "target": "10.0.0.1"}
        )
        frames.append(
            tcp(*((5, 443) if side == 0 else (443, 5)), flags, 100 + 400 * side, 501 if flags & 16 else 0, **ends)
        )
    assert scan_frames(frames).flows.state.tolist() == [state]


def test_syn_ack_first_swaps_the_ends(scan_frames):
    """A capture that starts with the SYN/ACK still has the client as originator."""
    flows = scan_frames([tcp(443, 5, 18, 1, 2), tcp(5, 443, 16, 2, 2, source="10.0.0.2", target="10.0.0.1")]).flows
    assert (flows.orig_port[0], flows.resp_port[0], flows.orig_swapped[0]) == (5, 443, 1)
    assert (flows.orig_packets[0], flows.resp_packets[0]) == (1, 1)


def test_reused_ports_split_a_flow(scan_frames):
    """A SYN with another initial sequence number opens a new flow that knows its predecessor."""
    frames = [
        tcp(5, 443, 2, 100),
        tcp(5, 443, 16, 101, 1),
        tcp(5, 443, 2, 100),
        tcp(5, 443, 2, 900),
        tcp(5, 443, 16, 901, 1),
    ]
    flows = scan_frames(frames).flows
    assert flows.orig_packets.tolist() == [3, 2]
    assert flows.previous.tolist() == [-1, 0]


def test_interactive_counters(scan_frames):
    """Small packets, their typical gaps, their commonest size, active seconds and the longest silence."""
    frames, times, seq, now = [], [], 1, 0
    for gap_ms, size in ((0, 36), (150, 36), (5, 36), (200, 52), (5000, 36), (100, 900)):
        now += gap_ms * 1_000_000
        frames.append(tcp(5, 22, 24, seq, 1, bytes(size)))
        times.append(now)
        seq += size
    flows = scan_frames(frames, times=times).flows
    assert (flows.orig_small_packets[0], flows.orig_small_gaps[0]) == (5, 2)
    assert (flows.orig_small_size[0], flows.orig_small_votes[0]) == (36, 3)
    assert flows.orig_active_seconds[0] == 2
    assert flows.orig_silence_ns[0] == 5 * SECOND
    assert flows.orig_max_payload[0] == 900
    assert flows.first_payload_side[0] == 0


def test_udp_shape(scan_frames):
    """RTP-like payloads are counted, and a constant first byte is told from a varying one."""
    frames = [udp(1, 2, b"\x80abc")] * 3 + [udp(3, 4, b"\x01a"), udp(3, 4, b"\x02a")]
    flows = scan_frames(frames).flows
    assert flows.orig_rtp_like.tolist() == [3, 0]
    assert flows.orig_first_byte.tolist() == [0x80, -2]
    assert flows.resp_first_byte.tolist() == [-1, -1]


def test_empty_capture(scan_frames):
    """No packets give empty tables."""
    scan = scan_frames([])
    assert (scan.packets, scan.first_ns, len(scan.flows), len(scan.messages), len(scan.hosts)) == (0, -1, 0, 0, 0)


def arrays(value, path=""):
    """Every array and number in a tree of frozen dataclasses."""
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if dataclasses.is_dataclass(item):
            yield from arrays(item, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}", item


def same(one, two) -> list[str]:
    """Names of what differs between two scans."""
    return [
        name
        for (name, left), (_, right) in zip(arrays(one), arrays(two), strict=True)
        if not (np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right)
    ]


def test_chunks_do_not_matter(scan_frames):
    """Cutting the packets into other chunks changes nothing."""
    frames = [tcp(5 + i % 7, 443, 16, i * 10, 1, bytes(10)) for i in range(300)] + [
        udp(9, 53, bytes([0, 0, i])) for i in range(50)
    ]
    whole = scan_frames(frames, keep_rtt_samples=True)
    for chunk in (1, 7, 100):
        assert same(whole, scan_frames(frames, chunk=chunk, keep_rtt_samples=True)) == []


def test_compiled_and_interpreted_agree(corpus):
    """Both ways of running the kernels give the same tables and heads, on captures of many kinds."""
    chosen = sorted(corpus.rglob("*.pcap*"))[::150]
    assert len(chosen) > 15
    for path in chosen:
        results = []
        for mode in ("compiled", "interpreted"):
            heads: list[tuple[int, bytes, bytes]] = []

            def take(batch, heads=heads):
                heads.extend((int(batch.flow[i]), batch.head(i, 0), batch.head(i, 1)) for i in range(len(batch)))

            with open_capture(path, mode=mode) as reader:
                results.append((scan_chunks(reader.chunks(), mode=mode, on_heads=take, keep_rtt_samples=True), heads))
        (one, first), (two, second) = results
        assert same(one, two) == [], path
        assert first == second, path


def test_small_captures_are_interpreted(monkeypatch):
    """The choice of mode depends on size and on whether machine code is on disk."""
    monkeypatch.setattr("farmwatch.wire.scan.is_compiled", lambda _: True)
    assert choose_mode(20_000) == "interpreted"
    assert choose_mode(50_000_000) == choose_mode(-1) == "compiled"
    monkeypatch.setattr("farmwatch.wire.scan.is_compiled", lambda _: False)
    assert choose_mode(5_000_000) == choose_mode(-1) == "interpreted"
    assert choose_mode(500_000_000) == "compiled"


def test_equal_answers_to_two_computers_are_both_kept(scan_frames):
    """What a resolver told laptop A it also told laptop B; a repeat to the same one is only counted."""
    answer = bytes.fromhex("0001818000010001000000000161016200000100010161016200000100010000003c00040a000001")
    frames = [udp(53, 5000, answer, source="10.0.0.53", target=f"10.0.0.{host}") for host in (1, 2, 1)]
    messages = scan_frames(frames).messages
    assert messages.count.tolist() == [2, 1]


def syn_from(port: int, seconds: int) -> tuple[bytes, int]:
    """An attempt to connect, and its time in ns."""
    return tcp(port, 445, 2, 1), 1_700_000_000_000_000_000 + seconds * 1_000_000_000


@pytest.mark.parametrize("mode", ["interpreted", "compiled"])
def test_flood_of_attempts_does_not_hide_a_session(scan_frames, mode):
    """In a full flow table attempts and lookups give way; sessions before, during and after a flood all stay."""
    frames = [syn_from(port, port) for port in range(1, 301)]
    for number, port in enumerate((30, 150, 280)):
        frames[port] = (tcp(6000 + number, 22, 24, 5, payload=b"SSH-2.0-x\r\n"), frames[port][1])
        frames.append((tcp(6000 + number, 22, 24, 16, payload=b"more"), frames[299][1] + number))
    frames.insert(40, (udp(5353, 53, bytes(12)), frames[40][1]))
    heads = []
    scan = scan_frames(
        [frame for frame, _ in frames], times=[time for _, time in frames], limits=ScanLimits(flows=50), mode=mode,
        on_heads=lambda batch: heads.extend(batch.head(row, 0) for row in range(len(batch))),
    )  # fmt: skip
    flows = scan.flows
    assert len(flows) == 50
    assert flows.orig_payload_bytes[flows.resp_port == 22].tolist() == [15] * 3
    assert scan.rejects == {"unanswered attempts and lookups dropped from the full flow table": 301 - 50}
    assert sorted(heads) == [b"SSH-2.0-x\r\nmore"] * 3
    assert scan.messages.flow.tolist() == [-1]
    assert scan.hosts.packets.sum() == len(frames)
    assert scan.hosts.bytes.sum() == sum(len(frame) for frame, _ in frames)


def test_answered_attempt_is_no_longer_dropped(scan_frames):
    """A connection listed to give way that comes alive meanwhile keeps its row, under the same ports or new ones."""
    start = 1_700_000_000_000_000_000
    frames = [syn_from(port, 0)[0] for port in range(1, 11)]
    frames += [syn_from(20, 0)[0]]  # takes the row of port 1; 2 to 10 are listed
    frames += [tcp(2, 445, 24, 2, payload=b"alive")]
    frames += [tcp(3, 445, 2, 77)]  # another attempt from the same port, while its first is listed
    frames += [syn_from(port, 0)[0] for port in range(30, 60)]
    frames += [tcp(2, 445, 24, 7, payload=b"well")]
    times = [start + number * 100_000_000_000 for number in range(len(frames))]
    flows = scan_frames(frames, times=times, limits=ScanLimits(flows=10)).flows
    assert flows.orig_payload_bytes[flows.orig_port == 2].tolist() == [9]
    assert len(flows) == 10
    assert (flows.previous < len(flows)).all()
    assert all(
        flows.orig_port[row] == flows.orig_port[flows.previous[row]] for row in np.flatnonzero(flows.previous >= 0)
    )
