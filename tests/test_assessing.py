"""A store assessed: telemetry, captures and sensor logs in one verdict, kept once, found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from farmwatch import __version__
from farmwatch.analysis.fleet.fleet import Window
from farmwatch.analysis.profile import Profile
from farmwatch.assessing import assess_store, keep, kept, newest, runs
from farmwatch.errors import AssessmentError
from farmwatch.intake import Intake
from farmwatch.knowledge import load_knowledge
from farmwatch.records import (
    DeviceFact,
    PowerEvent,
    RepeatedRun,
    ScannedDevice,
    Table,
    UsbDevice,
)
from farmwatch.records.arrow import to_arrow
from farmwatch.store import open_store

SAMPLES = Path(__file__).parent / "samples" / "feeds"
UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
WEEK = Window(UNTIL - timedelta(days=7), UNTIL)
DAY = UNTIL - timedelta(days=1)


def append(store, *rows, feed="agent", received=UNTIL):
    by_record = {}
    for row in rows:
        by_record.setdefault(type(row), []).append(row)
    tables = {record: to_arrow(Table.from_rows(record, found)) for record, found in by_record.items()}
    store.append(tables, feed=feed, sender="test", received=received)


def pikvm(device, ts=DAY):
    return UsbDevice(device_id=device, ts=ts, event="present", vendor_id=0x1D6B, product_id=0x104, manufacturer="PiKVM")


def assessed(store, window=WEEK, **options):
    return assess_store(store, window, load_knowledge(), Profile(), **options)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "store")


def test_telemetry_is_judged_where_it_lies(store):
    """Rows in the lake's own files give the findings that rows in memory give."""
    append(store, pikvm("lt-1"), PowerEvent(device_id="lt-2", ts=DAY, event="boot"))
    judged = assessed(store)
    assert judged.devices == ["lt-1", "lt-2"]
    assert [finding.detector for finding in judged.hits["lt-1"]] == ["usb.kvm_identity"]
    assert "lt-2" not in judged.hits


def test_a_scan_and_telemetry_meet(store):
    """A finding of a capture and one of the endpoint are weighed together on one device."""
    document = (
        '{"findings": [{"detector": "hand.driven", "family": "timing", "claim": "driven", "outcome": "hit", '
        '"decibans": 24.0, "summary": "a hand comes in", "group": "hand", "cap_decibans": 24.0}]}'
    )
    scanned = ScannedDevice(
        device_id="lt-1", ts=DAY, first_ts=DAY, inputs="00", vantages="host", macs="", addresses="10.0.0.5", names="",
        driven="review", abroad="clear", farm="clear", version=__version__, document=document,
    )  # fmt: skip
    append(store, pikvm("lt-1"), scanned)
    judged = assessed(store)
    claim = judged.assessment(0).driven
    assert {weight.detector for weight in claim.weights if weight.counted} >= {"hand.driven", "usb.kvm_identity"}
    assert claim.families == ("hardware", "timing")


def test_a_scanned_address_is_the_device_that_reports_it(store):
    """A capture that knew only the link-layer address is filed under the laptop's name."""
    mac = "3c:22:fb:00:00:07"
    scanned = ScannedDevice(
        device_id=mac, ts=DAY, first_ts=DAY, inputs="00", vantages="host", macs=mac, addresses="", names="",
        driven="clear", abroad="clear", farm="clear", version=__version__, document='{"findings": []}',
    )  # fmt: skip
    append(store, scanned, DeviceFact(device_id="lt-1", ts=DAY, host_name="lt-1", macs=mac))
    judged = assessed(store)
    assert judged.devices == ["lt-1"]
    assert judged.scanned == {"lt-1"}


