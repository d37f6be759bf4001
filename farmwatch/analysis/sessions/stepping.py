"""Whether what arrives on one flow is passed on over another: stepping stones, from packet times alone.

Three looks at a pair of flows, all of them plain arithmetic over the times of two packet series, the *lead* (arriving,
for instance the input packets of a remote session) and the *follow* (leaving, for instance SSH):

* :func:`on_off`, Zhang and Paxson 2000 with the parameters of Bro's shipped policy: after silence, does the follow
  resume within 80 ms of the lead? Easy to explain, blind to a relay that holds packets longer.
* :func:`following`, key by key: which share of the follow's packets leaves within 60 ms of a packet of the lead, minus
  the same for a lead shifted by 0.3 to 8 s. So short a shift keeps who was busy when, and destroys cause and effect.
* :func:`correlation`, counts in bins of 0.5 s aligned on the absolute clock, log(1 + n), over lags of 0 to 1 s: the
  features that carry the accuracy of ESPRESSO (Mathews, Hopper, Wright 2026), without its network. It survives relay
  delays of a second and chaff.

Why the correlation is judged against shifted copies of the same flows and not by a fixed number: two flows of one host
are alike in many ways that prove nothing (both start at nine, both pause for lunch). Slow swings are removed first, the
activity of the host's other flows is regressed out, the two tenths of the time that speak loudest count no more than
the third (a laptop waking up), and what remains must beat the same measure of the same flows shifted by 30 s to 5 min
(same hour, same people) *and*, where the overlap is long enough, by more than 10 min (docs/evidence.md, M15).

Cost: O((T/w) log(T/w)) for the correlation by FFT, O(n log n) for the other two; :data:`MOST_SECONDS` bounds T and
:data:`MOST_EVENTS` n.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOST_EVENTS",
    "MOST_SECONDS",
    "Correlation",
    "Following",
    "OnOff",
    "Relation",
    "correlation",
    "following",
    "on_off",
    "order_z",
    "relate",
]

_SECOND = 1_000_000_000
MOST_SECONDS = 7200  #: of longer overlaps the busiest such stretch counts
MOST_EVENTS = 20_000  #: packets of either flow
_CANDIDATES = 64  #: places such a stretch may start at

_IDLE_NS = _SECOND // 2  #: silence before a resume (idle_min of Bro's stepping.bro)
_ON_OFF_NS = 80_000_000  #: a resume follows within this (delta of stepping.bro)
_ON_OFF_RATIO = 0.3
_ROWS_SHARED, _ROWS_APART = 2, 4  #: consecutive coincidences asked for, hosts shared or not
_PER_IDLES = 100  #: the number asked for grows with resumes / 100

_BIN_NS = _SECOND // 2
_LAGS = 3  #: 0, 0.5 and 1 s
_HELD_LAGS = 5  #: 0 to 2 s, for relays that hold packets back
_BLOCKS = 10  #: of which the two loudest count no more than the third
_TREND_BINS = 121  #: swings slower than half a minute to either side are no evidence
#: Shifts in bins: 4 to 30 s keeps who was busy in that minute, 30 s to 5 min the hour, beyond 10 min nothing.
_SHIFT_RANGES = ((8, 60), (60, 600), (1200, MOST_SECONDS))
_LEAST_BINS = 180  #: 90 s: less leaves no room for shifts
_LEAST_NULLS = 12  #: shifts that tell spread from chance

_FOLLOW_NS = 60_000_000
_STRETCH_NS = _SECOND
_SHIFTS = 64
_SHORTEST_SHIFT_S, _LONGEST_SHIFT_S = 0.3, 8.0
_JOINT_NS = _SECOND  #: packets closer than this may belong together when asking who moved first

_ORDER_NS = 20_000_000
_ORDER_BINS = _JOINT_NS // _ORDER_NS
_MOST_NEAR = 200  #: packets of the follow around one of the lead

#: Correlation and following against their nulls: beyond what unrelated pairs reach once in a thousand
#: (``python -m tests.lab.hand.stepping_curve``).
_STONE_Z = 5.0
_FOLLOW_Z = 6.0
_STEADY_Z = 3.5
_LEAST_RESUMES, _RESUMES = 8, 0.6  #: coinciding ones, and their share of all
_FOLLOW_EXCESS = 0.1
_BACK_Z = 8.0  #: beyond chance; answers of a driven device's far end come after as well, but not only after
_LEAST_FOLLOWED = 20
_LEAST_EVENTS = 20

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OnOff:
    """Resumes after silence and how often the follow's came right after the lead's (Zhang and Paxson 2000)."""

    lead_resumes: int
    follow_resumes: int
    matched: int  #: follow resumes within 80 ms after one of the lead
    consecutive: int  #: of these, with the resumes before them matched as well
    stone: bool  #: ratio and consecutive threshold both reached


@dataclass(frozen=True, slots=True)
class Following:
    """Packets of the follow that leave right after one of the lead."""

    packets: int  #: of the follow while the lead runs
    followed: int  #: of these, 0 to 60 ms after a packet of the lead
    share: float  #: followed / packets
    by_chance: float  #: the same share for shifted leads, mean
    z: float  #: how many standard deviations of the shifted counts the true one stands out
    steady_z: float  #: the same over seconds, each by its own excess: one common burst is one or two
    delay_ms: tuple[float, float, float] | None  #: 5 %, median and 95 % of the delay, chance taken out


@dataclass(frozen=True, slots=True)
class Correlation:
    """Likeness of two flows' activity in bins of 0.5 s, against shifted copies of themselves."""

    score: float  #: normalised cross-correlation; -1 to 1
    lag_ms: int  #: lag at which it is largest, the follow later
    z: float  #: against the nearer or the farther shifts, whichever is smaller
    p_value: float  #: (1 + number of shifts that reach it) / (shifts + 1), doubled for the two looks taken
    shifts: int  #: behind them
    held: bool  #: summed over lags of 0 to 2 s it stands out more: packets are held back


