"""From round trips to how far the hand may be: a hard bound, and how much they speak for "not nearby".

The bound is physics: a round trip of t ms allows at most 99.93·t km, and nothing less follows from it. Whether a hand
is *far* needs a model, because lines and programs add delay. Here it is a likelihood over regions (docs/evidence.md,
M17): the round trip of a region is log-normal around the table of :mod:`farmwatch.knowledge.regions` and cut at the
speed of light; a person's line adds what lines add, their program up to 40 ms. Both hypotheses, near and far, get the
same lines and programs, bad ones included, so that a satellite or a queue can never look like distance.

What is measured on one flow counts most: loop minus transport leaves out the device's own line and all clocks, and what
is left is the way from the relay to the hand. A round trip alone holds two lines and is worth little. A person in the
device's own town whose way to the same relay is as long as the device's has a loop of two transports: whatever the
measure, it weighs no more than it does against that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from farmwatch.knowledge.regions import RegionPair, load_regions
from farmwatch.records.distance import FARTHEST_KM, KM_PER_MS

__all__ = [
    "ALONE_CAP_DECIBANS",
    "DIFFERENCE_CAP_DECIBANS",
    "LONGEST_MS",
    "NEAR_MS",
    "SLACK_MS",
    "Basis",
    "Reach",
    "combined",
    "consistent_with",
    "farthest_km",
    "farthest_past_relay_km",
    "floor_ms",
    "reach",
    "speaking",
]

Floats = NDArray[np.float64]

NEAR_MS = 40.0
"""Round trip up to which an end counts as near: at most about 4,000 km, and far less with any line in it (judged)."""

SLACK_MS = 5.0  #: of a difference of two measured round trips, before it excludes a place
LONGEST_MS = 500  #: milliseconds; beyond it no way on earth explains the time, so it speaks for no distance
DIFFERENCE_CAP_DECIBANS = 24.0  #: 8 bits: loop minus transport on one flow
ALONE_CAP_DECIBANS = 12.0  #: 4 bits: a round trip with nothing to hold it against
_TOP_MS = 1500  #: round trips looked at; longer ones are no distance on earth
_PATH_SPREAD = 0.15  #: standard deviation of the logarithm of a region's round trip; networks differ from the table's
_NEARBY_MS, _NEARBY_KM, _NEARBY_SHARE = 8.0, 300.0, 0.4  #: inside one part of a country: judged
_LOADED_SHARE = 0.012  #: of lines whose least delay in minutes is one of queues or faults: judged
_LOADED_MS = (50, 500)  #: bufferbloat adds that much; all orders of it alike
_PROGRAM_MS, _MOST_PROGRAM_MS = 5.0, 40  #: mean of what a viewer takes to answer, and the slowest
_ROUGH_SHARE, _MIXED_SHARE = 0.5, 0.75  #: of its weight a loop keeps that is an upper bound, or of mixed sizes
_CONSISTENT = 0.1  #: likelihood of a region, as a share of the best one's, from which it is named
_EXCLUDED_DECIBANS = 10.0  #: from which the same continent is called not consistent


class Basis(StrEnum):
    """What a distance rests on."""

    DIFFERENCE = "loop minus transport"
    LOOP = "loop alone"
    TRANSPORT = "transport alone"


@dataclass(frozen=True, slots=True)
class Reach:
    """What the round trips of a session say of how far the hand may be."""

    bound_km: float  #: it is not farther than that from the device
    past_relay_km: float | None  #: nor farther than that from the relay; None without one
    decibans: float  #: weight of evidence for "not nearby", capped; never below zero
    basis: Basis
    regions: tuple[str, ...]  #: other regions it is consistent with, the likeliest first
    nearby: bool  #: consistent with the same continent
    likely_km: tuple[float, float] | None  #: middle 80 % by the model, both hypotheses as likely before; None: no model


@dataclass(frozen=True, slots=True)
class _Law:
    """A law of round trips for each pair of sites, and for each region and both hypotheses."""

    pairs: tuple[tuple[float, float, Floats], ...]  #: prior share, distance in km, probability of each millisecond
    regions: dict[str, Floats]
    near: Floats
    far: Floats
    together: Floats  #: of a near person on the same relay: loop minus two transports, from 1 - _TOP_MS on


def farthest_km(rtt_ms: float) -> float:
    """Distance that a round trip allows at most; a limit, never a place. In kilometres."""
    return min(max(rtt_ms, 0.0) * KM_PER_MS, FARTHEST_KM)


def farthest_past_relay_km(loop_ms: float, transport_ms: float) -> float:
    """Kilometres from the relay that a loop through it allows at most; both are measured, so with slack."""
    return farthest_km(max(loop_ms - transport_ms, 0.0) + SLACK_MS)


def floor_ms(pair: RegionPair) -> float:
    """Round trip of light in fibre along the great circle between two sites, in milliseconds."""
    return pair.distance_km / KM_PER_MS


def reach(
    *,
    loop_ms: float | None,
    transport_ms: float | None,
    upper_bound: bool = False,
    mixed: bool = False,
) -> Reach | None:
    """What a session's round trips say; ``None`` without any.

    Args:
        loop_ms: low value of the loop, its 5th percentile.
        transport_ms: of the same flow, 5th percentile; without a loop only where no relay may answer for somebody.
        upper_bound: the loop holds decoding and several flights of large frames.
        mixed: answers were told from input by their share only.
    """
    if loop_ms is None:
        return None if transport_ms is None else _alone(transport_ms, Basis.TRANSPORT)
    share = (_ROUGH_SHARE if upper_bound else 1.0) * (_MIXED_SHARE if mixed else 1.0)
    found = _alone(loop_ms, Basis.LOOP)
    if transport_ms is not None:
        past = farthest_past_relay_km(loop_ms, transport_ms)
        found = replace(found, past_relay_km=past)
        beyond = _past_relay(max(loop_ms - transport_ms, 0.0))
        if loop_ms - transport_ms > SLACK_MS:
            if beyond.decibans >= found.decibans:
                found = replace(beyond, bound_km=found.bound_km, past_relay_km=past)
            found = _over_relay(found, loop_ms, transport_ms)
    return replace(found, decibans=found.decibans * share, likely_km=None if upper_bound else found.likely_km)


def speaking(reaches: Sequence[Reach]) -> Reach:
    """The one of a far end's sessions that says least of distance: of one and the same hand it is the nearest to it."""
    return min(reaches, key=lambda one: (one.decibans, one.bound_km))


