"""JigglerSoftware: by name, by injected motion, and where it is nothing."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.jiggler_software import JigglerSoftware
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent, Process, Software
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import declared, jiggle

DETECTOR = JigglerSoftware()


def process(name, device="lt-1", days=(1,)):
    return [Process(device_id=device, ts=at(day), event="running", name=name) for day in days]


@pytest.mark.parametrize("name", ["mousejiggler.exe", "caffeine64.exe", "powertoys.awake.exe", "amphetamine"])
def test_a_program_that_runs_on_most_days(name):
    """Three days of five are a habit, one is an accident."""
    assert answers(DETECTOR, process(name, days=(0, 1, 2))) == {"lt-1": "daily"}
    assert answers(DETECTOR, process(name)) == {"lt-1": "present"}


def test_one_day_and_one_device_are_no_plural():
    """The sentence for people."""
    (finding,) = judged(DETECTOR, process("caffeine64.exe")).hits["lt-1"]
    assert "was seen on 1 day; 1 device of the fleet has it" in finding.summary
    rows = process("caffeine64.exe", days=(0, 1)) + process("caffeine64.exe", "lt-2")
    assert "was seen on 2 days; 2 devices of the fleet have it" in judged(DETECTOR, rows).hits["lt-1"][0].summary


def test_installed_but_never_run():
    """Software in the list of programs says less."""
    rows = [Software(device_id="lt-1", ts=at(day), kind="program", name="Mouse Jiggler") for day in range(5)]
    assert answers(DETECTOR, rows) == {"lt-1": "present"}


def test_what_the_company_approved_or_has_is_nothing():
    """Approved by the profile, or on one device in ten."""
    rows = process("caffeine64.exe", days=(0, 1, 2))
    assert answers(DETECTOR, rows, profile=Profile(approved_tools=frozenset({"caffeine"}))) == {"lt-1": "clear"}
    many = [row for n in range(100) for row in process("caffeine64.exe" if n < 10 else "notes.exe", f"lt-{n}")]
    assert set(answers(DETECTOR, many).values()) == {"clear"}


def test_motion_of_no_hardware_to_a_clock():
    """Two hours of it are a hit, one is a macro; of a mouse it is another detector's."""
    shape = (60.0, 1, "other", "relative")
    assert answers(DETECTOR, [*process("notes.exe"), *jiggle("lt-1", 30, *shape, source="injected")]) == {
        "lt-1": "motion"
    }
    assert answers(DETECTOR, [*process("notes.exe"), *jiggle("lt-1", 12, *shape, source="injected")]) == {
        "lt-1": "clear"
    }
    assert answers(DETECTOR, [*process("notes.exe"), *jiggle("lt-1", 30, *shape)]) == {"lt-1": "clear"}


def test_an_arrangement_and_silence_are_no_data():
    """Neither is called clear."""
    rows = [*process("caffeine64.exe"), declared("lt-1", accommodation=True)]
    rows.append(PowerEvent(device_id="lt-2", ts=at(1), event="boot"))
    assert answers(DETECTOR, rows) == {"lt-1": "no data", "lt-2": "no data"}
