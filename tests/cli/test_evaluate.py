"""``farmwatch evaluate``: what is printed about the roles that were judged, and about no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmwatch.cli.exits import Exit

PCAPS = Path(__file__).parent.parent.parent / "pcaps"


@pytest.fixture
def labels(tmp_path):
    """Two labelled captures."""
    path = tmp_path / "labels.csv"
    path.write_text(
        f"file,role,tool\n{PCAPS / 'vnc-helpdesk.pcap'},positive,vnc\n{PCAPS / 'web.pcap'},negative,\n",
        encoding="utf-8",
    )
    return path


def test_roles_that_were_not_judged_are_not_spoken_of(cli, labels):
    """``--role`` narrows the sections as well as the table."""
    positive = cli("evaluate", labels, "--role", "positive", "--jobs", "1")
    assert positive.code == Exit.OK, positive.err
    assert "driven > clear: captures with a device at review or strong" in positive.out
    assert "others with a device above clear" not in positive.out
    negative = cli("evaluate", labels, "--role", "negative", "--jobs", "1")
    assert "positives whose tool" not in negative.out
    assert "others with a device above clear: 0" in negative.out
