"""``farmwatch report``: a saved report in any format."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard

from farmwatch.cli.exits import Exit
from farmwatch.reports.document import dumps


def test_saved_report_gives_the_same_json(cli, saved, sample):
    """Rendering JSON as JSON changes no byte; damaged inputs keep their exit code."""
    ran = cli("report", saved, "--json", "-q")
    assert ran.out == dumps(sample.report())
    assert ran.code == Exit.PARTIAL


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zstandard.ZstdCompressor().compress(data)])
def test_packed_reports_are_read(cli, saved, tmp_path, pack):
    """Packing is told by content, not by name."""
    packed = tmp_path / "saved.bin"
    packed.write_bytes(pack(saved.read_bytes()))
    assert cli("report", packed).out == cli("report", saved).out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\x1f\x8bgarbage", "cannot be unpacked"),
        (b"\x28\xb5\x2f\xfdgarbage", "cannot be unpacked"),
        (b'{"schema_version": 99}', "this farmwatch reads 1"),
        (json.dumps({"schema_version": 1, "tool": {}}).encode(), "tool.name"),
    ],
)
def test_what_is_no_report_is_code_5_with_the_reason(cli, tmp_path, content, said):
    """No traceback, the path, and what was expected."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    ran = cli("report", path)
    assert ran.code == Exit.NOTHING
    assert said in ran.err
    assert str(path) in ran.err
    assert ran.out == ""


def test_packed_bomb_is_refused(cli, tmp_path, monkeypatch):
    """What unpacks to more than any report is refused without being held in memory."""
    monkeypatch.setattr("farmwatch.cli.saved._MAX_BYTES", 1000)
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b" " * 100_000))
    ran = cli("report", path)
    assert ran.code == Exit.NOTHING
    assert "larger than" in ran.err


def test_missing_report_is_usage(cli, tmp_path):
    """A path that is not there is the caller's mistake."""
    assert cli("report", tmp_path / "none.json").code == Exit.USAGE


def test_fail_on_works_on_saved_reports(cli, saved):
    """A saved report can gate a pipeline later."""
    assert cli("report", saved, "-q", "--fail-on", "strong").code == Exit.FINDINGS


def test_verbosity_counts(cli, saved):
    """-v is longer than nothing, -vv longer than -v."""
    lengths = [len(cli("report", saved, *options).out) for options in ((), ("-v",), ("-vv",))]
    assert lengths == sorted(set(lengths))


def test_text_in_a_file_has_no_colour_unless_asked(cli, saved, tmp_path, monkeypatch):
    """FORCE_COLOR is about terminals, not about files."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    path = tmp_path / "r.txt"
    cli("report", saved, "-o", path)
    assert "\x1b" not in path.read_text()
    cli("report", saved, "-o", path, "--color", "always")
    assert "\x1b[" in path.read_text()
