"""Which messages of one direction a person's hand may have made, and how they are paced.

What is left of a direction once automatic answers and large messages are taken out is split into single events (keys,
clicks, wheel steps) and sweeps of the pointer, which come at a steady high rate. Timers and polls come at one interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.loop import AnswerClass
from farmwatch.analysis.sessions.quantiles import share

__all__ = ["Hand", "commonest", "find_hand"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_SMALL = 256  #: bytes; input messages of all known tools are below it unless padded
_PADDED = 1500  #: bytes; a padded message is no larger than a packet
_PADDED_SHARE = 0.5  #: of a direction in one size: padding or a constant-rate tunnel
_PURE_SHARE = 0.85  #: of a class on its peak: the rest are answers that came late; below it, messages of another kind
_TOGETHER_S = 0.003  #: messages this close are one event
_SWEEP_S = 0.045  #: pointer messages follow each other faster: at 25 to 125 Hz
_SWEEP_EVENTS = 6  #: so many in a row are a sweep; typing rolls over two or three keys at most
_KEY_GAP_S = (
    0.03,
    0.4,
)  #: between keys of one burst: the middle nine tenths of typing (CHI 2018, 10.1145/3173574.3174220)
_REGULAR = 0.04  #: gaps within this share of each other are one interval
_SPELL_S = 0.6  #: a longer pause ends a spell of typing, and nothing is held down over it
_TOGETHER_MOST = 4  #: messages of the commonest size that share a segment


@dataclass(frozen=True, slots=True)
class Hand:
    """What may be input in one direction; times in seconds, counts of the direction's messages."""

    members: Ints  #: indices of the messages that may be input
    single: Ints  #: those of them that are no part of a pointer sweep
    events_s: Floats  #: when single presses, releases, clicks or wheel steps came
    sweeps: int  #: pointer sweeps
    sweep_events: int  #: messages in them
    typed: float  #: share of the gaps between single events that keys of one burst have
    regular: float  #: largest share of gaps that are one interval
    few_sizes: float  #: share of the three most frequent sizes
    paired: float  #: how much of one size comes in presses and releases, 0 to 1
    shared: bool  #: automatic answers have the size of input: counts are rough


def find_hand(times_s: Floats, sizes: Ints, classes: Sequence[AnswerClass]) -> Hand:
    """Take the automatic answers out of a direction and describe the pace of the rest.

    Args:
        times_s: (n,) seconds of the direction's messages, rising.
        sizes: (n,) bytes.
        classes: of the direction, as :func:`farmwatch.analysis.sessions.loop.answer_classes` gave them.
    """
    left = sizes <= _limit(sizes)
    for found in classes:
        if found.is_answer and found.share >= _PURE_SHARE:
            left[found.members] = False
        elif found.is_answer or found.is_mixed:
            left[found.members[found.matched]] = False
    members = np.flatnonzero(left)
    times = times_s[members]
    new = np.concatenate(([True], np.diff(times) > _TOGETHER_S))[: len(times)]
    single, sweeps = _without_sweeps(times[new])
    alone = members[np.repeat(single, np.diff(np.concatenate((np.flatnonzero(new), [len(times)]))))]
    times = times[new]
    events = times[single]
    gaps = np.diff(events)
    return Hand(
        members, alone, events, sweeps, int(len(times) - single.sum()), _typed(gaps), _regular(gaps),
        _few(sizes[members]), _paired(*commonest(sizes, alone, times_s)), _is_shared(classes),
    )  # fmt: skip


def _is_shared(classes: Sequence[AnswerClass]) -> bool:
    """Whether answers and other messages have one size, so that counts of the rest are rough."""
    return any((found.is_answer and found.share < _PURE_SHARE) or found.is_mixed for found in classes)


def _limit(sizes: Ints) -> int:
    """The largest message that may be input: small, or the size that padding made all messages."""
    if not len(sizes):
        return _SMALL
    counts = np.bincount(np.minimum(sizes, _PADDED + 1), minlength=_PADDED + 2)[: _PADDED + 1]
    common = int(counts.argmax())
    return max(_SMALL, common) if counts[common] >= _PADDED_SHARE * len(sizes) else _SMALL


def _without_sweeps(times: Floats) -> tuple[Mask, int]:
    """Which events stand alone, and how many sweeps the others form."""
    alone = np.ones(len(times), dtype=np.bool_)
    if len(times) < _SWEEP_EVENTS:
        return alone, 0
    first = np.flatnonzero(np.concatenate(([True], np.diff(times) > _SWEEP_S)))
    lengths = np.diff(np.concatenate((first, [len(times)])))
    long = lengths >= _SWEEP_EVENTS
    alone[np.repeat(long, lengths)] = False
    return alone, int(long.sum())


def _typed(gaps: Floats) -> float:
    """Share of the gaps that neighbouring keys have, presses and releases apart or not."""
    return share((gaps >= _KEY_GAP_S[0]) & (gaps <= _KEY_GAP_S[1])) if len(gaps) >= 8 else 0.0


def _regular(gaps: Floats) -> float:
    """The largest share of gaps that lie within a few per cent of each other; 0 for fewer than eight gaps."""
    if len(gaps) < 8:
        return 0.0
    ordered = np.sort(gaps)
    inside = np.searchsorted(ordered, ordered * (1 + _REGULAR) + 0.002, "right") - np.arange(len(ordered))
    return float(inside.max() / len(ordered))


def _few(sizes: Ints) -> float:
    if not len(sizes):
        return 0.0
    counts = np.sort(np.unique(sizes, return_counts=True)[1])
    return float(counts[-3:].sum() / len(sizes))


def commonest(sizes: Ints, members: Ints, times_s: Floats) -> tuple[Floats, Ints]:
    """Messages of the commonest size with single events, and how many of them each holds when several share one.

    Args:
        sizes: (n,) bytes of a direction's messages.
        members: indices of those with single events.
        times_s: (n,) seconds.
    """
    if not len(members):
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    values, counts = np.unique(sizes[members], return_counts=True)
    base = max(int(values[np.argmax(counts)]), 1)  # datagrams may be empty
    own = members[(sizes[members] % base == 0) & (sizes[members] <= _TOGETHER_MOST * base)]
    return times_s[own], sizes[own] // base


def _paired(times: Floats, holds: Ints) -> float:
    """How surely messages of one size are presses and releases, from spells between pauses.

    A spell of presses and releases has an even number of messages, one of presses alone an odd one as often. For n
    spells the share of even ones is 1/2 without pairs and near 1 with them; 0 stands for up to half, 1 for all.
    """
    if len(times) < 16:
        return 0.0
    first = np.concatenate(([0], np.flatnonzero(np.diff(times) > _SPELL_S) + 1))
    spells = np.add.reduceat(holds, first)
    return float(max(0.0, 2 * np.mean(spells % 2 == 0) - 1)) if len(spells) >= 6 else 0.0
