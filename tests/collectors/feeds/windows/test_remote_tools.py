"""Chrome Remote Desktop's events in Windows' Application log."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.windows.events import provider_of
from farmwatch.records import RemoteToolLog
from tests import windows_log
from tests.collectors.feeds.golden import account, context, parsed, rows

KIND = "windows-events"
CLIENT = "Somebody@Mail.example/chromoting_ftl_1f"


def chromoting(number, *values):
    return (windows_log.CHROMOTING, number, list(values), {})


def told(*cases, form=windows_log.dump):
    stretches = parsed(KIND, windows_log.lines(form, windows_log.events(cases)))
    return rows(stretches, RemoteToolLog), account(stretches)


@pytest.mark.parametrize(("number", "event"), [(1, "accepted"), (2, "ended"), (3, "rejected")])
@pytest.mark.parametrize("form", [windows_log.winlogbeat, windows_log.dump, windows_log.nxlog, windows_log.fluent_bit])
def test_who_came_and_went(number, event, form):
    """A client that has authenticated is let in; its account is a keyed hash, the same in its next session."""
    (row, again), (rejects, _, _) = told(
        chromoting(number, CLIENT), chromoting(number, "somebody@mail.example/other"), form=form
    )
    assert (row["tool"], row["event"], row["direction"]) == ("chrome-remote-desktop", event, "incoming")
    assert row["far_id"] == again["far_id"] == context().hide("somebody@mail.example")
    assert "somebody" not in str(row).lower()
    assert not rejects
    assert "unattended" not in row


@pytest.mark.parametrize(
    ("endpoint", "connection", "event", "address"),
    [
        ("203.0.113.77:51820", "direct", "direct", "203.0.113.77"),
        ("203.0.113.77:51820", "Stun", "direct", "203.0.113.77"),
        ("[2001:db8::77]:51820", "stun", "direct", "2001:db8::77"),
        ("192.168.1.5:51820", "direct", "direct", "192.168.1.5"),
        ("198.51.100.240:3478", "relay", "relay", None),
        ("unknown", "direct", "direct", None),
        ("somebody.local:5", "direct", "direct", None),
    ],
)
def test_where_a_channel_comes_from(endpoint, connection, event, address):
    """Address and way of each channel; a relay's address is not the far end's."""
    (row,), _ = told(chromoting(4, CLIENT, endpoint, "192.0.2.14:50311", "mux", connection))
    assert (row["event"], row.get("far_h"), row["via_relay"]) == (event, address, event == "relay")


def test_what_tells_of_no_session_is_counted():
    """The host's start, a line of its log, a channel that went away, an event without its values."""
    found, (rejects, unneeded, _) = told(
        chromoting(5, CLIENT), chromoting(6, "x"), chromoting(4, CLIENT, "unknown", "unknown", "mux", "none"),
        chromoting(4), chromoting(7, CLIENT),
    )  # fmt: skip
    assert not found
    assert not rejects
    assert unneeded == {"chromoting 4 of a channel whose way is not known": 2, "chromoting 5": 1, "chromoting 6": 1,
                        "chromoting 7": 1}  # fmt: skip


def test_the_whole_number_of_the_old_interface():
    """With severity and customer bits, as some senders leave it: 0x40000001."""
    event = windows_log.events([chromoting(1, CLIENT)])[0] | {"id": 0x40000001}
    stretches = parsed(KIND, json.dumps(windows_log.fluent_bit(event)).encode())
    assert [row["event"] for row in rows(stretches, RemoteToolLog)] == ["accepted"]


def test_other_programs_events_of_the_same_numbers_are_others():
    """Only the provider makes them sessions."""
    found, (_, unneeded, _) = told((("Chromoting Helper", "Application"), 1, [CLIENT], {}))
    assert not found
    assert unneeded == {"Chromoting Helper 1": 1}
    assert provider_of("Chromoting") == "chromoting"
