"""Every detector over telemetry keeps the contract, whatever the rows hold and in whatever order they come."""

from __future__ import annotations

import dataclasses
import inspect
import json
import random
import re
from datetime import UTC, datetime, timedelta

import pytest

from farmwatch.analysis.detectors import DETECTORS
from farmwatch.analysis.fleet.contract import MOST_RECORD_IDS, FleetDetector
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.scoring import CAPS_DECIBANS, WIDEST_CAP_DECIBANS
from farmwatch.records import TELEMETRY_TABLES, Claim, Outcome, PowerEvent, WeightSource
from tests.analysis.fleet.fleets import UNTIL, at, fleet_of

IDS = [detector.id for detector in FLEET_DETECTORS]
EACH = pytest.mark.parametrize("detector", FLEET_DETECTORS, ids=IDS)
LONGEST_SUMMARY = 1000  # letters: more than an analyst reads; values of telemetry are cut

NASTY = [
    "", " ", "0", "-1", "'", '"', "'; DROP TABLE roster; --", "%_!*?", "\\", "{}{0}%s", ",", ",,,", ";", "a,b,,c", "é",
    "\\\\?\\USB#VID_1D6B&PID_0104#x", "\u202etxt.exe", "\u0130\u0131ß", "\U0001f4bb", "\x00nul", "\x7f\x01",
    "line\nbreak", "x" * 5000, "999.999.1.1", "::", "fe80::1%eth0", "0.0.0.0", "ff:ff:ff:ff:ff:ff", "nan", "1e999",
    "2026-13-45/2026-99-99 X", "2026-03-01/2026-02-01", "None", "null", "true",
]  # fmt: skip
INTEGERS = [0, 1, -1, 7, 255, 65535, -(2**31), 2**31, 2**53, 2**63 - 1, -(2**63) + 1]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.1, 90.0, -180.0, 1e-300, 1e308, -1e308, float("inf"), float("-inf")]
MOMENTS = [
    at(0), at(6.999), at(3.5), at(-1), at(-29), at(-60), UNTIL, UNTIL - timedelta(microseconds=1),
    datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC), datetime(1700, 1, 1, tzinfo=UTC),
]  # fmt: skip
DEVICES = ["lt-1", "lt-2", "lt-3", "", "'; --", "\u202e\x00"]

#: Values that detectors ask for, so that the nasty rows get past their first conditions.
ASKED_FOR = {
    "kind": ["public_ip", "gateway_mac", "bssid", "neighbour", "local_ip", "service", "program", "sharing", "injects"],
    "event": ["present", "attached", "removed", "state", "boot", "wake", "lid closed", "logon", "connection",
              "client clock", "session", "sign-in", "factor", "tunnel up", "tunnel down", "started", "running"],
    "name": ["anydesk.exe", "teamviewer.exe", "caffeine64.exe", "relay.anydesk.com", "remoting_host.exe", "zoom.exe"],
    "process": ["anydesk.exe", "sshd", "mousejiggler.exe"], "tool": ["anydesk", "teamviewer", "chrome-remote-desktop"],
    "direction": ["incoming", "outgoing"], "outcome": ["success", "failure"], "state": ["listening", "connected"],
    "proto": ["tcp", "udp"], "account": ["acc-1", "acc-2"], "factor": ["fac-1"], "person": ["p-1", "p-2"],
    "value": ["198.51.100.7", "203.0.113.9", "aa:bb:cc:dd:ee:ff", "192.168.1.1"],
    "address": ["198.51.100.7", "203.0.113.9", "2001:db8::1"], "remote_h": ["198.51.100.7", "10.0.0.3"],
    "place": ["Town A", "Town B"], "place_country": ["AA", "BB"], "site": ["office"], "household": ["h-1"],
    "travel": ["2026-03-02/2026-03-05 Town B"], "accounts": ["acc-1", "acc-2,acc-3"], "approved_tools": ["anydesk"],
    "manufacturer": ["PiKVM", "Dell", "Logitech"], "serial": ["CAFEBABE", "12345678"], "vendor": ["DEL", "LNX", "GSM"],
    "interfaces": ["030101,030000,080650", "e00103,0a0000", "0e0100"], "hid_kinds": ["keyboard,pointer", "mouse"],
    "hid_reports": ["3a71a5a23705ee80"], "interface_strings": ["HID Interface"], "class_name": ["Keyboard", "Camera"],
    "vendor_id": [0x1D6B, 0x046D], "product_id": [0x0104, 0xC31C], "speed_mbps": [480.0, 1.5], "width": [1920],
    "height": [1080], "width_mm": [527], "height_mm": [296], "product_code": [0x7773], "serial_number": [4711],
    "client_utc_offset_min": [60, 480], "utc_offset_min": [-300], "logon_type": [2, 10], "window_s": [900.0],
    "jiggle_period_s": [60.0, 15.0], "jiggle_shape": ["there-and-back", "alternating"], "jiggle_reports": [2, 10, 11],
    "meeting_id": ["m-1", "m-2"], "factor_kind": ["push"], "provider": ["entra", "okta"], "input_device": ["046d:c31c"],
    "latitude": [40.0, 51.5], "longitude": [-74.0, 0.1], "far_id": ["123456789"], "session": ["s-1"],
}  # fmt: skip


