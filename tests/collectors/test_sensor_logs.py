"""Logs of Zeek and Suricata as inputs of a scan: one per sensor, with the tools that their packets show."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import pytest

import farmwatch
from farmwatch.analysis.assess import derive
from farmwatch.analysis.profile import Profile
from farmwatch.collectors.paths import SensorLogs, expand
from farmwatch.knowledge import load_knowledge
from farmwatch.records import CaptureInput, Flow, Reject, RemoteSession, Tls, ToolSighting
from farmwatch.records.finding import Outcome
from farmwatch.reports import text
from tests.collectors.sensor_writer import write_eve, write_zeek

PCAPS = Path(__file__).parents[2] / "pcaps"
SAMPLES = Path(__file__).parents[1] / "samples" / "feeds"
NAMED = ("farm-gateway", "office", "home", "tunnels", "rdp-relayed", "rdp-to-office", "vnc-relayed", "ssh-into-laptop")
BY_NAME = ("sni", "dns", "cert", "ja4")


def seen(tables):
    every, _ = derive(tables, load_knowledge([]), Profile())
    signs, sessions = every[ToolSighting], every[RemoteSession]
    named = {pair for pair in zip(signs["tool"].tolist(), signs["layer"].tolist(), strict=True) if pair[1] in BY_NAME}
    proven = sessions["proven"]
    columns = (sessions[name][proven].tolist() for name in ("tool", "role", "local", "remote", "live"))
    return named, set(zip(*columns, strict=True))


@pytest.mark.parametrize("form", ["zeek", "zeek-json", "eve"])
@pytest.mark.parametrize("name", NAMED)
def test_logs_name_the_tools_that_their_packets_name(name, form, tmp_path):
    """By server names, lookups and certificates the same tools; by protocol the same driven ends, live or not."""
    tables = farmwatch.collect([PCAPS / f"{name}.pcap"])
    if form == "eve":
        write_eve(tables, tmp_path / "eve.json")
    else:
        write_zeek(tables, tmp_path / "zeek", as_json=form == "zeek-json")
    logged = farmwatch.collect([tmp_path])
    assert len(logged[CaptureInput]) == 1
    assert not len(logged[Reject])
    assert len(logged[Flow]) == len(tables[Flow])
    named, proven = seen(tables)
    of_logs, proven_by_logs = seen(logged)
    assert of_logs == named
    # Which end types through SSH, logs cannot prove: another connection may run inside. Nor do they see tools that only
    # our decoders know by their bytes.
    known = {row for row in proven if row[0] in ("rdp", "vnc") or (row[0] == "ssh" and row[1] == "controlled")}
    # Logs hold no hop limits, so an office machine beyond a router may be judged like one beside it.
    own = {row[2] for row in proven}
    assert {row for row in proven_by_logs if row[2] in own} == known


def test_what_logs_do_not_hold_is_no_data(tmp_path):
    """No check that goes by packet sizes and times calls a device clear that only logs show."""
    write_zeek(farmwatch.collect([PCAPS / "ssh-from-laptop.pcap"]), tmp_path)
    report = farmwatch.scan(tmp_path)
    device = next(one for one in report.devices if one.sessions and one.sessions[0].role != "controlled")
    answers = {finding.detector: finding for finding in device.findings}
    for detector in ("hand.driven", "hand.far", "hand.mirror_image", "ssh.keystroke_paced", "typing.clumped"):
        assert answers[detector].outcome is Outcome.NO_DATA
        assert answers[detector].summary == "packet sizes and times are not in sensor logs"
    assert answers["kvm.idle_stun_beacon"].outcome is Outcome.NO_DATA
    assert answers["meeting.all_day"].outcome is Outcome.NO_DATA
    assert answers["tunnel.shrunk_mss"].outcome is Outcome.NO_DATA
    (session,) = device.sessions
    assert session.role == "unclear"
    assert any("only a capture of that time can show" in note for note in report.notes)


def test_connections_without_names_leave_nothing_clear(tmp_path):
    """A log of connections alone shows that something ran and not what: names have no data."""
    write_zeek(farmwatch.collect([PCAPS / "office.pcap"]), tmp_path / "all")
    (tmp_path / "few").mkdir()
    shutil.copy(tmp_path / "all" / "conn.log", tmp_path / "few")
    report = farmwatch.scan(tmp_path / "few")
    unread = [device for device in report.devices if device.assessment.driven.level == "not enough data"]
    assert unread
    for device in unread:
        named = next(finding for finding in device.findings if finding.detector == "remote.named_tool")
        assert named.outcome is Outcome.NO_DATA


def test_logs_of_one_sensor_are_one_input(tmp_path):
    """Logs of a folder, rotated and packed ones too, are one sensor's; captures beside them stay captures."""
    site = tmp_path / "site"
    write_zeek(farmwatch.collect([PCAPS / "vnc-relayed.pcap"]), site / "2026-11-22")
    for path in (site / "2026-11-22").iterdir():
        (path.with_suffix(".12:00:00-13:00:00.log.gz")).write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    write_zeek(farmwatch.collect([PCAPS / "rdp-relayed.pcap"]), site / "current", tag="D")
    shutil.copy(SAMPLES / "suricata-eve" / "eve.json", site / "eve.json")
    shutil.copy(PCAPS / "vnc-helpdesk.pcap", site)
    (site / "notes.txt").write_text("nothing to see\n")
    found = expand([site])
    logs = {entry.kind: entry for entry in found if isinstance(entry, SensorLogs)}
    assert sorted(logs) == ["suricata", "zeek"]
    assert logs["zeek"].name == str(site)
    assert [Path(entry).name for entry in found if isinstance(entry, str)] == ["vnc-helpdesk.pcap"]
    tables = farmwatch.collect([site])
    assert sorted(tables[CaptureInput]["kind"].tolist()) == ["pcap", "suricata", "zeek"]
    number = int(tables[CaptureInput]["input"][tables[CaptureInput]["kind"] == "zeek"][0])
    own = tables[Flow].where(tables[Flow]["input"] == number)
    assert own["flow"].tolist() == list(range(len(own)))
    assert set(own["protocol"].tolist()) == {"rfb", "rdp"}


