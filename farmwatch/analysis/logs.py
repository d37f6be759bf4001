"""Inputs that are a sensor's logs: what they hold is good, and what they do not hold must not look like silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from farmwatch.records import CaptureInput, DeviceFlow, DeviceSeen, Table, Tables

__all__ = ["LOG_KINDS", "NOT_IN_LOGS", "log_inputs", "only_in_logs", "uncounted"]

LOG_KINDS = frozenset({"zeek", "suricata"})  #: ``inputs.kind`` of them
NOT_IN_LOGS = "packet sizes and times are not in sensor logs"


def log_inputs(tables: Tables) -> frozenset[int]:
    """Numbers of the inputs that are logs."""
    inputs = tables[CaptureInput]
    kinds = zip(inputs["input"].tolist(), inputs["kind"].tolist(), strict=True)
    return frozenset(number for number, kind in kinds if kind in LOG_KINDS)


def only_in_logs(tables: Tables) -> frozenset[str]:
    """Devices that no capture shows."""
    logs, seen = log_inputs(tables), tables[DeviceSeen]
    if not logs:
        return frozenset()
    rows = zip(seen["device_id"].tolist(), seen["input"].tolist(), strict=True)
    elsewhere = {device for device, number in rows if number not in logs}
    return frozenset(seen["device_id"].tolist()) - elsewhere


def uncounted(flows: Table[DeviceFlow], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of some flows come from logs: packets, and yet no second in which one was sent, no capture can show."""
    packets = flows["pkts_out"][rows] + flows["pkts_in"][rows]
    return np.asarray((flows["active_s_out"][rows] + flows["active_s_in"][rows] == 0) & (packets > 0))
