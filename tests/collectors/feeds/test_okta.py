"""The System Log of Okta."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.okta import OktaSystemLog
from farmwatch.records import DeviceFact, SignIn
from tests.collectors.feeds.golden import account, check_golden, parsed, read

KIND = "okta"


def event(kind="user.session.start", **fields):
    return {
        "uuid": "u", "published": "2026-10-05T08:00:00.000Z", "eventType": kind,
        "actor": {"id": "00u1", "type": "User", "alternateId": "one@corp.example"},
        "client": {"ipAddress": "203.0.113.5"}, "outcome": {"result": "SUCCESS"}, **fields,
    }  # fmt: skip


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("user.session.start", "sign-in"), ("user.session.end", "session"), ("user.authentication.sso", "sign-in"),
        ("user.authentication.auth_via_mfa", "factor"), ("user.mfa.factor.activate", "factor"),
        ("policy.evaluate_sign_on", "policy"),
    ],
)  # fmt: skip
def test_events(kind, word):
    """What happened, in our words."""
    assert [row["event"] for row in read(KIND, [event(kind)], SignIn)] == [word]


def test_other_events_are_counted_by_what_they_are():
    """A log of administration is not needed, and does not vanish."""
    data = "".join(json.dumps(event(kind)) + "\n" for kind in ("group.create", "group.create", "app.x"))
    assert account(parsed(KIND, data.encode()))[1] == {"event group.create": 2, "event app.x": 1}


def test_a_security_context_of_nulls_says_nothing():
    """No value is not *no proxy*."""
    null = {"asNumber": None, "asOrg": None, "isp": None, "domain": None, "isProxy": None}
    (row,) = read(KIND, [event(securityContext=null)], SignIn)
    assert not {"asn", "as_org", "is_proxy"} & row.keys()


def test_addresses_before_a_proxy():
    """The chain is kept where it holds more than the client's own address."""
    chains = [[], ["203.0.113.5"], ["203.0.113.5", "198.51.100.4"], ["nonsense", None]]
    data = [event(uuid=str(n), request={"ipChain": [{"ip": ip} for ip in chain]}) for n, chain in enumerate(chains)]
    rows = read(KIND, [*data, event(uuid="9", request=None)], SignIn)
    assert [row.get("address_chain") for row in rows] == [None, None, "203.0.113.5,198.51.100.4", None, None]


def test_equal_fingerprints_stay_equal_and_cannot_be_read():
    """One device token under two accounts is what is looked for."""
    data = [
        event(uuid=str(n), actor={"alternateId": who}, debugContext={"debugData": {"dtHash": token}})
        for n, (who, token) in enumerate([("a@x", "t1"), ("b@x", "t1"), ("a@x", "t2")])
    ]
    rows = read(KIND, data, SignIn)
    assert rows[0]["device_token"] == rows[1]["device_token"] != rows[2]["device_token"]
    assert rows[0]["account"] == rows[2]["account"] != rows[1]["account"]
    assert "t1" not in str([row["device_token"] for row in rows])


def test_a_device_named_after_somebody_goes_by_its_number():
    """What people call their phone is no host name."""
    called = {"id": "guo1", "name": "Somebody's iPhone", "managed": False, "os_platform": "IOS"}
    stretches = parsed(KIND, json.dumps(event(device=called)).encode())
    assert account(stretches)[2] == {"device.name": 1}
    (fact,) = read(KIND, [event(device=called)], DeviceFact)
    assert (fact["device_id"], fact.get("host_name"), fact["managed"]) == ("guo1", None, False)


def test_numbers_as_text():
    """A number in quotes is the same number."""
    (row,) = read(KIND, [event(securityContext={"asNumber": "64500", "isProxy": "true"})], SignIn)
    assert (row["asn"], row["is_proxy"]) == (64500, True)


def test_unknown_actors_are_nobody():
    """Okta writes *unknown* where a name was mistyped; those are not one account."""
    (row,) = read(KIND, [event(actor={"alternateId": "unknown"})], SignIn)
    assert "account" not in row


def test_others_are_not_taken_for_it():
    """An eventType alone is not Okta's."""
    document = {"eventType": "x", "published": "y"}
    assert not OktaSystemLog().recognises(Sample("x.json", b"", (document,), ()))
