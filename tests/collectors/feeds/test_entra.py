"""Sign-ins of Entra ID in the three forms it gives them out."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.entra import EntraSignIns, entra_outcome
from farmwatch.records import DeviceFact, Sighting, SignIn
from tests.collectors.feeds.golden import account, check_golden, parsed, read

KIND = "entra-signin"


def sign_in(**fields):
    return {
        "id": "a", "createdDateTime": "2026-10-05T08:00:00Z", "appId": "x", "ipAddress": "203.0.113.5",
        "userPrincipalName": "one@corp.example", "status": {"errorCode": 0}, **fields,
    }  # fmt: skip


def monitor(properties, category="SignInLogs", **fields):
    return {"time": "2026-10-05T09:00:00Z", "category": category, "properties": properties, **fields}


def device(number, **fields):
    return {"deviceId": number, "operatingSystem": "Windows 11", "browser": "Edge 140", **fields}


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


def test_every_form_gives_the_same_sign_in():
    """Monitor's envelope, Graph's answer, Monitor's batch and an array are spellings of one thing."""
    one = sign_in(deviceDetail=device("D1", displayName="LT-7.corp.example", isManaged=True))
    forms = [
        json.dumps(monitor(one)), json.dumps({"value": [one]}), json.dumps({"records": [monitor(one)]}),
        json.dumps([one], indent=2), json.dumps(one),
    ]  # fmt: skip
    found = [read(KIND, form, SignIn) for form in forms]
    assert all(rows == found[0] and len(rows) == 1 for rows in found)
    assert found[0][0]["device_id"] == "lt-7"
    assert [read(KIND, form, Sighting)[0]["value"] for form in forms] == ["203.0.113.5"] * 5


def test_no_device_number_means_not_managed():
    """Entra numbers every device it knows; an empty number, or none, is a device the company does not know."""
    rows = read(
        KIND, [sign_in(deviceDetail=device("")), sign_in(id="b"), sign_in(id="c", deviceDetail=device("d1"))], SignIn
    )
    assert [row.get("managed") for row in rows] == [False, False, None]
    assert [row.get("device_id") for row in rows] == [None, None, "d1"]


def test_of_an_unknown_device_there_is_no_sighting():
    """An address is somebody's only where the device is known."""
    data = [sign_in(deviceDetail=device("")), sign_in(id="b", ipAddress="10.1.1.1", deviceDetail=device("d1"))]
    assert read(KIND, data, Sighting) == []
    assert [row["device_id"] for row in read(KIND, data, DeviceFact)] == ["d1"]


def test_objects_sent_as_text():
    """Some routes send deviceDetail, location and status of non-interactive sign-ins as JSON within text."""
    inner = sign_in(deviceDetail=json.dumps(device("d1", isManaged=True)), status='{"errorCode": 50126}', location="")
    (row,) = read(KIND, [monitor(inner, "NonInteractiveUserSignInLogs")], SignIn)
    assert (row["device_id"], row["managed"], row["outcome"], row["interactive"]) == ("d1", True, "failure", False)


def test_other_categories_are_counted():
    """Service principals have no hands."""
    stretches = parsed(KIND, json.dumps(monitor({"id": "x"}, "ServicePrincipalSignInLogs")).encode())
    assert account(stretches) == ([], {"category serviceprincipalsigninlogs": 1}, {})


def test_what_tells_of_the_person_is_left_behind_and_counted():
    """Names, and the language in a user agent."""
    agent = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0; Pro; de-DE)"
    stretches = parsed(KIND, json.dumps(monitor(sign_in(userDisplayName="X", userAgent=agent), identity="X")).encode())
    assert account(stretches)[2] == {"properties.userDisplayName": 1, "identity": 1, "userAgent (language)": 1}


@pytest.mark.parametrize(
    ("detail", "kept"), [("+1 XXXXXXXX12", False), ("+1 ****12", False), ("+15550100001", True), ("", False)]
)
def test_only_a_whole_phone_number_is_a_factor(detail, kept):
    """Two digits of a phone number are shared by a hundredth of all people."""
    (row,) = read(KIND, [sign_in(mfaDetail={"authMethod": "Text message", "authDetail": detail})], SignIn)
    assert ("factor" in row) == kept
    assert "15550100001" not in str(row)


def test_the_last_factor_is_the_one_that_was_not_the_password():
    """Password and earlier sign-ins are no second factors."""
    steps = [
        {"authenticationMethod": method} for method in ("Password", "Passkey (device-bound)", "Previously satisfied")
    ]
    (row,) = read(KIND, [sign_in(authenticationDetails=steps)], SignIn)
    assert row["factor_kind"] == "passkey (device-bound)"


def test_the_address_the_resource_saw():
    """A token used from elsewhere than it was got."""
    rows = read(
        KIND,
        [
            sign_in(ipAddressFromResourceProvider="198.51.100.9"),
            sign_in(id="b", ipAddressFromResourceProvider="203.0.113.5"),
        ],
        SignIn,
    )
    assert [row.get("address_chain") for row in rows] == ["198.51.100.9", None]


def test_outcomes_of_error_codes():
    """0 is success, a demand for a further step is neither success nor failure."""
    assert entra_outcome(pa.array([0, 50074, 50126, None])).to_pylist() == ["success", "interrupted", "failure", None]


def test_interactive_by_the_exports_name():
    """The CSV has no column for it; the portal's file name says it."""
    csv = 'Date (UTC),Request ID,IP address,Location\n2026-10-05T08:00:00Z,a,203.0.113.5,"Springfield, Illinois, US"\n'
    (row,) = read(KIND, csv, SignIn, "NonInteractiveSignIns_2026-10-05.csv")
    assert row["interactive"] is False
    assert (row["place_city"], row["place_region"], row["place_country"]) == ("Springfield", "Illinois", "US")


@pytest.mark.parametrize(
    "document", [{"category": "AuditLogs", "properties": {}}, {"createdDateTime": "x", "id": "y"}, {"value": []}]
)
def test_others_are_not_taken_for_sign_ins(document):
    """Other logs of the same sender, and other things with a time."""
    assert not EntraSignIns().recognises(Sample("x.json", json.dumps(document).encode(), (document,), ()))
