"""IdentitySessionCopied: hits, near misses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.identity_session_copied import IdentitySessionCopied
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import PHOENIX, holder, sign_in

DETECTOR = IdentitySessionCopied()
ROSTER = holder("lt-1", "p1", "a1")


def use(day, hour, session="s1", **values):
    return sign_in("a1", PHOENIX, day, hour, session=session, **values)


def test_two_devices_in_one_session_at_once():
    """Both are told of it, by each other's name."""
    rows = [use(1, 8, device_id="lt-1"), use(1, 9, device_id="lt-9"), use(1, 10, device_id="lt-1")]
    assert answers(DETECTOR, rows) == {"lt-1": "two_devices", "lt-9": "two_devices"}
    assert "ran on lt-9 at the same time" in judged(DETECTOR, rows).hits["lt-1"][0].summary


def test_two_computers_systems_in_one_session():
    """The second machine is not named, but is of another system."""
    rows = [ROSTER, use(1, 8, device_id="lt-1", client_os="windows"), use(1, 9, client_os="linux")]
    assert answers(DETECTOR, rows) == {"lt-1": "two_systems"}


def test_sessions_of_one_machine():
    """Two sessions on two devices; a device that got another name; a tablet that says it is a computer's browser."""
    rows = [use(1, 8, device_id="lt-1"), use(1, 9, "s2", device_id="lt-9")]
    assert answers(DETECTOR, rows) == {"lt-1": "clear", "lt-9": "clear"}
    rows = [use(1, 8, device_id="lt-1"), use(1, 9, device_id="lt-1"), use(2, 9, device_id="lt-1-new")]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}
    rows = [ROSTER, use(1, 8, device_id="lt-1", client_os="windows"), use(1, 9, client_os="ios")]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}
    failed = use(1, 9, client_os="linux", outcome="failure")
    assert answers(DETECTOR, [ROSTER, use(1, 8, client_os="windows"), failed]) == {"lt-1": "clear"}


def test_a_number_of_the_services_is_no_session():
    """One number on very many devices."""
    rows = [use(1, hour + n / 10, device_id=f"lt-{n}") for n in range(9) for hour in (8, 17)]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}


def test_without_sessions_there_is_no_data():
    """Sign-ins without a session number say nothing."""
    assert answers(DETECTOR, [ROSTER, sign_in("a1", PHOENIX, 1)]) == {"lt-1": "no data"}