def combined(reaches: Iterable[Reach]) -> Reach | None:
    """One far end seen in several sessions: delay only adds to distance, so the least one speaks, for all of them."""
    every = list(reaches)
    if not every:
        return None
    least = speaking(every)
    shared = [set(one.regions) for one in every]
    return replace(
        least,
        bound_km=min(one.bound_km for one in every),
        past_relay_km=min((one.past_relay_km for one in every if one.past_relay_km is not None), default=None),
        regions=tuple(region for region in least.regions if all(region in one for one in shared)) or least.regions,
        nearby=any(one.nearby for one in every),
    )


def consistent_with(found: Reach) -> str:
    """Where the hand may be, in words; seen from where the table starts, so that from elsewhere it is a distance."""
    if not found.regions:
        return "consistent with the same continent" if found.nearby else "hardly with the same continent"
    far = f"from {load_regions().home} consistent with {', '.join(found.regions)}"
    return f"{far}; with the same continent too" if found.nearby else f"{far}; hardly with the same continent"


def _alone(rtt_ms: float, basis: Basis) -> Reach:
    """A round trip with nothing to hold it against: it holds the device's own line too.

    Of its lines only the sum is known, so it is weighed by how often as much or more is seen, near and far, and never
    by how well just that value fits.
    """
    law, at = _law(2), _index(rtt_ms)
    weight = 10 * float(np.log10(law.far[at:].sum() / law.near[at:].sum()))
    return _found(rtt_ms, law, min(weight, ALONE_CAP_DECIBANS), basis)


def _past_relay(rest_ms: float) -> Reach:
    """What a loop takes longer than the transport of its flow: one person's line and the way there."""
    law, at = _law(1), _index(rest_ms)
    weight = 10 * float(np.log10(law.far[at] / law.near[at]))
    return _found(rest_ms, law, min(weight, DIFFERENCE_CAP_DECIBANS), Basis.DIFFERENCE)


def _over_relay(found: Reach, loop_ms: float, transport_ms: float) -> Reach:
    """What a loop through a relay says once a near person may be as far from that relay as the device is.

    Such a person's loop is two transports, and what one line and a program add beyond the device's own line. From a
    relay that is far itself nothing tells where the person is, seen from the device.
    """
    rest, excess = loop_ms - transport_ms, round(loop_ms - 2 * transport_ms)
    law = _law(1)
    together = law.together[min(max(excess + _TOP_MS - 1, 0), len(law.together) - 1)]
    away = max(law.far[_index(rest)], _law(2).far[_index(loop_ms)])
    decibans = max(min(found.decibans, 10 * float(np.log10(away / together))), 0.0)
    found = replace(found, decibans=decibans, nearby=decibans < _EXCLUDED_DECIBANS)
    return found if transport_ms <= NEAR_MS else replace(found, regions=(), likely_km=None)


