"""Results whole or not at all, talk escaped, outputs checked before the work."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import pytest
import typer

from farmwatch.cli import streams


class Stream(io.StringIO):
    """A stream that says of itself what a test wants."""

    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._tty, self._encoding = tty, encoding

    def isatty(self) -> bool:
        """Whether it claims to be a terminal."""
        return self._tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding it claims."""
        return self._encoding


@pytest.mark.parametrize(
    ("tty", "environment", "colored"),
    [(True, {}, True), (False, {}, False), (True, {"TERM": "dumb"}, False), (True, {"NO_COLOR": "1"}, False),
     (False, {"FORCE_COLOR": "1"}, True), (True, {"NO_COLOR": ""}, True)],
)  # fmt: skip
def test_colour_follows_terminal_and_environment(monkeypatch, tty, environment, colored):
    """A terminal is coloured unless asked otherwise; an empty NO_COLOR asks nothing."""
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert streams.use_color(streams.Color.AUTO, Stream(tty=tty)) is colored


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", True), ("ascii", False), ("cp1252", True), ("cp437", False)])
def test_marks_beyond_ascii_need_an_encoding_that_has_them(encoding, shown):
    """Where a bullet or a dash is missing, ASCII is used throughout."""
    assert streams.can_show(Stream(tty=True, encoding=encoding)) is shown


def test_width_is_80_where_there_is_no_terminal(monkeypatch):
    """Piped output does not depend on the window it was started from; COLUMNS overrides."""
    assert streams.width(Stream(tty=False)) == 80
    monkeypatch.setenv("COLUMNS", "132")
    assert streams.width(Stream(tty=False)) == 132


def test_talk_is_escaped_line_by_line(capsys):
    """A path in a message cannot steer the terminal."""
    streams.talk("one\x1b[2J\ntwo")
    assert capsys.readouterr().err == "one\\x1b[2J\ntwo\n"


def test_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    """The old report stays until the new one is complete; its permissions stay."""
    path = tmp_path / "r.json"
    path.write_text("old")
    path.chmod(0o640)
    streams.write_result("new", path)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_new_file_follows_the_umask(tmp_path):
    """A new report is as readable as any other new file."""
    before = os.umask(0o027)
    try:
        streams.write_result("x", tmp_path / "r.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o640


def test_link_to_a_report_stays_a_link(tmp_path):
    """Writing through a link replaces what it points to."""
    target, link = tmp_path / "real.json", tmp_path / "latest.json"
    target.write_text("old")
    link.symlink_to(target)
    streams.write_result("new", link)
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    """A full disk gives a message and no half-written file."""

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(typer.BadParameter, match="No space left on device"):
        streams.write_result("x", tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []


def test_devices_are_written_to_directly():
    """``-o /dev/null`` does not try to replace the device."""
    if not Path("/dev/null").exists():
        pytest.skip("no /dev/null on this system")
    streams.write_result("x", Path("/dev/null"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_output_in_a_missing_folder_or_on_an_input_is_refused(tmp_path):
    """Both are found before any work; a linked input counts as the input."""
    capture = tmp_path / "c.pcap"
    capture.write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(capture)
    with pytest.raises(typer.BadParameter, match="create it first"):
        streams.check_writable(tmp_path / "no" / "r", [], "-o")
    with pytest.raises(typer.BadParameter, match="is a folder"):
        streams.check_writable(tmp_path, [], "-o")
    for path in (capture, link):
        with pytest.raises(typer.BadParameter, match="does not write over evidence"):
            streams.check_writable(path, ["-", str(capture)], "-o")
    streams.check_writable(tmp_path / "new.json", [str(capture)], "-o")