def test_a_handshake_without_its_connection_still_counts(tmp_path):
    """A connection that is still open has its handshake logged and nothing else: its flow is made of that."""
    write_zeek(farmwatch.collect([PCAPS / "farm-gateway.pcap"]), tmp_path)
    (tmp_path / "conn.log").unlink()
    tables = farmwatch.collect([tmp_path])
    flows, shown = tables[Flow], tables[Tls]
    assert len(shown)
    assert set(shown["flow"].tolist()) <= set(flows["flow"].tolist())
    named, _ = seen(tables)
    assert ("anydesk", "cert") in named


def test_bad_lines_are_damage_and_said(tmp_path):
    """What cannot be used is counted by file and reason, and the input is not complete; the rest is judged."""
    shutil.copy(SAMPLES / "zeek" / "conn.log", tmp_path)
    tables = farmwatch.collect([tmp_path])
    rejects = dict(zip(tables[Reject]["reason"].tolist(), tables[Reject]["count"].tolist(), strict=True))
    assert rejects["conn.log: 2 values where the header has 23"] == 1
    (row,) = tables[CaptureInput].rows()
    assert not row.complete
    assert row.sha256 == hashlib.sha256((tmp_path / "conn.log").read_bytes()).hexdigest()
    assert row.bytes == (tmp_path / "conn.log").stat().st_size
    assert row.flows == len(tables[Flow]) == 9


def test_a_cut_log_gives_what_it_holds(tmp_path):
    """A compressed log that breaks off gives its beginning and says where it ended."""
    write_zeek(farmwatch.collect([PCAPS / "farm-gateway.pcap"]), tmp_path / "whole")
    packed = gzip.compress((tmp_path / "whole" / "conn.log").read_bytes())
    (tmp_path / "conn.log.gz").write_bytes(packed[: len(packed) * 2 // 3])
    tables = farmwatch.collect([tmp_path / "conn.log.gz"])
    assert 0 < len(tables[Flow]) < 281
    assert any("breaks off" in reason for reason in tables[Reject]["reason"].tolist())


def test_the_text_report_says_what_logs_are(tmp_path):
    """An input of logs is named as such, counted in flows, and has no packets to inspect."""
    write_eve(farmwatch.collect([PCAPS / "vnc-relayed.pcap"]), tmp_path / "eve.json")
    report = farmwatch.scan(tmp_path)
    shown = text.render(report, verbose=2, width=200)
    assert report.inputs[0].kind == "suricata"
    assert report.inputs[0].packets == 0
    assert "1 sensor's logs" in shown
    assert "suricata logs, 1 flow" in shown
    assert "packet sizes and times are not in sensor logs" in shown
    assert "farmwatch inspect" not in shown
