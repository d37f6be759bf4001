"""LogonFarClock: hit, near miss, no data."""

from __future__ import annotations

import ipaddress

import pytest

from farmwatch.analysis.fleet.detectors.logon_far_clock import LogonFarClock
from farmwatch.analysis.profile import Profile
from farmwatch.records import DeviceFact, Logon, RosterEntry
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = LogonFarClock()


def clock(minutes, device="lt-1", day=1.0, session="a"):
    return Logon(device_id=device, ts=at(day), event="client clock", source="rdpcorets 104", session_id=session,
                 client_utc_offset_min=minutes)  # fmt: skip


def own(minutes, device="lt-1", day=0.5):
    return DeviceFact(device_id=device, ts=at(day), utc_offset_min=minutes)


@pytest.mark.parametrize(
    ("far", "device", "grade"),
    [
        (540, -420, "far, driven"),
        (-300, -420, "other"),
        (-360, -420, "clear"),
        (-420, -420, "clear"),
        (780, -660, "clear"),
        (60, -420, "far, driven"),
        (0, -420, "utc"),
        (0, -120, "utc"),
        (0, 60, "clear"),
    ],
)
def test_the_clocks_are_compared(far, device, grade):
    """Asia drives Arizona; two zones are little; one is daylight saving time; the same time of day is the same; UTC."""
    assert answers(DETECTOR, [clock(far), own(device)])["lt-1"] == grade


def test_a_far_clock_on_several_days_is_for_a_person():
    """Support from afar is done in a day or two."""
    for days, grade in ((2, "driven"), (3, "driven_days")):
        rows = [clock(540, day=day, session=str(day)) for day in range(days)] + [own(-420, day=0)]
        both = judged(DETECTOR, rows).hits["lt-1"]
        assert [(one.grade, one.for_review) for one in both] == [("far", False), (grade, days == 3)]
    mixed = [clock(540, day=0, session="0"), own(-420, day=0)]
    mixed += [clock(-300, day=day, session=str(day)) for day in (1, 2)]
    assert answers(DETECTOR, mixed)["lt-1"] == "far, driven"
    desk = [row for number in range(20) for day in range(3)
            for row in (clock(540, f"d-{number}", day, f"{number}/{day}"), own(-420, f"d-{number}", 0))]  # fmt: skip
    others = [own(-420, f"x-{number}") for number in range(1400)]
    assert set(answers(DETECTOR, [*desk, *others]).values()) >= {"far, driven"}


def test_the_devices_own_clock_of_that_time_counts():
    """It has moved since; the first known one stands for what was before."""
    rows = [clock(60, day=1), own(60, day=0.9), own(-420, day=2)]
    assert answers(DETECTOR, rows)["lt-1"] == "clear"
    assert answers(DETECTOR, [clock(60, day=1), own(-420, day=2)])["lt-1"] == "far, driven"


def test_the_declared_place_stands_in_for_an_unknown_clock():
    """With more room: longitude is not the zone."""
    roster = RosterEntry(device_id="lt-1", ts=at(-9), longitude=-112.1, latitude=33.4)
    assert answers(DETECTOR, [clock(540), roster])["lt-1"] == "far, driven"
    assert answers(DETECTOR, [clock(-300), roster])["lt-1"] == "clear"


def test_sessions_from_the_companys_addresses_are_clear():
    """The connection of the same session names the client's address."""
    rows = [clock(330), own(-420), Logon(device_id="lt-1", ts=at(1), event="connection", source="rdpcorets 131",
                                         session_id="a", remote_h="203.0.113.5")]  # fmt: skip
    office = Profile(company_cidrs=(ipaddress.ip_network("203.0.113.0/24"),))
    assert answers(DETECTOR, rows)["lt-1"] == "far, driven"
    assert answers(DETECTOR, rows, profile=office)["lt-1"] == "clear"


def test_declared_travel_explains_it():
    """The person reaches the device at home from abroad."""
    roster = RosterEntry(device_id="lt-1", ts=at(-9), travel="2026-03-01/2026-03-05 Lisbon")
    assert answers(DETECTOR, [clock(60, day=1), own(-420), roster])["lt-1"] == "clear"
    assert answers(DETECTOR, [clock(60, day=6), own(-420), roster])["lt-1"] == "far, driven"


def test_a_desks_address_explains_its_clock():
    """It comes to twenty devices, to each once; to nineteen it is anybody's."""
    rows = [clock(330), own(-420), Logon(device_id="lt-1", ts=at(1), event="connection", source="rdpcorets 131",
                                         session_id="a", remote_h="198.51.100.7")]  # fmt: skip
    visits = [Logon(device_id=f"lt-{number}", ts=at(2), event="logon", source="security 4624", logon_type=10,
                    remote_h="198.51.100.7") for number in range(1, 21)]  # fmt: skip
    assert answers(DETECTOR, [*rows, *visits])["lt-1"] == "clear"
    assert answers(DETECTOR, [*rows, *visits[:19]])["lt-1"] == "far, driven"


def test_a_clock_that_many_devices_see_is_a_desk():
    """The company's help desk in another zone, its addresses not declared."""
    rows = [row for number in range(20) for row in (clock(330, f"lt-{number}"), own(-420, f"lt-{number}"))]
    assert set(answers(DETECTOR, rows).values()) == {"shared"}


def test_utc_is_a_machines_clock():
    """A jump host in UTC says next to nothing of where, and nothing of who; beside another clock only that one counts.

    Whole zones away from UTC are told as they are: somebody set them.
    """
    roster = RosterEntry(device_id="lt-1", ts=at(-9), longitude=-112.1, latitude=33.4)
    assert answers(DETECTOR, [clock(0), roster])["lt-1"] == "utc"
    assert DETECTOR.grades["utc"].decibans <= 3
    both = judged(DETECTOR, [clock(0), clock(540, session="b"), own(-420)]).hits["lt-1"]
    assert [one.grade for one in both] == ["far", "driven"]
    assert "clock is UTC+09:00;" in both[0].summary


def test_the_summary_names_both_clocks():
    """As offsets, not as countries."""
    finding = judged(DETECTOR, [clock(540), own(-420)]).hits["lt-1"][0]
    assert "clock is UTC+09:00; the device's is UTC-07:00" in finding.summary


def test_without_clocks_there_is_no_data():
    """Ordinary logons hold no client's clock; a clock alone has nothing to be compared with."""
    ordinary = Logon(device_id="lt-1", ts=at(1), event="logon", source="security 4624", logon_type=2)
    assert answers(DETECTOR, [ordinary, clock(540, "lt-2")]) == {"lt-1": "no data", "lt-2": "no data"}


def test_where_remote_desktop_is_approved_clocks_are_clear():
    """By the profile for all, by the roster for one device."""
    rows = [clock(540), own(-420)]
    assert answers(DETECTOR, rows, profile=Profile(approved_tools=frozenset({"rdp"})))["lt-1"] != "far, driven"
    roster = RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="anydesk,rdp")
    assert judged(DETECTOR, [*rows, roster]).hits == {}
