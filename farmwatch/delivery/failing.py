"""What delivering can end in, and how often it is tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from farmwatch.errors import FarmwatchError

__all__ = ["PAUSES_S", "DeliveryError", "PassingError", "tried"]

PAUSES_S: Sequence[float] = (2.0, 8.0, 30.0)  #: waits between attempts; a server that restarts is back by then

T = TypeVar("T")


class DeliveryError(FarmwatchError):
    """A report could not be delivered; it is made again the next time."""


class PassingError(DeliveryError):
    """A failure that may be over soon: no connection, a busy server."""


def tried(
    work: Callable[[], T], *, pauses: Sequence[float] = PAUSES_S, sleep: Callable[[float], None] = time.sleep
) -> T:
    """What ``work`` gives, tried again after failures that pass.

    Args:
        work: delivers, or raises :class:`PassingError` to be tried again.
        pauses: seconds to wait before each further attempt.
        sleep: waits so many seconds.

    Raises:
        DeliveryError: it failed for good, or as often as there are pauses and once more.
    """
    for pause in pauses:
        try:
            return work()
        except PassingError:
            sleep(pause)
    return work()
