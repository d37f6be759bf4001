"""Every link type, tag and tunnel gives the transport rows tshark would count; damaged frames are counted by reason."""

from __future__ import annotations

import struct
import warnings

import pytest

from farmwatch.wire.flows import Encapsulation, mac_text

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.all import (
        ARP,
        GRE,
        IP,
        LLC,
        SNAP,
        TCP,
        UDP,
        CookedLinux,
        CookedLinuxV2,
        Dot1AD,
        Dot1Q,
        Dot3,
        Dot11,
        Dot11QoS,
        Ether,
        IPv6,
        IPv6ExtHdrDestOpt,
        IPv6ExtHdrFragment,
        IPv6ExtHdrHopByHop,
        Loopback,
        PPPoE,
        RadioTap,
        Raw,
        fragment,
    )
    from scapy.contrib.geneve import GENEVE
    from scapy.contrib.gtp import GTP_U_Header
    from scapy.contrib.mpls import MPLS
    from scapy.layers.inet6 import fragment6
    from scapy.layers.ppp import PPP
    from scapy.layers.vxlan import VXLAN

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
V4 = IP(src="10.0.0.1", dst="192.0.2.7", ttl=61)
V6 = IPv6(src="2001:db8::1", dst="2001:db8::7", hlim=61)
SYN = TCP(sport=50000, dport=443, flags="S", seq=7)
HELLO = UDP(sport=50000, dport=9000) / b"hello"
ETHER = Ether(src=A, dst=B)

PLAIN = {
    "untagged": lambda ip: ETHER / ip / SYN,
    "one tag": lambda ip: ETHER / Dot1Q(vlan=12) / ip / SYN,
    "QinQ": lambda ip: ETHER / Dot1AD(vlan=5) / Dot1Q(vlan=12) / ip / SYN,
    "eight tags": lambda ip: eight_tags() / Dot1Q(vlan=12) / ip / SYN,
    "MPLS": lambda ip: ETHER / MPLS(label=3, s=0) / MPLS(label=4, s=1) / ip / SYN,
    "PPPoE": lambda ip: ETHER / PPPoE(sessionid=1) / PPP() / ip / SYN,
    "SNAP": lambda ip: Dot3(src=A, dst=B) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=ethertype(ip)) / ip / SYN,
}


def ethertype(ip) -> int:
    return 0x0800 if isinstance(ip, IP) else 0x86DD


def eight_tags():
    frame = ETHER
    for vlan in range(7):
        frame = frame / Dot1Q(vlan=100 + vlan)
    return frame


@pytest.mark.parametrize("ip", [V4, V6], ids=["v4", "v6"])
@pytest.mark.parametrize("shape", PLAIN)
def test_link_layers_lead_to_the_same_flow(scan_frames, ip, shape):
    """Tags, labels, PPPoE and SNAP are stepped over; addresses, MACs and the innermost VLAN are kept."""
    scan = scan_frames([bytes(PLAIN[shape](ip))])
    flows = scan.flows
    assert len(flows) == 1
    assert scan.rejects == {}
    assert (flows.orig_text(0), flows.resp_text(0)) == (ip.src, ip.dst)
    assert (flows.orig_port[0], flows.resp_port[0], flows.proto[0]) == (50000, 443, 6)
    assert flows.ip_version[0] == (4 if ip is V4 else 6)
    assert mac_text(flows.orig_mac[0]) == A
    assert flows.orig_ttl[0] == 61
    assert flows.vlan[0] == (12 if ("tag" in shape and shape != "untagged") or shape == "QinQ" else -1)
    assert flows.encapsulation[0] == Encapsulation.NONE


