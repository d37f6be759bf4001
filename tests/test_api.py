"""The public API."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import farmwatch
from farmwatch.analysis.profile import Profile
from farmwatch.errors import KnowledgeError, ProfileError
from farmwatch.records import CaptureInput, Level
from farmwatch.reports.document import dumps

PCAPS = Path(__file__).parents[1] / "pcaps"
DRIVEN, HOME = PCAPS / "vnc-relayed.pcap", PCAPS / "home.pcap"


def test_a_scan_judges_captures_in_the_order_given():
    """Several captures are one report: inputs in their order, each device once."""
    report = farmwatch.scan([HOME, str(DRIVEN)])
    assert [Path(one.path).stem for one in report.inputs] == ["home", "vnc-relayed"]
    first, second = (one.assessment.driven.level for one in report.devices)
    assert first in {Level.REVIEW, Level.STRONG}
    assert second is Level.CLEAR
    assert report.tool.version == farmwatch.__version__


def test_collecting_and_judging_are_two_steps_of_the_same():
    assert dumps(farmwatch.assess(farmwatch.collect([DRIVEN]))) == dumps(farmwatch.scan([DRIVEN]))


def test_several_processes_give_the_same_bytes():
    assert dumps(farmwatch.scan([HOME, DRIVEN], jobs=2)) == dumps(farmwatch.scan([HOME, DRIVEN]))


def test_the_same_input_gives_the_same_bytes():
    assert dumps(farmwatch.scan([PCAPS / "farm-gateway.pcap"])) == dumps(farmwatch.scan([PCAPS / "farm-gateway.pcap"]))


def test_each_capture_alone_says_what_it_says_among_others():
    """Levels of a capture's devices do not depend on what else is scanned, but for the same device in both."""
    names = ["cafe", "home", "office"]
    together = farmwatch.scan([PCAPS / f"{name}.pcap" for name in names])
    apart = [device for name in names for device in farmwatch.scan([PCAPS / f"{name}.pcap"]).devices]
    assert {one.device_id: one.assessment for one in together.devices} == {
        one.device_id: one.assessment for one in apart
    }


def test_streams_and_files_are_both_sources():
    report = farmwatch.scan([io.BytesIO(HOME.read_bytes()), DRIVEN], jobs=4)
    assert [one.packets for one in report.inputs] == [4093, 2838]


def test_unreadable_inputs_do_not_stop_the_rest(tmp_path):
    """The fault stands in the report; nothing is raised for it."""
    bad = tmp_path / "bad.pcap"
    bad.write_text("nothing")
    report = farmwatch.scan([bad, tmp_path / "none.pcap", DRIVEN])
    assert [bool(one.error) for one in report.inputs] == [True, True, False]
    assert len(report.devices) == 1


def test_folders_and_patterns_are_read_as_the_command_line_reads_them(tmp_path):
    """One folder, a pattern and a single path; what is there twice is read once."""
    (tmp_path / "deeper").mkdir()
    for place, source in (("a.pcap", HOME), ("deeper/b.pcap", DRIVEN)):
        (tmp_path / place).write_bytes(source.read_bytes())
    (tmp_path / "notes.txt").write_text("no capture")
    given = ([tmp_path], tmp_path, f"{tmp_path}/*.pcap", [f"{tmp_path}/*.pcap", tmp_path])
    inputs = [[Path(one.path).name for one in farmwatch.scan(sources).inputs] for sources in given]
    assert inputs == [["a.pcap", "b.pcap"], ["a.pcap", "b.pcap"], ["a.pcap"], ["a.pcap", "b.pcap"]]


def test_one_stream_may_stand_alone():
    """It is read as a capture, not taken for a list of lines."""
    assert farmwatch.scan(io.BytesIO(HOME.read_bytes())).inputs[0].packets == 4093


def test_a_folder_without_captures_is_an_input_that_cannot_be_read(tmp_path):
    [one] = farmwatch.scan([tmp_path]).inputs
    assert one.error


def test_progress_is_told_by_name():
    told = []
    farmwatch.scan([HOME], progress=lambda name, done: told.append((name, done)))
    assert told[-1] == (str(HOME), HOME.stat().st_size)


def test_a_profile_may_be_an_object_or_a_file(tmp_path):
    path = tmp_path / "acme.toml"
    path.write_text('[company]\napproved_tools = ["vnc"]\n', encoding="utf-8")
    by_file = farmwatch.scan([DRIVEN], profile=path)
    by_object = farmwatch.scan([DRIVEN], profile=Profile().with_options(corporate=["vnc"]))
    assert dumps(by_file) == dumps(by_object)
    assert by_file.devices[0].assessment.driven.level is Level.CLEAR


def test_own_knowledge_is_merged(tmp_path):
    """A user's file can switch a shipped entry off."""
    path = tmp_path / "own.toml"
    path.write_text('[[entry]]\nid = "anydesk"\ndisabled = true\n', encoding="utf-8")
    report = farmwatch.scan([PCAPS / "farm-gateway.pcap"], knowledge=[path])
    named = " ".join(f.summary for one in report.devices for f in one.findings if f.detector == "remote.two_vendors")
    assert "AnyDesk" not in named


def test_faults_of_the_callers_files_are_raised(tmp_path):
    """A wrong profile or knowledge file is the caller's to mend."""
    path = tmp_path / "bad.toml"
    path.write_text("[extra]\na = 1\n", encoding="utf-8")
    with pytest.raises(ProfileError):
        farmwatch.scan([HOME], profile=path)
    with pytest.raises(KnowledgeError):
        farmwatch.scan([HOME], knowledge=[path])


def test_nothing_to_read_is_an_empty_report():
    report = farmwatch.scan([])
    assert (report.inputs, report.devices, report.farms) == ((), (), ())
    assert len(farmwatch.collect([])[CaptureInput]) == 0


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        farmwatch.scam  # noqa: B018  (the access is the test)


def test_hash_order_does_not_change_a_byte():
    """Two processes with different string hashes give the same report."""
    script = (
        "import sys, farmwatch; from farmwatch.reports.document import dumps; "
        "sys.stdout.write(dumps(farmwatch.scan(sys.argv[1:])))"
    )
    names = [str(PCAPS / f"{name}.pcap") for name in ("farm-gateway", "farm-lan", "cafe", "tunnels")]
    said = {
        subprocess.run(
            [sys.executable, "-c", script, *names],
            capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
