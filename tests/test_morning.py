"""The morning report of a store."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from farmwatch.errors import AssessmentError
from farmwatch.morning import choose, morning_report
from farmwatch.records import DeviceLocation, RosterEntry
from farmwatch.records.arrow import arrow_schema
from farmwatch.reports.morning.document import dumps
from farmwatch.store import open_store
from tests.reports.morning import fleet_rows as fr
from tests.reports.morning.kept import put, store_of


@pytest.fixture
def store(tmp_path):
    """Two assessments of 120 devices, a day apart."""
    return store_of(tmp_path / "store", 120)


def days(store, devices, asking):
    """One assessment a day, the newest last, of devices that ask on the days named."""
    count = len(next(iter(asking.values())))
    for number in range(count):
        stands = {
            device: fr.standing(device, fr.KVM, fr.TOOLS) for device, when in asking.items() if when[number] == "x"
        }
        put(store, fr.rows(devices, stands, until=fr.UNTIL - timedelta(days=count - 1 - number)))


def test_it_is_what_the_rows_say(store):
    """From the store comes the report of the rows that went in; levels are weighed again from the findings."""
    made = morning_report(store, choose(store))
    news = {case.device_id: case.change for case in made.new_or_worse}
    assert news["lap-00000"] == "new"
    assert news["lap-00001"] == "worse"
    assert {case.device_id for case in made.still_open} >= {"lap-00002", "lap-00003"}
    assert {one.device_id: one.change for one in made.cleared}["lap-00006"] == "no longer assessed"
    assert [(point.until, point.farms) for point in made.trend] == [
        ("2026-03-08T06:00:00Z", 0),
        ("2026-03-09T06:00:00Z", 1),
    ]


def test_same_store_same_bytes(store):
    """Nothing of the clock or of the order in which files are read."""
    assert dumps(morning_report(store, choose(store))) == dumps(
        morning_report(open_store(store.place.url), choose(store))
    )


def test_without_an_assessment_it_says_what_to_run(tmp_path):
    """An empty store is no quiet morning."""
    with pytest.raises(AssessmentError, match="run 'farmwatch assess' first"):
        choose(open_store(tmp_path / "empty"))


def test_one_assessment_has_nothing_to_compare_with(tmp_path):
    """Everything is new then."""
    store = open_store(tmp_path / "store")
    put(store, fr.fleet(40, farm=False)[0])
    made = morning_report(store, choose(store))
    assert made.before is None
    assert made.new_or_worse


def test_a_span_compares_with_the_newest_assessment_from_before_it(tmp_path):
    """7d: the newest that ends seven days before; where there is none, the oldest, and that is said."""
    store = open_store(tmp_path / "store")
    days(store, ["a", "b"], {"a": "..........x"})
    assert choose(store, span=timedelta(days=7)).before["ts"] == fr.UNTIL - timedelta(days=7)
    assert choose(store).before["ts"] == fr.UNTIL - timedelta(days=1)
    far = choose(store, span=timedelta(days=99))
    assert far.before["ts"] == fr.UNTIL - timedelta(days=10)
    assert "oldest" in far.note
    assert far.note in morning_report(store, far).notes


def test_the_last_reported_assessment_is_compared_with(tmp_path):
    """Also where several were kept since; where it is gone that is said."""
    store = open_store(tmp_path / "store")
    days(store, ["a"], {"a": "...x"})
    first = choose(store).history[0]["run_id"]
    assert choose(store, after=first).before["run_id"] == first
    assert "not kept any more" in choose(store, after="gone").note


def test_since_is_the_first_day_of_the_last_row(tmp_path):
    """A day without breaks the row; asking from the first kept day on gives that day."""
    store = open_store(tmp_path / "store")
    days(store, ["a", "b", "c"], {"a": "xx.xx", "b": "xxxxx", "c": "....x"})
    made = morning_report(store, choose(store))
    since = {case.device_id: case.since[:10] for case in (*made.new_or_worse, *made.still_open)}
    assert since == {"a": "2026-03-08", "b": "2026-03-05", "c": "2026-03-09"}


def test_the_same_time_assessed_again_replaces_it(tmp_path):
    """With other weights the same days are judged again: no change of a night, but the newer result."""
    store = open_store(tmp_path / "store")
    days(store, ["a"], {"a": ".."})
    again = fr.rows(["a", "b"], {"a": fr.standing("a", fr.KVM, fr.TOOLS)})
    again.run["ts"] = fr.UNTIL
    put(store, again)
    chosen = choose(store)
    assert chosen.before["ts"] == fr.UNTIL - timedelta(days=1)
    assert len(chosen.history) == 2


def test_a_judgement_that_was_reported_is_compared_with_its_repetition(tmp_path):
    """Reported, then judged again with other weights: what is told is the difference."""
    store = open_store(tmp_path / "store")
    days(store, ["a"], {"a": ".."})
    reported = choose(store).latest["run_id"]
    put(store, fr.rows(["a", "b"], {"a": fr.standing("a", fr.KVM, fr.TOOLS)}))
    chosen = choose(store, after=reported)
    assert chosen.latest["run_id"] != reported
    assert chosen.before["run_id"] == reported


def test_decisions_act_on_kept_assessments(store):
    """A dismissal moves a device from the cases to the explained, without another assessment."""
    before = morning_report(store, choose(store))
    case = next(case for case in before.new_or_worse if case.device_id == "lap-00001")
    store.state.cases.add([fr.decision("lap-00001", detector=finding.detector) for finding in case.findings])
    after = morning_report(store, choose(store))
    assert "lap-00001" not in {one.device_id for one in after.new_or_worse}
    (explained,) = after.explained
    assert explained.device_id == "lap-00001"
    assert explained.decisions[0].who == "ann"
    assert {line.device_id: line.change for line in after.devices}["lap-00001"] == "explained"


def place(device, name, latitude, longitude, *, at=fr.UNTIL - timedelta(days=30), **more):
    return {
        "device_id": device, "ts": at, "place": name, "latitude": latitude, "longitude": longitude, **more,
    }  # fmt: skip


def append(store, record, rows):
    table = pa.Table.from_pylist(rows, schema=arrow_schema(record))
    store.append({record: table}, feed="own", sender="test", received=fr.UNTIL)


def test_farms_have_their_places_from_the_roster_and_their_site_from_their_reports(store):
    """The newest roster entry holds; the site is where most devices report to be, not where one does."""
    append(
        store,
        RosterEntry,
        [place(device, "old town", 1.0, 1.0, at=fr.UNTIL - timedelta(days=99)) for device in fr.FARM],
    )
    append(store, RosterEntry, [place(device, *where) for device, where in zip(fr.FARM, fr.PLACES, strict=True)])
    here = [
        {
            "device_id": device,
            "ts": fr.UNTIL - timedelta(days=1),
            "method": "wifi",
            "latitude": 36.17,
            "longitude": -86.78,
        }
        for device in fr.FARM[:5]
    ]
    away = {
        "device_id": fr.FARM[6],
        "ts": fr.UNTIL - timedelta(days=1),
        "method": "wifi",
        "latitude": 52.5,
        "longitude": 13.4,
    }
    append(store, DeviceLocation, [*here, away])
    (farm,) = morning_report(store, choose(store)).farms
    assert {found.name for found in farm.places} == {name for name, _, _ in fr.PLACES}
    assert farm.site.devices == tuple(fr.FARM[:5])
    assert farm.site.name == "where 5 of 7 devices report to be"


def test_scattered_reports_give_no_site(store):
    """Devices that report to be everywhere are in no one place."""
    rows = [
        {
            "device_id": device,
            "ts": fr.UNTIL - timedelta(days=1),
            "method": "gps",
            "latitude": 10.0 * n,
            "longitude": 20.0 * n,
        }
        for n, device in enumerate(fr.FARM)
    ]
    append(store, DeviceLocation, rows)
    assert morning_report(store, choose(store)).farms[0].site is None
