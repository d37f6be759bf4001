"""``farmwatch evaluate``: what is printed about the roles that were judged, and about no others."""

from __future__ import annotations

import shutil
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


FLOW_COLUMNS = (
    "file,scenario,group,tool,role,way,evasion,vantage,proto,local,remote,far_ms,jitter_ms,loop_rtt_ms,keys,clicks"
)


@pytest.fixture
def flows(tmp_path):
    """Two labelled flows beside copies of their captures."""
    for name in ("vnc-relayed", "ssh-from-laptop"):
        shutil.copy(PCAPS / f"{name}.pcap", tmp_path)
    path = tmp_path / "labels.csv"
    rows = (
        "vnc-relayed.pcap,a,controlled,tigervnc,controlled,splice,,laptop,tcp,10.44.1.23:*,198.51.100.7:*,95,0.5,201.3,160,20",
        "ssh-from-laptop.pcap,b,controlling,ssh,controlling,direct,,laptop,tcp,10.44.7.23:*,10.80.0.5:22,40,0.5,,236,0",
    )
    path.write_text("\n".join((FLOW_COLUMNS, *rows)) + "\n", encoding="utf-8")
    return path


def test_labels_of_flows_are_told_by_their_columns(cli, flows):
    """The roles and loops that timing shows are held against the truth, a line each."""
    ran = cli("evaluate", flows, "--jobs", "1")
    assert ran.code == Exit.OK, ran.err
    lines = {line[:52].strip(): line[52:] for line in ran.out.splitlines()}
    assert lines["what"].split() == ["bar", "measured", "holds"]
    assert lines["role controlled, tool never seen"].split() == [">=", "0.95", "1.000", "(1", "of", "1)", "yes"]
    assert "0 (95 % bound" in lines["controlling called controlled"]
    assert lines["any other flow called controlled"].split()[-1] == "yes"
    assert lines["stepping stone found, clean"].split()[-1] == "-"
    assert not ran.err, "progress is for terminals"


def test_labels_of_flows_without_a_column_are_labels_of_nothing(cli, flows):
    """They are read as labels of captures, which lack a column too, and that is said."""
    flows.write_text(flows.read_text(encoding="utf-8").replace("role", "part"), encoding="utf-8")
    ran = cli("evaluate", flows)
    assert ran.code == Exit.NOTHING, ran.err
    assert "expected a CSV with the columns file, role and tool" in ran.err
    assert ran.out == ""


def test_columns_without_a_flow_are_refused(cli, flows):
    flows.write_text(FLOW_COLUMNS + "\n", encoding="utf-8")
    ran = cli("evaluate", flows)
    assert ran.code == Exit.NOTHING, ran.err
    assert "expected a CSV with the columns file, scenario" in ran.err


def test_a_labelled_capture_that_is_not_there_is_an_error(cli, flows):
    """Flows nobody could look at do not count as judged well."""
    (flows.parent / "vnc-relayed.pcap").unlink()
    ran = cli("evaluate", flows, "--jobs", "1")
    assert ran.code == Exit.NOTHING, ran.err
    assert "vnc-relayed.pcap" in ran.err
    assert ran.out == ""
