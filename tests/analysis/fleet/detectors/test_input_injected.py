"""InputInjected: by counts, by programs, remappers, arrangements, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.input_injected import InputInjected
from farmwatch.analysis.profile import Profile
from farmwatch.records import InputHook, PowerEvent, Process
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import BUILT_IN, declared, workdays

DETECTOR = InputInjected()
TYPED = {"presses": 60, "clicks": 5, "clumped_presses": 0, "stalls": 0}


def test_software_alone_for_days():
    """Five days of it are a hit, and more if the keys come in clumps after pauses."""
    rows = workdays("lt-1", "injected", count=4, **TYPED)
    rows += workdays("lt-2", "injected", count=4, **TYPED | {"clumped_presses": 5, "stalls": 2})
    assert answers(DETECTOR, rows) == {"lt-1": "alone", "lt-2": "in_clumps"}


def test_clumps_where_reports_were_lost_say_nothing():
    """What the system dropped makes gaps and clumps of its own."""
    rows = workdays("lt-1", "injected", count=4, **TYPED | {"clumped_presses": 5, "stalls": 2, "lost_reports": 3})
    assert answers(DETECTOR, rows) == {"lt-1": "alone"}


def test_macros_beside_a_keyboard_in_use_are_not():
    """The same days have keys of the laptop's own keyboard."""
    rows = workdays("lt-1", "injected", count=4, **TYPED) + workdays("lt-1", BUILT_IN, count=4, presses=40)
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_two_days_of_support_weigh_little():
    """On the other days somebody typed on it."""
    rows = workdays("lt-1", "injected", days=2, count=6, **TYPED)
    rows += [row for row in workdays("lt-1", BUILT_IN, days=5, count=6, presses=40) if row.ts >= at(2)]
    assert answers(DETECTOR, rows) == {"lt-1": "some_days"}


def test_a_remapper_makes_all_keys_injected():
    """So nothing can be said, which is not the same as clear."""
    rows = workdays("lt-1", "injected", count=4, **TYPED)
    rows.append(Process(device_id="lt-1", ts=at(-9), event="running", name="keyd"))
    assert answers(DETECTOR, rows) == {"lt-1": "no data"}


def test_an_arrangement_explains_it():
    """Dictation types all day."""
    rows = [*workdays("lt-1", "injected", count=4, **TYPED), declared("lt-1", accommodation=True)]
    assert answers(DETECTOR, rows) == {"lt-1": "no data"}


def hook(device, process, **values):
    return InputHook(device_id=device, process=process, **{"ts": at(1), "kind": "injects", "enabled": True} | values)


def test_programs_that_make_input():
    """A remote tool, an unknown one; not accessibility, listeners, what is switched off or hardly used."""
    rows = [
        hook("lt-1", "anydesk.exe"),
        hook("lt-2", "zzz.exe", kind="both", events=5000),
        hook("lt-3", "nvda.exe"),
        hook("lt-4", "zzz.exe", kind="tap"),
        hook("lt-5", "zzz.exe", enabled=False),
        hook("lt-6", "zzz.exe", events=3),
    ]
    assert answers(DETECTOR, rows) == {
        "lt-1": "remote_tool", "lt-2": "program", "lt-3": "clear", "lt-4": "clear", "lt-5": "clear", "lt-6": "clear",
    }  # fmt: skip


def test_a_meetings_client_that_makes_input_day_after_day_is_controlled():
    """Twice, a colleague took over."""
    rows = [hook("lt-1", "Zoom.exe", ts=at(day)) for day in range(3)]
    rows += [hook("lt-2", "zoom.exe", ts=at(day)) for day in (1, 1.2, 2)]
    assert answers(DETECTOR, rows) == {"lt-1": "meeting", "lt-2": "meeting_once"}
    finding = judged(DETECTOR, rows).hits["lt-1"][0]
    assert "on 3 days, and is part of the meeting client zoom" in finding.summary
    assert finding.group == "hand"


def test_approved_and_common_programs_are_nothing():
    """Approved for all or for one device, and what a tenth of the fleet has."""
    approved = Profile(approved_tools=frozenset({"anydesk"}))
    assert answers(DETECTOR, [hook("lt-1", "anydesk.exe")], profile=approved) == {"lt-1": "clear"}
    rows = [hook("lt-1", "anydesk.exe"), declared("lt-1", approved_tools="anydesk")]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}
    many = [hook(f"lt-{n}", "zzz.exe" if n < 10 else "nvda.exe") for n in range(60)]
    assert set(answers(DETECTOR, many).values()) == {"clear"}


def test_no_data_and_the_proof():
    """Without either table there is nothing to see; a hit counts its windows."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-1", ts=at(1), event="boot")]) == {"lt-1": "no data"}
    (finding,) = judged(DETECTOR, workdays("lt-1", "injected", count=4, **TYPED)).hits["lt-1"]
    assert finding.telling[0].count == 20
    assert "1,300 keys and clicks" in finding.summary
