"""The named features by which a flow's role is decided: about twenty numbers, each in words of its own.

All are made from times, directions and sizes of messages. ``in`` reaches the device, ``out`` leaves it. None uses a
port, a name, or who opened the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.bare import bare_answers
from farmwatch.analysis.sessions.hand import Hand, find_hand
from farmwatch.analysis.sessions.loop import AnswerClass, Loop, answer_classes, automatic_share, measure_loops
from farmwatch.analysis.sessions.quantiles import median, quantile, share
from farmwatch.analysis.sessions.runs import Runs, runs_of

__all__ = ["FEATURES", "Behaviour", "behaviour", "feature_values"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_RESPONSE_S = 0.12  #: a screen answers its own keyboard within this
_FAR_RESPONSE_S = 0.4  #: and one at the other end of the line within this
_DATAGRAM_GRAIN = 16  #: tunnels pad datagrams to blocks of 16 bytes (WireGuard) or change their size by a few
_CROWDED = 0.6  #: chance from which on something follows anyway, as in a stream of pictures
_UNTOLD = 0.3  #: what then stands for a share: neither much nor little
_SHIFTS_S = (2.3, 5.9, 11.7)  #: by which events are moved to learn what chance would give
_GREETING_RUNS = 10  #: key exchange and settings, which differ in size whatever follows
_LEAST_CONTENT = 0.02  #: quantile of sizes that counts as the smallest: a few odd ones are smaller still
_FINE_GAP_S = 0.003  #: where answers come back sooner than a run's longest pause


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of a flow, without what only confirms (:mod:`farmwatch.analysis.sessions.bare`)."""

    times_s: Floats
    sizes: Ints
    runs: Runs
    classes: list[AnswerClass]  #: held against the other direction's runs
    hand: Hand


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything measured of one flow or group of flows, turned to the device."""

    into: Side
    out: Side
    loops: list[Loop]  #: what the far end answers by itself
    response: float  #: of the incoming events that chance leaves open, the share that something going out follows
    response_s: float  #: median time until then; NaN without a response
    far_response: float  #: the same for outgoing events and what comes in
    caused_out: float  #: share of outgoing runs that start within 120 ms of an incoming one, beyond chance
    caused_in: float  #: share of incoming runs that start within 400 ms of an outgoing one, beyond chance
    seconds: float
    datagrams: bool


def behaviour(times_s: Floats, out: Mask, sizes: Ints, *, datagrams: bool, transport_s: float = 0.0) -> Behaviour:
    """Measure a flow.

    Args:
        times_s: (n,) seconds from any origin, rising.
        out: (n,) True where the message left the device.
        sizes: (n,) payload bytes of the segment, TLS record or datagram.
        datagrams: whether the messages are UDP datagrams.
        transport_s: round trip of the transport, 0 where it is not known; features do not depend on it.
    """
    grain = _DATAGRAM_GRAIN if datagrams else 1
    times = [times_s[~out], times_s[out]]
    size = [sizes[~out], sizes[out]]
    runs = [runs_of(times[way], size[way]) for way in (0, 1)]
    classes = [answer_classes(times[way], size[way], runs[1 - way], grain=grain) for way in (0, 1)]
    bare = [bare_answers(classes[way], runs[way], classes[1 - way], runs[1 - way]) for way in (0, 1)]
    loops = measure_loops(classes[0], runs[1], transport_s)
    if all(loop.mixed for loop in loops):
        finer = runs_of(times[1], size[1], _FINE_GAP_S)
        again = answer_classes(times[0], size[0], finer, grain=grain)
        sharper = measure_loops(again, finer, transport_s)
        if any(not loop.mixed for loop in sharper):
            classes[0], loops = again, sharper
    if bare[0].any() or bare[1].any():
        times = [times[way][~bare[way]] for way in (0, 1)]
        size = [size[way][~bare[way]] for way in (0, 1)]
        runs = [runs_of(times[way], size[way]) for way in (0, 1)]
        classes = [answer_classes(times[way], size[way], runs[1 - way], grain=grain) for way in (0, 1)]
    into, leaving = (
        Side(times[way], size[way], runs[way], classes[way], find_hand(times[way], size[way], classes[way]))
        for way in (0, 1)
    )
    response, lag = _response(into.hand.events_s, leaving.runs, _RESPONSE_S)
    far_response, _ = _response(leaving.hand.events_s, into.runs, _FAR_RESPONSE_S)
    span = float(times_s[-1] - times_s[0]) if len(times_s) else 0.0
    return Behaviour(
        into, leaving, loops, response, lag, far_response, _caused(leaving.runs, into.runs, _RESPONSE_S),
        _caused(into.runs, leaving.runs, _FAR_RESPONSE_S), span, datagrams,
    )  # fmt: skip


def _response(events_s: Floats, runs: Runs, within_s: float) -> tuple[float, float]:
    """How much more often than by chance a run starts soon after an event, and the median time until it does."""
    if len(events_s) < 5 or len(runs) < 5:
        return 0.0, float("nan")

    def followed(times: Floats) -> Floats:
        after = np.searchsorted(runs.start_s, times, "left")
        waits = np.full(len(times), np.inf)
        some = after < len(runs)
        waits[some] = runs.start_s[after[some]] - times[some]
        return waits

    waits = followed(events_s)
    hit = waits <= within_s
    first, span = events_s[0], max(float(events_s[-1] - events_s[0]), 1.0)
    chance = [share(followed(first + (events_s - first + shift) % span) <= within_s) for shift in _SHIFTS_S]
    lag = median(waits[hit]) if hit.any() else float("nan")
    return _beyond(share(hit), float(np.mean(chance))), lag


def _beyond(part: float, chance: float) -> float:
    """A share as part of what chance leaves open, -1 to 1; where chance leaves little open nothing can be told."""
    return _UNTOLD if chance > _CROWDED else max((part - chance) / (1 - chance), -1.0)


def _caused(runs: Runs, causes: Runs, within_s: float) -> float:
    """How much more often than by chance a run starts soon after one of the other direction."""
    if len(runs) < 5 or len(causes) < 5:
        return 0.0

    def preceded(times: Floats) -> float:
        before = np.searchsorted(causes.start_s, times, "right") - 1
        since = np.where(before >= 0, times - causes.start_s[np.maximum(before, 0)], np.inf)
        return share(since <= within_s)

    first, span = runs.start_s[0], max(float(runs.start_s[-1] - runs.start_s[0]), 1.0)
    chance = [preceded(first + (runs.start_s - first + shift) % span) for shift in _SHIFTS_S]
    return _beyond(preceded(runs.start_s), float(np.mean(chance)))


def _log(value: float) -> float:
    return float(np.log10(max(value, 1e-9)))


def _quick(side: Side) -> float:
    """Share of the other direction's runs answered within 30 ms by a class of answers: only a near program does so."""
    return max((found.answered for found in side.classes if found.is_answer and found.lag_s <= 0.03), default=0.0)


