"""What devices do in the same minute: cut off together, started together (docs/evidence.md, N14).

Two kinds of moments, each counted once a device: *cuts* (gone without notice, mains lost, tunnel lost) in stretches of
three minutes, since timeouts differ, and *starts* (woken, booted, unlocked, logged on, driven, a meeting joined that no
other device of the fleet joins) in minutes. How often chance does the same is told by the rest of the fleet in that
very minute: a patch that restarts ten thousand laptops, or nine o'clock, ties nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["CUT", "START", "Moments", "Together", "chance_decibans", "make_events", "make_timed"]

CUT, START = "cut", "start"
STRETCH_S = {CUT: 180, START: 60}
_RARE = 30  #: devices in one stretch up to which it may be what ties two of them
_LEAST_HOURS = 3  #: different hours in which two devices must have acted together: one may be a patch
_TIE_BITS = 8.0  #: of cuts that so often come together; of starts less, for schedules start laptops as well
_START_BITS = 5.0
_SHARE = 0.4  #: of a group's devices that act together
_ABSENT = 100  #: devices of an imagined rest of the fleet that acts like the group, so that a small fleet proves little


def make_events(fleet: Fleet) -> None:
    """Make ``farm_events``: which device (``code``) had what (``sort``) in which stretch (``bucket``)."""
    fleet.make(
        "farm_events",
        f"""
        WITH meeting_sizes AS (
            SELECT meeting_id FROM meetings_30d WHERE meeting_id IS NOT NULL GROUP BY meeting_id
            HAVING count(DISTINCT about) > 1
        ),
        moments AS (
            SELECT device_id, ts, CASE WHEN event IN ('dead', 'on battery') THEN '{CUT}' ELSE '{START}' END AS sort
            FROM power WHERE event IN
                ('dead', 'on battery', 'boot', 'wake', 'modern standby out', 'unlocked', 'lid open')
            UNION ALL
            SELECT about, ts, CASE WHEN event = 'tunnel down' THEN '{CUT}' ELSE '{START}' END FROM sign_ins
            WHERE about IS NOT NULL AND event IN ('tunnel down', 'tunnel up')
            UNION ALL
            SELECT device_id, ts, '{START}' FROM logons WHERE event IN ('logon', 'reconnect', 'connection')
            UNION ALL
            SELECT device_id, ts, '{START}' FROM remote_tool_log
            WHERE direction = 'incoming' AND event IN ('accepted', 'session')
            UNION ALL
            SELECT about, ts, '{START}' FROM meetings
            WHERE about IS NOT NULL AND meeting_id NOT IN (SELECT meeting_id FROM meeting_sizes)
        )
        SELECT DISTINCT d.code, sort, CAST(floor((epoch(ts) - epoch($since::TIMESTAMPTZ))
               / CASE sort WHEN '{CUT}' THEN {STRETCH_S[CUT]} ELSE {STRETCH_S[START]} END) AS INTEGER) AS bucket
        FROM moments JOIN farm_devices AS d USING (device_id)
        """,
    )


def make_timed(fleet: Fleet) -> None:
    """Make ``farm_timed``: pairs (``one, two``) that act together in stretches in which few others do, and bits.

    A pair's coincidences are compared with what its own numbers of events and the fleet's habits make likely (Poisson),
    and with how many pairs there are: with enough pairs any coincidence happens somewhere.
    """
    sizes = fleet.arrow("SELECT (SELECT count(DISTINCT code) FROM farm_events) AS devices")
    devices = max(2, sizes.column("devices")[0].as_py() or 0)
    stretches = fleet.window.days * 86400
    met = fleet.arrow(
        f"""
        WITH sized AS (SELECT sort, bucket, count(*) AS n FROM farm_events GROUP BY ALL),
        totals AS (SELECT sort, sum(n)::DOUBLE AS all_n FROM sized GROUP BY sort),
        busy AS (SELECT code, sort, count(*) AS own FROM farm_events GROUP BY ALL),
        rare AS (SELECT e.*, n FROM farm_events AS e JOIN sized USING (sort, bucket) WHERE n BETWEEN 2 AND {_RARE}),
        met AS (
            SELECT a.code AS one, b.code AS two, sort, count(*) AS n, sum(a.n - 2)::DOUBLE AS others,
                   count(DISTINCT bucket // CASE sort WHEN '{CUT}' THEN {3600 // STRETCH_S[CUT]}
                                            ELSE {3600 // STRETCH_S[START]} END) AS hours
            FROM rare AS a JOIN rare AS b USING (sort, bucket) WHERE a.code < b.code GROUP BY ALL
            HAVING hours >= {_LEAST_HOURS}
        )
        SELECT one, two, sort, hours, n, others, all_n, p.own AS own_one, q.own AS own_two
        FROM met JOIN totals USING (sort) JOIN busy AS p ON p.code = one AND p.sort = met.sort
        JOIN busy AS q ON q.code = two AND q.sort = met.sort ORDER BY one, two, sort
        """
    )
    column = {name: met.column(name).to_numpy() for name in met.column_names if name != "sort"}
    cut = np.array([sort == CUT for sort in met.column("sort").to_pylist()], np.bool_)
    own = column["own_one"].astype(np.float64) * column["own_two"].astype(np.float64)
    length = np.where(cut, STRETCH_S[CUT], STRETCH_S[START])
    habit = 3 * own * length / stretches  # a working day is a third of a day
    crowd = own / np.maximum(column["all_n"].astype(np.float64), 1) * (column["others"] / np.maximum(column["n"], 1))
    bits = np.log2(10) / 10 * chance_decibans(column["hours"], habit + crowd) - np.log2(devices * (devices - 1) / 2)
    most = np.where(cut, _TIE_BITS, _START_BITS)
    pairs = pa.table({"one": column["one"], "two": column["two"], "timing": np.minimum(most, bits)})
    fleet.load("farm_timed_each", pairs)
    fleet.make(
        "farm_timed",
        f"""
        SELECT t.one, t.two, least({_TIE_BITS}, sum(t.timing))::DOUBLE AS timing FROM farm_timed_each AS t
        JOIN farm_people AS p ON p.code = t.one JOIN farm_people AS q ON q.code = t.two
        WHERE t.timing >= 1 AND (p.person = q.person OR p.household = q.household OR p.site = q.site) IS NOT TRUE
        GROUP BY t.one, t.two
        """,
    )


def chance_decibans(seen: Any, expected: Any) -> NDArray[np.float64]:
    """-10·log10 of the probability of so many or more, where so many are expected by chance (Poisson); at most 300."""
    from scipy.stats import poisson

    tail = -10 / np.log(10) * poisson.logsf(np.asarray(seen) - 1, np.maximum(expected, 1e-12))
    return np.minimum(np.asarray(tail, np.float64), 300.0)


@dataclass(frozen=True, slots=True)
class Together:
    """How often a group acted together, against chance."""

    sort: str
    times: int  #: in different hours
    most: int  #: devices that did so at once, at most
    stretch_s: int
    decibans: float  #: -10·log10 of the probability by chance
    first: int  #: first and last stretch, counted from the start of the window
    last: int


class Moments:
    """Events of the devices of candidate groups, and how many devices of the whole fleet had one at the same time."""

    def __init__(self, fleet: Fleet) -> None:
        """Read what ``farm_events`` says about the devices of ``farm_candidates`` (``code``)."""
        self._devices = fleet.arrow("SELECT count(DISTINCT code) AS n FROM farm_events").column(0)[0].as_py() or 0
        self._sizes: dict[str, NDArray[np.int64]] = {}
        self._own: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        for sort, stretch in STRETCH_S.items():
            count = int(fleet.window.days * 86400 / stretch) + 1
            crowd = fleet.arrow(
                "SELECT bucket, count(*) AS n FROM farm_events WHERE sort = $sort GROUP BY bucket", sort=sort
            )
            sizes = np.zeros(count, np.int64)
            sizes[crowd.column("bucket").to_numpy()] = crowd.column("n").to_numpy()
            self._sizes[sort] = sizes
            own = fleet.arrow(
                "SELECT code, bucket FROM farm_events SEMI JOIN farm_candidates USING (code) WHERE sort = $sort "
                "ORDER BY code, bucket",
                sort=sort,
            )
            self._own[sort] = own.column("code").to_numpy(), own.column("bucket").to_numpy()

    def together(self, members: NDArray[np.int64], sort: str) -> Together | None:
        """When at least two in five of a group's devices, and two at least, acted in one stretch."""
        codes, buckets = self._own[sort]
        rows = [np.arange(*np.searchsorted(codes, [code, code + 1])) for code in members.tolist()]
        own = buckets[np.concatenate(rows)] if rows else buckets[:0]
        sizes, count = self._sizes[sort], len(members)
        here = np.bincount(own, minlength=len(sizes))[: len(sizes)]
        least = max(2, int(np.ceil(_SHARE * count)))
        hit = np.flatnonzero(here >= least)
        if not len(hit):
            return None
        from scipy.stats import poisson

        rate = len(own) / count / len(sizes)
        others: NDArray[np.float64] = (sizes - here + _ABSENT * rate) / (max(0, self._devices - count) + _ABSENT)
        busier = max(1.0, rate / max(float(others.mean()), 1e-12))  # who does more coincides more
        expected = float(np.sum(poisson.sf(least - 1, count * others * busier)))
        hours = len(np.unique(hit * STRETCH_S[sort] // 3600))
        return Together(
            sort, hours, int(here[hit].max()), STRETCH_S[sort], float(chance_decibans(hours, expected)),
            int(hit[0]), int(hit[-1]),
        )  # fmt: skip
