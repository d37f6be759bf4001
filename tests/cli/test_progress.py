"""The progress bar: only where somebody sees it, adding up all inputs."""

from __future__ import annotations

import io

import pytest

from farmwatch.cli import progress
from farmwatch.cli.progress import progress_bar


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize(
    ("tty", "wanted", "term"), [(False, True, "xterm"), (True, False, "xterm"), (True, True, "dumb")]
)
def test_no_bar_where_nobody_would_see_it(monkeypatch, capture_file, tty, wanted, term):
    """No terminal, switched off, or a dumb one: no bar and no output."""
    stream = Terminal() if tty else io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", term)
    with progress_bar([str(capture_file)], wanted=wanted) as advance:
        assert advance is None
    assert stream.getvalue() == ""


def test_bar_adds_up_the_inputs_and_leaves_nothing_behind(monkeypatch, capture_file):
    """Bytes of all inputs against their sum; the bar is gone afterwards."""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_WORTH_BYTES", 1)
    other = capture_file.with_name("two.pcap")
    other.write_bytes(capture_file.read_bytes())
    with progress_bar([str(capture_file), str(other)], wanted=True) as advance:
        assert advance is not None
        advance("a", 10)
        advance("b", 20)
        advance("a", 30)
    assert "reading" in stream.getvalue()


def test_small_captures_get_no_bar(monkeypatch, capture_file):
    """What is read in a blink is not slowed down by loading a bar."""
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar([str(capture_file)], wanted=True) as advance:
        assert advance is None


def test_standard_input_has_no_total(monkeypatch):
    """A pipe of unknown length pulses instead of lying."""
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar(["-"], wanted=True) as advance:
        assert advance is not None
        advance("-", 1 << 20)


@pytest.mark.parametrize(
    ("compiled", "size", "said"), [(False, 100 << 20, True), (True, 100 << 20, False), (False, 10, False)]
)
def test_waiting_for_the_compiler_is_announced(monkeypatch, tmp_path, capsys, compiled, size, said):
    """Only a large scan on a machine without compiled kernels waits, and says for what."""
    monkeypatch.setattr("farmwatch.wire.jit.is_compiled", lambda _name: compiled)
    monkeypatch.setattr("farmwatch.wire.scan.is_compiled", lambda _name: compiled)
    path = tmp_path / "big.pcap"
    with path.open("wb") as file:
        file.truncate(size)
    progress.tell_of_compiling([str(path), "-"])
    assert ("about 20 s" in capsys.readouterr().err) == said
