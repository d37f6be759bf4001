"""Zscaler's tunnels."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.zpa import ZscalerPrivateAccess
from farmwatch.records import DeviceFact, Sighting, SignIn
from tests.collectors.feeds.golden import account, check_golden, parsed, read

KIND = "zscaler-zpa"


def status(**fields):
    return {
        "LogTimestamp": "Mon Oct  5 08:00:20 2026", "Username": "one@corp.example", "SessionID": "s",
        "SessionStatus": "ZPN_STATUS_AUTHENTICATED", "PublicIP": "203.0.113.5", "Hostname": "LT-7",
        "TimestampAuthentication": "2026-10-05T08:00:10.000Z", **fields,
    }  # fmt: skip


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


def test_a_tunnel_begins_once():
    """A status is repeated while the tunnel stands."""
    times = ("Mon Oct  5 08:00:20 2026", "Mon Oct  5 08:30:20 2026")
    rows = read(
        KIND, [*(status(LogTimestamp=one) for one in times), status(SessionStatus="ZPN_STATUS_DISCONNECTED")], SignIn
    )
    assert [row["event"] for row in rows] == ["tunnel up", "heartbeat", "tunnel down"]


def test_postures_as_text_or_list_change_nothing():
    """One customer's template gives a list, another's text."""
    rows = read(KIND, [status(PosturesHit="a,b"), status(PosturesHit=["a", "b"])], SignIn)
    assert rows[0] == rows[1]


def test_places_as_number_or_text():
    """Latitudes are numbers, or text."""
    rows = read(KIND, [status(Latitude=39.8), status(Latitude="39.8"), status(Latitude="north")], SignIn)
    assert [row.get("latitude") for row in rows] == [39.8, 39.8, None]


def test_where_the_device_was():
    """The address outside and the one inside the house."""
    seen = read(KIND, [status(PrivateIP="192.168.1.9")], Sighting)
    assert {(row["kind"], row["value"]) for row in seen} == {("public_ip", "203.0.113.5"), ("local_ip", "192.168.1.9")}
    assert read(KIND, [status(Hostname="", PrivateIP="192.168.1.9")], Sighting) == []
    assert len(read(KIND, [status(), status()], DeviceFact)) == 1


def test_attributes_of_the_person_are_left_behind():
    """SAML attributes carry names and e-mail addresses."""
    stretches = parsed(KIND, json.dumps(status(SAMLAttributes="myname:x")).encode())
    assert account(stretches)[2] == {"SAMLAttributes": 1}


def test_zscalers_own_sessions_are_counted():
    """Anchors and connectors are no devices of the company."""
    data = [status(ClientType="zpn_client_type_ip_anchoring"), status(Username="ZPA LSS Client")]
    stretches = parsed(KIND, "".join(json.dumps(one) + "\n" for one in data).encode())
    assert account(stretches)[1] == {"session of Zscaler's own": 2}


@pytest.mark.parametrize("document", [{"LogTimestamp": "x", "Username": "y"}, {"SessionStatus": "x", "Username": "y"}])
def test_others_are_not_taken_for_it(document):
    """Single names are not enough."""
    assert not ZscalerPrivateAccess().recognises(Sample("x", b"", (document,), ()))
