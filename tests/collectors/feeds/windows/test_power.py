"""Power and clock in Windows' logs."""

from __future__ import annotations

import pytest

from farmwatch.records import DeviceFact, PowerEvent
from tests import windows_log
from tests.collectors.feeds.golden import account, parsed, rows

KIND = "windows-events"


def told(*cases):
    return parsed(KIND, windows_log.lines(windows_log.dump, windows_log.events(cases)))


@pytest.mark.parametrize(
    ("number", "reason", "said", "lid"),
    [
        (506, "15", "lid", True), (507, "15", "lid", False), (507, "31", "keyboard", None), (507, "32", "mouse", None),
        (506, "12", "idle timeout", None), (507, "2", "remote connection", None), (507, "999", "reason 999", None),
        (507, "x", None, None),
    ],
)  # fmt: skip
def test_modern_standby(number, reason, said, lid):
    """Why a device went in or came out, and what that says of its lid."""
    (row,) = rows(told((windows_log.POWER, number, {"Reason": reason}, {})), PowerEvent)
    assert row["event"] == ("modern standby in" if number == 506 else "modern standby out")
    assert (row.get("reason"), row.get("lid_closed")) == (said, lid)


@pytest.mark.parametrize(
    ("mains", "left", "full", "percent"),
    [("true", "5", "10", 50.0), ("false", "10", "10", 100.0), ("true", "0", "0", None), ("true", "11", "10", None)],
)
def test_battery(mains, left, full, percent):
    """Charge as a share of what it holds; numbers that cannot be give none."""
    case = {"AcOnline": mains, "RemainingCapacity": left, "FullChargeCapacity": full}
    (row,) = rows(told((windows_log.POWER, 105, case, {})), PowerEvent)
    assert (row["on_mains"], row.get("battery_pct")) == (mains == "true", percent)


def test_a_source_that_is_neither_is_rejected():
    """Without mains or battery the event says nothing."""
    rejects, _, _ = account(told((windows_log.POWER, 105, {"AcOnline": "perhaps"}, {})))
    assert rejects == [("Kernel-Power 105: AcOnline is not true or false", 1)]


@pytest.mark.parametrize(("bias", "offset"), [("300", -300), ("-60", 60), ("0", 0), ("-345", 345)])
def test_the_clock_of_the_device_itself(bias, offset):
    """Bias is what is added to local time to get UTC: the opposite of the offset."""
    found = rows(
        told(
            ((windows_log.GENERAL[0], "System"), 1, {"TimeZoneBias": bias}, {}),
            (("EventLog", "System"), 6013, ["", "", "", "", "9", "60", f"{bias} Some Standard Time"], {}),
        ),
        DeviceFact,
    )
    assert [row["utc_offset_min"] for row in found] == [offset, offset]


def test_events_without_a_zone_are_not_needed():
    """Older systems do not say it."""
    _, unneeded, _ = account(told(
        ((windows_log.GENERAL[0], "System"), 1, {"NewTime": "x"}, {}),
        (("EventLog", "System"), 6013, ["9", "9000 minutes"], {}),
    ))  # fmt: skip
    assert unneeded == {"Kernel-General 1 without time zone": 1, "EventLog 6013 without time zone": 1}


def test_the_first_and_the_last_of_a_day():
    """Start with the version of the system, end, and an end without notice."""
    stretches = told(
        (windows_log.GENERAL, 12, {"MajorVersion": "10", "MinorVersion": "0", "BuildVersion": "22631"}, {}),
        (windows_log.GENERAL, 13, {}, {}), (windows_log.POWER, 41, {}, {}), (("EventLog", "System"), 6008, [], {}),
    )  # fmt: skip
    assert [row["event"] for row in rows(stretches, PowerEvent)] == ["boot", "shutdown", "dead", "dead"]
    assert rows(stretches, DeviceFact)[0]["os"] == "Windows 10.0.22631"
