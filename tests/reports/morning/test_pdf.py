"""Printing without a browser, or with one that does not print."""

from __future__ import annotations

import pytest

from farmwatch.errors import DependencyError
from farmwatch.reports.morning import pdf


def test_without_a_browser_it_says_what_to_do(monkeypatch, tmp_path):
    """What was looked for, how to get it, and what does without it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(pdf.BROWSER_VARIABLE, raising=False)
    monkeypatch.setattr(pdf, "_ELSEWHERE", ())
    with pytest.raises(DependencyError, match=r"none of chromium.*apt install chromium.*--format html"):
        pdf.render("<p>", "2026-03-09T06:00:00Z")


def test_a_browser_named_wrongly_is_named_in_the_error(monkeypatch):
    """The variable is the first thing to look at then."""
    monkeypatch.setenv(pdf.BROWSER_VARIABLE, "/no/such/browser")
    with pytest.raises(DependencyError, match="FARMWATCH_BROWSER=/no/such/browser is no program"):
        pdf.render("<p>", "2026-03-09T06:00:00Z")


def test_a_browser_that_does_not_print_is_reported(monkeypatch, tmp_path):
    """Its last words are told."""
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\necho 'cannot open display' >&2\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setenv(pdf.BROWSER_VARIABLE, str(program))
    with pytest.raises(DependencyError, match=r"exit code 7\): cannot open display"):
        pdf.render("<p>", "2026-03-09T06:00:00Z")
