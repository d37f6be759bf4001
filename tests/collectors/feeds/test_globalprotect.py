"""GlobalProtect's CSV."""

from __future__ import annotations

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.globalprotect import GlobalProtect
from farmwatch.records import DeviceFact, Sighting, SignIn
from tests.collectors.feeds.golden import account, check_golden, parsed, read

KIND = "globalprotect"


def line(event="gateway-auth", stage="login", head="Oct  5 08:00:30 fw1 1", tail="", **given):
    told = {
        "generated": "2026/10/05 08:00:29", "user": "corp\\one", "region": "US", "machine": "LT-7",
        "public": "203.0.113.5", "public6": "", "private": "10.20.0.7", "serial": "SN1", "status": "success", **given,
    }  # fmt: skip
    fields = [
        head, "2026/10/05 08:00:30", "0131", "GLOBALPROTECT", "0", "2561", told["generated"], "vsys1", event, stage, "",
        "IPSec", told["user"], told["region"], told["machine"], told["public"], told["public6"], told["private"],
        "0.0.0.0", "host-id", told["serial"], "6.2.4", "Windows", '"Windows 11 Pro , 64-bit"', "1", "", "", '""',
        told["status"], "", "0", "", "0", "GP_GW", "7001", "0x0",
    ]  # fmt: skip
    return ",".join(fields) + tail + "\n"


def test_golden():
    """The samples give what they gave."""
    check_golden(KIND)


def test_fields_lie_where_they_lie():
    """Each of them, of a line without the later fields."""
    (row,) = read(KIND, line(), SignIn)
    assert row.pop("ts").isoformat() == "2026-10-05T08:00:29+00:00"
    hidden = {name: row.pop(name) for name in ("account", "device_token")}
    assert all(len(value) == 16 for value in hidden.values())
    assert row == {
        "device_id": "lt-7", "record_id": "0131:7001", "provider": "globalprotect", "event": "sign-in",
        "application": "GP_GW", "outcome": "success", "address": "203.0.113.5", "private_address": "10.20.0.7",
        "place_country": "US", "client_os": "windows", "client_app": "globalprotect",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("zoned", "time"),
    [
        ("2026-10-05T08:00:28.250-05:00", "2026-10-05T13:00:28.250000+00:00"),
        ("1970-01-01T01:00:00.000+01:00", "2026-10-05T08:00:29+00:00"),
        ("", "2026-10-05T08:00:29+00:00"),
    ],
)
def test_the_zoned_time_is_taken_where_it_is_one(zoned, time):
    """Later systems send a time with its zone; some of them 1970."""
    (row,) = read(KIND, line(tail=f",{zoned},manual,12,1,gw-a,gw-a"), SignIn)
    assert row["ts"].isoformat() == time


def test_whatever_syslog_puts_in_front_does_not_matter():
    """Fields are counted from the type."""
    heads = ["1", "Oct  5 08:00:30 fw1 1", "<14>1 2026-10-05T08:00:30Z fw1 - - - - 931201168", "<14>Oct  5, fw1, 1"]
    cut = line(head="1").partition(" ")[2]  # a relay took the beginning, to the first space, for a program's name
    rows = read(KIND, "".join(line(head=head) for head in heads) + cut, SignIn)
    assert len(rows) == 5
    assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize(
    ("event", "stage", "word"),
    [
        ("portal-prelogin", "before-login", "session"), ("gateway-setup-ipsec", "tunnel", "tunnel up"),
        ("gateway-tunnel-latency", "tunnel", "heartbeat"), ("gateway-logout", "logout", "tunnel down"),
        ("something-new", "login", "sign-in"),
    ],
)  # fmt: skip
def test_events(event, stage, word):
    """By the event, else by its stage."""
    assert [row["event"] for row in read(KIND, line(event, stage), SignIn)] == [word]


def test_who_and_where():
    """Before the logon there is nobody; a range of private addresses is no country; IPv6 counts."""
    (row,) = read(
        KIND, line(user="pre-logon", region="10.0.0.0-10.255.255.255", public="0.0.0.0", public6="2001:db8::7"), SignIn
    )
    assert not {"account", "place_country"} & row.keys()
    assert row["address"] == "2001:db8::7"
    assert [one["value"] for one in read(KIND, line(), Sighting)] == ["203.0.113.5"]
    assert [(one["host_name"], one["serial"]) for one in read(KIND, line() + line(), DeviceFact)] == [("lt-7", "SN1")]


def test_other_lines_are_accounted_for():
    """Other logs of the firewall, cut lines, and lines of others."""
    data = "1,2026/10/05 08:00:30,0131,TRAFFIC,end,2561\n" + line()[:120] + "\n\nnonsense\n"
    rejects, unneeded, _ = account(parsed(KIND, data.encode()))
    assert unneeded == {"log type TRAFFIC": 1}
    assert rejects == [("fewer fields than a GlobalProtect log has", 2), ("not a log of a Palo Alto firewall", 4)]


def test_others_are_not_taken_for_it():
    """The product's name in a sentence is not its log."""
    assert not GlobalProtect().recognises(Sample("x", b"", (), ("user installed GLOBALPROTECT, again",)))
