"""``farmwatch assess``: a store judged from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import typer

from farmwatch.cli.assess import moment, window_of
from farmwatch.cli.exits import Exit
from farmwatch.records import PowerEvent, Table, UsbDevice
from farmwatch.records.arrow import to_arrow
from farmwatch.store import open_store

NOW = datetime(2026, 3, 9, 6, 30, 12, tzinfo=UTC)
DAY = datetime(2026, 3, 8, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    """A laptop with a KVM, and one without."""
    made = open_store(tmp_path / "store")
    kvm = UsbDevice(device_id="lt-1", ts=DAY, event="present", vendor_id=0x1D6B, product_id=0x104, manufacturer="PiKVM")
    boot = PowerEvent(device_id="lt-2", ts=DAY, event="boot")
    tables = {type(row): to_arrow(Table.from_rows(type(row), [row])) for row in (kvm, boot)}
    made.append(tables, feed="agent", sender="test", received=DAY)
    return tmp_path / "store"


def test_it_says_who_needs_a_person(cli, store):
    """The device with a KVM is shown with what was found and what to do; the other one is counted."""
    ran = cli("assess", "--store", store, "--until", "2026-03-09")
    assert ran.code == Exit.OK
    assert "2 devices:" in ran.out
    assert "lt-1" in ran.out
    assert "PiKVM" in ran.out
    assert "Next" in ran.out
    assert "kept as assessment 20260309T000000Z-" in ran.err


def test_the_same_telemetry_gives_the_same_bytes(cli, store):
    """JSON of two assessments of one time is equal, byte for byte."""
    asked = ("assess", "--store", store, "--until", "2026-03-09", "--json", "-q")
    first, second = cli(*asked), cli(*asked)
    assert first.out == second.out
    report = json.loads(first.out)
    assert report["telemetry"]["devices"] == 2
    assert {one["detector"] for one in report["telemetry"]["coverage"]} >= {"usb.kvm_identity", "captures"}


def test_a_dry_run_keeps_nothing(cli, store):
    """Nothing is said to be kept, and no table of results is begun."""
    ran = cli("assess", "--store", store, "--until", "2026-03-09", "--dry-run")
    assert "kept" not in ran.err
    assert "fleet_runs" not in open_store(store).tables()


def test_the_exit_code_tells_of_findings(cli, store):
    """``--fail-on`` makes it 1 where a device is at that level."""
    asked = ("assess", "--store", store, "--until", "2026-03-09", "-q", "--dry-run")
    assert cli(*asked, "--fail-on", "review").code == Exit.FINDINGS
    assert cli(*asked, "--fail-on", "strong").code == Exit.OK


def test_a_time_without_telemetry_is_not_all_clear(cli, store):
    """It ends with 5 and names the newest telemetry."""
    ran = cli("assess", "--store", store, "--until", "2025-01-01")
    assert ran.code == Exit.NOTHING
    assert "2026-03-08" in ran.err


def test_a_store_that_is_not_there(cli, tmp_path):
    """It ends with 5 and says what makes a store."""
    ran = cli("assess", "--store", tmp_path / "none")
    assert ran.code == Exit.NOTHING
    assert "farmwatch ingest" in ran.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--since", "soon"), ("--until", "yesterday"), ("--since", "2026-03-10", "--until", "2026-03-09"),
        ("--since", "9999d"), ("--prior", "1.5"), ("--since", "0d"),
    ],
)  # fmt: skip
def test_wrong_usage_is_named(cli, store, wrong):
    """A value that cannot be understood ends with 2 and names its option."""
    ran = cli("assess", "--store", store, *wrong)
    assert ran.code == Exit.USAGE
    assert wrong[0] in ran.err


def test_windows():
    """Spans count back from the end; the end is now, to the minute, where none is named."""
    assert window_of("7d", None, now=NOW) == (
        datetime(2026, 3, 2, 6, 30, tzinfo=UTC),
        datetime(2026, 3, 9, 6, 30, tzinfo=UTC),
    )
    start, end = window_of("12h", "2026-03-08T06:00+02:00", now=NOW)
    assert (end, end - start) == (datetime(2026, 3, 8, 4, tzinfo=UTC), timedelta(hours=12))
    assert window_of("2026-03-01", "2026-03-02", now=NOW)[0] == datetime(2026, 3, 1, tzinfo=UTC)


def test_times_without_a_zone_are_utc():
    """So that the same command means the same everywhere."""
    assert moment("2026-03-01", "--since") == datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(typer.BadParameter):
        moment("01.03.2026", "--since")