LINKS = {
    "raw 101": (101, lambda ip: ip),
    "raw 12": (12, lambda ip: ip),
    "ipv4 228 or ipv6 229": (228, lambda ip: ip),
    "null": (0, lambda ip: Loopback(type=2 if isinstance(ip, IP) else 30) / ip),
    "loop": (108, lambda ip: struct.pack("!I", 2 if isinstance(ip, IP) else 24) + bytes(ip)),
    "SLL": (113, lambda ip: CookedLinux(src=b"\x02\0\0\0\0\x0a\0\0", lladdrlen=6, proto=ethertype(ip)) / ip),
    "SLL2": (276, lambda ip: CookedLinuxV2(src=b"\x02\0\0\0\0\x0a\0\0", lladdrlen=6, proto=ethertype(ip)) / ip),
    "PPP": (9, lambda ip: b"\xff\x03" + (b"\0\x21" if isinstance(ip, IP) else b"\0\x57") + bytes(ip)),
    "Cisco HDLC": (104, lambda ip: b"\x0f\0" + ethertype(ip).to_bytes(2, "big") + bytes(ip)),
    "frame relay": (107, lambda ip: b"\x18\x41\x03" + (b"\xcc" if isinstance(ip, IP) else b"\x8e") + bytes(ip)),
    "802.11": (105, lambda ip: wifi() / snap(ip)),
    "radiotap, QoS": (127, lambda ip: RadioTap() / wifi(8) / Dot11QoS() / snap(ip)),
}


def wifi(subtype: int = 0):
    return Dot11(type=2, subtype=subtype, FCfield=1, addr1=B, addr2=A, addr3="02:00:00:00:00:0c")


def snap(ip):
    return LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=ethertype(ip)) / ip


@pytest.mark.parametrize("ip", [V4, V6], ids=["v4", "v6"])
@pytest.mark.parametrize("name", LINKS)
def test_link_types(scan_frames, ip, name):
    """Every supported link type gives the flow inside, and the source MAC where the header has one."""
    link, wrap = LINKS[name]
    scan = scan_frames([bytes(wrap(ip / SYN))], link=link)
    assert len(scan.flows) == 1, (scan.rejects, scan.protocols)
    assert scan.flows.orig_text(0) == ip.src
    assert mac_text(scan.flows.orig_mac[0]) == (A if name in {"SLL", "SLL2", "802.11", "radiotap, QoS"} else "")


INNER = V4 / SYN
INNER6 = V6 / SYN
OUTER4 = IP(src="198.51.100.1", dst="198.51.100.2")
OUTER6 = IPv6(src="2001:db8:f::1", dst="2001:db8:f::2")
TUNNELS = {
    "GRE": (lambda o, i: o / GRE() / i, Encapsulation.GRE, 0),
    "GRE with key, sequence, checksum": (
        lambda o, i: o / GRE(key_present=1, key=9, seqnum_present=1, sequence_number=1, chksum_present=1) / i,
        Encapsulation.GRE,
        0,
    ),
    "GRE bridging": (lambda o, i: o / GRE(proto=0x6558) / Ether(src=B, dst=A) / i, Encapsulation.GRE, 0),
    "ERSPAN": (
        lambda o, i: (
            o
            / GRE(proto=0x88BE, seqnum_present=1, sequence_number=1)
            / Raw(b"\x10\x01\0\0\0\0\0\0")
            / Ether(src=B, dst=A)
            / i
        ),
        Encapsulation.ERSPAN,
        0,
    ),
    "PPTP": (
        lambda o, i: (
            o
            / Raw(
                struct.pack("!HHHHI", 0x3001, 0x880B, 0, 1, 1) + (b"\x21" if isinstance(i, IP) else b"\x57") + bytes(i)
            )
        ),
        Encapsulation.PPP,
        0,
    ),
    "IP in IP": (lambda o, i: o / i, Encapsulation.IP_IN_IP, 0),
    "VXLAN": (
        lambda o, i: o / UDP(sport=9, dport=4789) / VXLAN(vni=3) / Ether(src=B, dst=A) / i,
        Encapsulation.VXLAN,
        1,
    ),
    "GENEVE": (
        lambda o, i: o / UDP(sport=9, dport=6081) / GENEVE(proto=0x6558, vni=3) / Ether(src=B, dst=A) / i,
        Encapsulation.GENEVE,
        1,
    ),
    "GTP-U": (
        lambda o, i: o / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=4, gtp_type=255) / i,
        Encapsulation.GTP_U,
        1,
    ),
    "GTP-U with sequence number": (
        lambda o, i: o / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=4, gtp_type=255, S=1, seq=5) / i,
        Encapsulation.GTP_U,
        1,
    ),
}


def fix_protocol(outer, name):
    if name == "PPTP":
        outer = outer.copy()
        if isinstance(outer, IP):
            outer.proto = 47
        else:
            outer.nh = 47
    return outer


