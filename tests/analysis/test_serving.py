"""Hosts that look like servers and are driven."""

from __future__ import annotations

from pathlib import Path

import dpkt

import farmwatch
from farmwatch.records import Level, Role

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def from_the_other_end(name, path):
    """Copy a capture from where the far end speaks first: its laptop then looks like what was connected to."""
    with (PCAPS / f"{name}.pcap").open("rb") as stream:
        packets = list(dpkt.pcap.Reader(stream))
    ends = [dpkt.ethernet.Ethernet(frame).data for _, frame in packets]
    laptop = ends[0].src
    start = next(index for index, ip in enumerate(ends) if index > 40 and ip.src != laptop and len(ip.data.data) > 0)
    with path.open("wb") as stream:
        writer = dpkt.pcap.Writer(stream)
        for ts, frame in packets[start:]:
            writer.writepkt(frame, ts)
    return path


def test_a_laptop_of_which_only_a_served_connection_was_captured_is_judged(tmp_path):
    """Nothing says that it is a laptop but the hand that comes in; it is a device, and driven."""
    path = from_the_other_end("unknown-relayed", tmp_path / "served.pcap")
    (device,) = farmwatch.scan([path]).devices
    assert device.assessment.driven.level in {Level.REVIEW, Level.STRONG}
    assert [session.role for session in device.sessions] == [Role.CONTROLLED]


def test_a_host_that_only_serves_what_others_read_is_not_accused(tmp_path):
    """Without a hand that comes in nobody is accused, whichever end a host seems to be."""
    path = from_the_other_end("shared-document", tmp_path / "asked.pcap")
    levels = {device.assessment.driven.level for device in farmwatch.scan([path]).devices}
    assert not levels & {Level.REVIEW, Level.STRONG}
