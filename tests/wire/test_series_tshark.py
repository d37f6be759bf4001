"""tshark and the second pass see the same segments and TLS records at the same times."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.wire.second_pass import series_of_capture

PCAPS = Path(__file__).parents[2] / "pcaps"
#: captures without losses in which tshark finds TLS, and others with UDP, tunnels and fragments
FOREIGN = (
    "negative/ntop+nDPI/tests/cfgs/default/pcap/instagram.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/reddit.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/weibo.pcap",
    "positive/zeek+zeek/testing/btest/Traces/rdp/rdp-to-ssl.pcap",
    "positive/ntop+nDPI/tests/cfgs/default/pcap/vnc.pcap",
    "positive/ntop+nDPI/tests/cfgs/default/pcap/anydesk.pcapng",
)


def tshark_rows(path: Path) -> tuple[Counter, Counter, set]:
    """Segments with new data and TLS records by (time, sender, ports, length), and the connections with losses."""
    names = (
        "frame.time_epoch", "ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len",
        "tcp.flags.reset", "tcp.analysis.retransmission", "tcp.analysis.keep_alive", "tcp.analysis.lost_segment",
        "tcp.analysis.out_of_order", "tcp.analysis.ack_lost_segment", "tls.record.length",
    )  # fmt: skip
    asked = [part for name in names for part in ("-e", name)]
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp", "-T", "fields", "-E", "separator=|", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    segments, records, lossy = Counter(), Counter(), set()
    for line in done.stdout.splitlines():
        row = dict(zip(names, line.split("|"), strict=True))
        last = {name: value.split(",")[-1] for name, value in row.items()}
        seconds, _, rest = last["frame.time_epoch"].partition(".")
        sender = last["ipv6.src"] or last["ip.src"]
        ports = (int(last["tcp.srcport"]), int(last["tcp.dstport"]))
        key = (int(seconds) * 10**9 + int(rest.ljust(9, "0")), sender, *ports)
        if any(row[f"tcp.analysis.{name}"] for name in ("lost_segment", "out_of_order", "ack_lost_segment")):
            lossy |= {ports, ports[::-1]}
        if row["tcp.analysis.retransmission"]:
            lossy |= {ports, ports[::-1]}
        if last["tcp.flags.reset"] in ("1", "True"):
            continue
        if int(last["tcp.len"] or 0) and not row["tcp.analysis.keep_alive"]:
            segments[*key, int(last["tcp.len"])] += 1
        records.update((*key, int(length)) for length in row["tls.record.length"].split(",") if length)
    return segments, records, lossy


def compare_with_tshark(path: Path) -> int:
    """Segments agree in all connections without losses, records in those both see as TLS; how many records."""
    flows, series = series_of_capture(path, "interpreted")
    segments, records, lossy = tshark_rows(path)
    ours = (Counter(), Counter())
    for row in np.flatnonzero(series.unit < 2):
        flow, side = int(series.flow[row]), int(series.side[row])
        ports = (int(flows.orig_port[flow]), int(flows.resp_port[flow]))
        sender = flows.resp_text(flow) if side else flows.orig_text(flow)
        key = (int(series.ts_ns[row]), sender, *(ports[::-1] if side else ports), int(series.size[row]))
        ours[series.unit[row]][key] += 1
    keep = [Counter({key: n for key, n in one.items() if key[2:4] not in lossy}) for one in (*ours, segments, records)]
    assert keep[0] == keep[2]
    both = {frozenset(key[2:4]) for key in keep[1]} & {frozenset(key[2:4]) for key in keep[3]}
    found, seen = (
        Counter({key: n for key, n in one.items() if frozenset(key[2:4]) in both}) for one in (keep[1], keep[3])
    )
    assert found == seen
    return sum(found.values())


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", ["vnc-relayed", "ssh-into-laptop", "rdp-to-office", "web", "farm-gateway", "office"])
def test_tshark_agrees_on_our_captures(name):
    """The same segments and records at the same times."""
    records = compare_with_tshark(PCAPS / f"{name}.pcap")
    assert records > 100 or name not in ("web", "farm-gateway", "office")


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", FOREIGN)
def test_tshark_agrees_on_foreign_captures(corpus, name):
    """The same segments and records at the same times."""
    if not (corpus / name).is_file():
        pytest.skip(f"the corpus has no {name}")
    compare_with_tshark(corpus / name)