@pytest.mark.parametrize("inner", [INNER, INNER6], ids=["inner v4", "inner v6"])
@pytest.mark.parametrize("outer", [OUTER4, OUTER6], ids=["outer v4", "outer v6"])
@pytest.mark.parametrize("name", TUNNELS)
def test_tunnels_give_the_outer_udp_and_the_inner_flow(scan_frames, outer, inner, name):
    """UDP tunnels count twice, as tshark counts them; the inner flow says which tunnel it came out of."""
    wrap, kind, outer_flows = TUNNELS[name]
    scan = scan_frames([bytes(ETHER / wrap(fix_protocol(outer, name), inner))])
    flows = scan.flows
    assert len(flows) == outer_flows + 1, (scan.rejects, scan.protocols)
    last = len(flows) - 1
    assert (flows.orig_text(last), flows.resp_port[last]) == (inner.src, 443)
    assert flows.encapsulation[last] == kind
    bridged = "bridging" in name or name in {"ERSPAN", "VXLAN", "GENEVE"}
    assert mac_text(flows.orig_mac[last]) == (B if bridged else "")


def test_teredo(scan_frames):
    """IPv6 in UDP port 3544 is opened behind authentication and origin headers."""
    teredo = b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6) + bytes(V6 / SYN)
    scan = scan_frames([bytes(ETHER / V4 / UDP(sport=3544, dport=3544) / Raw(teredo))])
    assert list(scan.flows.encapsulation) == [Encapsulation.NONE, Encapsulation.TEREDO]


def test_extension_headers_and_options(scan_frames):
    """IPv4 options and chains of IPv6 extension headers are stepped over."""
    frames = [
        ETHER / IP(src="10.0.0.1", dst="10.0.0.2", options=[b"\x94\x04\0\0"]) / SYN,
        ETHER / V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / SYN,
    ]
    scan = scan_frames([bytes(frame) for frame in frames])
    assert len(scan.flows) == 2
    assert list(scan.flows.resp_port) == [443, 443]


@pytest.mark.parametrize("order", ["in order", "reversed", "doubled"])
def test_fragments_give_one_row_at_the_completing_frame(scan_frames, order):
    """IPv4 and IPv6 datagrams are put together in any order; the row belongs to the frame that completes them."""
    for whole, cut in (
        (V4 / UDP(sport=5, dport=6) / Raw(bytes(range(250)) * 12), lambda packet: fragment(packet, 1000)),
        (
            V6 / IPv6ExtHdrFragment(id=9) / UDP(sport=5, dport=6) / Raw(bytes(range(250)) * 12),
            lambda packet: fragment6(packet, 1000),
        ),
    ):
        pieces = [bytes(ETHER / piece) for piece in cut(whole)]
        assert len(pieces) > 2
        if order == "reversed":
            pieces.reverse()
        elif order == "doubled":
            pieces = [piece for piece in pieces[:-1] for _ in range(2)] + pieces[-1:]
        scan = scan_frames(pieces)
        assert len(scan.flows) == 1
        assert scan.flows.first_packet[0] == len(pieces)
        assert scan.flows.orig_payload_bytes[0] == 3000
        assert scan.rejects == {"fragment of an incomplete datagram": len(pieces) - 1}


def test_payload_of_a_reassembled_datagram_reaches_the_head(scan_frames):
    """Bytes from several frames arrive in order in the flow's first bytes."""
    payload = bytes(range(250)) * 12
    pieces = [bytes(ETHER / piece) for piece in fragment(V4 / UDP(sport=5, dport=6) / Raw(payload), 1000)]
    heads = []
    scan_frames(pieces, on_heads=lambda batch: heads.append(batch.datagrams(0, 0)))
    assert [datagram.payload for datagram in heads[0]] == [payload]


def test_more_datagrams_than_slots_evict_the_oldest(scan_frames):
    """Unfinished datagrams never use more than the fixed table."""
    datagrams = [IP(src="10.0.0.1", dst="10.0.0.2", id=number) / HELLO / Raw(b"x" * 100) for number in range(200)]
    frames = [bytes(ETHER / fragment(datagram, 64)[0]) for datagram in datagrams]
    scan = scan_frames(frames)
    assert len(scan.flows) == 0
    assert scan.rejects == {"fragment of an incomplete datagram": 200}