def _index(rtt_ms: float) -> int:
    return min(max(round(rtt_ms), 0), _TOP_MS - 1)


def _found(rtt_ms: float, law: _Law, weight: float, basis: Basis) -> Reach:
    at = _index(rtt_ms)
    bound = farthest_km(rtt_ms)
    # What the fastest light cannot do is not likely either.
    shares = [(distance, share * odds[at]) for share, distance, odds in law.pairs if distance <= bound]
    likelihood = {name: float(odds[at]) for name, odds in law.regions.items()}
    best = max((*likelihood.values(), float(law.near[at])))
    named = [name for name, value in likelihood.items() if value >= _CONSISTENT * best]
    return Reach(
        bound_km=bound,
        past_relay_km=None,
        decibans=max(weight, 0.0) if rtt_ms <= LONGEST_MS else 0.0,
        basis=basis,
        regions=tuple(sorted(named, key=lambda name: (-likelihood[name], name))),
        nearby=weight < _EXCLUDED_DECIBANS,
        likely_km=_middle(shares),
    )


def _middle(shares: list[tuple[float, float]]) -> tuple[float, float] | None:
    """Distances between which the middle 80 % lies."""
    ordered = sorted(shares)
    total = sum(share for _, share in ordered)
    if total <= 0:
        return None
    run = np.cumsum([share for _, share in ordered]) / total
    low, high = (ordered[min(int(np.searchsorted(run, q)), len(ordered) - 1)][0] for q in (0.1, 0.9))
    return low, high


@cache
def _law(lines: int) -> _Law:
    """Laws of round trips that hold ``lines`` people's lines and one program, by millisecond."""
    table = load_regions()
    added = _program()
    for _ in range(lines):
        added = np.convolve(added, _line())[:_TOP_MS]
    here = [pair for pair in table.pairs if pair.there.region == table.home]
    far: dict[str, list[RegionPair]] = {}
    for pair in table.pairs:
        if pair.there.region != table.home:
            far.setdefault(pair.there.region, []).append(pair)
    pairs: list[tuple[float, float, Floats]] = [
        (0.5 * _NEARBY_SHARE, _NEARBY_KM, _with(_log_normal(_NEARBY_MS, 0.5), added))
    ]
    pairs += [(0.5 * (1 - _NEARBY_SHARE) / len(here), one.distance_km, _with(_path(one), added)) for one in here]
    near = sum((share * odds for share, _, odds in pairs), np.zeros(_TOP_MS)) / 0.5
    regions, every = {}, sum(map(len, far.values()))
    for name, members in far.items():
        laws = [(0.5 / every, one.distance_km, _with(_path(one), added)) for one in members]
        regions[name] = np.asarray(sum(odds for _, _, odds in laws) / len(laws))
        pairs += laws
    away = sum((len(far[name]) / every * odds for name, odds in regions.items()), np.zeros(_TOP_MS))
    together = np.convolve(near, _line()[::-1]) + 1e-9
    return _Law(tuple(pairs), regions, near, away, together)


def _with(path: Floats, added: Floats) -> Floats:
    """A path plus what lines and programs add; never quite zero, since no table knows all there is."""
    return np.convolve(path, added)[:_TOP_MS] + 1e-9


def _path(pair: RegionPair) -> Floats:
    """Round trip of a pair of regions: around the table, never faster than light."""
    law = _log_normal(pair.rtt_ms, _PATH_SPREAD)
    law[: int(floor_ms(pair))] = 0.0
    return np.asarray(law / law.sum())


def _line() -> Floats:
    """What one person's line adds, by kind of line; some are loaded or faulty whatever they are."""
    kinds = load_regions().access
    total = sum(kind.share for kind in kinds)
    law = sum(kind.share / total * _log_normal(kind.median_ms, kind.spread) for kind in kinds)
    low, high = _LOADED_MS
    loaded = np.zeros(_TOP_MS)
    loaded[low:high] = 1 / np.arange(low, high)
    return np.asarray((1 - _LOADED_SHARE) * law + _LOADED_SHARE * loaded / loaded.sum())


def _program() -> Floats:
    """What a viewer's program takes to answer."""
    law = np.exp(-np.arange(_MOST_PROGRAM_MS + 1) / _PROGRAM_MS)
    return np.asarray(law / law.sum())


def _log_normal(median: float, spread: float) -> Floats:
    """Probability of each millisecond from 0 on."""
    at = np.arange(_TOP_MS) + 0.5
    law = np.exp(-0.5 * (np.log(at / median) / spread) ** 2) / at
    return np.asarray(law / law.sum())
