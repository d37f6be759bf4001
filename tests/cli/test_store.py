"""``farmwatch store``: what is shown, what is refused, and how it ends."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from farmwatch.cli.exits import Exit
from farmwatch.records.endpoint import DnsLookup, RosterEntry
from farmwatch.store import Store, open_store
from tests.store.samples import NOON, dns, roster


@pytest.fixture
def filled(tmp_path, monkeypatch) -> Store:
    """A store with two devices and a case, named by the environment."""
    store = open_store(tmp_path / "store")
    for number in range(4):
        rows = dns(5, first=5 * number, device="lt1" if number < 3 else "lt2", name="=evil")
        store.append({DnsLookup: rows}, feed="x", sender="y", received=NOON)
    store.state.cases.decide("lt1", "driven", "confirmed", reason="seen", who="ana")
    monkeypatch.setenv("FARMWATCH_STORE", str(store.place.folder))
    return store


def test_stats_fit_a_terminal(cli, filled):
    """One line a table, columns in line; the same numbers as JSON."""
    head, line = cli("store", "stats").out.splitlines()
    assert head.split()[:2] == ["table", "rows"]
    assert line.split()[:6] == ["dns", "20", "2", "2026-03-04", "2026-03-04", "4"]
    assert len(head) < 80
    found = json.loads(cli("store", "stats", "--json").out)
    assert found["store"] == filled.place.url
    assert found["tables"][0]["rows"] == 20


def test_check_says_what_is_damaged(cli, filled):
    """Nothing and exit code 0 for a sound store; what, where and what to do, and exit code 3 otherwise."""
    ran = cli("store", "check")
    assert (ran.code, ran.out) == (Exit.OK, "")
    assert "no faults" in ran.err
    path = filled.table("dns").snapshot().files[0].path
    Path(filled.table("dns").uri, path).unlink()
    ran = cli("store", "check")
    assert ran.code == Exit.PARTIAL
    assert f"{path}: is missing" in ran.out
    assert "copy" in ran.out
    ran = cli("store", "check", "--json")
    assert ran.code == Exit.PARTIAL
    assert json.loads(ran.out)["faults"][0]["what"] == "is missing"


def test_compact(cli, filled):
    """Files before and after; old days only when asked."""
    line = cli("store", "compact", "--clear-after", "0").out.splitlines()[1].split()
    assert line[:3] == ["dns", "4", "1"]
    assert filled.read(DnsLookup).num_rows == 20
    found = json.loads(cli("store", "compact", "dns", "--retain", "--keep", "dns=1", "--json").out)
    assert found["tables"][0]["expired"] == 20
    assert filled.read(DnsLookup).num_rows == 0


def test_compact_goes_on_after_a_damaged_table(cli, filled):
    """The others are compacted; the damage is said, and the exit code is 3."""
    for number in range(2):
        filled.append({RosterEntry: roster(f"lt{number}")}, feed="x", sender="y", received=NOON)
    Path(filled.table("dns").uri, filled.table("dns").snapshot().files[0].path).unlink()
    ran = cli("store", "compact")
    assert ran.code == Exit.PARTIAL
    assert [line.split()[:3] for line in ran.out.splitlines()[1:]] == [["roster", "2", "1"]]
    assert "dns" in ran.err
    assert cli("store", "compact", "nds").code == Exit.USAGE


@pytest.mark.parametrize("keep", [["--keep", "dns=1"], ["--retain", "--keep", "dns"], ["--retain", "--keep", "dns=-1"]])
def test_rules_that_make_no_sense(cli, filled, keep):
    """Nothing is removed."""
    assert cli("store", "compact", *keep).code == Exit.USAGE
    assert filled.read(DnsLookup).num_rows == 20


def test_export(cli, filled, tmp_path):
    """By ending or by option, to a file or standard output, whole or in part."""
    assert len(cli("store", "export", "dns").out.splitlines()) == 20
    out = tmp_path / "out.csv"
    assert cli("store", "export", "dns", "-o", out, "--device", "lt2").code == Exit.OK
    assert {row["name"] for row in csv.DictReader(io.StringIO(out.read_text()))} == {"'=evil"}
    since = (NOON + timedelta(seconds=18)).isoformat()
    ran = cli("store", "export", "dns", "--since", since, "-f", "csv", "-o", "-")
    assert len(ran.out.splitlines()) == 3
    assert cli("store", "export", "dns", "--until", "2026-03-04").out == ""
    cli("store", "export", "dns", "-o", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.parquet", "store"]


def test_export_that_fails_leaves_no_file(cli, filled, tmp_path):
    """Nor the beginning of one."""
    assert cli("store", "export", "nds", "-o", tmp_path / "out.csv").code == Exit.NOTHING
    assert cli("store", "export", "dns", "--since", "yesterday").code == Exit.USAGE
    assert cli("store", "export", "dns", "-o", tmp_path / "no" / "out.csv").code == Exit.USAGE
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_forget_asks_first(cli, filled):
    """Where nobody can be asked it is refused; with --yes it goes, and what went is printed."""
    ran = cli("store", "forget", "lt1")
    assert ran.code == Exit.USAGE
    assert "--yes" in ran.err
    assert filled.read(DnsLookup).num_rows == 20
    ran = cli("store", "forget", "lt1", "--yes")
    assert ran.code == Exit.OK
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["dns", "15"] in lines
    assert ["case", "state:", "cases", "1"] in lines
    assert "nothing is left" in ran.err
    assert set(filled.read(DnsLookup)["device_id"].to_pylist()) == {"lt2"}


def test_forget_takes_no_for_an_answer(cli, filled, monkeypatch):
    """Anything but yes keeps everything."""
    monkeypatch.setattr("sys.stdin", type("Terminal", (io.StringIO,), {"isatty": lambda _: True})("n\n"))
    ran = cli("store", "forget", "lt1")
    assert ran.code == Exit.USAGE
    assert "15 rows of dns" in ran.err
    assert "nothing was removed" in ran.err
    assert filled.read(DnsLookup).num_rows == 20


def test_forget_says_where_it_is_still_named(cli, filled):
    """Rows about others that name it are theirs: exit code 3, and how to remove them."""
    rows = dns(1, device="lt2", first=50, name="lt1.internal")
    filled.append({DnsLookup: rows}, feed="x", sender="y", received=NOON)
    ran = cli("store", "forget", "lt1", "--yes", "--json")
    assert ran.code == Exit.PARTIAL
    assert json.loads(ran.out)["rows"] == {"dns": 15}
    assert len(json.loads(ran.out)["left"]) == 1
    assert cli("store", "forget", "lt1", "--yes", "--mentions").code == Exit.OK


def test_an_unknown_device_is_an_error(cli, filled):
    """A typo must not look like a device forgotten."""
    ran = cli("store", "forget", "lt9", "--yes")
    assert ran.code == Exit.NOTHING
    assert "'lt9'" in ran.err


@pytest.mark.parametrize("command", [["stats"], ["check"], ["compact"], ["export", "dns"], ["forget", "lt1", "--yes"]])
def test_what_is_no_store(cli, tmp_path, command):
    """A folder of other things, and one that is not there: said, and left as it is."""
    (tmp_path / "letter.txt").write_text("x")
    for folder in (tmp_path, tmp_path / "nothing"):
        ran = cli("store", *command, "--store", folder)
        assert ran.code == Exit.NOTHING
        assert "store" in ran.err
        assert ran.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_empty_store(cli, tmp_path):
    """There is nothing to show, which is no error; nothing to export, which is."""
    open_store(tmp_path / "store")
    for command in ("stats", "check", "compact"):
        ran = cli("store", command, "--store", tmp_path / "store")
        assert (ran.code, ran.out) == (Exit.OK, "")
        assert "no" in ran.err
    assert cli("store", "export", "dns", "--store", tmp_path / "store").code == Exit.NOTHING
    assert json.loads(cli("store", "stats", "--json", "--store", tmp_path / "store").out)["tables"] == []