@dataclass(frozen=True, slots=True)
class Relation:
    """Everything that speaks for or against one pair of flows."""

    on_off: OnOff
    following: Following
    correlation: Correlation | None  #: none where the overlap is shorter than 90 s
    order: tuple[float, float]  #: of :func:`order_z`
    stone: bool
    close: bool  #: packet follows packet, not activity activity
    reason: str  #: what decided it, in words
    start: int  #: of what was looked at, ns
    end: int


def relate(
    lead: Times, follow: Times, *, background: Times | None = None, shared_host: bool = True, held: bool = True
) -> Relation | None:
    """Judge one pair.

    Args:
        lead: times of the arriving flow's input packets, ns, sorted.
        follow: times of the leaving flow's packets of interest, ns, sorted.
        background: times of all other packets of the same host, sorted: what is common to all is no evidence.
        shared_host: the two flows meet at one host; a stone there needs two consecutive coincidences, else four.
        held: whether resumes or correlation alone may decide, which finds relays that hold packets for up to two
            seconds and decoys, but also what other causes switch on and off together.

    Returns:
        ``None`` where the flows do not run at the same time or one of them shows too little.
    """
    if not len(lead) or not len(follow):
        return None
    start, end = _overlap(lead, follow)
    lead, follow = _between(lead, start - _JOINT_NS, end), _between(follow, start, end + _JOINT_NS)
    background = None if background is None else _between(background, start, end)[: 2 * MOST_EVENTS]
    if min(len(lead), len(follow)) < _LEAST_EVENTS:
        return None
    coincidence = on_off(lead, follow, shared_host=shared_host)
    close = following(lead, follow)
    wide = correlation(lead, follow, start, end, background=background)
    order = order_z(lead, follow)
    refusal = _refusal(close, order, background, follow)
    near = not refusal and _is_close(close)
    together = not refusal and wide is not None and wide.z >= _STONE_Z
    resuming = not refusal and _is_resuming(coincidence, lead, follow, background)
    if near:
        reason = "packet follows packet within 60 ms"
    elif (together or resuming) and not held:
        reason = "activity goes together, but nothing shows that the arriving flow carries a hand"
    elif resuming:
        reason = "it resumes within 80 ms after the arriving flow"
    elif together:
        reason = "activity rises and falls together in half seconds"
    else:
        reason = refusal or "no more alike than the same flows shifted in time"
    stone = near or (held and (together or resuming))
    return Relation(coincidence, close, wide, order, stone=stone, close=near, reason=reason, start=start, end=end)


