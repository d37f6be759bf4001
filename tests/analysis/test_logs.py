"""Inputs that are a sensor's logs: which they are, whom only they show, and how their flows are told."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.detectors import DETECTORS, run_detectors
from farmwatch.analysis.logs import log_inputs, only_in_logs, uncounted
from farmwatch.records import DeviceFlow
from farmwatch.records.finding import Outcome
from tests.rows import tables_of

INPUTS = [{"input": 0, "kind": "pcap"}, {"input": 1, "kind": "zeek"}, {"input": 2, "kind": "suricata"}]
SEEN = [
    {"device_id": "A", "input": 0},
    {"device_id": "A", "input": 1},
    {"device_id": "B", "input": 1},
    {"device_id": "B", "input": 2},
]
FLOWS = [
    {"device_id": device, "input": number, "pkts_out": 5, "pkts_in": 5, "active_s_out": active, "protocol": "ssh"}
    for device, number, active in (("A", 0, 3), ("A", 1, 0), ("B", 1, 0))
]


def test_logs_are_told_by_their_kind():
    """Captures are not among them."""
    assert log_inputs(tables_of(inputs=INPUTS)) == {1, 2}


def test_a_device_that_a_capture_shows_too_is_not_only_in_logs():
    """What the capture shows of it counts."""
    assert only_in_logs(tables_of(inputs=INPUTS, devices_seen=SEEN)) == {"B"}
    assert only_in_logs(tables_of(inputs=INPUTS[:1], devices_seen=SEEN)) == frozenset()


def test_flows_of_logs_have_packets_and_no_seconds():
    """No capture has such a flow, so the flow itself says where it comes from."""
    flows = tables_of(device_flows=FLOWS)[DeviceFlow]
    assert uncounted(flows, np.arange(3)).tolist() == [False, True, True]


@pytest.mark.parametrize("detector", [one for one in DETECTORS if one.absent_from_logs], ids=lambda one: one.id)
def test_what_logs_do_not_hold_clears_nobody(detector):
    """A detector that goes by what logs lack has no data about a device that only logs show, and says why."""
    found = run_detectors([detector], tables_of(inputs=INPUTS, devices_seen=SEEN, device_flows=FLOWS))
    for finding in found["B"]:
        assert finding.outcome is Outcome.NO_DATA
        assert finding.summary == detector.absent_from_logs
