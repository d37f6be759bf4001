"""What is kept of a client, and what is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from farmwatch.collectors.feeds.clients import (
    add_device_facts,
    add_sign_ins,
    chained,
    device_ids,
    outer_addresses,
    programs,
    speaks,
    systems,
)
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import DeviceFact, Sighting, SignIn

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "program", "system"),
    [
        (CHROME, "chrome", "windows"), (CHROME + " Edg/140.0", "edge", "windows"),
        (CHROME + " OPR/120", "opera", "windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18.0 Safari/605", "safari", "macos"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140 Mobile Safari/604", "chrome", "ios"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/140 Safari/537", "chrome", "chromeos"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537", "chrome", "android"),
        ("python-requests/2.32", "python-requests", None), ("Edge 140.0.0", "edge", None), ("FIREFOX", "firefox", None),
        ("Mozilla/5.0 (something)", None, None), ("UNKNOWN", None, None), ("12345", None, None), ("", None, None),
    ],
)  # fmt: skip
def test_words_for_program_and_system(agent, program, system):
    """Of user agents and browser fields, without versions."""
    assert programs(pa.array([agent])).to_pylist() == [program]
    assert systems(pa.array([agent])).to_pylist() == [system]


def test_languages_are_noticed():
    """A language in a user agent is counted, and is in none of the words."""
    agents = pa.array(["Tool/1.0 (Windows NT 10.0; de-DE)", "Tool/1.0 (Windows; en_US; x)", CHROME, None])
    assert speaks(agents) == 2
    assert set(programs(agents).to_pylist()) == {"tool", "chrome", None}


def test_device_ids():
    """Host names lose their domain; what is no host name gives way to the sender's number."""
    names = pa.array(
        ["LT-7.corp.example", "Somebody's iPhone", "192.0.2.5", "2001:db8::5", "My Laptop", None, "a" * 80]
    )
    numbers = pa.array(["1", "2", "3", "4", None, "6", "7"])
    assert device_ids(names, numbers).to_pylist() == ["lt-7", "2", "192.0.2.5", "2001:db8::5", None, "6", "7"]
    assert device_ids(names).to_pylist()[1] is None


def test_outer_addresses():
    """Those of homes, carriers, links and groups are not seen from outside."""
    inner = ["10.1.1.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "127.0.0.1", "0.0.0.0", "224.0.0.1",
             "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "x", "", None]  # fmt: skip
    assert outer_addresses(pa.array(inner, pa.string())).to_pylist() == [None] * len(inner)
    assert outer_addresses(pa.array(["203.0.113.5", "172.32.0.1", "2001:db8::5"])).null_count == 0


def test_chains():
    """Only what is more than the address beside it, each once."""
    lists = pa.array([["203.0.113.5"], ["203.0.113.5", "198.51.100.4", "198.51.100.4"], [], None, ["x", None]])
    beside = pa.array(["203.0.113.5", "203.0.113.5", None, None, "203.0.113.5"])
    assert chained(lists, beside).to_pylist() == [None, "203.0.113.5,198.51.100.4", None, None, None]


def test_a_sign_in_of_a_known_device_is_a_sighting():
    """Without device, with an address of a home network, or rejected: none."""
    output = Output(np.arange(1, 6))
    add_sign_ins(
        output,
        {
            "device_id": pa.array(["a", None, "c", "d"]),
            "ts": pa.array([*[1_800_000_000_000_000] * 3, None], pa.timestamp("us", "UTC")),
            "provider": "x", "event": "sign-in", "outcome": "success",
            "address": pa.array(["203.0.113.5", "203.0.113.6", "10.0.0.1", "203.0.113.7"]),
        },
        np.array([4, 1, 2, 3]),
    )  # fmt: skip
    parsed = output.finish()
    assert parsed.tables[SignIn].num_rows == 3
    assert [(row["device_id"], row["value"]) for row in parsed.tables[Sighting].to_pylist()] == [("a", "203.0.113.5")]
    assert [fault.offset for fault in parsed.rejects] == [4]
    assert parsed.balanced()


def test_facts_are_told_once():
    """The same thing said again is not a row; another thing about the same device is."""
    output = Output(np.arange(1, 5))
    stamps = pa.array([1_800_000_000_000_000 + n for n in range(4)], pa.timestamp("us", "UTC"))
    add_device_facts(
        output,
        {
            "device_id": pa.array(["a", "a", "a", None]),
            "ts": stamps,
            "platform": pa.array(["windows", "windows", "linux", "linux"]),
        },
        np.arange(4),
    )
    assert [row["platform"] for row in output.finish().tables[DeviceFact].to_pylist()] == ["windows", "linux"]
