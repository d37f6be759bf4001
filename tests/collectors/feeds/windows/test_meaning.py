"""Windows events sorted by what they are."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.windows.meaning import EVENT_TABLES, MEANINGS
from tests import windows_log
from tests.collectors.feeds.golden import account, parsed, rows

KIND = "windows-events"


def dumped(number, provider="Microsoft-Windows-Kernel-Power", **system):
    return {"Event": {"System": {
        "Provider": {"#attributes": {"Name": provider}}, "EventID": number, "Channel": "System", "Computer": "LT-1",
        "TimeCreated": {"#attributes": {"SystemTime": "2026-10-05T08:00:00Z"}}, "EventRecordID": 1, **system,
    }}}  # fmt: skip


def told(*documents):
    return parsed(KIND, "".join(json.dumps(one) + "\n" for one in documents).encode())


@pytest.mark.parametrize(
    "number",
    [107, "107", {"#text": 107, "#attributes": {"Qualifiers": 0}}, {"Value": 107}, "0x6b", 107 + (16384 << 16)],
)
def test_event_numbers_in_every_spelling(number):
    """As a number, a text, an object; of the old interface only the low half is the number."""
    (row,) = rows(told(dumped(number)))
    assert (row["event"], row["table"]) == ("wake", "power")


@pytest.mark.parametrize("number", [None, "", "x", [], {}, [[]], {"a": {}}])
def test_events_without_a_number_are_rejected(number):
    """They say nothing that could be told."""
    assert account(told(dumped(number)))[0] == [("no event number", 1)]


@pytest.mark.parametrize("provider", [None, "", {}, [], {"x": []}])
def test_a_channel_stands_for_a_provider_that_is_missing(provider):
    """The Security log has one provider."""
    document = dumped(4800, provider, Channel="Security")
    assert [row["event"] for row in rows(told(document))] == ["locked"]


def test_other_events_are_counted_by_what_they_are_up_to_a_point():
    """A sender that makes up providers does not fill memory with them."""
    _, unneeded, _ = account(told(dumped(187), dumped(187), dumped(9, "Some Provider")))
    assert unneeded == {"Kernel-Power 187": 2, "Some Provider 9": 1}
    _, unneeded, _ = account(told(*(dumped(1, f"made up {number}") for number in range(1000))))
    assert (len(unneeded), unneeded["other events"]) == (301, 700)


def test_every_meaning_has_a_case():
    """The day in the logs has each event that means something, and the tables are those it fills."""
    named = {
        (provider.lower().removeprefix("microsoft-windows-").replace(" ", "-"), number)
        for (provider, _), number, _, _ in windows_log.CASES + windows_log.NAMED_ONLY
    }
    without = {("kernel-pnp", 401), ("kernel-pnp", 411), ("terminalservices-remoteconnectionmanager", 20503)}  # twins
    assert set(MEANINGS) - named == without
    data = windows_log.lines(windows_log.dump, windows_log.events())
    assert {record for one in parsed(KIND, data) for record in one.tables} == set(EVENT_TABLES)
