"""``farmwatch inspect``: one flow of a capture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from farmwatch.cli.exits import Exit

CAPTURE = Path(__file__).parent.parent.parent / "pcaps" / "farm-gateway.pcap"


@pytest.fixture
def session(cli, tmp_path):
    """A saved report of the capture, and its first session."""
    path = tmp_path / "gateway.json"
    cli("scan", "--json", "-q", CAPTURE, "-o", path)
    report = json.loads(path.read_text())
    return path, next(session for device in report["devices"] for session in device["sessions"])


@pytest.mark.needs("tshark")
def test_session_of_a_report_and_its_ends_name_the_same_flow(cli, session):
    """An id of a saved report, an id of a fresh scan and the two ends show the same packets."""
    saved, found = session
    by_id = cli("inspect", CAPTURE, "--flow", found["session_id"], "--report", saved, "--limit", 5)
    ends = f"{found['protocol']}/{found['local']}-{found['remote']}"
    by_ends = cli("inspect", CAPTURE, "--flow", ends, "--limit", 5)
    fresh = cli("inspect", CAPTURE, "--flow", found["session_id"], "--limit", 5)
    assert by_id.code == Exit.OK, by_id.err
    assert "5 packets shown; there may be more: --limit 50" in by_id.out
    assert by_id.out == by_ends.out == fresh.out
    assert "Source Port" not in by_id.out
    full = cli("inspect", CAPTURE, "--flow", ends, "--limit", 5, "-v")
    assert full.out.count("\npacket ") == 5
    assert "Source Port" in full.out


@pytest.mark.needs("tshark")
def test_overview_is_a_screen_with_the_handshake_and_a_line_a_packet(cli):
    """What was asked for by name and who sent each packet is seen without reading fields."""
    ran = cli("inspect", CAPTURE, "--flow", "tcp/192.168.50.21:62142-203.0.113.201:443")
    assert ran.code == Exit.OK, ran.err
    assert "server name remotedesktop-pa.googleapis.com" in " ".join(ran.out.split())
    lines = ran.out.splitlines()
    assert len(lines) < 60
    assert any(line.endswith(" >     66 bytes  SYN") for line in lines)
    assert any(line.endswith(" <     66 bytes  SYN, ACK") for line in lines)


@pytest.mark.needs("tshark")
def test_flow_that_is_not_there_says_so(cli):
    """No packet is an answer, not an error."""
    ran = cli("inspect", CAPTURE, "--flow", "tcp/192.0.2.1:1-192.0.2.2:2")
    assert ran.code == Exit.OK
    assert "No packet of this flow in the capture." in ran.out


@pytest.mark.needs("tshark")
def test_file_that_is_no_capture_is_code_5(cli, tmp_path):
    """The complaint of tshark becomes one line."""
    bad = tmp_path / "bad.pcap"
    bad.write_text("no capture")
    ran = cli("inspect", bad, "--flow", "tcp/192.0.2.1:1-192.0.2.2:2")
    assert ran.code == Exit.NOTHING
    assert "tshark stopped: " in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.needs("tshark")
def test_capture_cut_short_shows_what_there_is_with_code_3(cli, tmp_path):
    """The packets before the damage are dissected, and the damage is said."""
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(CAPTURE.read_bytes()[:-7])
    ends = "tcp/192.168.50.21:62142-203.0.113.201:443"
    ran = cli("inspect", cut, "--flow", ends, "--limit", 100_000)
    assert ran.code == Exit.PARTIAL
    assert " bytes  SYN" in ran.out
    assert "cut short" in ran.err


def test_missing_tshark_is_code_4_with_the_cure(cli, monkeypatch):
    """The exact command that installs it is in the message."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    ran = cli("inspect", CAPTURE, "--flow", "tcp/192.0.2.1:1-192.0.2.2:2")
    assert ran.code == Exit.CONFIG
    assert "sudo apt install tshark" in ran.err


@pytest.mark.parametrize("words", [(), ("--flow", "S1", "--packet", "3")])
def test_flow_is_named_in_exactly_one_way(cli, words):
    """Neither or both is a usage error."""
    assert cli("inspect", CAPTURE, *words).code == Exit.USAGE


def test_unknown_session_lists_those_there_are(cli, saved):
    """A wrong id is answered with the right ones."""
    ran = cli("inspect", CAPTURE, "--flow", "S99", "--report", saved)
    assert ran.code == Exit.USAGE
    assert "S99 is neither" in ran.err
    assert "s1, s2" in ran.err
