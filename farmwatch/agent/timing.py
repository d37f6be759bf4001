"""Input timing of one window as counts and shapes. What comes in is *press*, *click* or *motion*, and when: no key.

Algorithms. Grid: for each period P and clock drift, R = (squared magnitude of the sum of exp(2 pi i t/P)) / n, which is
exponential with mean 1 where there is no grid; a grid is there where R > ln(tries / alpha), and the largest such P is
taken (a grid of 8 ms is one of 4 ms as well). Monaco, *Device fingerprinting with peripheral timestamps* (IEEE S&P
2022) for the effect, the Rayleigh test for the statistic. Clumps: presses within 2 ms, which no finger makes and a
network that held them does. Jiggle: short bursts of motion with two quiet seconds around them, alike in reports and
steps, at even distances.

Why shapes and not times leave: the interval histogram and the grid tell hardware from software; the order of keys, or
any one time, would tell what was written and who writes.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from farmwatch.agent.facts import InputWindow

__all__ = ["BINS_PER_DOUBLING", "Axes", "Burst", "WindowCounter", "interval_bin", "lattice"]

BINS_PER_DOUBLING = 8  #: of the interval histogram, which starts at 1 ms
_LAST_BIN = 16 * BINS_PER_DOUBLING  # 65 s and longer
_CLUMP_S = 0.002
_STALL_S = 0.150
_PERIODS_MS = (
    1.0,
    2.0,
    4.0,
    8.0,
    10.0,
    16.0,
    1000 / 60,
    20.0,
    50.0,
    100.0,
)  # USB and timer intervals, frames, batching
_MAX_DRIFT = 100e-6  # of quartz clocks
_ALPHA = 1e-4
_FEWEST = 20  # presses; fewer cannot pass the test
_MOST_TIMES = 1000  # presses that the grid is looked for in
_MOVEMENT_S = 1.0  # a longer gap is a pause, not movement
_QUIET_S = 2.0
_MEMORY_S = 900.0
_LONGEST_BURST = 32  # reports; a jiggler makes 1 to 11
_MOST_BURSTS = 600
_FEWEST_BURSTS = 3
_FEWEST_PLAIN = 5  # bursts without a shape of their own
_WIDEST_SPREAD = 0.35  # +-25 % evenly distributed is 0.14
_GAP_BINS = 32  # per doubling, of motion gaps, whose median is told


@dataclass(frozen=True, slots=True)
class Axes:
    """Where an absolute pointer ends: lowest and highest value of both axes."""

    x: tuple[int, int]
    y: tuple[int, int]


def interval_bin(seconds: float) -> int:
    """Bin of an interval: 0 up to 1 ms, then 8 to the doubling, the last from 65 s on."""
    if seconds < 0.001:
        return 0
    return min(int(math.log2(seconds * 1000) * BINS_PER_DOUBLING) + 1, _LAST_BIN)


def lattice(times: list[float]) -> tuple[float, float] | None:
    """Period in ms of the grid that times (seconds) keep to, and the share of intervals on it; None without a grid.

    The share counts intervals within an eighth of a period of a multiple of it: a quarter of them by chance.
    """
    times = times[:_MOST_TIMES]
    if len(times) < _FEWEST:
        return None
    start, span = times[0], times[-1] - times[0]
    offsets = [at - start for at in times]
    plans = [(period / 1000, _drifts(period / 1000, span)) for period in _PERIODS_MS]
    threshold = math.log(sum(len(drifts) for _, drifts in plans) / _ALPHA)
    if threshold >= len(times):
        return None
    for period, drifts in reversed(plans):
        best, drift = max((_power(offsets, period * (1 + drift)), drift) for drift in drifts)
        if best > threshold:
            return round(period * 1000, 3), round(_share(offsets, period * (1 + drift)), 3)
    return None


def _drifts(period: float, span: float) -> list[float]:
    """Clock drifts to try: steps small enough that no phase is lost over the span."""
    step = max(period / max(span, period) / 4, 1e-7)
    half = int(_MAX_DRIFT / step)
    return [number * step for number in range(-half, half + 1)]


def _power(offsets: list[float], period: float) -> float:
    turn = math.tau / period
    cosine = sine = 0.0
    for at in offsets:
        angle = at * turn
        cosine += math.cos(angle)
        sine += math.sin(angle)
    return (cosine * cosine + sine * sine) / len(offsets)


def _share(offsets: list[float], period: float) -> float:
    on_grid = 0
    for first, second in pairwise(offsets):
        rest = (second - first) / period % 1.0
        on_grid += min(rest, 1.0 - rest) <= 0.125
    return on_grid / (len(offsets) - 1)


@dataclass(frozen=True, slots=True)
class Burst:
    """Motion between two pauses: when it began, how many reports, and the shape of its steps."""

    start: float
    reports: int
    shape: str


@dataclass(slots=True)
class _Running:
    """A burst that is under way: when it began, how many reports, its first steps or positions."""

    start: float
    reports: int = 0
    steps: list[tuple[int, int]] = field(default_factory=list)


class WindowCounter:
    """Counts the input of one device during one window, in bounded memory."""

    def __init__(self, start: float, axes: Axes | None = None, before: Sequence[Burst] = ()) -> None:
        """``start`` on the clock of the reports; ``axes`` of an absolute pointer; bursts of the window ``before``."""
        self._start = start
        self._axes = axes
        self._presses: list[float] = []
        self._press_count = self._clicks = self._moves = self._lost = 0
        self._intervals: Counter[int] = Counter()
        self._last_press: float | None = None
        self._clump = 0
        self._clumps = self._clumped = self._stalls = 0
        self._stalled = False
        self._gaps: Counter[int] = Counter()
        self._last_move: float | None = None
        self._bursts = list(before)
        self._burst: _Running | None = None

    @property
    def quiet(self) -> bool:
        """Nothing came in."""
        return not (self._press_count or self._clicks or self._moves or self._lost)

    def press(self, at: float) -> None:
        """A key went down, whichever."""
        self._press_count += 1
        if len(self._presses) < _MOST_TIMES:
            self._presses.append(at)
        if self._last_press is not None:
            gap = max(at - self._last_press, 0.0)
            self._intervals[interval_bin(gap)] += 1
            if gap <= _CLUMP_S:
                self._clump += 1
                self._clumped += 2 if self._clump == 1 else 1
                self._clumps += self._clump == 1
                self._stalls += self._clump == 1 and self._stalled
            else:
                self._clump = 0
                self._stalled = gap >= _STALL_S
        self._last_press = at

    def click(self, _at: float) -> None:
        """A button went down, whichever."""
        self._clicks += 1

    def move(self, at: float, x: int, y: int) -> None:
        """One motion report: the step of a relative pointer, the position of an absolute one."""
        self._moves += 1
        if self._last_move is not None and 0 < (gap := at - self._last_move) <= _MOVEMENT_S:
            self._gaps[int(math.log2(gap * 1e6) * _GAP_BINS)] += 1
        if self._burst is None or (self._last_move is not None and at - self._last_move > _QUIET_S):
            self._close_burst()
            self._burst = _Running(at)
        self._last_move = at
        self._burst.reports += 1
        if len(self._burst.steps) <= _LONGEST_BURST:
            self._burst.steps.append((x, y))

    def lost(self, reports: int = 1) -> None:
        """The system dropped reports because they were not read in time."""
        self._lost += reports

    def window(self, ts: float, seconds: float, input_device: str, pointer: str) -> InputWindow:
        """What the window came to; ``ts`` is its start in seconds since 1970."""
        self._close_burst()
        grid = lattice(self._presses)
        highest = max(self._intervals, default=-1)
        jiggle = _jiggle(self._bursts, self._start)
        return InputWindow(
            ts=round(ts, 3),
            window_s=round(seconds, 3),
            input_device=input_device,
            pointer=pointer,
            presses=self._press_count,
            clicks=self._clicks,
            moves=self._moves,
            lost_reports=self._lost,
            intervals=tuple(self._intervals[number] for number in range(highest + 1)),
            lattice_ms=grid[0] if grid else None,
            lattice_share=grid[1] if grid else None,
            clumps=self._clumps,
            clumped_presses=self._clumped,
            stalls=self._stalls,
            move_gap_ms=_median_ms(self._gaps),
            jiggle_period_s=jiggle[0] if jiggle else None,
            jiggle_spread=jiggle[1] if jiggle else None,
            jiggle_reports=jiggle[2] if jiggle else None,
            jiggle_shape=jiggle[3] if jiggle else "",
        )

    def recent(self, now: float) -> list[Burst]:
        """Bursts of the last quarter of an hour: one a minute shows its period over several windows."""
        return [burst for burst in self._bursts if burst.start > now - _MEMORY_S]

    def _close_burst(self) -> None:
        running, self._burst = self._burst, None
        if running is not None and running.reports <= _LONGEST_BURST and len(self._bursts) < _MOST_BURSTS:
            self._bursts.append(Burst(running.start, running.reports, _shape(running.steps, self._axes)))


def _median_ms(gaps: Counter[int]) -> float | None:
    """Median of binned gaps, to about 2 %."""
    rest = gaps.total() / 2
    for number in sorted(gaps):
        rest -= gaps[number]
        if rest <= 0:
            return round(2 ** ((number + 0.5) / _GAP_BINS) / 1000, 3)
    return None


def _jiggle(bursts: list[Burst], start: float) -> tuple[float, float, int, str] | None:
    """Period in s, its spread, reports and shape of the bursts that are alike most often; None where none repeat.

    Bursts before ``start`` count for the period; without one after it there is nothing to tell.
    """
    alike: dict[tuple[int, str], list[float]] = {}
    for burst in bursts:
        alike.setdefault((burst.reports, burst.shape), []).append(burst.start)
    best: tuple[float, float, int, str] | None = None
    most = 0
    for (reports, shape), starts in sorted(alike.items()):
        enough = _FEWEST_PLAIN if shape == "other" else _FEWEST_BURSTS
        if len(starts) < enough or len(starts) <= most or starts[-1] < start:
            continue
        periods = [second - first for first, second in pairwise(starts)]
        mean = statistics.fmean(periods)
        spread = statistics.pstdev(periods) / mean
        if spread <= _WIDEST_SPREAD:
            best, most = (round(mean, 3), round(spread, 3), reports, shape), len(starts)
    return best


def _shape(reported: list[tuple[int, int]], axes: Axes | None) -> str:
    """there-and-back, alternating, corner, centre or other; sizes and directions are not told."""
    steps = reported
    if axes is not None:
        end = steps[-1]
        if end == (axes.x[0], axes.y[0]):
            return "corner"
        if all(
            abs(2 * value - low - high) <= (high - low) / 64
            for value, (low, high) in zip(end, (axes.x, axes.y), strict=True)
        ):
            return "centre"
        steps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(steps)]
    if len(steps) < (1 if axes is not None else 2):
        return "other"
    if all(_opposite(first, second) for first, second in pairwise(steps)):
        return "there-and-back" if len(reported) == 2 else "alternating" if len(steps) > 1 else "other"
    total = (sum(step[0] for step in steps), sum(step[1] for step in steps))
    return "there-and-back" if total == (0, 0) and any(any(step) for step in steps) else "other"


def _opposite(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return any(first) and first[0] == -second[0] and first[1] == -second[1]
