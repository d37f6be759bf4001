"""Windows events as JSON and XML: every sender's form of the same day gives the same rows."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.opening import Input, opened, sample_of
from farmwatch.collectors.feeds.registry import kind_of
from farmwatch.collectors.feeds.windows_events import WindowsEvents
from farmwatch.records import DeviceFact, Logon
from tests import windows_log
from tests.collectors.feeds.golden import BANNED, TESTS, account, check_golden, parsed, read, rows
from tests.evtx_files import evtx_bytes

KIND = "windows-events"
SAMPLES = TESTS / "samples" / "feeds" / KIND
BAD = (
    b'{"winlog": {"event_id": "4624", "provider_name": "Microsoft-Windows-Security-Auditing"\n'
    b'{"winlog": {"provider_name": "Microsoft-Windows-Sysmon", "channel": "Microsoft-Windows-Sysmon/Operational"}}\n'
    b'{"something": "else"}\n'
    b'{"@timestamp": "never", "winlog": {"event_id": "107", "provider_name": "Microsoft-Windows-Kernel-Power", '
    b'"computer_name": "LT-014", "record_id": 7}}\n'
)
BAD_XML = b"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System></Event>\nnoise\n"
FORMS = {
    "winlogbeat": (windows_log.winlogbeat, True),
    "dump": (windows_log.dump, True),
    "nxlog": (windows_log.nxlog, True),
    "fluent-bit": (windows_log.fluent_bit, False),
    "powershell": (windows_log.powershell, False),
}  # and whether values come with their names


def sample_files():
    """The samples by name: the same day in every form, with a few bad records in two of them."""
    whole, listed = windows_log.events(), windows_log.events(windows_log.CASES)
    made = {
        f"{name}.jsonl": windows_log.lines(form, whole if named else listed)
        for name, (form, named) in FORMS.items()
        if name != "powershell"
    }
    made["winlogbeat.jsonl"] += BAD
    made["get-winevent.json"] = json.dumps([windows_log.powershell(event) for event in listed], indent=1).encode()
    made["event-viewer.xml"] = windows_log.document(whole)
    made["wevtutil.xml"] = b"".join(windows_log.xml(event).encode() + b"\n" for event in whole) + BAD_XML
    return made


def told(stretches, *, without=()):
    return sorted(
        json.dumps(row, default=str, sort_keys=True) for row in rows(stretches) if row["table"] not in without
    )


def test_samples_are_what_this_makes():
    """The files in the tree are the day written out, remade by ``FARMWATCH_GOLDEN=write``."""
    for name, data in sample_files().items():
        path = SAMPLES / name
        if os.environ.get("FARMWATCH_GOLDEN") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        assert path.read_bytes() == data, name


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_rows_of_the_log_itself(name):
    """What an agent sends means what the binary log means; only Winlogbeat adds what it knows of its own machine."""
    form, named = FORMS[name]
    events = windows_log.events(None if named else windows_log.CASES)
    stretches = parsed(KIND, windows_log.lines(form, events))
    log = parsed("windows-evtx", evtx_bytes(events))
    without = {"devices"} if name == "winlogbeat" else set()
    assert told(stretches, without=without) == told(log, without=without)
    assert account(stretches)[0] == account(log)[0]


@pytest.mark.parametrize("document", [False, True], ids=["lines", "document"])
def test_xml_gives_the_rows_of_the_log_itself(document):
    """Event Viewer's documents and wevtutil's lines mean what the log means."""
    events = windows_log.events()
    data = windows_log.document(events) if document else "\n".join(map(windows_log.xml, events)).encode()
    stretches = parsed(KIND, data)
    assert told(stretches) == told(parsed("windows-evtx", evtx_bytes(events)))
    assert ("Culture" in account(stretches)[2]) == document


def test_nothing_of_persons_or_languages_is_kept():
    """Names, domains, zones' names, messages and command-line values are left behind and counted."""
    for data in sample_files().values():
        stretches = parsed(KIND, data)
        assert BANNED.lower() not in json.dumps(rows(stretches), default=str).lower()
        assert {"SubjectUserName", "TargetDomainName", "User"} <= account(stretches)[2].keys()
    assert account(parsed(KIND, sample_files()["winlogbeat.jsonl"]))[2]["message"] == len(windows_log.events())