def test_sensor_logs_of_the_store_are_judged(store):
    """A sensor's logs, taken in by their feed, are judged as a scan of them would judge."""
    with Intake(store) as intake:
        list(intake.take([str(SAMPLES / "zeek" / "conn.log"), str(SAMPLES / "zeek" / "services.log")]))
    day = datetime(2026, 11, 2, tzinfo=UTC)
    judged = assessed(store, Window(day, day + timedelta(days=1)))
    assert "acme-lt-0142" in judged.scanned
    assert "remote.inbound_session" in {finding.detector for finding in judged.hits["acme-lt-0142"]}


def test_the_same_assessment_is_kept_once(store):
    """Assessing the same time of the same rows again gives the same id and adds nothing."""
    append(store, pikvm("lt-1"))
    first = keep(store, assessed(store), load_knowledge(), version=__version__)
    second = keep(store, assessed(store), load_knowledge(), version=__version__)
    assert first == second
    assert [run["run_id"] for run in runs(store)] == [first]
    found = kept(store, runs(store)[0])
    assert found.verdicts.column("device_id").to_pylist() == ["lt-1"]
    assert found.hits.num_rows == 1


def test_other_rows_make_another_assessment(store):
    """What came later is seen by the next assessment, which has its own id."""
    append(store, pikvm("lt-1"))
    first = keep(store, assessed(store), load_knowledge(), version=__version__)
    append(store, pikvm("lt-2"))
    second = keep(store, assessed(store), load_knowledge(), version=__version__)
    assert first != second
    assert len(runs(store)) == 2


def test_an_assessment_asked_for_again_is_the_current_one(store):
    """However often others of the same time come between; without one between, nothing is added."""
    append(store, pikvm("lt-1"))
    odds = [1e-4, 1e-2, 1e-4, 1e-4, 1e-2, 1e-4]
    asked = [keep(store, assessed(store, prior=prior), load_knowledge(), version=__version__) for prior in odds]
    assert asked[0] == asked[2] != asked[1] == asked[4]
    assert [run["run_id"] for run in runs(store)] == [asked[1], asked[0]]
    repeated = store.read(RepeatedRun, columns=["run_id"]).column(0).to_pylist()
    assert sorted(repeated) == sorted([asked[2], asked[4], asked[5]])
    assert kept(store, runs(store)[-1]).verdicts.num_rows == 1


def test_a_clock_set_back_changes_no_order(store, monkeypatch):
    """What was asked for last is the current one, whatever the clock says."""
    append(store, pikvm("lt-1"))
    first, _ = (
        keep(store, assessed(store, prior=prior), load_knowledge(), version=__version__) for prior in (1e-4, 1e-2)
    )

    class Back(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(hours=1)

    monkeypatch.setattr("farmwatch.assessing.datetime", Back)
    assert keep(store, assessed(store, prior=1e-4), load_knowledge(), version=__version__) == first
    assert runs(store)[-1]["run_id"] == first


def test_one_of_an_earlier_time_stays_before(store):
    """Looking at an old week again makes no old week the current one."""
    append(store, pikvm("lt-1"))
    earlier = Window(WEEK.since, WEEK.until - timedelta(hours=1))
    last = keep(store, assessed(store), load_knowledge(), version=__version__)
    for prior in (1e-4, 1e-2, 1e-4):
        keep(store, assessed(store, earlier, prior=prior), load_knowledge(), version=__version__)
    assert runs(store)[-1]["run_id"] == last
    assert [run["prior"] for run in runs(store)] == [1e-2, 1e-4, 1e-4]


def test_no_telemetry_in_that_time_says_where_there_is_some(store):
    """The error names the newest telemetry, so that a window can be chosen."""
    append(store, pikvm("lt-1", DAY - timedelta(days=60)))
    with pytest.raises(AssessmentError, match="2026-01-07"):
        assessed(store)
    assert newest(store) == DAY - timedelta(days=60)


def test_an_empty_store_says_so(store):
    """A store without any row cannot be assessed."""
    with pytest.raises(AssessmentError, match="no telemetry"):
        assessed(store)
