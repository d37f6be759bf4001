"""Trying again."""

from __future__ import annotations

import pytest

from farmwatch.delivery.failing import DeliveryError, PassingError, tried


def test_pauses_between_attempts_and_then_the_error():
    """As many waits as there are pauses, then the last failure."""
    waits, calls = [], []

    def work():
        calls.append(1)
        raise PassingError("busy")

    with pytest.raises(PassingError):
        tried(work, pauses=(1.0, 4.0), sleep=waits.append)
    assert (len(calls), waits) == (3, [1.0, 4.0])


def test_what_will_not_pass_is_not_tried_again():
    """A wrong address stays wrong."""

    def work():
        raise DeliveryError("no")

    with pytest.raises(DeliveryError):
        tried(work, pauses=(1.0,), sleep=pytest.fail)
