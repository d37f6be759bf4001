"""Rows of input timing, for tests of detectors that read it."""

from __future__ import annotations

from farmwatch.records import InputTiming, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import at

KVM_BOX = "1d6b:0104"
BUILT_IN = "0001:0001"


def window(device, day, hour, source=KVM_BOX, **values):
    """One window of five minutes."""
    return InputTiming(device_id=device, ts=at(day, hour), window_s=300.0, input_device=source, **values)


def windows(device, count, source=KVM_BOX, *, day=0, hour=0.0, **values):
    """Windows one after the other."""
    return [window(device, day, hour + number / 12, source, **values) for number in range(count)]


def workdays(device, source=KVM_BOX, *, days=5, hour=14, count=24, **values):
    """So many windows from an hour on, on each of several days."""
    return [row for day in range(days) for row in windows(device, count, source, day=day, hour=hour, **values)]


def jiggle(device, count, period, reports, shape, pointer, *, day=0, hour=0.0, spread=0.01, gap=100.0, source=KVM_BOX):
    """Windows in which nothing happens but a jiggler."""
    moves = int(300 / period) * reports
    values = {"jiggle_period_s": period, "jiggle_spread": spread, "jiggle_reports": reports, "jiggle_shape": shape}
    return windows(device, count, source, day=day, hour=hour, pointer=pointer, presses=0, clicks=0, moves=moves,
                   move_gap_ms=gap, **values)  # fmt: skip


def attached(device, source=KVM_BOX, **values):
    """The USB or HID row of an input device."""
    vendor, product = (int(part, 16) for part in source.split(":"))
    return UsbDevice(device_id=device, ts=at(0), event="present", vendor_id=vendor, product_id=product, **values)


def declared(device, **values):
    """The device's line of the roster."""
    return RosterEntry(device_id=device, ts=at(-30), **values)
