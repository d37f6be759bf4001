"""AccountWhileIdle: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.account_while_idle import AccountWhileIdle
from farmwatch.records import InputTiming, MeetingUse, PowerEvent, RosterEntry, SignIn
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = AccountWhileIdle()
OWNER = RosterEntry(device_id="lt-1", ts=at(-9), accounts="acc")


def sign_in(day, hour=3.0, **values):
    given = {"provider": "okta", "event": "sign-in", "account": "acc", "outcome": "success", "client_os": "windows"}
    return SignIn(ts=at(day, hour), **(given | values))


def meeting(day, hour=3.0, hours=1.0):
    return MeetingUse(ts=at(day, hour), product="zoom", account="acc", ended=at(day, hour + hours))


def power(day, hour, event):
    return PowerEvent(device_id="lt-1", ts=at(day, hour), event=event)


def nights(count=4):
    """Asleep from midnight to eight."""
    return [power(day, hour, event) for day in range(count) for hour, event in ((0, "sleep"), (8, "wake"))]


def touched(day, hour, **values):
    given = {"window_s": 300, "input_device": "046d:c31c", "presses": 30}
    return InputTiming(device_id="lt-1", ts=at(day, hour), **(given | values))


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([sign_in(day) for day in range(4)], "asleep_days"),
        ([meeting(day) for day in range(4)], "asleep_days"),
        ([sign_in(1)], "asleep"),
        ([sign_in(day, 12.0) for day in range(4)], "clear"),
        ([sign_in(day, 0.05) for day in range(4)], "clear"),
        ([meeting(day, 7.5) for day in range(4)], "clear"),
        ([meeting(day, 3.0, 0.1) for day in range(4)], "clear"),
        ([sign_in(day, client_os="ios") for day in range(4)], "clear"),
        ([sign_in(day, interactive=False) for day in range(4)], "clear"),
        ([sign_in(day, outcome="failure") for day in range(4)], "clear"),
    ],
)
def test_busy_while_the_laptop_sleeps(rows, grade):
    """Days of it, one night; not awake, falling asleep, waking, a short call, a telephone, a token, a failure."""
    assert answers(DETECTOR, [OWNER, *nights(), *rows]) == {"lt-1": grade}


def test_a_power_event_in_between_means_it_was_awake():
    """A feed that misses the wake-up must not make a sleep of a working day."""
    rows = [sign_in(day) for day in range(4)] + [power(day, 2, "state") for day in range(4)]
    assert answers(DETECTOR, [OWNER, *nights(), *rows]) == {"lt-1": "clear"}
    assert answers(DETECTOR, [OWNER, power(0, 0, "sleep"), *(sign_in(day) for day in range(4))]) == {"lt-1": "clear"}


def test_busy_while_nobody_touches_the_laptop():
    """Input is reported on these days, hours away from the sign-ins; injected input is a touch, too."""
    busy = [sign_in(day, 12.0) for day in range(4)]
    far = [touched(day, 9.0) for day in range(4)]
    finding = judged(DETECTOR, [OWNER, *busy, *far]).hits["lt-1"][0]
    assert finding.grade == "idle_days"
    assert "4 sign-ins of its account on 4 days while the laptop was not touched" in finding.summary
    near = [touched(day, 12.1, input_device="injected") for day in range(4)]
    assert answers(DETECTOR, [OWNER, *busy, *far, *near]) == {"lt-1": "clear"}
    assert answers(DETECTOR, [OWNER, *busy, *far[:2]]) == {"lt-1": "clear"}
    assert answers(DETECTOR, [OWNER, *(meeting(day, 12.0) for day in range(4)), *far]) == {"lt-1": "clear"}


def test_counts_beyond_all_sense_are_counts():
    """A feed may send any number; sums of them must not break the assessment of everybody else."""
    rows = [touched(day, 9.0, presses=2**62, clicks=2**62, moves=2**62) for day in range(4)]
    busy = [sign_in(day, 12.0) for day in range(4)]
    assert answers(DETECTOR, [OWNER, *busy, *rows]) == {"lt-1": "idle_days"}


def test_what_the_whole_fleet_does_is_how_the_company_works():
    """Everybody has a second computer."""
    rows = [
        row
        for number in range(12)
        for row in (
            RosterEntry(device_id=f"lt-{number}", ts=at(-9), accounts=f"a{number}"),
            PowerEvent(device_id=f"lt-{number}", ts=at(1, 0), event="sleep"),
            PowerEvent(device_id=f"lt-{number}", ts=at(1, 8), event="wake"),
            sign_in(1, account=f"a{number}"),
        )
    ]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}


def test_without_both_sides_there_is_no_data():
    """Sign-ins alone, power alone, neither."""
    assert answers(DETECTOR, [OWNER, sign_in(1)]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [OWNER, *nights()]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [OWNER]) == {"lt-1": "no data"}
