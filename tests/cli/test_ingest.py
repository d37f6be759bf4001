"""``farmwatch ingest`` and ``farmwatch feeds``."""

from __future__ import annotations

import json

import pytest

from farmwatch.cli.exits import Exit

ROW = {"table": "usb_devices", "device_id": "lt-1", "ts": "2026-11-01T12:00:00Z", "event": "present", "serial": "S"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("\n".join(json.dumps({**ROW, "serial": f"S{number}"}) for number in range(10)))
    return path


def test_a_file_is_stored_and_said(cli, tmp_path, file):
    """What it was, what became of its records, where they are; again: nothing new."""
    ran = cli("ingest", file, "--store", tmp_path / "store")
    assert ran.code == Exit.OK
    assert "10 records: 10 used" in ran.out
    assert "usb_devices 10" in ran.out
    again = cli("ingest", file, "--store", tmp_path / "store")
    assert "nothing new" in again.out
    assert "there already: usb_devices 10" in again.out


def test_json_is_for_scripts(cli, tmp_path, file):
    """Every count, on standard output alone."""
    ran = cli("ingest", file, "--store", tmp_path / "store", "--json")
    document = json.loads(ran.out)
    assert document["stored"] == {"usb_devices": 10}
    assert document["inputs"][0]["records"] == 10
    assert ran.err == ""


def test_quiet_says_nothing_of_what_went_well(cli, tmp_path, file):
    """A timer's mail stays empty; the rows are stored all the same."""
    ran = cli("ingest", file, "--store", tmp_path / "store", "-q")
    assert (ran.code, ran.out, ran.err) == (Exit.OK, "", "")
    assert "there already: usb_devices 10" in cli("ingest", file, "--store", tmp_path / "store").out


def test_quiet_still_tells_what_went_wrong(cli, tmp_path, file):
    """Rejected records and unreadable files, with the code they always have, on standard error alone."""
    file.write_text(file.read_text() + "\nnonsense\x1b[31m\n")
    unknown = tmp_path / "x"
    unknown.write_bytes(bytes(range(256)))
    ran = cli("ingest", file, unknown, "--store", tmp_path / "store", "-q")
    assert (ran.code, ran.out) == (Exit.PARTIAL, "")
    assert f"{file}: 1 of 11 records rejected" in ran.err
    assert f"{unknown}: " in ran.err
    assert "\x1b" not in ran.err


def test_quiet_json_is_json(cli, tmp_path, file):
    """The account that a script asked for is the result, not talk."""
    ran = cli("ingest", file, "--store", tmp_path / "store", "-q", "--json")
    assert json.loads(ran.out)["stored"] == {"usb_devices": 10}


def test_a_dry_run_makes_no_store(cli, tmp_path, file):
    """Nothing is written anywhere."""
    ran = cli("ingest", file, "--store", tmp_path / "store", "--dry-run")
    assert "would store" in ran.out
    assert not (tmp_path / "store").exists()


def test_rejected_records_are_code_3_and_explained(cli, tmp_path, file):
    """Never a silent success."""
    file.write_text(file.read_text() + "\nnonsense\x1b[31m\n")
    ran = cli("ingest", file, "--store", tmp_path / "store", "-v")
    assert ran.code == Exit.PARTIAL
    assert "1 rejected" in ran.out
    assert "at 11: not JSON" in ran.out
    assert "\x1b" not in ran.out


def test_what_cannot_be_told_is_code_5(cli, tmp_path):
    """With what to do."""
    path = tmp_path / "x"
    path.write_text("hello")
    ran = cli("ingest", path, "--store", tmp_path / "store")
    assert ran.code == Exit.NOTHING
    assert "--kind" in ran.err


def test_wrong_usage_is_code_2(cli, tmp_path, file):
    """A missing file, a kind that does not exist."""
    assert cli("ingest", tmp_path / "none").code == Exit.USAGE
    ran = cli("ingest", file, "--kind", "usb_device")
    assert ran.code == Exit.USAGE
    assert "usb_devices" in ran.err


def test_feeds_lists_kinds_and_columns(cli):
    """What can be taken in, and how own rows are spelled."""
    assert "farmwatch feeds --own" in cli("feeds").out
    assert "household" in cli("feeds", "--own").out
