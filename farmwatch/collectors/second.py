"""The second reading of a capture: the series of flows that might carry a hand, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from farmwatch.errors import SourceError
from farmwatch.records import SERIES_LEFT_UNREAD, FlowSeries, SeriesFlow, Table
from farmwatch.wire.series import Series, SeriesLimits, Wanted, choose_series_mode, read_series
from farmwatch.wire.source import open_capture
from farmwatch.wire.spool import Readings
from farmwatch.wire.tables import Mode

__all__ = ["SecondReading", "read_again"]


@dataclass(frozen=True, slots=True)
class SecondReading:
    """The tables, and what is missing from them: reason in plain words and how many flows."""

    series: Table[FlowSeries]
    flows: Table[SeriesFlow]
    missing: dict[str, int]


def read_again(
    readings: Readings,
    wanted: Wanted,
    left_out: int,
    number: int,
    *,
    packets: int,
    mode: Mode | None,
    progress: Callable[[int], None] | None,
    limits: SeriesLimits | None = None,
) -> SecondReading:
    """Read a capture once more for the series of the wanted flows.

    Args:
        readings: the source, read once already.
        wanted: the flows.
        left_out: flows that would have been wanted, had there been room.
        number: the input's number, written into every row.
        packets: of the whole capture.
        mode: how to run the kernels; by the amount of work where left out.
        progress: called with the stored bytes of this reading.
        limits: bounds on memory.
    """
    missing = {f"{SERIES_LEFT_UNREAD}, being more than one run looks at": left_out} if left_out else {}
    series: Series | None = None
    if len(wanted):
        source = readings.again()
        if source is None:
            missing[f"{SERIES_LEFT_UNREAD}: the stream can be read only once ({readings.fault})"] = len(wanted)
        else:
            way = mode or choose_series_mode(packets, int(wanted.packets.sum()))
            try:
                with open_capture(source, mode=way, progress=progress, hashing=False) as reader:
                    series = read_series(reader.chunks(), wanted, mode=way, limits=limits)
            except SourceError as fault:
                missing[f"{SERIES_LEFT_UNREAD}: the second reading failed ({fault.reason})"] = len(wanted)
    if series is None:
        return SecondReading(Table.empty(FlowSeries), Table.empty(SeriesFlow), missing)
    if series.differing:
        missing[f"{SERIES_LEFT_UNREAD}: the file was another one when it was read again"] = series.differing
    return SecondReading(_rows(series, number), _flows(series, wanted, number), missing)


def _rows(series: Series, number: int) -> Table[FlowSeries]:
    return Table(
        FlowSeries,
        {
            "input": np.full(len(series), number, np.int32),
            "flow": series.flow,
            "n": series.n,
            "ts": series.ts_ns.view("datetime64[ns]"),
            "side": series.side,
            "size": series.size,
            "unit": series.unit,
            "content_type": series.content_type,
        },
    )


def _flows(series: Series, wanted: Wanted, number: int) -> Table[SeriesFlow]:
    first = dict(zip(wanted.flow.tolist(), wanted.first_packet.tolist(), strict=True))
    return Table(
        SeriesFlow,
        {
            "input": np.full(len(series.of_flow), number, np.int64),
            "flow": series.of_flow,
            "packet": np.array([first[flow] for flow in series.of_flow.tolist()], np.int64),
            "rows": series.of_rows,
            "left_out": series.of_left_out,
            "framed": series.of_framed,
            "breaks": series.of_breaks,
        },
    )