def _variety(runs: Runs) -> float:
    """How much runs differ in size: screens and terminals answer unlike, acknowledgements alike.

    As a difference, which what a tunnel adds to each message leaves as it was.
    """
    if len(runs) < 2 * _GREETING_RUNS:
        return 0.0
    middle, high = quantile(runs.size[_GREETING_RUNS:], 0.5, 0.99)
    return min(_log(1 + high - middle), 3.0)


def _content(side: Side) -> float:
    """Bytes beyond what even the smallest messages have, which is what ciphers and tunnels add to each."""
    if not len(side.sizes):
        return 0.0
    (least,) = quantile(side.sizes, _LEAST_CONTENT)
    return float(np.maximum(side.sizes - least, 0).sum())


def _automatic(found: Behaviour) -> float:
    return automatic_share(found.into.times_s[found.into.hand.single], found.out.runs)


#: name -> (what it is, in words; how it is computed)
FEATURES: dict[str, tuple[str, Callable[[Behaviour], float]]] = {
    "byte_ratio": (
        "log10 of bytes out over bytes in, beyond the least message of each side, at most five to one either way",
        lambda b: float(np.clip(_log((_content(b.out) + 500) / (_content(b.into) + 500)), -0.7, 0.7)),
    ),
    "initiative": (
        "log10 of incoming over outgoing events that answer nothing",
        lambda b: _log((1 + _acts(b.into.hand)) / (1 + _acts(b.out.hand))),
    ),
    "events_in": ("log10 of incoming events, to 100", lambda b: min(_log(1 + len(b.into.hand.events_s)), 2.0)),
    "events_out": ("log10 of outgoing events, to 100", lambda b: min(_log(1 + len(b.out.hand.events_s)), 2.0)),
    "regular_in": ("share of gaps between incoming events that are one interval", lambda b: b.into.hand.regular),
    "regular_out": ("share of gaps between outgoing events that are one interval", lambda b: b.out.hand.regular),
    "sweeps_in": ("log10 of incoming pointer messages in sweeps", lambda b: _log(1 + b.into.hand.sweep_events)),
    "few_sizes_in": ("share of the three commonest sizes of incoming input", lambda b: b.into.hand.few_sizes),
    "few_sizes_out": ("share of the three commonest sizes of outgoing input", lambda b: b.out.hand.few_sizes),
    "paired_in": ("presses and releases: spells of an even number of messages, incoming", lambda b: b.into.hand.paired),
    "automatic_in": ("share of incoming input that comes a fixed time after what left", _automatic),
    "quick_out": ("share of incoming runs that the device answers by itself at once", lambda b: _quick(b.out)),
    "response": ("incoming events followed by something leaving within 120 ms, beyond chance", lambda b: b.response),
    "far_response": ("outgoing events followed by something coming within 400 ms, beyond chance",
                     lambda b: b.far_response),
    "caused_out": ("outgoing runs that start within 120 ms of an incoming one, beyond chance", lambda b: b.caused_out),
    "caused_in": ("incoming runs that start within 400 ms of an outgoing one, beyond chance", lambda b: b.caused_in),
    "variety_in": ("log10 of the bytes by which the 99th percentile of incoming runs exceeds their median, to 3",
                   lambda b: _variety(b.into.runs)),
    "variety_out": ("log10 of the bytes by which the 99th percentile of outgoing runs exceeds their median, to 3",
                    lambda b: _variety(b.out.runs)),
}  # fmt: skip


def _acts(hand: Hand) -> int:
    return len(hand.events_s) + hand.sweep_events // 10


def feature_values(found: Behaviour) -> Floats:
    """The features of a flow in the order of :data:`FEATURES`, all finite."""
    return np.array([compute(found) for _, compute in FEATURES.values()], dtype=np.float64)
