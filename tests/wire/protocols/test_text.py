"""Untrusted bytes as text: what is kept, what is escaped, and that nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.wire.protocols.text import mac_text, printable, printable_text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"ACME-LT-0142", "ACME-LT-0142"),
        ("Büro 東京".encode(), "Büro 東京"),
        (b"a\x1b[31m", "a\\x1b[31m"),
        (b"corp\\kvm", "corp\\x5ckvm"),
        ("a\u202eb".encode(), "a\\xe2\\x80\\xaeb"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"\xe6\x9d", "\\xe6\\x9d"),
        (b"", ""),
    ],
)
def test_printable(raw, shown):
    """Printable UTF-8 stays; control, direction and broken bytes and the backslash are spelled out."""
    assert printable(raw) == shown


@given(st.binary(max_size=64))
def test_nothing_is_lost_and_nothing_is_unprintable(raw):
    """Every name can be turned back into its bytes, so no two names look the same."""
    shown = printable(raw)
    assert shown.isprintable()
    back = bytearray()
    at = 0
    while at < len(shown):
        if shown[at] == "\\":
            back.append(int(shown[at + 2 : at + 4], 16))
            at += 4
        else:
            back += shown[at].encode()
            at += 1
    assert bytes(back) == raw


def test_limits_count_bytes_and_characters():
    """A long name is cut; text from another character set is cut by characters."""
    assert len(printable(b"a" * 300)) == 255
    assert printable_text("é" * 300, 200) == "é" * 200
    assert printable_text("a\x07", 5) == "a\\x07"


def test_hardware_address():
    """Six bytes become lower-case hexadecimal with colons."""
    assert mac_text(b"\x02\x00\x5e\x10\x00\xff") == "02:00:5e:10:00:ff"
