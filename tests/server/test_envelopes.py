"""Records taken out of what shippers wrap them in."""

from __future__ import annotations

import json

import pytest

from farmwatch.server.envelopes import Wrapped, sort_out

USB = {"table": "usb_devices", "device_id": "lt-1", "ts": "2026-11-01T12:00:00Z", "event": "present"}
POWER = {"table": "power", "device_id": "lt-1", "ts": "2026-11-01T12:00:00Z", "event": "wake"}


def documents(batch):
    return [json.loads(line) for line in batch.body.splitlines()]


@pytest.mark.parametrize(
    "content",
    [
        USB,
        json.dumps(USB),
        {"message": json.dumps(USB), "host": {"name": "x"}, "@timestamp": "2026-11-01T12:00:01Z"},
        {"json": USB, "agent": {"type": "filebeat"}},
        {"event": {"original": json.dumps(USB)}, "log": {"offset": 7}},
        {"log": json.dumps(USB), "date": 1793534400.5},
    ],
    ids=["bare", "text", "message", "json", "original", "fluent bit"],
)
def test_the_record_is_found_inside(content):
    """Whatever the shipper put around it."""
    batches, unknown = sort_out([Wrapped(content, number=1)])
    assert not unknown
    assert [batch.kind for batch in batches] == ["usb_devices"]
    assert documents(batches[0]) == [USB]


def test_records_are_sorted_by_feed_and_device():
    """One request may hold several kinds; numbers say which record was which."""
    wrapped = [Wrapped(USB, host="a", number=1), Wrapped(POWER, host="a", number=2), Wrapped(USB, host="b", number=3)]
    batches, _ = sort_out(wrapped)
    assert [(batch.kind, batch.device_id, batch.numbers) for batch in batches] == [
        ("usb_devices", "a", [1]), ("power", "a", [2]), ("usb_devices", "b", [3]),
    ]  # fmt: skip


def test_a_host_is_called_as_feeds_call_it():
    """Lower case and without its domain, so that what shippers say meets what records say."""
    [batch], _ = sort_out([Wrapped(USB, host="ACME-LT-1.corp.example", number=1), Wrapped(USB, host="acme-lt-1")])
    assert batch.device_id == "acme-lt-1"


@pytest.mark.parametrize("hint", ["power", "farmwatch:power", "farmwatch-power-2026.11.23", " POWER "])
def test_a_named_kind_goes_before_content(hint):
    """Source type, index or attribute."""
    batches, _ = sort_out([Wrapped({"device_id": "a"}, hint=hint)])
    assert batches[0].kind == "power"


def test_a_token_for_one_kind_needs_no_telling():
    """A sender that may send one thing sends that."""
    batches, _ = sort_out([Wrapped("some line", hint="main")], only="teamviewer")
    assert batches[0].kind == "teamviewer"
    assert batches[0].body == b"some line\n"


@pytest.mark.parametrize("content", ['{"a": 1} x', '{"a":', "[1", "[]", "[1]", "a,b", "", 7, None, "[" * 100_000])
def test_what_is_no_document_does_not_reach_the_feed(content):
    """A feed told by its first bytes what its input is would take the neighbours for something else."""
    [batch], faulty = sort_out([Wrapped(content, "power", number=1), Wrapped(POWER, "power", number=2)])
    assert documents(batch) == [POWER]
    assert [(one.number, bool(one.fault)) for one in faulty] == [(1, True)]


def test_an_array_as_text_is_its_records():
    """Each with the number of the record it came in."""
    [batch], _ = sort_out([Wrapped(json.dumps([POWER, POWER]), "power", number=5)])
    assert documents(batch) == [POWER, POWER]
    assert batch.numbers == [5, 5]


@pytest.mark.parametrize("content", [{"a": 1}, "hello", 7, None, [USB], {"message": "hello"}, {"message": '{"a":'}])
def test_what_nobody_recognises_is_handed_back(content):
    """Never left out in silence."""
    batches, unknown = sort_out([Wrapped(content, number=4)])
    assert not batches
    assert [one.number for one in unknown] == [4]


def test_many_shapes_use_bounded_memory():
    """A sender that makes up field names costs time, not memory."""
    wrapped = [Wrapped({f"field{number}": 1}, number=number) for number in range(20_000)]
    _, unknown = sort_out(wrapped)
    assert len(unknown) == 20_000
