from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from tests.bench import generate, merge
from tests.lab import scenes, sidecar


def _capture(packets: int, seed: int = 1) -> bytes:
    target = io.BytesIO()
    generate.generate(target, packets, seed, block=20_000)
    return target.getvalue()


def test_same_seed_same_bytes_and_exact_count(tmp_path: Path) -> None:
    """A capture has the packets asked for and depends on the seed alone."""
    first = _capture(30_000)
    assert first == _capture(30_000)
    assert first != _capture(30_000, seed=2)
    path = tmp_path / "a.pcap"
    path.write_bytes(first)
    assert sidecar.count_packets(path) == 30_000


@pytest.mark.needs("tshark")
def test_tshark_finds_sane_traffic(tmp_path: Path) -> None:
    """Checksums are right, TLS names are readable, and TCP has few surprises."""
    path = tmp_path / "a.pcap"
    path.write_bytes(_capture(20_000))
    check = [part for layer in ("ip", "tcp", "udp") for part in ("-o", f"{layer}.check_checksum:TRUE")]
    bad = "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0"
    surprises = "tcp.analysis.ack_lost_segment || tcp.analysis.zero_window || _ws.malformed && dns"
    names = "tls.handshake.type==1 && tls.handshake.extensions_server_name"
    found = {}
    for name, text in (("bad", bad), ("surprises", surprises), ("names", names)):
        command = ["tshark", *check, "-r", str(path), "-Y", text, "-T", "fields", "-e", "frame.number"]
        found[name] = len(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout.split())
    assert found["bad"] == 0
    assert found["surprises"] < 20
    assert found["names"] > 100


@pytest.mark.needs("tshark")
def test_merge_keeps_checksums_and_makes_new_flows(tmp_path: Path) -> None:
    """A merged capture has twice the flows after two rounds, and its checksums stay right."""
    tape, _ = scenes.home()
    one, merged = tmp_path / "one.pcap", tmp_path / "merged.pcap"
    count = tape.write(one)
    with merged.open("wb") as target:
        facts = merge.merge(target, [one], 2 * count)
    assert facts == {"packets": 2 * count, "rounds": 2, "packets_a_round": count}
    check = [part for layer in ("ip", "tcp", "udp") for part in ("-o", f"{layer}.check_checksum:TRUE")]
    bad = "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0"
    flows = {}
    for path in (one, merged):
        command = [
            "tshark",
            "-r",
            str(path),
            "-T",
            "fields",
            "-e",
            "ip.src",
            "-e",
            "tcp.srcport",
            "-Y",
            "tcp.flags.syn==1",
        ]
        flows[path] = set(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout.splitlines())
    assert len(flows[merged]) == 2 * len(flows[one]) > 60
    command = ["tshark", *check, "-r", str(merged), "-Y", bad, "-T", "json"]
    assert json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout or "[]") == []
