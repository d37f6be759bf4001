"""Flows and RTT samples of real captures equal tshark's conversations and ``tcp.analysis.ack_rtt``."""

from __future__ import annotations

import csv
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from farmwatch.errors import SourceError
from farmwatch.wire.scan import WireScan, scan_chunks
from farmwatch.wire.source import open_capture

FIELDS = ("frame.number", "frame.len", "frame.protocols", "tcp.stream", "udp.stream", "tcp.srcport", "udp.srcport",
          "tcp.analysis.ack_rtt", "tcp.analysis.flags")  # fmt: skip

# Packets inside these are quotations or samples of packets that went elsewhere, not packets of this link.
QUOTING = {"icmp", "icmpv6", "sflow", "openflow_v4", "openflow_v5"}

# Why farmwatch's conversations differ from tshark's, by class, then the captures (path endings) it explains.
CONVERSATIONS = {
    "a tshark dissector (SNMP, RPC, HART-IP, RTP announced by SIP or Skinny) opens a conversation without one of "
    "the ports, so tshark's UDP stream is more or less than one pair of endpoints": (
        "FAX-Call-t38-CA-TDM-SIP-FB-1.pcap", "skinny.pcap", "nfs_write_bad_stable_how.pcap", "snmp-crash-62790.pcap",
        "SNMPv3.pcap", "gtp-iphone.pcap", "snmpv3_synthetic.pcap", "new-stats-telemetry-test.pcap", "hart_ip.pcap",
        "pcap/snmp.pcap", "nfs_write.pcap", "rpc-portmap-sadmind.pcap", "leak_test.pcapng", "snmpv1_get.pcap",
        "snmpv1_get_short.pcap", "snmpv1_set.pcap", "snmpv2_get.pcap", "snmpv2_get_bulk.pcap", "snmpv2_get_next.pcap",
        "snmpv3_get_next.pcap", "snmpwalk-short.pcap",
    ),
    "tshark's VNC dissector opens a second conversation after the first data packet": ("pcap/vnc.pcap",),
    "BIG TCP: tshark 4.0 calls an IP length of 0 with more than 65,535 bytes bogus": (
        "bigtcp-ipv4-geneve-ipv4.pcap", "bigtcp-ipv4-geneve-ipv6.pcap", "bigtcp-ipv4-vxlan-ipv4.pcap",
        "bigtcp-ipv4-vxlan-ipv6.pcap", "bigtcp-ipv6-geneve-ipv4.pcap", "bigtcp-ipv6-geneve-ipv6.pcap",
        "bigtcp-ipv6-vxlan-ipv4.pcap", "bigtcp-ipv6-vxlan-ipv6.pcap", "bigtcp-ipv6.pcap",
    ),
    "tshark numbers system journal blocks of pcapng as frames": (
        "be/test018.pcapng", "be/test202.pcapng", "be/test901.pcapng", "le/test018.pcapng", "le/test102.pcapng",
        "le/test202.pcapng", "le/test901.pcapng",
    ),
    "a TCP header shorter than 20 bytes is a reject here and a bogus packet of the stream in tshark": (
        "ip_fragmented_garbage.pcap", "kerberos_fuzz.pcapng", "reasm_crash_anon.pcapng",
    ),
    "damaged IP or extension headers on which the two give up at different places": (
        "fuzz-2006-06-26-2594.pcap", "tcp-session-decode-malformed-ipv4/input.pcap", "ipv6-mobility-dst-opts.pcap",
        "LINKTYPE_IPV6_invalid.pcap", "fuzz-2021-06-07-c6c72a0a56.pcap",
    ),
    "tshark stops in the middle of the capture (a time 21 years back)": ("tls_DER-incomplete-content.pcap",),
    "carrier farmwatch does not open: CAPWAP data, aggregated 802.11 in GRE, ARCNET, 30 nested provider tags, UDP in "
    "UDP on no known port": (
        "pcap/capwap.pcap", "capwap_data.pcapng", "gre-aruba-amsdu.pcap", "arcnet-rfc1051-arp-icmp-http.pcap",
        "arcnet-rfc1201-arp-icmp-http.pcap", "pbb-recursive-frames.pcapng", "arkime_synthetic.pcap",
    ),
    "tshark keeps FabricPath frames apart from the same packets without the tag": ("cisco-fabric-path.pcap",),
}  # fmt: skip

SAMPLES = {
    "tshark believes the acknowledgement field of a RST whose ACK flag is not set": (
        "bug-3844/input.pcap", "tls_sgt.pcap",
    ),
    "the SYN/ACK was captured before its SYN": ("handshake-reorder.pcap",),
    "times at the end of the range (years 1970 to 2262): tshark prints them with less precision": (
        "smb_data_print-segv.pcap", "timestamp_invalid_micro.pcap", "timestamp_invalid_nano.pcap", "imap2.pcap",
        "pcapng-example.pcapng",
    ),
}  # fmt: skip

SHARDS = 10


def explained(path: Path, table: dict[str, tuple[str, ...]]) -> bool:
    return any(str(path).endswith(ending) for endings in table.values() for ending in endings)


