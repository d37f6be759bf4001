"""What an input cannot be trusted for is said, and ordinary inputs are left in peace."""

from __future__ import annotations

import pytest

from farmwatch.analysis.input_notes import input_notes
from farmwatch.records import CaptureInput, Reject, Rows, Tables
from tests.rows import Net

DAY_NS = 86_400 * 10**9
YEAR_2024_NS = 19_750 * DAY_NS


def notes(rejects: dict[str, int], *, packets: int = 100, complete: bool = True, ts: int = YEAR_2024_NS):
    """Notes of one input."""
    inputs: Rows[CaptureInput] = Rows(CaptureInput)
    inputs.add(
        input=0, path="a.pcap", sha256="", kind="pcap", vantage="unknown", packets=packets, bytes=1, flows=0,
        first_ts=ts if packets else None, last_ts=ts if packets else None, complete=complete,
    )  # fmt: skip
    rows: Rows[Reject] = Rows(Reject)
    for reason, count in rejects.items():
        rows.add(input=0, reason=reason, count=count)
    return input_notes(Tables([inputs.table(), rows.table()]))


def test_ordinary_input_needs_no_note():
    """A few rejects among many packets are not worth a sentence."""
    assert notes({"IP header cut short": 9}) == ()


def test_empty_capture_is_called_so():
    """Header only: read completely, and nothing in it."""
    assert notes({}, packets=0) == ("a.pcap: a capture without packets",)
    assert notes({}, packets=0, complete=False) == ()


def test_packets_that_mostly_do_not_decode_are_said():
    """Complete does not mean understood."""
    assert notes({"link header cut short": 10}) == ("a.pcap: 10 of 100 packets: link header cut short",)


@pytest.mark.parametrize(("ts", "year"), [(0, 1970), (-DAY_NS, 1969), (49_000 * DAY_NS, 2104)])
def test_clock_that_was_not_set_is_said(ts, year):
    """Dates before there were captures, or far from now, are not to be compared with anything."""
    [note] = notes({}, ts=ts)
    assert note.startswith(f"a.pcap: holds packets of the year {year}: ")


def test_cut_packets_and_sessions_already_running_are_said():
    """How many flows could not be named, and what to do about it; a few of many are not worth a note."""
    net = Net()
    net.rows["inputs"][0] |= {"first_ts": 1_767_600_000, "last_ts": 1_767_600_009}
    for unread in ("cut", "cut", "midstream", ""):
        net.flow("10.0.0.5", "198.51.100.7", unread=unread, orig_bytes=9)
    cut, midstream = input_notes(net.tables())
    assert cut.startswith("0.pcap: packets are cut short, so 2 of 4 flows")
    assert midstream.startswith("0.pcap: starts in the middle of 1 of 4 flows")
    for _ in range(30):
        net.flow("10.0.0.5", "198.51.100.7", orig_bytes=9)
    assert input_notes(net.tables()) == ()


@pytest.mark.parametrize(
    ("lost", "said"),
    [(0, None), (900, None), (2_000, "lacks 17 %"), (1 << 40, "lacks 50 %")],
    ids=["none", "little", "much", "forged"],
)
def test_payload_that_the_capture_lacks_is_said(lost, said):
    """From a tenth on; a forged sequence number counts no more than what its flow showed."""
    net = Net()
    net.flow("10.0.0.5", "198.51.100.7", orig_bytes=4_000, resp_bytes=6_000, lost_bytes=lost)
    net.flow("10.0.0.5", "198.51.100.8", established=False, lost_bytes=lost)
    found = [note for note in input_notes(net.tables()) if "lacks" in note]
    assert [said in note for note in found] == ([True] if said else [])
