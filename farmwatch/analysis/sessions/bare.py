"""Acknowledgements that carry nothing: the smallest messages of a direction where they answer what was an answer.

Inside a tunnel the connection within has its own: a key comes in, its echo leaves, and the far end confirms the echo
with a packet of no content. Without the tunnel the third message is not seen at all. Taken for something that came in,
it doubles what a person seems to send, makes every echo look like a request, and hides that the device answers at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.loop import AnswerClass
from farmwatch.analysis.sessions.runs import Runs

__all__ = ["bare_answers"]

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CHAINED = 0.5  #: of a class, what must answer an answer: else it is the answer a person waits for


def bare_answers(
    classes: Sequence[AnswerClass], runs: Runs, other_classes: Sequence[AnswerClass], other_runs: Runs
) -> Mask:
    """Which messages of one direction only confirm what the other direction answered.

    Args:
        classes: of the direction, held against the other's runs.
        runs: of the direction; its messages are counted off in their order.
        other_classes: of the other direction, held against ``runs``.
        other_runs: of the other direction.

    Returns:
        True for the members of the smallest frequent size, if that is an automatic answer, and most of what it answers
        holds an automatic answer to something that is not of that size itself.
    """
    bare = np.zeros(int(runs.messages.sum()), dtype=np.bool_)
    smallest = min(classes, key=lambda found: found.size, default=None)
    if smallest is None or not smallest.is_answer or not len(smallest.runs):
        return bare
    cause = _causes(other_classes, other_runs)[smallest.runs]
    of_size = np.zeros(len(bare), dtype=np.bool_)
    of_size[smallest.members] = True
    more = np.add.reduceat((~of_size).astype(np.int64), np.cumsum(runs.messages) - runs.messages) > 0
    chained = (cause >= 0) & more[np.maximum(cause, 0)]
    bare[smallest.members] = chained.mean() >= _CHAINED
    return bare


def _causes(classes: Sequence[AnswerClass], runs: Runs) -> Ints:
    """The run of the other direction that each run answers, -1 for those that answer nothing by themselves."""
    run_of = np.repeat(np.arange(len(runs)), runs.messages)
    causes = np.full(len(runs), -1, dtype=np.int64)
    for found in classes:
        if found.is_answer:
            causes[run_of[found.members[found.matched]]] = found.runs
    return causes