def test_bad_records_are_rejected_with_their_reasons():
    """Broken JSON, no number, another sender's document, no time."""
    lines = len(windows_log.events())
    reasons = {offset: reason for reason, offset in account(parsed(KIND, sample_files()["winlogbeat.jsonl"]))[0]}
    assert reasons.pop(32).endswith("TimezoneBiasHour is not an offset from UTC in hours")
    assert sorted(reasons) == [lines + 1, lines + 2, lines + 3, lines + 4]
    assert "not JSON" in reasons[lines + 1]
    assert reasons[lines + 2] == "no event number"
    assert reasons[lines + 3] == "not a Windows event in a form known here"
    assert reasons[lines + 4] == "power.ts is missing or unreadable"


def test_numbers_as_numbers_or_texts():
    """Winlogbeat writes event numbers as text, its first versions as numbers; some pipelines turn data to numbers."""
    event = windows_log.winlogbeat(windows_log.events()[0])
    event["winlog"]["event_id"] = 4624
    event["winlog"]["record_id"] = "1001"
    event["winlog"]["event_data"] |= {"LogonType": 10, "IpPort": 61022.0}
    (row,) = read(KIND, [event], Logon)
    assert (row["logon_type"], row["remote_p"], row["record_id"]) == (10, 61022, "Security 1001")


def test_elastic_pipelines_move_fields():
    """What Elastic's pipelines put into ECS fields is read there."""
    start = datetime(2026, 10, 5, tzinfo=UTC).isoformat()
    event = {
        "@timestamp": start, "source": {"ip": "203.0.113.50", "port": 61022, "domain": "OPS-7"},
        "event": {"code": "4624", "provider": "Microsoft-Windows-Security-Auditing"},
        "user": {"name": BANNED}, "related": {"user": [BANNED]},
        "winlog": {"channel": "Security", "computer_name": "LT-014", "record_id": "5",
                   "event_data": {"LogonType": "10", "TargetUserName": "one"}},
    }  # fmt: skip
    (row,) = read(KIND, [event], Logon)
    assert (row["remote_h"], row["remote_p"], row["remote_name"]) == ("203.0.113.50", 61022, "OPS-7")
    assert account(parsed(KIND, json.dumps(event).encode()))[2] == {"user": 1, "related": 1}


def test_a_collector_of_forwarded_events_does_not_speak_of_itself():
    """With forwarding, ``host`` is the collector: nothing is said of a device by it."""
    event = windows_log.winlogbeat(windows_log.events()[0])
    event["host"] |= {"name": "wec-1", "hostname": "WEC-1"}
    assert read(KIND, [event], Logon)[0]["device_id"] == "lt-014"
    assert not read(KIND, [event], DeviceFact)


def test_events_wrapped_by_a_search_engine_or_as_xml():
    """An exported hit, and XML inside JSON, are unwrapped."""
    event = windows_log.events()[0]
    (plain,) = read(KIND, [windows_log.winlogbeat(event)], Logon)
    assert read(KIND, [{"_index": "x", "_source": windows_log.winlogbeat(event)}], Logon) == [plain]
    assert read(KIND, [{"System": windows_log.xml(event), "Message": ""}], Logon) == [plain]
    assert account(parsed(KIND, json.dumps({"Event": "<Event broken"}).encode()))[0]


@pytest.mark.parametrize("name", ["winlogbeat.jsonl", "get-winevent.json", "event-viewer.xml", "wevtutil.xml"])
def test_recognised_by_content(name):
    """The first records tell it, whatever the file is called."""
    data = sample_files()[name]
    with opened(Input("x", stream=io.BytesIO(data))) as stream:
        assert kind_of(sample_of(stream, "x")).kind == KIND


@pytest.mark.parametrize(
    "sample",
    [
        Sample("x", b'{"EventID": 4624}', ({"EventID": 4624},), ('{"EventID": 4624}',)),
        Sample("x", b"<Events><Event>a party</Event></Events>", (), ()),
        Sample("x", b'{"event": {"code": "1"}}', ({"event": {"code": "1"}},), ()),
    ],
    ids=["no provider", "other xml", "other ecs"],
)
def test_others_are_not_taken(sample):
    """A field or an element of the same name is not enough."""
    assert not WindowsEvents().recognises(sample)
