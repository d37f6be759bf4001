"""AnyDesk's logs: who asked, who was let in by what, from where, and no names."""

from __future__ import annotations

import pytest

from farmwatch.records import RemoteToolLog, Sighting
from tests.collectors.feeds.golden import account, check_golden, parsed, rows

DEVICE = "ACME-LT-0142.corp.example"


def trace(*messages):
    """Lines of a trace, a second apart."""
    return "".join(
        f"   info 2026-11-02 09:12:{second:02d}.250   lsvc   2104   3120  12   {message}\n"
        for second, message in enumerate(messages)
    )


def events(text, device=DEVICE):
    return rows(parsed("anydesk", text.encode(), "ad.trace", device), RemoteToolLog)


def test_golden():
    """What the samples give, and nothing banned in it."""
    check_golden("anydesk", "device-1")


def test_an_incoming_session_from_knock_to_end():
    """Each step is a row, with the far end's number and address where a line before told them."""
    found = events(trace(
        "anynet.any_socket - Accept request from 221436813 (via relay).",
        "anynet.relay_conn - Logged in from 198.51.100.77:61230 on relay 5e8a7c21.",
        "anynet.any_socket - Client-ID: 221436813 (FPR: d9d3b2a1c0ff).",
        "app.backend_session - Incoming session request: Jane Doe (221436813)",
        "app.session - 3: Authenticated with permanent token.",
        "app.backend_session - Session closed by remote side: user_request",
        "app.session - 4: Authenticated by local user.",
    ))  # fmt: skip
    assert [row["event"] for row in found] == ["relay", "relay", "session", "request", "accepted", "ended", "accepted"]
    assert {row["direction"] for row in found} == {"incoming"}
    assert {row["device_id"] for row in found} == {"acme-lt-0142"}
    assert {row.get("far_id") for row in found[:6]} == {"221436813", None}
    assert [row.get("far_h") for row in found[1:4]] == ["198.51.100.77"] * 3
    assert (found[4]["auth"], found[4]["unattended"]) == ("token", True)
    assert (found[6]["auth"], found[6]["unattended"]) == ("user", False)
    assert "far_id" not in found[6]  # the session before had ended


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("app.backend_session - Session request rejected by local user.", ("rejected", "unknown")),
        ('app.prepare_task - Connecting to "421234567".', ("request", "outgoing")),
        ("anynet.any_socket - Accept request from 221436813 (direct).", ("direct", "incoming")),
        ("anynet.any_socket - Client-ID: 221436813 (FPR: d9).", ("session", "unknown")),
    ],
)
def test_single_lines(message, wanted):
    """A line alone says what it says and no more."""
    (row,) = events(trace(message))
    assert (row["event"], row["direction"]) == wanted


def test_the_relays_view_of_the_device_is_a_sighting():
    """The external address is the device's own, as the relay sees it."""
    text = trace("anynet.relay_conn - External address: 203.0.113.50:51234.").encode()
    (row,) = rows(parsed("anydesk", text, "ad_svc.trace", DEVICE), Sighting)
    assert (row["kind"], row["value"]) == ("public_ip", "203.0.113.50")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Incoming    2026-11-02, 09:12    User     221436813    221436813", ("session", "incoming", "user", False)),
        ("Incoming    2026-11-02, 09:12    Passwd   221436813    221436813", ("session", "incoming", "password", True)),
        ("Incoming\t2026-11-02, 09:12\tToken\t221436813\t221436813", ("session", "incoming", "token", True)),
        ("Incoming    2026-11-02, 09:12    REJECTED    221436813    somebody", ("rejected", "incoming", None, None)),
        ("Outgoing    2026-11-02, 09:12    User     221436813    221436813", ("session", "outgoing", "user", False)),
        ("Incoming    2026-11-02, 09:12    221436813    somebody    User", ("session", "incoming", "user", False)),
    ],
)
def test_connection_trace(line, wanted):
    """Whatever the order of its columns, the word, the number and the time are told apart; a name is left behind."""
    stretches = parsed("anydesk", line.encode(), "connection_trace.txt", DEVICE)
    (row,) = rows(stretches, RemoteToolLog)
    assert (row["event"], row["direction"], row.get("auth"), row.get("unattended")) == wanted
    assert row["far_id"] == "221436813"
    assert account(stretches)[2] == ({"connection_trace.alias": 1} if "somebody" in line else {})


def test_two_sessions_in_one_minute_stay_two():
    """The log tells minutes only, so the line makes the difference."""
    line = "Incoming    2026-11-02, 09:12    User     221436813    221436813\n"
    found = rows(parsed("anydesk", (line + line).encode(), "connection_trace.txt", DEVICE), RemoteToolLog)
    assert len({row["record_id"] for row in found}) == 2


def test_windows_text_is_read():
    """Windows programs write UTF-16 with carriage returns."""
    line = "Incoming    2026-11-02, 09:12    User     221436813    221436813\r\n"
    assert len(rows(parsed("anydesk", line.encode("utf-16"), "connection_trace.txt", DEVICE), RemoteToolLog)) == 1


def test_without_a_device_nothing_is_taken():
    """The log does not name its device: without one every line is rejected, and the reason says what to do."""
    rejects, _, _ = account(parsed("anydesk", trace("app.session - x", "main - y").encode(), "ad.trace"))
    assert len(rejects) == 2
    assert "--device" in rejects[0][0]
