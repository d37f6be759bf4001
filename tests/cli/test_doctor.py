"""``farmwatch doctor``: reports and never fails."""

from __future__ import annotations

import shutil

from farmwatch.cli.exits import Exit


def test_doctor_reports_every_part(cli):
    """Versions, cache, tshark, capture rights, knowledge and terminal are all there."""
    ran = cli("doctor")
    assert ran.code == Exit.OK
    for part in ("farmwatch:", "python:", "packages:", "compiled:", "tshark:", "capture:", "knowledge:", "terminal:"):
        assert f"\n{part}" in f"\n{ran.out}"
    assert "numpy" in ran.out


def test_missing_tshark_is_said_with_the_command_that_installs_it(cli, monkeypatch):
    """What is missing is marked, with its cure, and the code stays 0."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    ran = cli("doctor")
    assert ran.code == Exit.OK
    assert "tshark: MISSING" in ran.out
    assert "apt install tshark" in ran.out


def test_part_that_breaks_does_not_stop_the_others(cli, monkeypatch):
    """A doctor that falls ill still finishes the round."""

    def broken():
        raise RuntimeError("\x1b[2Jno knowledge")

    monkeypatch.setattr("farmwatch.knowledge.knowledge_version", broken)
    ran = cli("doctor")
    assert ran.code == Exit.OK
    assert "knowledge: MISSING: RuntimeError: \\x1b[2Jno knowledge" in ran.out
    assert "terminal:" in ran.out


def test_compiling_ahead_reads_both_formats_compiled(cli, monkeypatch):
    """``--compile`` runs a pcap and a pcapng through the compiled kernels."""
    modes = []

    def collect(source, number, *, mode):
        modes.append((number, mode, source.read(4).hex()))

    monkeypatch.setattr("farmwatch.collectors.captures.collect_capture", collect)
    ran = cli("doctor", "--compile")
    assert "compiled: took" in ran.out
    assert modes == [(0, "compiled", "d4c3b2a1"), (1, "compiled", "0a0d0d0a")]
