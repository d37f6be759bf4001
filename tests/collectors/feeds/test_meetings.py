"""Meetings by Zoom and Teams."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.meetings import TeamsCallRecords, ZoomParticipants
from farmwatch.records import DeviceFact, MeetingUse, Sighting
from tests.collectors.feeds.golden import account, check_golden, parsed, read


def participant(**fields):
    return {"join_time": "2026-10-05T08:00:00Z", "leave_time": "2026-10-05T09:00:00Z", "ip_address": "203.0.113.5",
            "pc_name": "LT-7", "id": "u1", **fields}  # fmt: skip


def endpoint(name="LT-7", who="one@corp.example", **fields):
    return {"@odata.type": "#microsoft.graph.callRecords.participantEndpoint", "name": name,
            "associatedIdentity": {"userPrincipalName": who, "displayName": "One"}, **fields}  # fmt: skip


def session(caller, callee=None, network=None, trips=(), **fields):
    media = {"callerNetwork": network, "streams": [{"averageRoundTripTime": trip} for trip in trips]}
    return {"id": "s1", "modalities": ["audio"], "startDateTime": "2026-10-05T08:00:00Z", "caller": caller,
            "callee": callee, "segments": [{"media": [media]}], **fields}  # fmt: skip


def call(*sessions, **fields):
    return {
        "id": "c1",
        "modalities": ["audio"],
        "startDateTime": "2026-10-05T08:00:00Z",
        "sessions": list(sessions),
        **fields,
    }


@pytest.mark.parametrize("kind", ["zoom", "teams"])
def test_golden(kind):
    """The samples give what they gave."""
    check_golden(kind)


def test_a_meeting_is_named_beside_its_participants_or_in_each():
    """Zoom's answer does not say which meeting it is of."""
    beside = read("zoom", [{"meeting_id": "m1", "participants": [participant()]}], MeetingUse)
    within = read("zoom", [participant(meeting_id="m1")], MeetingUse)
    assert beside == within
    assert len(beside[0]["meeting_id"]) == 16
    assert "meeting_id" not in read("zoom", [participant()], MeetingUse)[0]


def test_latency_is_the_middle_of_what_was_measured():
    """Text with a unit; what has no number counts for nothing."""
    measured = [{"audio_input": {"latency": text}} for text in ("300 ms", "310 ms", "900 ms", "", "fast")]
    (row,) = read("zoom", [participant(user_qos=measured)], MeetingUse)
    assert row["latency_ms"] == 310.0


def test_a_device_named_after_somebody_is_none():
    """People call their computer after themselves."""
    (row,) = read("zoom", [participant(pc_name="Somebody's MacBook", user_name="Somebody")], MeetingUse)
    assert "device_id" not in row
    assert "somebody" not in str(row).lower()
    left = account(parsed("zoom", json.dumps(participant(pc_name="Somebody's MacBook", user_name="S")).encode()))[2]
    assert left == {"pc_name": 1, "user_name": 1}


def test_network_of_a_call():
    """Teams tells the address outside, the one inside, the access point and the link-layer address."""
    network = {"ipAddress": "192.168.1.9", "reflexiveIPAddress": "203.0.113.5", "macAddress": "f8-bc-12-00-00-05",
               "basicServiceSetIdentifier": "94-83-c4-00-00-02", "connectionType": "wifi"}  # fmt: skip
    data = [call(session(endpoint(), network=network))]
    seen = {(row["kind"], row["value"], row["medium"]) for row in read("teams", data, Sighting)}
    assert seen == {("public_ip", "203.0.113.5", "wireless"), ("local_ip", "192.168.1.9", "wireless"),
                    ("bssid", "94:83:c4:00:00:02", "wireless")}  # fmt: skip
    assert [row["macs"] for row in read("teams", data, DeviceFact)] == ["f8:bc:12:00:00:05"]
    assert [row["address"] for row in read("teams", data, MeetingUse)] == ["203.0.113.5"]


def test_a_stand_in_for_the_link_layer_address_is_none():
    """Systems that hide it from applications give all of them the same."""
    assert read("teams", [call(session(endpoint(), network={"macAddress": "02-00-00-00-00-00"}))], DeviceFact) == []


@pytest.mark.parametrize(
    ("trips", "expected"),
    [
        (["PT0.312S"], 312.0),
        (["PT0.1S", "PT0.3S", None], 200.0),
        (["PT1M1S"], 61_000.0),
        (["fast", "-PT1S", "PT"], None),
    ],
)
def test_round_trips(trips, expected):
    """Durations as ISO 8601 writes them."""
    (row,) = read("teams", [call(session(endpoint(), trips=trips))], MeetingUse)
    assert row.get("latency_ms") == (pytest.approx(expected) if expected else None)


def test_both_ends_of_a_call_between_two():
    """Each endpoint of a person is a row; those of the service are none."""
    rows = read("teams", [call(session(endpoint(), endpoint("LT-8", "two@corp.example")))], MeetingUse)
    assert [(row["device_id"], row["record_id"], row["participants"]) for row in rows] == [
        ("lt-7", "s1:caller", 2), ("lt-8", "s1:callee", 2),
    ]  # fmt: skip
    service = {"@odata.type": "#microsoft.graph.callRecords.serviceEndpoint"}
    assert len(read("teams", [call(session(endpoint(), service))], MeetingUse)) == 1


def test_the_identity_before_and_after_it_was_renamed():
    """Graph moved the account from ``identity`` to ``associatedIdentity``."""
    old = {"@odata.type": "#microsoft.graph.callRecords.participantEndpoint", "identity": {"user": {"id": "g1"}}}
    (row,) = read("teams", [call(session(old))], MeetingUse)
    (new,) = read("teams", [call(session({**old, "associatedIdentity": {"id": "G1"}}))], MeetingUse)
    assert row["account"] == new["account"]


@pytest.mark.parametrize(
    "document",
    [
        {"participants": [{"name": "x"}]},
        {"value": [{"id": "x"}]},
        {"id": "x", "startDateTime": "y", "modalities": []},
        {},
    ],
)
def test_others_are_not_taken_for_either(document):
    """Words that many use are not enough."""
    sample = Sample("x.json", json.dumps(document).encode(), (document,), ())
    assert not ZoomParticipants().recognises(sample)
    assert not TeamsCallRecords().recognises(sample)