def _refusal(close: Following, order: tuple[float, float], background: Times | None, follow: Times) -> str:
    """What speaks against a stone however alike the two are; '' for nothing."""
    forth, back = order
    if back >= _BACK_Z > forth:
        return "the arriving flow moves second: it answers, it does not drive"
    if background is None or len(background) < _LEAST_EVENTS or not _is_close(close):
        return ""
    common = following(background, follow)
    excess = close.share - close.by_chance
    alike = common.share - common.by_chance > excess / 2 and common.z > close.z / 2
    return "the host's other flows move at the same moments" if alike else ""


def _is_resuming(coincidence: OnOff, lead: Times, follow: Times, background: Times | None) -> bool:
    """Whether nearly all resumes coincide: what is left to see where every packet in between may be a decoy.

    Shifted leads must not come near that, or both only keep the same beat; nor may the host's other flows.
    """
    if not coincidence.stone or coincidence.matched < max(_LEAST_RESUMES, _RESUMES * coincidence.follow_resumes):
        return False
    by_chance = max(on_off(lead + shift, follow).matched for shift in _shifts())
    others = 0 if background is None else on_off(background, follow).matched
    return max(by_chance, others) < coincidence.matched / 2


def _is_close(close: Following) -> bool:
    """Whether packets follow packets: beyond chance as a whole, in many stretches, and for a good share."""
    return (
        close.z >= _FOLLOW_Z
        and close.steady_z >= _STEADY_Z
        and close.followed >= _LEAST_FOLLOWED
        and close.share - close.by_chance >= _FOLLOW_EXCESS
    )


