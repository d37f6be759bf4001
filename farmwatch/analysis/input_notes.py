"""What a reader must know about the inputs themselves before trusting a verdict that rests on them.

A capture can be read to its last byte and still say little: no packets, packets that do not decode, a clock that was
never set. None of that is damage, so it is said in notes instead of being hidden among the rejects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from farmwatch.analysis.crowd import CROWDED, MOST_DEVICES
from farmwatch.analysis.logs import LOG_KINDS, NOT_IN_LOGS
from farmwatch.records import ABSENT, CaptureInput, Flow, Reject, Table, Tables

__all__ = ["input_notes"]

_WORTH_SAYING = 0.1  #: share of an input's packets that a reject must reach
_UNREAD = {
    "cut": "packets are cut short, so {} cannot be told what they carry; capture whole packets (tcpdump -s 0)",
    "unlogged": "the logs put no name to {}; add the sensor's other logs of that time (ssl, dns, quic), or a capture",
    "midstream": "starts in the middle of {}, so what they carry may be unknown; start capturing before the session",
}
_FIRST_YEAR, _LAST_YEAR = 1990, 2100  #: no capture was made before (libpcap is from 1994), none will be read after


def input_notes(tables: Tables) -> tuple[str, ...]:
    """One sentence per thing worth knowing, inputs in their order."""
    inputs, rejects, unread = tables[CaptureInput], tables[Reject], _unread(tables[Flow])
    return tuple(
        note
        for row in range(len(inputs))
        for note in (
            *_of_input(inputs, row, rejects),
            *_of_unread(inputs, row, unread),
            *_of_gaps(inputs, row, tables[Flow]),
        )
    )


def _unread(flows: Table[Flow]) -> dict[tuple[int, str], int]:
    """Flows whose first bytes are not known, by input and reason; '' counts all flows with payload."""
    found: dict[tuple[int, str], int] = defaultdict(int)
    some = flows["orig_bytes"] + flows["resp_bytes"] > 0
    for number, reason in zip(flows["input"][some].tolist(), flows["unread"][some].tolist(), strict=True):
        found[number, ""] += 1
        if reason:
            found[number, reason] += 1
    return found


def _of_unread(inputs: Table[CaptureInput], row: int, unread: Mapping[tuple[int, str], int]) -> Iterator[str]:
    path, number = inputs["path"][row], int(inputs["input"][row])
    total = unread.get((number, ""), 0)
    for reason, words in _UNREAD.items():
        count = unread.get((number, reason), 0)
        if count and count >= _WORTH_SAYING * total:
            yield f"{path}: {words.format(f'{count:,} of {total:,} flows')}"


def _of_gaps(inputs: Table[CaptureInput], row: int, flows: Table[Flow]) -> Iterator[str]:
    """Payload that was sent and not captured; of one flow no more than it showed, as sequence numbers can be forged."""
    own = (flows["input"] == inputs["input"][row]) & (flows["proto"] == "tcp") & flows["established"]
    shown = (flows["orig_bytes"] + flows["resp_bytes"])[own]
    lost = np.minimum(flows["lost_bytes"][own], shown).sum()
    if lost and lost >= _WORTH_SAYING * (shown.sum() + lost):
        yield (
            f"{inputs['path'][row]}: the capture lacks {100 * lost / (shown.sum() + lost):.0f} % of what its TCP "
            "connections carried: bytes, input events and sessions are counted too low; give the capturing machine a "
            "larger buffer (tcpdump -B 65536) or a narrower filter"
        )


def _of_input(inputs: Table[CaptureInput], row: int, rejects: Table[Reject]) -> Iterator[str]:
    path, packets = inputs["path"][row], int(inputs["packets"][row])
    if inputs["kind"][row] in LOG_KINDS:
        yield f"{path}: {NOT_IN_LOGS}: whether anybody types, and from how far, only a capture of that time can show"
    elif packets == 0 and inputs["complete"][row]:
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