def value_for(name, column, draw):
    """A nasty or an asked-for value of a column's type."""
    if name == "device_id":
        return draw.choice(DEVICES[:3] if draw.random() < 0.7 else DEVICES)
    if name == "ts":
        return draw.choice(MOMENTS) if draw.random() < 0.2 else at(draw.randrange(-3, 7), draw.randrange(24))
    if draw.random() < 0.6 and name in ASKED_FOR:
        return draw.choice(ASKED_FOR[name])
    pools = {str: NASTY, int: INTEGERS, float: FLOATS, bool: [True, False], datetime: MOMENTS}
    return draw.choice(pools[column.type])


def hostile_rows(count=120):
    """Rows of every table with values nobody expects; the same in every run."""
    draw = random.Random(20260309)
    rows = []
    for record in TELEMETRY_TABLES:
        for _ in range(count):
            values = {
                name: value_for(name, column, draw)
                for name, column in record.columns.items()
                if not column.absent or draw.random() < 0.7
            }
            rows.append(record(**values))
    return rows


def bare_rows():
    """One row of each table with what it may not lack."""
    plain = {str: "x", int: 1, float: 1.0, bool: True, datetime: at(2)}
    return [
        record(**{name: plain[column.type] for name, column in record.columns.items() if not column.absent})
        for record in TELEMETRY_TABLES
    ]


def told(fleet, detector):
    """All that a detector says of a fleet, as a report would keep it."""
    return [
        dataclasses.asdict(finding) | {"device": hit.device_id}
        for hit in detector.examine(fleet)
        for finding in detector.findings(hit)
    ]


@pytest.fixture(scope="module")
def hostile():
    with fleet_of(hostile_rows()) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def shuffled():
    rows = hostile_rows()
    random.Random(1).shuffle(rows)
    with fleet_of(rows) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def bare():
    with fleet_of(bare_rows()) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def empty():
    with fleet_of([]) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def silent():
    """A fleet of which only power is told."""
    with fleet_of([PowerEvent(device_id="lt-1", ts=at(1), event="boot")]) as fleet:
        yield fleet


def test_ids_are_unique():
    """Detectors of captures included: a verdict names them side by side."""
    ids = IDS + [detector.id for detector in DETECTORS]
    assert len(set(ids)) == len(ids)


@EACH
def test_says_what_it_is(detector):
    """Title, topic, benign causes, next step and what clear means are never empty."""
    assert inspect.getdoc(type(detector))
    assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", detector.id)
    assert detector.title.endswith("?")
    assert not detector.topic.endswith((".", "?"))
    assert detector.needs or type(detector).blind is not FleetDetector.blind
    assert set(detector.needs) <= set(TELEMETRY_TABLES)
    assert detector.signals
    assert all(re.fullmatch(r"[NEI]\d{1,2}", signal) for signal in detector.signals)
    assert detector.benign
    assert all(detector.benign)
    assert detector.group
    assert detector.when_clear
    assert detector.check


@EACH
def test_grades_are_explained_and_capped(detector):
    """Each weight says where it comes from and lies within what one finding of its family may count."""
    assert detector.grades
    for name, grade in detector.grades.items():
        assert name
        assert grade.reason
        assert isinstance(grade.claim, Claim)
        assert isinstance(grade.source, WeightSource)
        assert grade.decibans != 0
        cap = CAPS_DECIBANS[detector.family] if grade.cap_decibans is None else grade.cap_decibans
        assert 0 < cap <= WIDEST_CAP_DECIBANS
        assert abs(grade.decibans) <= cap


@EACH
def test_parameters_are_in_range_and_explained(detector):
    """Each tunable number has a reason and lies in its own range."""
    for field in dataclasses.fields(detector):
        value = getattr(detector, field.name)
        assert field.metadata["low"] <= value <= field.metadata["high"], field.name
        assert field.metadata["why"]


@EACH
def test_an_empty_fleet_is_no_error(detector, empty):
    """Nothing in, nothing out."""
    assert list(detector.examine(empty)) == []
    assert dict(detector.blind(empty)) == {}


@EACH
def test_rows_without_what_may_be_absent_are_no_error(detector, bare):
    """A feed may send nothing but what a table demands."""
    told(bare, detector)
    detector.blind(bare)


@EACH
def test_hits_are_well_formed_whatever_the_rows_hold(detector, hostile):
    """Hits name a device of the fleet and a grade of the detector, and are told in a sentence that can be kept."""
    known = set(hostile.devices)
    for hit in detector.examine(hostile):
        assert hit.device_id in known
        assert hit.grade in detector.grades
        assert hit.summary
        assert len(hit.summary) <= LONGEST_SUMMARY
        assert hit.observed
        assert hit.expected
        assert hit.telling
        assert all(len(one.record_ids) <= MOST_RECORD_IDS and one.count >= 1 for one in hit.telling)
        for finding in detector.findings(hit):
            assert finding.outcome is Outcome.HIT
            assert json.dumps(dataclasses.asdict(finding)).encode()
    assert set(detector.blind(hostile)) <= known
    assert all(detector.blind(hostile).values())


@EACH
def test_two_runs_and_any_order_of_rows_give_the_same(detector, hostile, shuffled):
    """The same telemetry gives the same findings."""
    first = told(hostile, detector)
    assert told(hostile, detector) == first
    assert told(shuffled, detector) == first
    assert detector.blind(shuffled) == detector.blind(hostile)


@EACH
def test_a_device_that_tells_nothing_of_it_has_no_hit(detector, silent):
    """What a detector needs and does not get is never made up."""
    if PowerEvent not in detector.needs:
        assert list(detector.examine(silent)) == []


def test_nothing_of_the_profile_is_needed(hostile):
    """The tests above use a profile that declares nothing."""
    assert hostile.profile == Profile()