def order_z(lead: Times, follow: Times) -> tuple[float, float]:
    """How far the busiest 20 ms of lag stand out within a second: after the lead, and before it.

    Where the lead's packets answer those of the follow (acknowledgements of a screen, echoes), only the second stands
    out; a hand comes first, though what it causes may be answered as well.
    """
    low = np.searchsorted(follow, lead - _JOINT_NS)
    count = np.searchsorted(follow, lead + _JOINT_NS, "right") - low
    count = np.minimum(count, _MOST_NEAR)
    starts = np.repeat(low - np.cumsum(count) + count, count)
    lags = follow[starts + np.arange(int(count.sum()))] - np.repeat(lead, count)
    bins = np.bincount((lags + _JOINT_NS) // _ORDER_NS, minlength=2 * _ORDER_BINS)[: 2 * _ORDER_BINS]
    usual = float(np.median(bins))
    z = (bins - usual) / np.sqrt(usual + 1.0)
    return float(z[_ORDER_BINS:].max()), float(z[:_ORDER_BINS].max())


def on_off(lead: Times, follow: Times, *, shared_host: bool = True) -> OnOff:
    """Coincidence of resumes after half a second of silence.

    Zhang and Paxson, "Detecting Stepping Stones", 2000; idle 0.5 s, delta 80 ms, ratio 0.3 and 2 or 4 consecutive
    coincidences are those of Bro's stepping.bro. Resumes of one flow lie at least 0.5 s apart, so each pairs with at
    most one of the other.
    """
    first, second = _resumes(lead), _resumes(follow)
    before = np.searchsorted(first, second, "right") - 1  # the lead's last resume not after each of the follow's
    known = before >= 0
    delay = second - first[np.maximum(before, 0)] if len(first) else np.zeros(len(second), np.int64)
    hit = known & (delay <= _ON_OFF_NS)
    # Consecutive: both flows' previous resumes belong together as well.
    row = hit[1:] & hit[:-1] & (before[1:] - before[:-1] == 1)
    fewer = min(len(first), len(second))
    asked = (_ROWS_SHARED if shared_host else _ROWS_APART) * max(1.0, fewer / _PER_IDLES)
    matched, consecutive = int(hit.sum()), int(row.sum())
    stone = consecutive >= asked and matched >= _ON_OFF_RATIO * fewer
    return OnOff(len(first), len(second), matched, consecutive, bool(stone))


def _resumes(times: Times) -> Times:
    """Packets that come after half a second of silence; what came before a flow's first packet is not known."""
    return times[1:][np.diff(times) > _IDLE_NS]


def following(lead: Times, follow: Times) -> Following:
    """Share of the follow's packets that leave within 60 ms of one of the lead, and what chance would give."""
    seen = _between(follow, int(lead[0]), int(lead[-1]) + _FOLLOW_NS)
    if not len(seen):
        return Following(0, 0, 0.0, 0.0, 0.0, 0.0, None)
    stretch = np.unique((seen - seen[0]) // _STRETCH_NS, return_inverse=True)[1]
    stretches = int(stretch[-1]) + 1
    close, delays = _delays(lead, seen)
    counts = _by_ms(delays)
    excess = np.bincount(stretch[close], minlength=stretches).astype(np.float64)
    chance = np.zeros(len(counts))
    totals = np.empty(_SHIFTS)
    for number, shift in enumerate(_shifts()):
        by_chance, shifted = _delays(lead + shift, seen)
        totals[number] = len(shifted)
        chance += _by_ms(shifted) / _SHIFTS
        excess -= np.bincount(stretch[by_chance], minlength=stretches) / _SHIFTS
    expected = float(totals.mean())
    # A count has at least the spread of a Poisson count: a few shifts that happen to agree must not make certainty.
    spread = float(np.sqrt(max(float(totals.var()), expected, 1.0)))
    return Following(
        packets=len(seen),
        followed=len(delays),
        share=len(delays) / len(seen),
        by_chance=expected / len(seen),
        z=(len(delays) - expected) / spread,
        steady_z=float(excess.sum() / max(1e-9, float(np.sqrt(excess @ excess)))),
        delay_ms=_quantiles(np.maximum(counts - chance, 0.0)),
    )


def _shifts() -> list[int]:
    """Shifts of 0.3 to 8 s to either side, spread by the golden ratio so that no period fits them all."""
    golden = (np.arange(1, _SHIFTS + 1) * 0.618_033_988_75) % 1.0
    sizes = _SHORTEST_SHIFT_S + (_LONGEST_SHIFT_S - _SHORTEST_SHIFT_S) * golden
    signs = np.where(np.arange(_SHIFTS) % 2, -1.0, 1.0)
    return [int(shift) for shift in sizes * signs * _SECOND]


def _delays(lead: Times, follow: Times) -> tuple[NDArray[np.bool_], Times]:
    """Which of the follow's packets come at most 60 ms after the lead's last one, and how much later these come."""
    before = np.searchsorted(lead, follow, "right") - 1
    delay = follow - lead[np.maximum(before, 0)]
    close = (before >= 0) & (delay <= _FOLLOW_NS)
    return close, np.asarray(delay[close])


def _by_ms(delays: Times) -> NDArray[np.float64]:
    """Delays counted by whole milliseconds."""
    return np.bincount(delays // 1_000_000, minlength=_FOLLOW_NS // 1_000_000 + 1).astype(np.float64)


def _quantiles(weights: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """5 %, 50 % and 95 % of a histogram of whole milliseconds."""
    total = float(weights.sum())
    if total < 1:
        return None
    reached = np.cumsum(weights) / total
    low, middle, high = (int(np.searchsorted(reached, share)) for share in (0.05, 0.5, 0.95))
    return float(low), float(middle), float(high)


def correlation(
    lead: Times, follow: Times, start: int, end: int, *, background: Times | None = None
) -> Correlation | None:
    """Cross-correlation of log(1 + packets) in half seconds, against shifted copies.

    Args:
        lead: times, ns, sorted.
        follow: the same of the other flow.
        start: first nanosecond at which both run.
        end: last one.
        background: times of the host's other packets; its activity is regressed out of both.

    Returns:
        ``None`` where the overlap is shorter than 90 s or longer than two hours, or one of them does nothing in it.
    """
    bins = (end - start) // _BIN_NS
    if bins < _LEAST_BINS or bins > MOST_SECONDS * _SECOND // _BIN_NS:
        return None
    common = None if background is None else _counts(background, start, bins)
    x = _residual(_counts(lead, start, bins), common)
    y = _residual(_counts(follow, start, bins), common)
    scale = float(np.sqrt((x @ x) * (y @ y)))
    if scale < 1e-9:
        return None
    likeness = _likeness(x, y) / scale
    lagged = np.stack([np.roll(likeness, -lag) for lag in range(_HELD_LAGS)])
    looks = [_against_shifts(measure, bins) for measure in (lagged[:_LAGS].max(axis=0), lagged.sum(axis=0))]
    found = [look for look in looks if look is not None]
    if not found:
        return None
    best = int(np.argmax([z for z, _, _ in found]))
    z, reaching, shifts = found[best]
    lag = int(np.argmax(likeness[:_LAGS]))
    p_value = min(1.0, len(looks) * (1 + reaching) / (1 + shifts))
    return Correlation(float(likeness[lag]), lag * _BIN_NS // 1_000_000, z, p_value, shifts, best == 1)


def _against_shifts(measure: NDArray[np.float64], bins: int) -> tuple[float, int, int] | None:
    """Z-score of a measure at shift nought, how many shifts reach it, and how many there are."""
    z, reaching, shifts = np.inf, 0, 0
    for least, most in _SHIFT_RANGES:
        null = _null(measure, bins, least, most)
        if len(null) < _LEAST_NULLS:
            continue
        z = min(z, float((measure[0] - null.mean()) / max(1e-9, float(null.std()))))
        reaching += int((null >= measure[0]).sum())
        shifts += len(null)
    return (z, reaching, shifts) if shifts else None


def _null(measure: NDArray[np.float64], bins: int, least: int, most: int) -> NDArray[np.float64]:
    """A measure at shifts of ``least`` to ``most`` bins either way round, none of them seen twice."""
    reach = min(most, bins // 2)
    shifts = np.arange(least, reach + 1, _LAGS)
    return np.concatenate([measure[shifts], measure[bins - shifts[shifts < bins - reach]]])


def _likeness(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Circular cross-correlation by lag, summed over tenths of the time.

    The two tenths that speak loudest are heard no louder than the third: a single burst may straddle two of them.
    """
    bins = len(x)
    spectrum = np.fft.rfft(y)
    edges = np.linspace(0, bins, _BLOCKS + 1).astype(np.int64).tolist()
    by_block = np.empty((_BLOCKS, bins))
    for number, (low, high) in enumerate(pairwise(edges)):
        part = np.zeros(bins)
        part[low:high] = x[low:high]
        by_block[number] = np.fft.irfft(np.conj(np.fft.rfft(part)) * spectrum, bins)
    by_block.partition(_BLOCKS - 3, axis=0)
    by_block[_BLOCKS - 2 :] = by_block[_BLOCKS - 3]
    return np.asarray(by_block.sum(axis=0))


def _counts(times: Times, start: int, bins: int) -> NDArray[np.float64]:
    """log(1 + packets) by bin: ten packets are not ten times the evidence of one."""
    number = (times - start) // _BIN_NS
    inside = number[(number >= 0) & (number < bins)]
    return np.asarray(np.log1p(np.bincount(inside, minlength=bins)))


def _residual(counts: NDArray[np.float64], common: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """What neither slow swings nor the host's other traffic explain."""
    own = _detrended(counts)
    if common is None or not common.any():
        return own
    other = _detrended(common)
    around = np.column_stack([np.roll(other, -1), other, np.roll(other, 1)])
    factors, *_ = np.linalg.lstsq(around, own, rcond=None)
    return np.asarray(own - around @ factors)


def _detrended(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the mean of the minute around each bin."""
    reach = min(_TREND_BINS, len(counts)) // 2
    summed = np.concatenate([[0.0], np.cumsum(counts)])
    at = np.arange(len(counts))
    low, high = np.maximum(0, at - reach), np.minimum(len(counts), at + reach + 1)
    return np.asarray(counts - (summed[high] - summed[low]) / (high - low))


def _overlap(lead: Times, follow: Times) -> tuple[int, int]:
    """When both run, or the two hours of it in which the quieter flow has most packets, and no more packets than that.

    An end before the start means that they do not meet.
    """
    start, end = max(int(lead[0]), int(follow[0])), min(int(lead[-1]), int(follow[-1]))
    if end - start > MOST_SECONDS * _SECOND:
        length = MOST_SECONDS * _SECOND
        candidates = np.linspace(start, end - length, _CANDIDATES).astype(np.int64)
        held = [np.searchsorted(one, candidates + length) - np.searchsorted(one, candidates) for one in (lead, follow)]
        low = int(candidates[int(np.argmax(np.minimum(*held)))])
        own = [_between(one, low, low + length) for one in (lead, follow)]
        if not all(len(one) for one in own):
            return start, start - 1
        start, end = max(int(one[0]) for one in own), min(int(one[-1]) for one in own)
    for one in (lead, follow):
        beyond = int(np.searchsorted(one, start)) + MOST_EVENTS
        if beyond < len(one):
            end = min(end, int(one[beyond]))
    return start, end


def _between(times: Times, start: int, end: int) -> Times:
    """The times from ``start`` to ``end``, both included."""
    return times[np.searchsorted(times, start) : np.searchsorted(times, end, "right")]
