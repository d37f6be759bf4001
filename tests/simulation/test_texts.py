"""Text columns made of numbers, against the standard library."""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from farmwatch.simulation.lines import json_lines
from farmwatch.simulation.texts import dashed, hexed, ipv4, ipv6, iso, line_bytes, listed, macs, numbered

NUMBERS = np.array([0, 1, 255, 256, 0x0A0000FE, 0xFFFFFFFF], np.int64)


def test_addresses():
    """Numbers become the addresses the standard library makes of them."""
    assert ipv4(NUMBERS).to_pylist() == [str(ipaddress.IPv4Address(number)) for number in NUMBERS.tolist()]
    six = ipaddress.IPv6Address(ipv6(np.array([0xABCD0001]), np.array([0x1122334455667788], np.uint64))[0].as_py())
    assert six == ipaddress.IPv6Address("2001:db8:abcd:1:1122:3344:5566:7788")


def test_hex_and_link_layer_addresses():
    """Leading zeros stay."""
    assert hexed(np.array([0xBEEF]), 6)[0].as_py() == "00beef"
    assert macs(np.array([0x0A0B0C0D0E0F]))[0].as_py() == "0a:0b:0c:0d:0e:0f"
    assert numbered("x-", np.array([7]), 4)[0].as_py() == "x-0007"
    assert [len(part) for part in dashed(np.array([3]))[0].as_py().split("-")] == [8, 4, 4, 4, 12]


def test_times():
    """Microseconds are cut to thousandths, over midnights and years."""
    moments = [datetime(2025, 12, 31, 23, 59, 59, 999_000, UTC), datetime(2026, 2, 28, 0, 0, 0, 7_000, UTC)]
    micros = np.array([(moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for moment in moments])
    assert [datetime.fromisoformat(text) for text in iso(micros).to_pylist()] == moments
    assert iso(micros, end="", between=" ", seconds=True)[0].as_py() == "2025-12-31 23:59:59"
    assert len(iso(np.array([], np.int64))) == 0


def test_lists_keep_their_owners():
    """Who owns nothing has an empty list."""
    assert listed(np.array([0, 0, 2]), 3, pa.array(["a", "b", "c"])).to_pylist() == ["a,b", "", "c"]


@pytest.mark.parametrize("first", ["x", None])
def test_lines_are_json_without_what_is_missing(first):
    """Texts are quoted, numbers and truth values not; a missing value leaves no member."""
    columns = {
        "a": pa.array(["p", "q"]), "b": np.array([1.5, 2.0]), "c": pa.array([None, "z"], pa.string()), "d": None,
        "e": True, "f": np.array([True, False]), "g": 3, "h": pa.array([1, None]),
    }  # fmt: skip
    if first is None:
        columns = dict(reversed(columns.items()))
        columns = {"k": "const", **columns}
    found = [json.loads(line) for line in line_bytes(json_lines(columns)).splitlines()]
    assert {key: found[0][key] for key in ("a", "b", "e", "f", "g", "h")} == {
        "a": "p",
        "b": 1.5,
        "e": True,
        "f": True,
        "g": 3,
        "h": 1,
    }
    assert "c" not in found[0]
    assert found[1]["c"] == "z"
    assert not {"h", "d"} & found[1].keys()