def tshark(path: Path) -> tuple[Counter, dict[tuple, int], dict[int, list], set[int]]:
    """Conversations as (protocol, first, last, {port: packets, bytes}), their stream, RTT samples, spoilt streams."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;", "-E", "occurrence=a"]
    for field in FIELDS:
        command += ["-e", field]
    text = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout
    streams: dict[tuple[str, int], list] = {}
    rtts: dict[int, list] = defaultdict(list)
    spoilt: set[int] = set()
    for line in text.splitlines():
        row = line.split(";")
        if len(row) != len(FIELDS) or not row[0].isdigit():
            continue
        number, size, layers = int(row[0]), int(row[1]), row[2].split(":")
        quoted = [layers.index(name) for name in QUOTING if name in layers]
        layers = layers[: min(quoted, default=len(layers))]
        for name, stream_column, port_column in (("tcp", 3, 5), ("udp", 4, 6)):
            found = row[stream_column].split(",") if row[stream_column] else []
            ports = row[port_column].split(",")
            for stream, port in list(zip(found, ports, strict=False))[: layers.count(name)]:
                flow = streams.setdefault((name, int(stream)), [number, number, {}])
                flow[1] = number
                side = flow[2].setdefault(int(port), [0, 0])
                side[0] += 1
                side[1] += size
        if layers.count("tcp") == 1 and row[3]:
            stream = int(row[3].split(",")[0])
            if row[8]:
                spoilt.add(stream)
            if row[7] and float(row[7].split(",")[0]) > 0:
                rtts[stream].append((number, round(float(row[7].split(",")[0]) * 1e9)))
    keys = {canonical(name, *flow): stream for (name, stream), flow in streams.items()}
    return Counter(canonical(name, *flow) for (name, _), flow in streams.items()), keys, rtts, spoilt


def canonical(name: str, first: int, last: int, sides: dict[int, list]) -> tuple:
    return name, first, last, tuple(sorted((port, *counts) for port, counts in sides.items()))


def farmwatch(path: Path) -> tuple[WireScan, dict[int, tuple]]:
    with open_capture(path, mode="interpreted") as reader:
        scan = scan_chunks(reader.chunks(), mode="interpreted", keep_rtt_samples=True)
    flows = scan.flows
    rows = {}
    for row in range(len(flows)):
        sides: dict[int, list] = {}
        for side in ("orig", "resp"):
            packets = int(getattr(flows, f"{side}_packets")[row])
            if packets:
                counts = sides.setdefault(int(getattr(flows, f"{side}_port")[row]), [0, 0])
                counts[0] += packets
                counts[1] += int(getattr(flows, f"{side}_bytes")[row])
        name = "tcp" if flows.proto[row] == 6 else "udp"
        rows[row] = canonical(name, int(flows.first_packet[row]), int(flows.last_packet[row]), sides)
    return scan, rows


def compare(path: Path) -> tuple[bool, bool, int]:
    """Whether conversations are equal, whether samples of unspoilt streams are equal, and how many samples were."""
    try:
        scan, rows = farmwatch(path)
    except SourceError:
        return True, True, 0  # not a capture format farmwatch reads; tests of sources cover that
    theirs, keys, rtts, spoilt = tshark(path)
    kept = scan.rtt_samples
    assert kept is not None
    ours: dict[int, list] = defaultdict(list)
    for flow, packet, rtt in zip(kept.flow.tolist(), kept.packet.tolist(), kept.rtt_ns.tolist(), strict=True):
        ours[flow].append((packet, rtt))
    equal, count = True, 0
    for row, key in rows.items():
        if key[0] == "tcp" and key in keys and keys[key] not in spoilt:
            equal &= sorted(ours[row]) == sorted(rtts[keys[key]])
            count += len(ours[row])
    return Counter(rows.values()) == theirs, equal, count


def check(paths: list[Path]) -> int:
    wrong, samples = [], 0
    for path in paths:
        conversations, rtt, count = compare(path)
        samples += count
        if not conversations and not explained(path, CONVERSATIONS):
            wrong.append(f"{path}: conversations differ")
        if not rtt and not explained(path, SAMPLES):
            wrong.append(f"{path}: RTT samples differ")
    assert wrong == []
    return samples


def captures(corpus: Path, *, everything: bool) -> list[Path]:
    with (corpus / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        corpus / row["file"] for at, row in enumerate(rows) if everything or row["role"] == "positive" or at % 40 == 0
    ]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_positives_and_a_sample_equal_tshark(corpus, shard):
    """Conversations (packets, bytes, ports, first and last frame) and loss-free RTT samples are tshark's."""
    check(captures(corpus, everything=False)[shard::SHARDS])


@pytest.mark.whole_corpus
@pytest.mark.needs("tshark")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shard", range(4 * SHARDS))
def test_the_whole_corpus_equals_tshark(corpus, shard):
    """The same for every capture of the corpus."""
    check(captures(corpus, everything=True)[shard :: 4 * SHARDS])


def test_every_exception_is_needed(corpus):
    """An exception names a capture that exists, once per table."""
    names = [str(path) for path in captures(corpus, everything=True)]
    for table in (CONVERSATIONS, SAMPLES):
        endings = [ending for group in table.values() for ending in group]
        assert len(endings) == len(set(endings))
        assert [ending for ending in endings if not any(name.endswith(ending) for name in names)] == []
