"""Times and sizes as people type them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer

from farmwatch.cli.amounts import seconds, size_bytes, span
from farmwatch.cli.exits import Exit


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("30s", 30), ("30m", 1800), ("8h", 28800), ("1d", 86400), ("0.5 h", 1800)]
)
def test_durations(text, value):
    """A number with a unit; without one it is seconds."""
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("500", 500_000_000), ("500kB", 500_000), ("100MB", 100_000_000), ("2gb", 2_000_000_000)]
)
def test_sizes(text, value):
    """A number with a unit; without one it is MB."""
    assert size_bytes(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("12h", timedelta(hours=12)), (" 7D ", timedelta(days=7)), ("4w", timedelta(weeks=4))]
)
def test_stretches_of_time(text, value):
    """Hours, days and weeks; how far back to look is never a plain number."""
    assert span(text, "--since") == value


def test_a_stretch_needs_its_unit():
    """Seven of what is not guessed, and no number is too large to be answered."""
    with pytest.raises(typer.BadParameter, match="12h, 7d or 4w"):
        span("7", "--since")
    assert span("9" * 300 + "w", "--since") < timedelta.max


@pytest.mark.parametrize("text", ["", "h", "-1", "1e9", "8 hours", "nan", "0", "1h30m"])
def test_anything_else_is_refused(text):
    """No guess is made about what was meant."""
    with pytest.raises(typer.BadParameter):
        seconds(text)
    with pytest.raises(typer.BadParameter):
        size_bytes(text)
    with pytest.raises(typer.BadParameter):
        span(text, "--since")


def test_error_names_the_option(cli, tmp_path):
    """Which of several options was wrong is said."""
    ran = cli("capture", "-i", "lo", "-o", tmp_path / "x.pcap", "--duration", "8 hours")
    assert ran.code == Exit.USAGE
    assert "--duration" in ran.err
    assert "30s, 30m, 8h or 1d" in ran.err