def test_truncated_frames_still_give_headers(scan_frames):
    """A snap length that cuts the payload leaves flow, sizes and flags intact."""
    frame = bytes(ETHER / V4 / TCP(sport=1, dport=2, flags="PA") / Raw(b"z" * 1000))
    scan = scan_frames([frame[:68]], wire=[len(frame)])
    assert scan.flows.orig_payload_bytes[0] == 1000
    assert scan.flows.orig_bytes[0] == len(frame)


REJECTS = {
    "link header cut short": (1, bytes(ETHER)[:10]),
    "unknown link type": (147, b"\0" * 40),
    "IP header cut short": (1, bytes(ETHER / V4 / SYN)[:30]),
    "IP header damaged": (1, bytes(ETHER / IP(ihl=3) / SYN)),
    "transport header cut short": (1, bytes(ETHER / V4 / SYN)[:40]),
    "transport header damaged": (1, bytes(ETHER / V4 / TCP(dataofs=2))),
    "encrypted Wi-Fi frame": (105, bytes(Dot11(type=2, FCfield=0x41) / Raw(b"x" * 40))),
}


@pytest.mark.parametrize("reason", REJECTS)
def test_undecodable_frames_are_counted_by_reason(scan_frames, reason):
    """What cannot be decoded is counted in plain words and gives no flow."""
    link, frame = REJECTS[reason]
    scan = scan_frames([frame], link=link)
    assert scan.rejects == {reason: 1}
    assert len(scan.flows) == 0


def test_endless_nesting_ends(scan_frames):
    """A frame that nests headers without end is given up after a bounded number."""
    packet = V4 / SYN
    for _ in range(20):
        packet = IP(src="10.0.0.1", dst="10.0.0.2") / packet
    scan = scan_frames([bytes(ETHER / packet)])
    assert scan.rejects == {"too many nested headers": 1}


def test_every_prefix_of_a_frame_is_safe(scan_frames):
    """Cutting a deeply wrapped frame anywhere never fails."""
    frame = bytes(ETHER / Dot1Q() / OUTER6 / UDP(dport=4789) / VXLAN() / ETHER / V4 / GRE() / V6 / SYN)
    scan = scan_frames([frame[:size] for size in range(len(frame))])
    assert scan.packets == len(frame)


def test_other_protocols_are_counted(scan_frames):
    """ICMP, ESP, SCTP and ARP appear in the protocol counts and not as flows."""
    frames = [
        ETHER / IP(src="10.0.0.1", dst="10.0.0.2", proto=1) / Raw(bytes(8)),
        ETHER / IP(src="10.0.0.1", dst="10.0.0.2", proto=50) / Raw(bytes(8)),
        ETHER / IP(src="10.0.0.1", dst="10.0.0.2", proto=132) / Raw(bytes(12)),
        ETHER / ARP(),
        ETHER / V6 / Raw(bytes(8)),
        ETHER / V4 / HELLO,
    ]
    scan = scan_frames([bytes(frame) for frame in frames])
    assert scan.protocols == {"udp": 1, "icmp": 1, "sctp": 1, "esp": 1, "arp": 1, "other ip": 1}
    assert len(scan.flows) == 1


def cooked(protocol: int, hardware: int = 1, version: int = 1) -> bytes:
    """A Linux cooked header, version 1 (113) or 2 (276)."""
    if version == 1:
        return struct.pack("!HHH8sH", 0, hardware, 6, b"\2\0\0\0\0\x0a\0\0", protocol)
    return struct.pack("!HHIHBB8s", protocol, 0, 1, hardware, 0, 6, b"\2\0\0\0\0\x0a\0\0")


HEADERS = {  # link type, header that names a protocol, and the flow it must not be taken for
    "SLL": (113, cooked),
    "SLL2": (276, lambda kind: cooked(kind, version=2)),
    "Cisco HDLC": (104, lambda kind: b"\x0f\0" + struct.pack("!H", kind)),
    "frame relay": (107, lambda kind: b"\x18\x41" + struct.pack("!H", kind)),
    "frame relay with SNAP": (107, lambda kind: b"\x18\x41\x03\0\x80\0\0\0" + struct.pack("!H", kind)),
    "InfiniBand": (242, lambda kind: bytes(40) + struct.pack("!HH", kind, 0)),
    "PPP with a Cisco header": (50, lambda kind: b"\x0f\0" + struct.pack("!H", kind)),
}


