"""Both passes over a capture file, with every flow wanted, and a stream that can be read only once."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from farmwatch.wire.flows import FlowTable
from farmwatch.wire.scan import Mode, scan_chunks
from farmwatch.wire.series import Series, read_series, wanted_flows
from farmwatch.wire.source import open_capture


def series_of_capture(path: Path, mode: Mode) -> tuple[FlowTable, Series]:
    """Give the flow table and the series of all its flows."""
    with open_capture(path, mode=mode) as reader:
        scan = scan_chunks(reader.chunks(), mode=mode)
    broken = "fragment of an incomplete datagram" in scan.rejects
    wanted = wanted_flows(scan.flows, np.arange(len(scan.flows)), fragments=broken)
    with open_capture(path, mode=mode, hashing=False) as reader:
        return scan.flows, read_series(reader.chunks(), wanted, mode=mode)


class Once(io.RawIOBase):
    """A stream that cannot be wound back and gives a little at a time."""

    name = "<once>"

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, view) -> int:
        """Read at most 5000 bytes."""
        return self._data.readinto(memoryview(view)[:5000])
