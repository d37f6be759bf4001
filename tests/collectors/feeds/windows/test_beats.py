"""Winlogbeat's documents in columns give what they give one by one."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds import windows_events
from farmwatch.collectors.feeds.windows import beats
from tests import windows_log
from tests.collectors.feeds.golden import account, parsed, rows

KIND = "windows-events"


def documents():
    return [windows_log.winlogbeat(event) for event in windows_log.events()]


def lines(listed):
    return "".join(json.dumps(one) + "\n" for one in listed).encode()


def in_columns(data, monkeypatch):
    """What the columns give, and how often a stretch was taken so."""
    taken, real = [], beats.beats_of

    def noting(block, last=0):
        found = real(block, last)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(windows_events, "beats_of", noting)
    return parsed(KIND, data), taken


def one_by_one(data, monkeypatch):
    monkeypatch.setattr(windows_events, "beats_of", lambda _block, _last=0: None)
    return parsed(KIND, data)


def text(event):
    event["winlog"]["event_id"] = int(event["winlog"]["event_id"])
    event["winlog"]["record_id"] = str(event["winlog"]["record_id"])
    return event


def moved(event):
    del event["winlog"]["event_id"]
    del event["winlog"]["provider_name"]
    return event


def bare(event):
    for name in ("host", "message", "event"):
        del event[name]
    return event


def owned(event):
    return {**event, "user": {"name": "x"}, "related": {"user": ["x"]}}


@pytest.mark.parametrize("change", [dict, text, moved, bare, owned], ids=lambda change: change.__name__)
def test_columns_give_what_documents_give(change, monkeypatch):
    """Every event that means something, as versions 7 and 8 spell their numbers; rows and the whole account agree."""
    data = lines([change(document) for document in documents()])
    columns, taken = in_columns(data, monkeypatch)
    single = one_by_one(data, monkeypatch)
    assert all(taken)
    assert sorted(map(repr, rows(columns))) == sorted(map(repr, rows(single)))
    assert account(columns) == account(single)


@pytest.mark.parametrize(
    "other",
    [
        '{"something": "else"}', '{"winlog": null}', "not JSON", "null",
        '{"winlog": {"event_id": "1"}, "source": {"ip": "1"}}',
        '{"winlog": {"event_id": [1]}}', '{"winlog": "x"}', '{"winlog": {"event_id": "\\ud800"}}',
        '{"winlog": {"channel": "System"}}',
    ],
)  # fmt: skip
def test_a_stretch_with_anything_else_in_it_is_read_one_by_one(other, monkeypatch):
    """So a document of another form costs speed and nothing more."""
    data = lines(documents()[:5]) + other.encode() + b"\n" + lines(documents()[5:])
    columns, taken = in_columns(data, monkeypatch)
    assert not any(taken)
    assert account(columns) == account(one_by_one(data, monkeypatch))
    assert len(rows(columns)) >= len(documents()) - 12


def test_every_value_that_is_read_is_parsed():
    """A value that a meaning asks for and the columns do not have would be an error, not silence."""
    with pytest.raises(KeyError):
        beats.Beats.value(object.__new__(beats.Beats), "Nonsense", None)
