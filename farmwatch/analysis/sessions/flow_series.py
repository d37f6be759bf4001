"""The series of each flow of a device as arrays, turned to the device, and which flows belong to one session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farmwatch.records import DeviceFlow, FlowSeries, SeriesFlow, Table, Tables

__all__ = ["DeviceSeries", "device_series", "merged", "sharing"]

_RECORD = 1  #: ``unit`` of a TLS record
_APPLICATION = 23  #: content type of TLS records that carry data
_MOST_MEMBERS = 6  #: flows of one session looked at together; browsers open more, remote tools do not


@dataclass(frozen=True, slots=True)
class DeviceSeries:
    """What one flow carried, or several: times, directions and sizes as a device sees them."""

    rows: tuple[int, ...]  #: of the ``device_flows`` table
    times_s: NDArray[np.float64]  #: seconds since 1970
    out: NDArray[np.bool_]  #: the message left the device
    sizes: NDArray[np.int64]  #: payload bytes
    datagrams: bool
    cut: bool  #: more came than was kept

    def __len__(self) -> int:
        return len(self.times_s)


def device_series(flows: Table[DeviceFlow], tables: Tables) -> Iterator[DeviceSeries]:
    """The series of each flow of a device that has one, in the order of ``flows``.

    Of a flow framed as TLS the records with data are taken, whose sizes are what the programs wrote; of others the
    segments or datagrams.
    """
    series, kept = tables[FlowSeries], tables[SeriesFlow]
    if not len(series):
        return
    places = series["input"].astype(np.int64) << 32 | series["flow"]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(places)) + 1))
    ends = np.concatenate((starts[1:], [len(places)]))
    span = {int(places[start]): (int(start), int(end)) for start, end in zip(starts, ends, strict=True)}
    about = {
        number << 32 | flow: (framed, left_out)
        for number, flow, framed, left_out in zip(
            *(kept[name].tolist() for name in ("input", "flow", "framed", "left_out")), strict=True
        )
    }
    times, units = series["ts"].astype(np.int64), series["unit"]
    keys = zip(*(flows[name].tolist() for name in ("input", "flow", "local_side", "proto")), strict=True)
    for row, (number, flow, side, proto) in enumerate(keys):
        place = number << 32 | flow
        if place not in span:
            continue
        part = slice(*span[place])
        framed, left_out = about.get(place, (False, 0))
        record = units[part] == _RECORD
        own = np.flatnonzero(record & (series["content_type"][part] == _APPLICATION) if framed else ~record)
        own += part.start
        own = own[np.argsort(times[own], kind="stable")]  # clocks of captures step back
        yield DeviceSeries(
            (row,), times[own] / 1e9, series["side"][own] == side, series["size"][own].astype(np.int64),
            proto == "udp", left_out > 0,
        )  # fmt: skip


def sharing(flows: Table[DeviceFlow], every: list[DeviceSeries]) -> list[list[DeviceSeries]]:
    """Series of one device with one far end at overlapping times: control and media, or traffic split over flows."""
    groups: dict[tuple[str, int, str], list[DeviceSeries]] = {}
    for one in every:
        row = one.rows[0]
        key = (str(flows["device_id"][row]), int(flows["input"][row]), str(flows["remote_h"][row]))
        groups.setdefault(key, []).append(one)
    found = []
    for group in groups.values():
        if 2 <= len(group) <= _MOST_MEMBERS:
            latest_start = max(one.times_s[0] for one in group if len(one))
            earliest_end = min(one.times_s[-1] for one in group if len(one))
            if earliest_end - latest_start > 0.5 * max(one.times_s[-1] - one.times_s[0] for one in group if len(one)):
                found.append(group)
    return found


def merged(group: list[DeviceSeries]) -> DeviceSeries:
    """Several series as one, in order of time."""
    times = np.concatenate([one.times_s for one in group])
    order = np.argsort(times, kind="stable")
    return DeviceSeries(
        tuple(row for one in group for row in one.rows), times[order],
        np.concatenate([one.out for one in group])[order], np.concatenate([one.sizes for one in group])[order],
        any(one.datagrams for one in group), any(one.cut for one in group),
    )  # fmt: skip