@pytest.mark.parametrize("kind", [0, 1, 3, 5, 6, 0x0C, 0x5FF])
@pytest.mark.parametrize("name", HEADERS)
def test_small_protocol_numbers_are_no_headers(scan_frames, name, kind):
    """A protocol number below the ethertypes is stepped over: neither damage nor taken for Ethernet, IP or Wi-Fi."""
    link, header = HEADERS[name]
    for inner in (bytes(ETHER / V4 / SYN), bytes(V4 / SYN), bytes(wifi() / snap(V4 / SYN))):
        scan = scan_frames([header(kind) + inner], link=link)
        if name == "frame relay" and kind >> 8 == 3:  # 0x03 marks another encapsulation
            continue
        assert scan.rejects == {}
        assert len(scan.flows) == len(scan.hosts) == 0
        assert scan.protocols == {"other link": 1}


@pytest.mark.parametrize("version", [1, 2])
def test_netlink_in_cooked_captures_is_stepped_over(scan_frames, version):
    """``tcpdump -i any`` with a netlink monitor: its protocol numbers are families, whatever they look like."""
    frames = [cooked(kind, hardware=824, version=version) + bytes(V4 / SYN) for kind in (0, 4, 0x0800)]
    scan = scan_frames(frames, link=113 if version == 1 else 276)
    assert (scan.rejects, len(scan.flows)) == ({}, 0)


@pytest.mark.parametrize(("tag", "size"), [(0x8926, 4), (0x893F, 6), (0x8909, 6)])
@pytest.mark.parametrize("kind", [0, 1, 3, 5, 64])
def test_length_behind_a_tag_is_no_header(scan_frames, tag, size, kind):
    """A length field behind a switch's tag means LLC, and never Ethernet, IP or Wi-Fi."""
    head = bytes(ETHER)[:12] + struct.pack("!H", tag) + bytes(size) + struct.pack("!H", kind)
    for inner in (bytes(ETHER / V4 / SYN), bytes(V4 / SYN)):
        scan = scan_frames([head + inner])
        assert (scan.rejects, len(scan.flows)) == ({}, 0)
    scan = scan_frames([head + bytes(snap(V4 / SYN))])
    assert len(scan.flows) == 1


def piece(offset: int, body: bytes, *, more: bool, ident: int = 7) -> bytes:
    """One IPv4 fragment of a UDP datagram."""
    return bytes(
        ETHER / IP(src="10.0.0.1", dst="10.0.0.2", id=ident, proto=17, frag=offset // 8, flags=int(more)) / Raw(body)
    )


def test_bytes_of_another_datagram_never_fill_a_hole(scan_frames):
    """A datagram whose end is moved down, or which has data behind its end, is not taken for complete."""
    heads = []
    head = struct.pack("!HHHH", 5, 6, 0, 0)
    stale = [piece(0, head + b"s" * 56, more=True, ident=1), piece(64, b"secret!!", more=False, ident=1)]
    moved = [piece(0, head, more=True), piece(32, b"a" * 8, more=True), piece(40, b"b" * 8, more=True),
             piece(16, b"c" * 8, more=False)]  # fmt: skip
    behind = [piece(0, head, more=True, ident=8), piece(24, b"d" * 8, more=False, ident=8),
              piece(64, b"e" * 16, more=True, ident=8)]  # fmt: skip
    scan = scan_frames(stale + moved + behind, on_heads=lambda batch: heads.extend(batch.datagrams(0, 0)))
    assert [one.payload for one in heads] == [b"s" * 56 + b"secret!!"]
    assert scan.rejects == {"fragment of an incomplete datagram": 6, "fragment damaged": 2}


def test_slot_used_many_times_starts_empty_each_time(scan_frames):
    """The thousandth datagram in a slot is complete only with its own pieces."""
    head = struct.pack("!HHHH", 5, 6, 0, 0)
    frames = []
    for ident in range(1, 600):
        frames += [piece(0, head + b"x" * 16, more=True, ident=ident), piece(24, b"y" * 8, more=False, ident=ident)]
    frames += [piece(0, head, more=True, ident=999), piece(24, b"y" * 8, more=False, ident=999)]
    scan = scan_frames(frames)
    assert scan.flows.orig_packets.tolist() == [599]
