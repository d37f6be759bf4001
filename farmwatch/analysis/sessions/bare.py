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
from farmwatch.analysis.sessions.quantiles import share
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
        True for the messages of the smallest frequent size, if they are automatic answers, and most of what they answer
        is itself an automatic answer to some other message. Where padding gave keys the same size, for those that are
        answers.
    """
    bare = np.zeros(int(runs.messages.sum()), dtype=np.bool_)
    found = min(classes, key=lambda found: found.size, default=None)
    if found is None or not (found.is_answer or found.is_mixed):
        return bare
    taken = found.members if found.is_answer else found.members[found.matched]
    others = np.ones(len(bare), dtype=np.bool_)
    others[taken] = False
    holds_others = np.add.reduceat(others.astype(np.int64), np.cumsum(runs.messages) - runs.messages) > 0
    cause = _causes(other_classes, other_runs)[found.runs]
    chained = (cause >= 0) & holds_others[np.maximum(cause, 0)]
    bare[taken] = share(chained) >= _CHAINED
    return bare


def _causes(classes: Sequence[AnswerClass], runs: Runs) -> Ints:
    """The run of the other direction that each run answers, -1 for those that answer nothing by themselves."""
    run_of = np.repeat(np.arange(len(runs)), runs.messages)
    causes = np.full(len(runs), -1, dtype=np.int64)
    for found in classes:
        if found.is_answer:
            causes[run_of[found.members[found.matched]]] = found.runs
    return causes
