"""At which hours of the day somebody types, against the hours of the fleet's other devices of the same zone (I5).

Keys and clicks are counted by quarter hours of UTC, never traffic, and never the motion of a jiggler. A device is
compared with the mean of the fleet's devices declared in the same fifteen degrees of longitude, itself left out, and
where these are too few with all devices turned by their longitude. The turn that fits best is its shift. Events of one
day hang together, so a day counts as one event (algorithm of docs/evidence.md, I5: tempered likelihood).

What this cannot tell: hours are a habit first and a place second. Night owls, shift and on-call work, children and part
time move them by more than a zone. People abroad who keep the office's hours on purpose do not show at all. So it names
no place and no person, says nothing but *other hours*, speaks only of ``abroad``, and never for more than three bits.

Natural experiment: when the device's own clock jumps by an hour for summer time and its input goes on at the old hours,
who types did not change clocks. That compares a device with itself and needs no template.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import travelling_sql
from farmwatch.records import Claim, DeviceFact, Family, InputTiming, Record, RosterEntry, Telling

__all__ = ["ActivityClock"]

_BINS = 96  #: quarter hours of a day
_PER_HOUR = _BINS // 24
_SIGMA_BINS = 3.0  #: 45 min, of the smoothing
_FLAT = 0.1  #: share of even activity in each template, so that one odd evening decides nothing: judged
_CHUNK = 4096  #: devices compared at a time, which bounds memory
_BIT = 10 * math.log10(2)

Matrix = NDArray[np.float64]

_UNTIL = "CAST($until AS TIMESTAMPTZ)"
_SINCE = "CAST($since AS TIMESTAMPTZ)"
_ACTIVE = "(coalesce(t.presses, 0) > 0 OR coalesce(t.clicks, 0) > 0)"
_COUNTS = f"""
    SELECT t.device_id, (epoch(t.ts)::BIGINT % 86400) // 900 AS bin, count(*) AS n,
           bit_or(1::BIGINT << ((epoch(t.ts)::BIGINT // 86400) % 62)) AS days, any_value(o.longitude) AS longitude,
           min(t.ts) AS first, max(t.ts) AS last
    FROM input_timing AS t JOIN owners AS o ON o.device_id = t.device_id
    WHERE {_ACTIVE} AND o.longitude BETWEEN -180 AND 180 AND NOT o.accommodation
          AND NOT {travelling_sql("t.device_id", _SINCE, _UNTIL)}
    GROUP BY t.device_id, bin ORDER BY t.device_id, bin
"""
_JUMPS = f"""
    WITH told AS (
        SELECT device_id, ts, utc_offset_min AS clock FROM devices_30d WHERE utc_offset_min BETWEEN -840 AND 840
    ), changed AS (
        SELECT device_id, arg_min(clock, ts) AS before, arg_max(clock, ts) AS after FROM told GROUP BY device_id
        HAVING count(DISTINCT clock) = 2 AND max(clock) - min(clock) = 60 AND min(abs(clock)) > 0
    ), jumps AS (
        SELECT c.device_id, any_value(c.after - c.before) AS jump, max(t.ts) FILTER (t.clock = c.before) AS old,
               min(t.ts) FILTER (t.clock = c.after) AS new
        FROM changed AS c JOIN told AS t USING (device_id) GROUP BY c.device_id HAVING old < new
    )
    SELECT t.device_id, (epoch(t.ts)::BIGINT % 86400) // 900 + CASE WHEN t.ts >= j.new THEN {_BINS} ELSE 0 END AS bin,
           count(*) AS n, bit_or(1::BIGINT << ((epoch(t.ts)::BIGINT // 86400) % 62)) AS days,
           any_value(j.jump) AS jump, min(t.ts) AS first, max(t.ts) AS last, any_value(j.new) AS new
    FROM input_timing_30d AS t JOIN jumps AS j ON j.device_id = t.device_id LEFT JOIN owners AS o
         ON o.device_id = t.device_id
    WHERE {_ACTIVE} AND (t.ts <= j.old OR t.ts >= j.new) AND NOT coalesce(o.accommodation, false)
          AND NOT {travelling_sql("t.device_id", f"{_UNTIL} - INTERVAL 30 DAY", _UNTIL)}
    GROUP BY t.device_id, bin ORDER BY t.device_id, bin
"""


@dataclass(frozen=True, slots=True)
class _Clocks:
    """Hours of input of some devices: one row each of a matrix whose columns are quarter hours."""

    devices: list[str]
    counts: Matrix
    days: NDArray[np.uint64]  #: devices by quarter hours: on which days, as bits
    table: pa.Table  #: rows they were made of, for the proof
    row_of: NDArray[np.int64]  #: of each of those rows, its device


@dataclass(frozen=True, slots=True)
class ActivityClock(FleetDetector):
    """Finds devices that are typed on at the hours of another zone."""

    id: ClassVar[str] = "activity.clock"
    title: ClassVar[str] = "is it typed on at other hours than devices of its zone?"
    topic: ClassVar[str] = "hours of input against the declared zone"
    signals: ClassVar[tuple[str, ...]] = ("I5",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (InputTiming, RosterEntry)
    benign: ClassVar[tuple[str, ...]] = (
        "night owls and early risers; family, study or a second shift",
        "shift and on-call work, or a team whose meetings are in another zone",
        "travel or a move that the roster does not know yet",
    )
    group: ClassVar[str] = "activity clock"
    grades: ClassVar[Mapping[str, Grade]] = {
        "other_hours": Grade(
            Claim.ABROAD,
            4.0,
            "judged from grade C of I5 (docs/evidence.md): one in fifty keeps such hours at home, one in seven abroad "
            "lets them show",
            cap_decibans=3 * _BIT,
        ),
        "old_clock": Grade(
            Claim.ABROAD,
            5.0,
            "judged from I5 (docs/evidence.md): hours that stay when the device's own clock changes; some live by the "
            "sun or by meetings elsewhere",
            cap_decibans=3 * _BIT,
        ),
    }
    when_clear: ClassVar[str] = "typed on at its zone's hours; people abroad who keep office hours would not show"
    check: ClassVar[str] = "ask what hours are agreed; nothing follows from hours alone"

    least_days: float = param(4, "Days with input; more days do not sharpen a habit.", low=3, high=28)
    least_windows: float = param(40, "Five-minute windows with input: about three hours.", low=10, high=5000)
    least_peers: float = param(20, "Devices of a template: fewer are one team's habit.", low=5, high=1000)
    near_h: float = param(
        2.5, "Habits move people so far (spread 1.5 h in simulation, 90th percentile).", low=1, high=4
    )
    far_h: float = param(5.0, "Beyond habits and longitude against legal time.", low=3, high=12)
    least_decibans: float = param(10.0, "Of the likelihood of far against near hours.", low=3, high=60)
    least_side_days: float = param(6, "Days on either side of a change of clocks.", low=3, high=20)
    least_jump_decibans: float = param(5.0, "Of the likelihood of the old hours against moved ones.", low=2, high=60)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits by hours, then by changes of clocks."""
        yield from self._other_hours(fleet)
        yield from self._old_clocks(fleet)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without coordinates in the roster, with too little input, too few peers, or travelling."""
        told = _clocks(fleet.arrow(_COUNTS), _BINS)
        enough = self._enough(told)
        judged = {device for device, good in zip(told.devices, enough.tolist(), strict=True) if good}
        listed = fleet.rows(
            f"""
            SELECT p.device_id, o.longitude IS NOT NULL AS placed,
                   {travelling_sql("p.device_id", _SINCE, _UNTIL)} AS away
            FROM presence AS p JOIN owners AS o USING (device_id) WHERE p.name = 'input_timing' ORDER BY p.device_id
            """
        )
        few = f"input on fewer than {self.least_days:.0f} days"
        lonely = f"fewer than {self.least_peers:.0f} devices to compare with"
        short = int(enough.sum()) <= self.least_peers
        reasons = {}
        for row in listed:
            if not row["placed"]:
                reasons[row["device_id"]] = "the roster has no coordinates of its place"
            elif row["away"]:
                reasons[row["device_id"]] = "declared travel"
            elif row["device_id"] not in judged:
                reasons[row["device_id"]] = few
            elif short:
                reasons[row["device_id"]] = lonely
        return {**reasons, **excused(fleet)}

    def _enough(self, told: _Clocks) -> NDArray[np.bool_]:
        days = _bits(np.bitwise_or.reduce(told.days, axis=1))
        enough: NDArray[np.bool_] = (days >= self.least_days) & (told.counts.sum(axis=1) >= self.least_windows)
        return enough

    def _other_hours(self, fleet: Fleet) -> Iterator[Hit]:
        told = _clocks(fleet.arrow(_COUNTS), _BINS)
        kept = np.flatnonzero(self._enough(told))
        if len(kept) <= self.least_peers:
            return
        longitudes = np.zeros(len(told.devices))
        longitudes[told.row_of] = told.table["longitude"].to_numpy()
        shares = told.counts[kept] / told.counts[kept].sum(axis=1, keepdims=True)
        days = _bits(np.bitwise_or.reduce(told.days[kept], axis=1)).astype(np.float64)
        templates, peers = self._templates(shares, longitudes[kept])
        shifts = np.minimum(np.arange(_BINS), _BINS - np.arange(_BINS)) / _PER_HOUR  # hours either way
        near, far = shifts <= self.near_h, shifts >= self.far_h
        for start in range(0, len(kept), _CHUNK):
            part = slice(start, start + _CHUNK)
            fits = _fits(shares[part], templates(part)) * days[part, None]
            gain = (_log_mean(fits[:, far]) - fits[:, near].max(axis=1)) * 10 / math.log(10)
            best = fits.argmax(axis=1)
            for row in np.flatnonzero((gain >= self.least_decibans) & far[best]).tolist():
                number = int(kept[start + row])
                yield _hours_hit(told, number, int(best[row]), int(peers[start + row]), int(days[start + row]))

    def _templates(self, shares: Matrix, longitudes: Matrix) -> tuple[Callable[[slice], Matrix], NDArray[np.int64]]:
        """Mean hours of each device's peers, itself left out, by rows; and how many peers it has."""
        zones = np.round(longitudes / 15).astype(np.int64) % 24
        turns = np.round(longitudes * _BINS / 360).astype(np.int64)
        size = np.bincount(zones, minlength=24)
        sums = np.zeros((24, _BINS))
        np.add.at(sums, zones, shares)
        turned = (np.arange(_BINS)[None, :] - turns[:, None]) % _BINS  # local quarter hour -> quarter hour of UTC
        local = np.take_along_axis(shares, turned, axis=1)
        total = local.sum(axis=0)
        own_zone = size[zones] > self.least_peers
        peers = np.where(own_zone, size[zones], len(shares)) - 1

        def of(part: slice) -> Matrix:
            back = (np.arange(_BINS)[None, :] + turns[part, None]) % _BINS
            pooled = np.take_along_axis(total[None, :] - local[part], back, axis=1)
            mean = np.where(own_zone[part, None], sums[zones[part]] - shares[part], pooled) / peers[part, None]
            return _smooth(mean)

        return of, peers

    def _old_clocks(self, fleet: Fleet) -> Iterator[Hit]:
        """Devices whose own clock jumped by an hour, and whose hours of input did not."""
        told = _clocks(fleet.arrow(_JUMPS), 2 * _BINS)
        if not told.devices:
            return
        jumps = np.zeros(len(told.devices), np.int64)
        jumps[told.row_of] = told.table["jump"].to_numpy()
        before, after = told.counts[:, :_BINS], told.counts[:, _BINS:]
        days = [_bits(np.bitwise_or.reduce(side, axis=1)) for side in (told.days[:, :_BINS], told.days[:, _BINS:])]
        enough = np.minimum(*days) >= self.least_side_days
        for number in np.flatnonzero(enough).tolist():
            past = _smooth(before[number : number + 1] / before[number].sum())
            now = after[number : number + 1] / after[number].sum()
            fits = _fits(now, past)[0] * float(days[1][number])
            moved = int(-jumps[number] * _PER_HOUR // 60) % _BINS
            gain = (fits[0] - fits[moved]) * 10 / math.log(10)
            best = int(fits.argmax())
            if gain >= self.least_jump_decibans and min(best, _BINS - best) <= 1:
                yield _jump_hit(told, number, int(jumps[number]), [int(side[number]) for side in days])


def _clocks(table: pa.Table, bins: int) -> _Clocks:
    """A matrix of rows ``device_id, bin, n, days`` that come sorted by device."""
    encoded = table["device_id"].combine_chunks().dictionary_encode()
    row_of = encoded.indices.to_numpy().astype(np.int64)
    devices: list[str] = encoded.dictionary.to_pylist()
    counts = np.zeros((len(devices), bins))
    days = np.zeros((len(devices), bins), np.uint64)
    column = table["bin"].to_numpy().astype(np.int64)
    counts[row_of, column] = table["n"].to_numpy()
    days[row_of, column] = table["days"].to_numpy().astype(np.uint64)
    return _Clocks(devices, counts, days, table, row_of)


def _bits(masks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many bits each mask has."""
    count: NDArray[np.int64] = np.unpackbits(masks[:, None].view(np.uint8), axis=1).sum(axis=1, dtype=np.int64)
    return count


def _smooth(shares: Matrix) -> Matrix:
    """Logarithm of hours smoothed around the clock, with some even activity below."""
    away = np.minimum(np.arange(_BINS), _BINS - np.arange(_BINS))
    kernel = np.exp(-0.5 * (away / _SIGMA_BINS) ** 2)
    smooth = np.fft.irfft(np.fft.rfft(shares, axis=1) * np.fft.rfft(kernel / kernel.sum()), _BINS, axis=1)
    return np.log((1 - _FLAT) * np.maximum(smooth, 0.0) + _FLAT / _BINS)


def _fits(shares: Matrix, templates: Matrix) -> Matrix:
    """Mean log likelihood of each row's hours under its template, later by 0 to 95 quarter hours."""
    fits: Matrix = np.fft.irfft(np.fft.rfft(shares, axis=1) * np.conj(np.fft.rfft(templates, axis=1)), _BINS, axis=1)
    return fits


def _log_mean(logs: Matrix) -> Matrix:
    top = logs.max(axis=1)
    mean: Matrix = top + np.log(np.exp(logs - top[:, None]).mean(axis=1))
    return mean


def _proof(told: _Clocks, number: int) -> tuple[Telling, ...]:
    rows = told.table.take(pa.array(np.flatnonzero(told.row_of == number)))
    first, last = min(rows["first"].to_pylist()), max(rows["last"].to_pylist())
    return (telling(InputTiming, first, last, count=sum(rows["n"].to_pylist())),)


def _hours_hit(told: _Clocks, number: int, shift: int, peers: int, days: int) -> Hit:
    hours = (shift if shift <= _BINS // 2 else shift - _BINS) / _PER_HOUR
    way = "later" if hours > 0 else "earlier"
    return Hit(
        told.devices[number],
        "other_hours",
        f"keys and clicks come about {abs(hours):.0f} hours {way} than on {many(peers, 'device')} it is compared "
        f"with, on {many(days, 'day')}; habits explain this as well as places do",
        observed=f"{many(int(told.counts[number].sum()), 'window')} with input, best fit {hours:+.2f} h",
        expected="hours within two to three of those of devices declared in the same zone",
        telling=_proof(told, number),
    )


def _jump_hit(told: _Clocks, number: int, jump: int, days: list[int]) -> Hit:
    new = told.table["new"][int(np.flatnonzero(told.row_of == number)[0])].as_py()
    return Hit(
        told.devices[number],
        "old_clock",
        f"its own clock moved by {jump:+d} min about {new:%Y-%m-%d}, and its keys and clicks went on at the old hours "
        f"({many(days[0], 'day')} before, {days[1]} after)",
        observed="hours of input in UTC unchanged over a change of clocks",
        expected="hours of input that move with the clock of the place",
        telling=(*_proof(told, number), telling(DeviceFact, new)),
    )
