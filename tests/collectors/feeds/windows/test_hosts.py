"""What an agent says of its own machine."""

from __future__ import annotations

from datetime import UTC, datetime

from farmwatch.records import DeviceFact
from tests import windows_log
from tests.collectors.feeds.golden import read

KIND = "windows-events"


def documents(count=3):
    return [windows_log.winlogbeat(event) for event in windows_log.events(windows_log.CASES[:1] * count)]


def test_a_description_is_told_once():
    """With the time of the first event, down to the hour, so that the next stretch tells the same."""
    (row,) = read(KIND, documents(), DeviceFact)
    assert row["ts"] == datetime(2026, 10, 5, 8, tzinfo=UTC)
    assert (row["device_id"], row["os"], row["macs"]) == (
        "lt-014",
        "Windows 10 Pro 10.0 19045.3803",
        "02:00:5e:10:00:14",
    )
    assert "record_id" not in row


def test_a_change_is_told():
    """A new address is another description."""
    first, second, third = documents()
    second["host"]["ip"] = ["198.51.100.7"]
    assert [row["addresses"] for row in read(KIND, [first, second, third], DeviceFact)] == [
        "192.0.2.14,fe80::1", "198.51.100.7",
    ]  # fmt: skip


def test_a_host_that_says_little():
    """Senders without metadata send a name only: that is no description."""
    (document,) = documents(1)
    document["host"] = {"name": "lt-014"}
    assert not read(KIND, [document], DeviceFact)
    document["host"] = "lt-014"
    assert not read(KIND, [document], DeviceFact)
