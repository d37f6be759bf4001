"""Logons and remote-desktop sessions in Windows' logs."""

from __future__ import annotations

import pytest

from farmwatch.records import Logon
from tests import windows_log
from tests.collectors.feeds.golden import account, context, parsed, rows

KIND = "windows-events"


def logons(*cases):
    """Rows, and the account, of cases as Winlogbeat sends them."""
    data = windows_log.lines(windows_log.dump, windows_log.events(cases))
    stretches = parsed(KIND, data)
    return rows(stretches, Logon), account(stretches)


def logon(**data):
    return (windows_log.SECURITY, 4624, {"TargetUserName": "one", "LogonType": "10", **data}, {})


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("[1]", 60), ("[9]", 540), ("[-8]", -480), ("[0]", 0), ("[-5]", -300), ("[+3]", 180), ("5", 300),
        ("[5.5]", 330), ("[-3:30]", -210), (" [ 14 ] ", 840), ("[-0.5]", -30),
    ],
)  # fmt: skip
def test_clock_of_the_client(text, minutes):
    """Event 104 counts hours east of UTC: [9] is a client in Korea, [-8] one on the Pacific coast of America."""
    (row,), _ = logons((windows_log.RDP, 104, {"TimezoneBiasHour": text}, {"activity": windows_log.ACTIVITY}))
    assert row["client_utc_offset_min"] == minutes
    assert row["session_id"] == windows_log.ACTIVITY


@pytest.mark.parametrize("text", ["", "[]", "[x]", "[15]", "[-99]", "[1][2]", "[1e3]"])
def test_a_clock_that_cannot_be_is_rejected(text):
    """No offset from UTC lies beyond 14 hours."""
    found, (rejects, _, _) = logons((windows_log.RDP, 104, {"TimezoneBiasHour": text}, {}))
    assert not found
    assert rejects == [("RemoteDesktopServices-RdpCoreTS 104: TimezoneBiasHour is not an offset from UTC in hours", 1)]


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("203.0.113.5:54151", "203.0.113.5", 54151), ("[2001:db8::5]:54151", "2001:db8::5", 54151),
        ("[fe80::1%12]:54151", "fe80::1", 54151), ("[::ffff:203.0.113.5]:1", "203.0.113.5", 1),
        ("203.0.113.5:0", "203.0.113.5", None), ("203.0.113.5", "203.0.113.5", None), ("nonsense:1", None, None),
        ("127.0.0.1:49900", "127.0.0.1", 49900),
    ],
)  # fmt: skip
def test_where_a_client_comes_from(endpoint, host, port):
    """Address and port of event 131, in either version of IP; one's own address stays."""
    (row,), _ = logons((windows_log.RDP, 131, {"ConnType": "UDP", "ClientIP": endpoint}, {}))
    assert (row.get("remote_h"), row.get("remote_p"), row["transport"]) == (host, port, "udp")


@pytest.mark.parametrize(
    ("address", "kept"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("-", None), ("", None), ("LOCAL", None), ("10.1.2.3", "10.1.2.3")],
)
def test_loopback_is_kept_and_a_dash_is_none(address, kept):
    """A session from this device itself came through a tunnel."""
    (row,), _ = logons(logon(IpAddress=address))
    assert row.get("remote_h") == kept


@pytest.mark.parametrize(
    ("name", "sid"),
    [
        ("LT-014$", "S-1-5-21-1-2-3-1001"), ("SYSTEM", ""), ("СИСТЕМА", "S-1-5-18"), ("ANONYMOUS LOGON", ""),
        ("NT AUTHORITY\\NETWORK SERVICE", ""), ("UMFD-2", ""), ("-", ""), ("", ""),
    ],
)  # fmt: skip
def test_accounts_of_machines_and_the_system_are_none(name, sid):
    """In any language: by the SID where the name is translated."""
    (row,), _ = logons(logon(TargetUserName=name, TargetUserSid=sid))
    assert "account" not in row


def test_accounts_are_hidden_without_their_domain():
    """One account is one, however an event names it."""
    found, _ = logons(
        logon(TargetUserName="One"),
        (windows_log.LOCAL, 21, {"User": "CORP\\one", "SessionID": "2"}, {"user": "EventXML"}),
        (windows_log.MANAGER, 1149, {"Param1": "one", "Param2": "CORP"}, {"user": "EventXML"}),
    )
    assert {row["account"] for row in found} == {context().hide("one")}


@pytest.mark.parametrize(("kind", "kept"), [("0", 0), ("4", 0), ("5", 0), ("2", 1), ("3", 1), ("10", 1), ("11", 1)])
def test_logons_of_services_are_not_needed(kind, kept):
    """Nobody is there when a service or a batch job starts; they are counted."""
    found, (_, unneeded, _) = logons(logon(LogonType=kind))
    assert len(found) == kept
    assert unneeded == ({} if kept else {"Security 4624 of a service or batch job": 1})


def test_several_screens_of_a_client():
    """One event for each; the highest number is how many there are at least."""
    found, _ = logons(
        *((windows_log.RDP, 168, {"MonitorNum": n, "MonitorWidth": "1920", "MonitorHeight": "1080"}, {})
          for n in ("0", "1", "2", "x"))
    )  # fmt: skip
    assert [row.get("client_monitors") for row in found] == [1, 1, 2, None]
