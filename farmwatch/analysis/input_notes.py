"""What a reader must know about the inputs themselves before trusting a verdict that rests on them.

A capture can be read to its last byte and still say little: no packets, packets that do not decode, a clock that was
never set. None of that is damage, so it is said in notes instead of being hidden among the rejects.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from farmwatch.analysis.crowd import CROWDED, MOST_DEVICES
from farmwatch.records import ABSENT, CaptureInput, Reject, Table, Tables

__all__ = ["input_notes"]

_WORTH_SAYING = 0.1  #: share of an input's packets that a reject must reach
_FIRST_YEAR, _LAST_YEAR = 1990, 2100  #: no capture was made before (libpcap is from 1994), none will be read after


def input_notes(tables: Tables) -> tuple[str, ...]:
    """One sentence per thing worth knowing, inputs in their order."""
    inputs, rejects = tables[CaptureInput], tables[Reject]
    return tuple(note for row in range(len(inputs)) for note in _of_input(inputs, row, rejects))


def _of_input(inputs: Table[CaptureInput], row: int, rejects: Table[Reject]) -> Iterator[str]:
    path, packets = inputs["path"][row], int(inputs["packets"][row])
    if packets == 0 and inputs["complete"][row]:
        yield f"{path}: a capture without packets"
    own = np.flatnonzero((rejects["input"] == inputs["input"][row]) & (rejects["offset"] == ABSENT))
    for reason, count in zip(rejects["reason"][own].tolist(), rejects["count"][own].tolist(), strict=True):
        if reason == CROWDED:
            yield (
                f"{path}: {count:,} more devices than the {MOST_DEVICES:,} judged: a flood of made-up senders, or more "
                "laptops than one run is for; read fewer captures at a time, or name those that matter with --device"
            )
        elif reason.endswith("for lack of room"):
            yield f"{path}: {count:,} {reason}; some names may be missing"
        elif packets and count >= _WORTH_SAYING * packets and inputs["complete"][row]:
            yield f"{path}: {count:,} of {packets:,} packets: {reason}"
    if packets and (year := _odd_year(inputs["first_ts"][row], inputs["last_ts"][row])):
        yield (
            f"{path}: holds packets of the year {year}: the capturing machine's clock was not set, or the times are "
            "made up; do not compare them with other records"
        )


def _odd_year(first: Any, last: Any) -> int | None:
    """A year that no capture is from, if the times reach one."""
    for moment, early in ((first, True), (last, False)):
        if not np.isnat(moment):
            year = datetime.fromtimestamp(int(moment.astype(np.int64)) // 1_000_000_000, UTC).year
            if year < _FIRST_YEAR if early else year >= _LAST_YEAR:
                return year
    return None
