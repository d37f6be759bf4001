"""What the user declared is held against what there is."""

from __future__ import annotations

from pathlib import Path

from farmwatch.cli.exits import Exit

PCAPS = Path(__file__).parent.parent.parent / "pcaps"


def test_device_that_is_not_there_is_usage_and_those_there_are_named(cli):
    """A slip of the pen is never a clean bill of health."""
    ran = cli("scan", PCAPS / "farm-gateway.pcap", "--device", "nosuch", "--fail-on", "review")
    assert ran.code == Exit.USAGE
    assert ran.out == ""
    assert "no device matches 'nosuch'" in ran.err
    assert "ACME-LT-0142" in ran.err


def test_one_missing_device_among_others_is_a_warning(cli):
    """The devices that are there are judged."""
    ran = cli("scan", PCAPS / "farm-gateway.pcap", "--device", "acme-lt-0142", "--device", "nosuch")
    assert ran.code == Exit.OK
    assert ran.out.startswith("1 device:")
    assert "warning: no device matches 'nosuch'" in ran.err


def test_approved_tool_that_nobody_knows_is_a_warning(cli, fake_scan, capture_file):
    """A mistyped tool approves nothing, which is said with the nearest names; a known one is not mentioned."""
    ran = cli("scan", capture_file, "--corporate", "teamvewer", "--corporate", "anydesk")
    assert "approved tool 'teamvewer' is not known" in ran.err
    assert "did you mean teamviewer" in ran.err
    assert "'anydesk'" not in ran.err
