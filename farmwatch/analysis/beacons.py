"""Senders that repeat the NAT test of an idle KVM, found in STUN requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from farmwatch.records import Stun, Table

__all__ = ["nat_test_beacons"]


def nat_test_beacons(
    stun: Table[Stun],
    *,
    least_rounds: float = 5,
    least_s: float = 600.0,
    low_s: float = 8.0,
    high_s: float = 75.0,
) -> Iterator[tuple[int, str, int, float, list[int]]]:
    """Binding requests with the obsolete CHANGE-REQUEST attribute (RFC 3489, 11.2.4), again and again.

    Args:
        stun: messages of the run.
        least_rounds: fewer are a start-up.
        least_s: seconds from the first to the last request.
        low_s: requests closer than this are resends of one round.
        high_s: longest median pause between rounds.

    Yields:
        Input, sender, requests, median period in seconds and packets of every beaconing sender.
    """
    asked = np.flatnonzero(stun["change_request"] & (stun["kind"] == "request") & (stun["method"] == "binding"))
    senders: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row, number, source in zip(
        asked.tolist(), stun["input"][asked].tolist(), stun["source"][asked].tolist(), strict=True
    ):
        senders[number, source].append(row)
    for (number, source), rows in sorted(senders.items()):
        times = np.sort(stun["ts"][rows].astype(np.int64)) / 1e9
        starts = times[np.concatenate([[True], np.diff(times) >= low_s])]
        if len(starts) < least_rounds or times[-1] - times[0] < least_s:
            continue
        period = float(np.median(np.diff(starts)))
        if period <= high_s:
            yield number, source, len(rows), period, stun["packet"][rows].tolist()
