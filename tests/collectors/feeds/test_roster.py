"""The company's roster: columns by many names, persons as opaque ids, and no facts about persons."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.roster import COLUMNS
from farmwatch.records import RosterEntry
from tests.collectors.feeds.golden import account, check_golden, context, parsed, rows


def read(text, name="roster.csv", device=None):
    return parsed("roster", text.encode(), name, device)


def test_golden():
    """What the samples give, and nothing banned in it."""
    check_golden("roster")


def test_every_column_of_the_table_has_a_name():
    """What the table holds can be declared, under documented headers that mean one thing each."""
    assert set(COLUMNS) == set(RosterEntry.columns)
    names = [name for listed in COLUMNS.values() for name in listed]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "header", ["hostname,person,place", "Asset Tag;Holder-ID;CITY", "Computer\tAssigned to\tlocation"]
)
def test_headers_and_separators(header):
    """Case, blanks, dashes and the separator do not matter."""
    separator = next(mark for mark in ",;\t" if mark in header)
    (row,) = rows(read(f"{header}\nLT-1.corp.example{separator}P-1{separator}Lyon\n"), RosterEntry)
    assert (row["device_id"], row["person"], row["place"]) == ("lt-1", "P-1", "Lyon")


@pytest.mark.parametrize("person", ["Jane Doe", "jane@corp.example", "Doe", "Müller-Lüdenscheidt"])
def test_what_looks_like_a_name_is_hidden(person):
    """A space, an @ or no digit at all: hidden, equal for equal values, and counted."""
    stretches = read(f"device,person\nLT-1,{person}\nLT-2,{person.upper()}\nLT-3,P-1\n")
    found = [row["person"] for row in rows(stretches, RosterEntry)]
    assert found[0] == found[1] == context().hide(person)
    assert found[2] == "P-1"
    assert account(stretches)[2] == {"person (looked like a name)": 2}


def test_facts_about_persons_and_unknown_columns_are_left_behind():
    """Banned columns are counted by name, others without, for a header may be a row that slipped up."""
    stretches = read("device,person,Nationality,keyboard_layout,Jane Doe\nLT-1,P-1,X,Y,Z\n")
    assert account(stretches)[2] == {"nationality": 1, "keyboardlayout": 1, "column not known": 1}


def test_accounts_are_hidden_one_by_one():
    """Several accounts of a person are each hidden; one hidden before stays as it is."""
    (row,) = rows(read('device,accounts\nLT-1,"jdoe; jdoe@corp.example 0123456789abcdef"\n'), RosterEntry)
    assert row["accounts"].split(",") == [
        context().hide("jdoe"),
        context().hide("jdoe@corp.example"),
        "0123456789abcdef",
    ]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("country", "Germany", "place_country is not two letters"),
        ("latitude", "91", "latitude is not degrees between -90 and 90"),
        ("longitude", "east", "longitude is not degrees between -180 and 180"),
        ("max_rtt_ms", "0", "max_rtt_ms is not milliseconds above 0"),
        ("issued", "01.02.2026", "issued is not an ISO 8601 date"),
        ("accommodation", "maybe", "accommodation is not yes or no"),
        ("travel", "in May", "travel is not FROM/TO PLACE with ISO 8601 dates"),
        ("tools", "<b>", "approved_tools is not ids of tools"),
        ("from", "soon", "roster.ts is missing or unreadable"),
        ("person", "", None),
    ],
)
def test_values(column, value, reason):
    """What cannot be understood is rejected with its column, never half taken; blank is not declared."""
    stretches = read(f"device,site,{column}\nLT-1,HQ,{value}\nLT-2,HQ,\n")
    rejects, _, _ = account(stretches)
    assert [why for why, _ in rejects] == ([reason] if reason else [])
    assert len(rows(stretches, RosterEntry)) == (1 if reason else 2)


def test_what_holds_from_now_on():
    """Without a date of its own an entry holds from when it came; with one, from then."""
    now, then = rows(read("device,person,from\nLT-1,P-1,\nLT-2,P-2,2026-08-01\n"), RosterEntry)
    assert now["ts"] == context().received
    assert then["ts"].isoformat() == "2026-08-01T00:00:00+00:00"


def test_own_rows_are_as_private():
    """Rows of the table itself, as JSON, have their persons looked at too."""
    row = {"device_id": "LT-1", "ts": "2026-10-01T00:00:00Z", "person": "Jane Doe", "place": "Lyon"}
    (found,) = rows(read(json.dumps(row), "roster.ndjson"), RosterEntry)
    assert found["person"] == context().hide("Jane Doe")


def test_a_roster_without_devices_needs_one_named():
    """A list without a device column is of the device that was named, else of none."""
    assert account(read("person,place\nP-1,Lyon\n"))[0] == [("no device column, and no device named", 1)]
    assert rows(read("person,place\nP-1,Lyon\n", device="LT-9"), RosterEntry)[0]["device_id"] == "LT-9"
