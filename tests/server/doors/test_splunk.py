"""The look-alike of Splunk's event collector."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.server.serving import until


def usb(device):
    return {"table": "usb_devices", "device_id": device, "ts": "2026-11-01T12:00:00Z", "event": "present"}


def auth(taking, **more):
    return {"Authorization": f"Splunk {taking.token}", **more}


def test_events_laid_end_to_end_are_taken(taking):
    """Objects and texts, with or without a source type; the answer is Splunk's."""
    body = json.dumps({"event": usb("hec-1"), "host": "x"}) + json.dumps({"event": json.dumps(usb("hec-2"))})
    answer = taking.ask("POST", "/services/collector/event", body, auth(taking))
    assert (answer.status, json.loads(answer.body)) == (200, {"text": "Success", "code": 0})
    assert {"hec-1", "hec-2"} <= taking.devices("usb_devices", {"hec-1", "hec-2"})


def test_a_channel_gets_numbers_that_are_confirmed(taking):
    """An answered request is durable, so its number is true at once; others' numbers are not."""
    head = auth(taking, **{"X-Splunk-Request-Channel": "c1"})
    numbers = [
        json.loads(taking.ask("POST", "/services/collector", json.dumps({"event": usb(f"ack-{n}")}), head).body)[
            "ackId"
        ]
        for n in range(2)
    ]
    assert numbers[1] == numbers[0] + 1
    asked = json.dumps({"acks": [*numbers, 999]})
    answer = json.loads(taking.ask("POST", "/services/collector/ack?channel=c1", asked, auth(taking)).body)
    assert answer == {"acks": {str(numbers[0]): True, str(numbers[1]): True, "999": False}}


def test_raw_lines_need_a_source_type(taking):
    """The query says what they are."""
    lines = "\n".join(json.dumps({**usb(f"raw-{n}"), "table": None}) for n in range(3))
    taking.ask("POST", "/services/collector/raw?sourcetype=farmwatch:usb_devices", lines, auth(taking))
    assert taking.devices("usb_devices", {"raw-0", "raw-1", "raw-2"})


def test_only_a_line_end_ends_a_raw_line(taking):
    """Separators that Unicode knows may stand in a value."""
    line = json.dumps({**usb("raw-8"), "product": "a\u2028b\x85c", "table": None}, ensure_ascii=False)
    answer = taking.ask("POST", "/services/collector/raw?sourcetype=farmwatch:usb_devices", line.encode(), auth(taking))
    assert json.loads(answer.body) == {"text": "Success", "code": 0}
    assert taking.devices("usb_devices", {"raw-8"})


def test_what_no_feed_recognises_is_counted_and_kept_as_a_reject(taking):
    """Never a silent loss: in the answer, and in the table of rejects."""
    body = json.dumps({"event": {"weather": "fine"}, "sourcetype": "weather"})
    answer = json.loads(taking.ask("POST", "/services/collector", body, auth(taking)).body)
    assert answer["rejected"] == 1
    kept = until(
        lambda: taking.query(
            "SELECT reason, input_name FROM feed_rejects WHERE feed = 'unknown' AND reason LIKE 'no feed%'"
        )
    )
    assert "no feed recognises" in kept[0]["reason"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"", 400, 5), (b"not json", 400, 6), (b"{", 400, 6), (b"[" * 100_000, 400, 6)],
    ids=["empty", "text", "cut", "deep"],
)
def test_refusals_are_worded_as_splunk_does(taking, body, status, code):
    """Shippers read the code."""
    answer = taking.ask("POST", "/services/collector/event", body, auth(taking))
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


def test_no_token_no_entry(taking):
    """In Splunk's words."""
    answer = taking.ask("POST", "/services/collector", b"{}")
    assert (answer.status, json.loads(answer.body)["code"]) == (401, 3)


def test_packed_bodies_and_health(taking):
    """Gzip as shippers send it; the health address answers senders."""
    body = gzip.compress(json.dumps({"event": usb("packed")}).encode())
    assert taking.ask("POST", "/services/collector", body, auth(taking, **{"Content-Encoding": "gzip"})).status == 200
    assert taking.ask("GET", "/services/collector/health", None, auth(taking)).status == 200
