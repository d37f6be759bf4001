"""PowerAlwaysOn: grades, everything a laptop in use does, desktops."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.power_always_on import PowerAlwaysOn
from farmwatch.records import PowerEvent, Sighting
from tests.analysis.fleet.fleets import answers, at

DETECTOR = PowerAlwaysOn()


def shelf(device, *, days=7, hours=range(24), **state):
    """A laptop that reports once an hour and never changes."""
    state = {"lid_closed": True, "on_mains": True, "battery_pct": 100.0, "cycles": 12} | state
    rows = []
    for day in range(days):
        for hour in hours:
            rows.append(PowerEvent(device_id=device, ts=at(day, hour), event="state", **state))
            rows.append(Sighting(device_id=device, ts=at(day, hour), kind="gateway_mac", value=f"gateway of {device}"))
    return rows


def test_grades():
    """Shut for a week, open for a week, and with a part not told."""
    rows = shelf("shut") + shelf("still", lid_closed=False) + shelf("partly", lid_closed=None)
    assert answers(DETECTOR, rows) == {"partly": "partly_told", "shut": "shut", "still": "still"}


@pytest.mark.parametrize(
    "event",
    [
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="lid open"),
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="state", lid_closed=False),
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="sleep"),
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="modern standby in"),
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="on battery"),
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="state", on_mains=False),
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="state", battery_pct=41.0),
        PowerEvent(device_id="lt-1", ts=at(2, 3), event="state", cycles=13),
        Sighting(device_id="lt-1", ts=at(2, 3), kind="gateway_mac", value="another gateway"),
    ],
)
def test_one_sign_of_use_is_enough(event):
    """A lid that moved once, an hour on battery, a second network: somebody was there."""
    assert answers(DETECTOR, [*shelf("lt-1"), event]) == {"lt-1": "clear"}


def test_roaming_and_office_hours_are_use():
    """Two access points of one house; a desk that is off at night."""
    points = [Sighting(device_id="lt-1", ts=at(day), kind="bssid", value=f"point {day % 2}") for day in range(7)]
    assert answers(DETECTOR, shelf("lt-1") + points) == {"lt-1": "clear"}
    assert answers(DETECTOR, shelf("lt-2", hours=range(6, 24))) == {"lt-2": "clear"}


def test_a_patch_is_no_sleep():
    """One restart within the week changes nothing."""
    rows = [PowerEvent(device_id="lt-1", ts=at(3, 4), event=event) for event in ("shutdown", "boot")]
    assert answers(DETECTOR, shelf("lt-1") + rows) == {"lt-1": "shut"}


def test_desktops_and_short_looks_are_no_data():
    """Without lid and battery it is a desktop; three days are a long weekend; without sightings it cannot be told."""
    rows = shelf("desktop", lid_closed=None, battery_pct=None, cycles=None) + shelf("short", days=3)
    rows.append(PowerEvent(device_id="alone", ts=at(1), event="state", lid_closed=True))
    assert answers(DETECTOR, rows) == {"alone": "no data", "desktop": "no data", "short": "no data"}
