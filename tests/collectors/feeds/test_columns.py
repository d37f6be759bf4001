"""Columns of senders turned into columns of tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from farmwatch.collectors.feeds import columns


def made(function, values, kind=None):
    return function(pa.array(values, kind or pa.string())).to_pylist()


NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2026-11-01T12:00:00Z", None], pa.string()),
        (["2026-11-01T13:00:00+01:00", ""], pa.string()),
        (["1793534400", "-"], pa.string()),
        (["1793534400.000", "nonsense"], pa.string()),
        ([1793534400, None], pa.int64()),
        ([1793534400000, None], pa.int64()),
        ([1793534400.0, float("nan")], pa.float64()),
        ([1793534400_000_000_000, None], pa.int64()),
    ],
)
def test_times_are_read_in_every_spelling(values, kind):
    """What is no time has no value."""
    read = columns.times(pa.array(values, kind)).to_pylist()
    assert [one and one.astimezone(UTC) for one in read] == [NOON, None]


def test_numbers():
    """Whole, real and hexadecimal numbers; anything else has no value."""
    assert made(columns.whole, ["7", " -3 ", "0x10", "", "1.5", None, "9" * 30]) == [
        7,
        -3,
        None,
        None,
        None,
        None,
        None,
    ]
    assert made(columns.reals, ["1.5", "-2e3", "nan", "inf", "", "x", "1e400"]) == [1.5, -2000.0, *[None] * 5]
    assert made(columns.hexadecimal, ["0x1d6b", "1D6B", "zz", ""]) == [0x1D6B, 0x1D6B, None, None]
    assert columns.whole(pa.array([1.9, float("inf"), None])).to_pylist() == [1, None, None]


def test_truths():
    """The usual words."""
    assert made(columns.truths, ["true", "0", "Yes", "off", "perhaps", None]) == [True, False, True, False, None, None]


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        (r"C:\Users\some.body\AppData\x.exe", r"C:\Users\*\AppData\x.exe"),
        (r"C:\Users\Public\x.exe", r"C:\Users\Public\x.exe"),
        ("/home/somebody/bin/x", "/home/*/bin/x"),
        ("/Users/somebody", "/Users/*"),
        ("/usr/bin/x", "/usr/bin/x"),
        (r"\\server\share\Users\somebody\x", r"\\server\share\Users\*\x"),
    ],
)
def test_user_folders_are_masked(path, masked):
    """Whose folder it is does not matter."""
    assert made(columns.masked_paths, [path]) == [masked]


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ('"remoting_start_host.exe" --code="4/secret" --pin=123456 --name=some.body', "--code --pin --name"),
        ("rundll32 url.dll,FileProtocolHandler zoommtg://zoom.example/join?confno=1&pwd=secret", "zoommtg:"),
        ("explorer.exe msteams:/l/meetup-join/19%3asecret", "msteams:"),
        ("scp somebody:/home/x .", None),
        ("msiexec /i chromeremotedesktophost.msi /qn", "/i /qn"),
        ("cat /etc/passwd", None),
        (r"C:\Windows\notepad.exe C:\secret.txt", None),
        ("--pin zoommtg: /qn", "--pin zoommtg: /qn"),
        ("", None),
    ],
)
def test_command_lines_keep_what_is_asked_not_what_is_said(command, kept):
    """Options and link schemes stay; values, paths and secrets do not; cleaning twice changes nothing."""
    assert made(columns.options_of, [command]) == [kept]
    if kept:
        assert made(columns.options_of, [kept]) == [kept]


def test_addresses():
    """Link-layer and IP addresses in one spelling; what is none has no value."""
    macs = ["04-C9-8B-10-00-01", "04c9.8b10.0001", "4:c9", "00:00:00:00:00:00", "hello", None]
    assert made(columns.hardware_addresses, macs) == ["04:c9:8b:10:00:01"] * 2 + [None] * 4
    ips = ["192.0.2.1", "::ffff:192.0.2.1", "fe80::1%eth0", "[2001:DB8::1]", "300.1.1.1", ""]
    assert made(columns.addresses, ips) == ["192.0.2.1", "192.0.2.1", "fe80::1", "2001:db8::1", None, None]


def test_small_things():
    """Blank is no value; the first choice wins; the last part of a path is the file."""
    assert made(columns.filled, [" a ", "", "-", None]) == ["a", None, None, None]
    assert columns.first_of(pa.array(["", "x"]), pa.array(["y", "z"])).to_pylist() == ["y", "x"]
    assert made(columns.file_names, [r"C:\A\B.EXE", "/usr/bin/x/", "", '"c d.exe"']) == ["b.exe", "x", None, "c d.exe"]
    nested = pa.table({"a": pa.array([{"b": {"c": 1}}, None])})
    assert columns.struct_field(nested, "a.b.c").to_pylist() == [1, None]
