"""Naming a flow's protocol: positives by tool and side, nothing remote on anything else, at a price a scan can pay."""

from __future__ import annotations

import csv
import ipaddress
import re
import time
from pathlib import Path

import pytest

from farmwatch.wire.protocols.registry import TCP_PROBES, UDP_PROBES, Identified, identify_tcp, identify_udp

REMOTE = {
    "aeroadmin", "anydesk", "chrome-remote-desktop", "citrix", "frp", "nomachine", "radmin", "rdp", "rustdesk",
    "splashtop", "ssh-reverse", "teamviewer", "vnc", "vscode-tunnel",
}  # fmt: skip
# Tools whose bytes do not say which end is driven, or positives where the label itself does not know.
SIDELESS = {"anydesk", "teamviewer"}
LABELS = {"ssh-reverse": "ssh", "rdp-udp": "rdp"}  # label's first word -> tool, where they differ
# What the corpus does not count as positive and yet is one: an ICA session (its note says so), and a flow on port 80
# whose certificate is that of AnyDesk's relay.
TRUE_BEYOND_LABELS = {"citrix.pcap": {"citrix"}, "tls_port_80.pcapng": {"anydesk"}}


def identified(flow) -> Identified:
    if flow.proto == "tcp":
        return identify_tcp(flow.head(0), flow.head(1), flow.first_side, flow.ports)
    return identify_udp(flow.datagrams[0], flow.datagrams[1], flow.ports)


def address(text: str) -> str:
    return ipaddress.ip_address(bytes.fromhex(text)).compressed


def labelled(corpus: Path, *roles: str) -> list[dict[str, str]]:
    with (corpus / "labels.csv").open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["role"] in roles]


def test_every_positive_names_its_tool_and_its_controlled_end(corpus: Path, flows_of):
    """Bytes cannot tell the side of AnyDesk and TeamViewer, nor a reverse shell inside an ordinary SSH client."""
    wrong = []
    for row in labelled(corpus, "positive"):
        wanted = re.split(r"[ +]", row["tool"])[0]
        results = [(flow, identified(flow)) for flow in flows_of(row["file"])]
        tools = {LABELS.get(wanted, wanted), wanted}
        hits = [(flow, found) for flow, found in results if found.tool in tools]
        if not hits:
            wrong.append((row["file"], wanted, {found.tool for _, found in results}))
            continue
        controlled = row["note"].split("controlled=")[1].split(";")[0]
        known = set(re.findall(r"\d+\.\d+\.\d+\.\d+|::1", controlled.replace(" inside", "")))
        if wanted in SIDELESS or not known or row["file"].endswith("/ssh-r.pcap"):
            continue
        sides = {
            address(flow.ends[found.controlled_side][0]) for flow, found in hits if found.controlled_side is not None
        }
        if not sides or not sides <= known:
            wrong.append((row["file"], "controlled", sorted(sides), sorted(known)))
    assert wrong == []


def test_who_dialled_never_decides(corpus: Path, flows_of):
    """Every positive in a mirror, as if the other end had dialled and with the order unknown, gives the other side."""
    compared = 0
    for row in labelled(corpus, "positive"):
        for flow in flows_of(row["file"]):
            found = identified(flow)
            if found.controlled_side is None or found.tunnel:
                continue
            ports = flow.ports[::-1]
            if flow.proto == "tcp":
                mirrored = identify_tcp(flow.head(1), flow.head(0), -1, ports)
            else:
                mirrored = identify_udp(flow.datagrams[1], flow.datagrams[0], ports)
            assert (mirrored.tool or "").removesuffix("-reverse") == (found.tool or "").removesuffix("-reverse"), row[
                "file"
            ]
            assert mirrored.controlled_side == 1 - found.controlled_side, row["file"]
            compared += 1
    assert compared >= 30


def remote_tools(rows, flows_of) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {}
    for row in rows:
        tools = {found.tool for found in map(identified, flows_of(row["file"])) if found.tool in REMOTE}
        if tools:
            named[row["file"].rsplit("/", 1)[1]] = {tool for tool in tools if tool}
    return named


def test_no_remote_tool_is_named_on_a_sample_of_everything_else(corpus: Path, flows_of):
    rows = labelled(corpus, "negative", "confusable")
    sample = [row for row in rows if row["sha256"][0] == "0" or row["file"].rsplit("/", 1)[1] in TRUE_BEYOND_LABELS]
    assert len(sample) > 100
    assert remote_tools(sample, flows_of) == TRUE_BEYOND_LABELS


@pytest.mark.fuzz
def test_no_remote_tool_is_named_on_anything_else(corpus: Path, flows_of):
    """The whole corpus: every negative and confusable capture."""
    assert remote_tools(labelled(corpus, "negative", "confusable"), flows_of) == TRUE_BEYOND_LABELS


@pytest.mark.parametrize(
    ("name", "tunnel_tool"),
    [
        ("ntop+nDPI/tests/cfgs/default/pcap/tailscale.pcap", "tailscale"),
        ("ntop+nDPI/tests/cfgs/default/pcap/mullvad_wireguard.pcap", "wireguard"),
        ("ntop+nDPI/tests/cfgs/default/pcap/openvpn.pcap", "openvpn"),
        ("ntop+nDPI/tests/cfgs/default/pcap/ipsec_isakmp_esp.pcap", "ipsec"),
        ("ntop+nDPI/tests/cfgs/default/pcap/zoom2.pcap", "zoom"),
        ("zeek+zeek/testing/btest/Traces/ssh/single-conn.pcap", "ssh"),
    ],
)
def test_tunnels_meetings_and_ssh_are_named_for_what_they_are(name, tunnel_tool, flows_of):
    assert tunnel_tool in {identified(flow).tool for flow in flows_of(f"confusable/{name}")}


def test_ports_alone_never_name_anything():
    """Well-known ports of remote tools with nothing recognisable in them stay unknown."""
    for port in (22, 3389, 4000, 4899, 5900, 5938, 6783, 7070, 21116, 21118):
        assert identify_tcp(b"hello there", b"general", 0, (50000, port)) == Identified("unknown")
    for port in (3389, 3478, 4500, 9993, 21116, 41641, 51820):
        assert identify_udp([b"hello there" * 4], [b"general" * 5], (50000, port)) == Identified("unknown")


def test_probe_names_are_the_documented_ones():
    assert TCP_PROBES[0][0] == "tls"
    assert {name for name, _, _ in UDP_PROBES} >= {"quic", "dtls", "stun", "wireguard", "rtp"}


def test_a_tls_flow_costs_microseconds():
    """The common case is answered without allocating; the bound is generous so that a busy machine stays green."""
    orig, resp = b"\x16\x03\x01\x02\0\x01" + bytes(600), b"\x16\x03\x03\0\x7a\x02" + b"\xa5" * 8000
    best = min(_timed(orig, resp) for _ in range(5))
    assert best < 50e-6, f"{best * 1e6:.1f} us"


def _timed(orig: bytes, resp: bytes, rounds: int = 2000) -> float:
    start = time.perf_counter()
    for _ in range(rounds):
        identify_tcp(orig, resp, 0, (50000, 443))
    return (time.perf_counter() - start) / rounds
