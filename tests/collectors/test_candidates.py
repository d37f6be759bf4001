"""Which flows pass one hands to the second reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from farmwatch.collectors.candidates import candidate_flows
from farmwatch.collectors.captures import collect_capture
from farmwatch.records import Flow, RemoteControl, SeriesFlow
from tests.rows import table_of

PCAPS = Path(__file__).parents[2] / "pcaps"
#: captures in which one flow, and which, carries a hand or the picture of what it does
DRIVEN = (
    "vnc-relayed", "vnc-reverse", "vnc-helpdesk", "rdp-relayed", "rdp-to-office", "ssh-into-laptop",
    "ssh-from-laptop", "ssh-reverse",
)  # fmt: skip
WEB = ("web", "home", "office", "cafe", "tunnels", "farm-gateway", "farm-lan", "meeting-all-day")


def flow(number=0, orig=(0, 0, 0), resp=(0, 0, 0), **values):
    """A flow: of each side data packets, small gaps, active seconds."""
    sides = {
        f"{side}_{name}": value
        for side, given in (("orig", orig), ("resp", resp))
        for name, value in zip(("data_pkts", "small_gaps", "active_s"), given, strict=True)
    }
    return {"flow": number, "orig_h": "10.0.0.5", "resp_h": "198.51.100.7", "ts": 0, "last_ts": 60, **sides, **values}


def rows_of(*entries, **options):
    return candidate_flows(table_of("flows", entries), **options).rows.tolist()


def test_small_packets_at_the_pace_of_fingers():
    """Typing and its echo, from whichever side, with or without an answer."""
    typed, echoed, silent = (60, 50, 30), (60, 40, 30), (0, 0, 20)
    assert rows_of(flow(orig=typed, resp=echoed), flow(orig=echoed, resp=typed)) == [0, 1]
    assert rows_of(flow(orig=typed, resp=silent), flow(orig=silent, resp=typed)) == [0, 1]


def test_size_does_not_matter():
    """Input padded to any size, or among the bulk of a tunnel, is not left out."""
    padded = flow(orig=(300, 0, 40), resp=(400, 0, 40))
    tunnel = flow(orig=(40_000, 0, 60), resp=(90_000, 0, 60))
    assert rows_of(padded, tunnel) == [0, 1]


def test_what_is_over_at_once_is_no_hand():
    """A page, a lookup, a download of seconds, an answer that never came."""
    page = flow(orig=(14, 2, 2), resp=(300, 0, 2))
    lookup = flow(orig=(1, 0, 1), resp=(1, 0, 1))
    download = flow(orig=(1, 0, 40), resp=(90_000, 0, 40))
    unanswered = flow(orig=(40, 3, 40), resp=(0, 0, 0))
    assert rows_of(page, lookup, download, unanswered) == []


def test_the_screen_in_a_flow_of_its_own_comes_along():
    """Pictures alone are no hand, but beside one between the same addresses they are wanted as well."""
    pictures = flow(orig=(1, 0, 50), resp=(4000, 0, 50))
    hand = flow(orig=(90, 70, 40), resp=(0, 0, 0))
    assert rows_of(pictures) == []
    assert rows_of(pictures, hand) == [0, 1]
    swapped = {"orig_h": hand["resp_h"], "resp_h": hand["orig_h"]}
    assert rows_of(pictures, {**hand, **swapped}) == [0, 1]
    assert rows_of(pictures, {**hand, "resp_h": "198.51.100.8"}) == [1]
    assert rows_of(pictures, {**hand, "ts": 100, "last_ts": 160}) == [1]


def test_the_most_hand_like_come_first():
    """Where there are too many, slow small packets over a long time win, and the others are counted."""
    typist = flow(orig=(500, 400, 300), resp=(500, 300, 300))
    chat = flow(orig=(20, 2, 10), resp=(20, 2, 10))
    stream = flow(orig=(60_000, 0, 12), resp=(60_000, 0, 12))
    found = candidate_flows(table_of("flows", [stream, typist, chat]), most=2)
    assert (found.rows.tolist(), found.left_out) == ([1, 2], 1)


def test_many_flows_take_linear_time():
    """A flood of flows between two addresses is sorted out at once."""
    count = 40_000
    hands = {"orig_data_pkts": 50, "resp_data_pkts": 50, "orig_small_gaps": 30, "orig_active_s": 30}
    entries = [flow(n, **hands) if n % 2 else flow(n, resp=(50, 0, 50)) for n in range(count)]
    found = candidate_flows(table_of("flows", entries))
    assert (len(found.rows), found.left_out) == (10_000, count - 10_000)
    assert np.all(np.diff(found.rows) > 0)


@pytest.mark.parametrize("name", DRIVEN)
def test_control_flows_are_among_them(name):
    """The one flow of a captured session is read again."""
    tables = collect_capture(PCAPS / f"{name}.pcap", 0).tables
    [control] = set(tables[RemoteControl]["flow"].tolist())
    assert control in tables[SeriesFlow]["flow"].tolist()


@pytest.mark.parametrize("name", WEB)
def test_ordinary_captures_have_few(name):
    """At most a fifth of the flows of offices, homes and browsing are read again."""
    tables = collect_capture(PCAPS / f"{name}.pcap", 0).tables
    assert len(tables[SeriesFlow]) <= 0.2 * len(tables[Flow])
