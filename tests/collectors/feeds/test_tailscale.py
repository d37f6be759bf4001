"""Tailscale's three records."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.tailscale import Tailscale
from farmwatch.records import DeviceFact, Sighting, SignIn, Socket
from tests.collectors.feeds.golden import account, check_golden, parsed, read

KIND = "tailscale"


def device(**fields):
    return {
        "hostname": "LT-7",
        "nodeId": "n7",
        "addresses": ["100.64.0.7"],
        "lastSeen": "2026-10-05T08:00:00Z",
        **fields,
    }


def flow(**fields):
    return {"nodeId": "n7", "start": "2026-10-05T08:00:00Z", "virtualTraffic": [], **fields}


def audit(action, kind="NODE", **fields):
    return {"eventTime": "2026-10-05T08:00:00Z", "action": action, "actor": {"loginName": "one@corp.example"},
            "target": {"name": "lt-7.tail0.ts.net", "type": kind}, **fields}  # fmt: skip


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


def test_wrapped_streamed_and_bare_are_the_same():
    """The API's answer, streaming's wrapper, and the record alone."""
    one = flow(virtualTraffic=[{"proto": 6, "src": "100.64.0.7:3389", "dst": "100.64.0.9:50111"}])
    forms = [json.dumps({"logs": [one]}), json.dumps({"event": one}), json.dumps(one), json.dumps([one], indent=1)]
    found = [read(KIND, form, Socket) for form in forms]
    assert all(rows == found[0] and len(rows) == 1 for rows in found)
    assert (found[0][0]["local_p"], found[0][0]["remote_h"]) == (3389, "100.64.0.9")


def test_where_a_device_found_itself():
    """Endpoints of the client are public addresses and those at home."""
    data = [
        device(clientConnectivity={"endpoints": ["203.0.113.5:41641", "[2001:db8::5]:1", "10.0.0.5:41641", "x", None]})
    ]
    seen = {(row["kind"], row["value"]) for row in read(KIND, data, Sighting)}
    assert seen == {("public_ip", "203.0.113.5"), ("public_ip", "2001:db8::5"), ("local_ip", "10.0.0.5")}


def test_number_and_name_are_one_device():
    """Flows may come by the number, the list has both."""
    facts = read(KIND, [device(addresses=["100.64.0.7", "nonsense", "fd7a::7"])], DeviceFact)
    assert [row["addresses"] for row in facts if "addresses" in row] == ["100.64.0.7,fd7a::7"]
    assert {(row["device_id"], row["host_name"]) for row in facts} == {("lt-7", "lt-7"), ("n7", "lt-7")}


def test_the_address_of_a_peer_and_its_relay():
    """Physical traffic tells where a peer is; 127.3.3.40 is a relay."""
    traffic = [{"src": "100.64.0.9:0", "dst": "198.51.100.7:41641"}, {"src": "100.64.0.8:0", "dst": "127.3.3.40:12"}]
    direct, relayed = read(KIND, [flow(physicalTraffic=traffic)], Socket)
    assert (direct["remote_h"], direct["remote_p"], direct["proto"]) == ("198.51.100.7", 41641, "udp")
    assert relayed["remote_name"] == "derp-12"
    assert "remote_h" not in relayed


@pytest.mark.parametrize(
    "entry", [None, [], 5, "x", {"src": 5}, {"proto": "6", "dst": ["x"]}, {"dst": "1.2.3.4:99999999"}]
)
def test_odd_traffic(entry):
    """Whatever stands in the list: a row without what could not be read, or none."""
    stretches = parsed(KIND, json.dumps(flow(virtualTraffic=[entry])).encode())
    assert sum(one.records for one in stretches) == 1


def test_sign_ins():
    """Logins, and devices that come into the network; other changes are counted."""
    data = [
        audit("LOGIN", "USER"),
        audit("CREATE"),
        audit("LOGOUT", "USER"),
        audit("UPDATE", "TAILNET"),
        audit("LOGIN", error="x"),
    ]
    rows = read(KIND, data, SignIn)
    assert [(row["event"], row.get("device_id"), row["outcome"]) for row in rows] == [
        ("sign-in", None, "success"), ("sign-in", "lt-7", "success"), ("session", None, "success"),
        ("sign-in", "lt-7", "failure"),
    ]  # fmt: skip
    stretches = parsed(KIND, "".join(json.dumps(one) + "\n" for one in data).encode())
    assert account(stretches)[1] == {"audit event UPDATE TAILNET": 1}


def test_names_of_people_are_left_behind():
    """The owner of a device and the display name of an actor."""
    data = [
        device(user="a@x"),
        audit("LOGIN", actor={"loginName": "a@x", "displayName": "A"}),
        flow(srcNode={"user": "a@x"}),
    ]
    left = account(parsed(KIND, "".join(json.dumps(one) + "\n" for one in data).encode()))[2]
    assert left == {"user": 1, "actor.displayName": 1, "srcNode.user": 1}


@pytest.mark.parametrize(
    "document", [{"logs": []}, {"nodeId": "x"}, {"event": {"action": "x"}}, {"devices": [{"name": "x"}]}]
)
def test_others_are_not_taken_for_it(document):
    """Words that many use are not enough."""
    assert not Tailscale().recognises(Sample("x", json.dumps(document).encode(), (document,), ()))
