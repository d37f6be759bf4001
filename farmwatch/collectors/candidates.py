"""Which flows might carry a hand, by counters that pass one keeps anyway.

Recall comes first: what is left out here nobody looks at again, while the analysis sorts out what is let in. So nothing
is asked of sizes (input may be padded, or travel inside a tunnel beside bulk data), only that a side sent something now
and then over several seconds and that there was an answer, or that it sent small packets at the pace of fingers. Sizes
and pace decide who comes first where there are too many. Input and screen may travel in two flows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farmwatch.records import Flow, Table

__all__ = ["MOST_CANDIDATES", "Candidates", "candidate_flows"]

MOST_CANDIDATES = 10_000  #: flows whose series are extracted

_LEAST_PACKETS = 12  # data packets of the hand's side: the fewest from which the analysis says anything is above this
_LEAST_ANSWERS = 4  # data packets of the other side
_LEAST_SECONDS = 4  # in which the hand's side sent something
_LEAST_GAPS = 12  # of fingers, between small packets, where there is no answer (input and screen in two flows)
_QUICK = 200.0  # data packets a second; no device reports a hand faster (a gaming mouse: 125 to 1000, batched)
_QUICK_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows of the flow table, ascending, and how many more there would have been."""

    rows: NDArray[np.int64]
    left_out: int


def candidate_flows(flows: Table[Flow], most: int = MOST_CANDIDATES) -> Candidates:
    """The flows that might carry a hand, the most hand-like ones where there are more than ``most``.

    A flow in which one side alone sends for seconds, as the pictures of a remote screen may, comes along with a
    candidate between the same two addresses at the same time.
    """
    score = np.zeros(len(flows))
    streaming = np.zeros(len(flows), np.bool_)
    for hand, other in (("orig", "resp"), ("resp", "orig")):
        data, answers = flows[f"{hand}_data_pkts"], flows[f"{other}_data_pkts"]
        seconds = np.minimum(flows[f"{hand}_active_s"], data)
        gaps = flows[f"{hand}_small_gaps"]
        lasting = (data >= _LEAST_PACKETS) & (seconds >= _LEAST_SECONDS)
        fits = lasting & ((answers >= _LEAST_ANSWERS) | (gaps >= _LEAST_GAPS))
        quick = data > _QUICK * np.maximum(seconds, 1)
        score = np.maximum(score, np.where(fits, (gaps + seconds) * np.where(quick, _QUICK_WEIGHT, 1.0), 0.0))
        streaming |= lasting
    _score_companions(flows, np.flatnonzero(streaming & (score == 0)), score)
    rows = np.flatnonzero(score)
    if len(rows) <= most:
        return Candidates(rows, 0)
    best = rows[np.argsort(-score[rows], kind="stable")[:most]]
    return Candidates(np.sort(best), len(rows) - most)


def _score_companions(flows: Table[Flow], streams: NDArray[np.int64], score: NDArray[np.float64]) -> None:
    """Give one-sided streams the score of the best candidate between the same addresses, if one runs meanwhile.

    All candidates between two addresses count as one that lasts from the first to the last: there may be very many.
    """
    if not len(streams):
        return
    begun, ended = flows["ts"], flows["last_ts"]
    hands: dict[frozenset[str], tuple[np.datetime64, np.datetime64, float]] = {}
    for row in np.flatnonzero(score).tolist():
        ends = _ends(flows, row)
        first, last, best = hands.get(ends, (begun[row], ended[row], 0.0))
        hands[ends] = (min(first, begun[row]), max(last, ended[row]), max(best, float(score[row])))
    for row in streams.tolist():
        found = hands.get(_ends(flows, row))
        if found is not None and found[0] <= ended[row] and found[1] >= begun[row]:
            score[row] = found[2]


def _ends(flows: Table[Flow], row: int) -> frozenset[str]:
    return frozenset((flows["orig_h"][row], flows["resp_h"][row]))
