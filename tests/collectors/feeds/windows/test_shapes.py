"""The JSON forms of Windows events."""

from __future__ import annotations

import pytest

from farmwatch.collectors.feeds.windows.shapes import event_of

SYSTEM = {"Provider": {"Name": "P"}, "EventID": {"Value": 5}, "TimeCreated": {"SystemTime": 1791187200.5},
          "Channel": "C", "Computer": "LT-1", "EventRecordID": 9}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"EventData": {"a": "b"}}, {"a": "b"}),
        ({"EventData": {"Data": {"#text": ["x", "y"]}}}, ["x", "y"]),
        ({"EventData": {"Data": ["x", "y"]}}, ["x", "y"]),
        ({"EventData": {"Data": "x"}}, ["x"]),
        ({"EventData": None, "UserData": {"EventXML": {"Param1": "p"}}}, {"Param1": "p"}),
        ({"UserData": {"Param1": "p"}}, {"Param1": "p"}),
        ({"EventData": "x"}, {}),
        ({}, {}),
    ],
)
def test_data_of_every_kind(data, values):
    """By name, in order, one alone, inside another element, none."""
    assert event_of({"System": SYSTEM, **data}).data == values
    assert event_of({"Event": {"System": SYSTEM, **data}}).data == values


@pytest.mark.parametrize(
    "system",
    [
        {"Provider": {"#attributes": {"Name": "P"}}, "TimeCreated": {"#attributes": {"SystemTime": "t"}}},
        {"Provider": {"Name": "P"}, "TimeCreated": {"SystemTime": "t"}},
        {"Provider_attributes": {"Name": "P"}, "TimeCreated_attributes": {"SystemTime": "t"}},
        {"Provider": {"EventSourceName": "P"}, "TimeCreated": {"SystemTime": "t"}},
    ],
)
def test_attributes_in_every_spelling(system):
    """In an object of their own, beside the text, apart."""
    event = event_of({"Event": {"System": system}})
    assert (event.provider, event.time) == ("P", "t")


def test_winlogbeat_before_version_7():
    """Its fields stand at the top."""
    event = event_of({"source_name": "P", "log_name": "C", "event_id": 5, "record_number": "9", "computer_name": "A",
                      "@timestamp": "t", "event_data": {"a": "b"}})  # fmt: skip
    assert event[:6] == ("P", "C", 5, "9", "A", "t")
    assert event.data == {"a": "b"}


def test_fluent_bits_older_input():
    """Values in order, names of their own."""
    event = event_of({"SourceName": "P", "Channel": "C", "EventID": 5, "RecordNumber": 9, "ComputerName": "A",
                      "TimeGenerated": "2026-10-05 10:00:00 +0200", "StringInserts": ["x"]})  # fmt: skip
    assert event[:6] == ("P", "C", 5, 9, "A", "2026-10-05 10:00:00 +0200")
    assert event.data == ["x"]


@pytest.mark.parametrize(
    ("given", "time"),
    [("/Date(1)/", "/Date(1)/"), ({"value": "/Date(1)/", "DateTime": "x"}, "/Date(1)/"), ({"DateTime": "x"}, "x")],
)
def test_powershells_times(given, time):
    """Plain, or in an object with how they are shown."""
    document = {"Id": 5, "ProviderName": "P", "LogName": "C", "TimeCreated": given, "Properties": [{"Value": 1}, "y"]}
    event = event_of(document)
    assert (event.time, event.data) == (time, [1, "y"])


@pytest.mark.parametrize(
    "document",
    [
        {}, {"winlog": None}, {"ProviderName": "P", "EventID": 4624, "Channel": "Security"},
        {"Event": []}, {"System": 5}, {"EventID": 5}, {"Id": 1, "ProviderName": "P"},
        {"Id": 1, "ProviderName": "P", "Properties": {}}, {"Id": 1, "ProviderName": "P", "Properties": 5},
        {"Id": 1, "ProviderName": "P", "Properties": ["System.Diagnostics.Eventing.Reader.EventProperty"]},
        {"_source": []}, {"message": "<Event>"}, {"Event": "text"},
    ],
)  # fmt: skip
def test_what_is_no_event(document):
    """Nothing is guessed, and nothing breaks."""
    assert event_of(document) is None
