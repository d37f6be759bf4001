"""Simulated typists, relays and chaff with known truth: packet times only, all of them seeded.

A typist's pauses between keys are log-logistic with a median of its own (0.12 to 0.32 s) and shape 2.6 to 4, cut to
0.04 to 1.5 s, with pauses to think after words and pauses to read of 3 to 40 s, the shapes published for free text.
"""

from __future__ import annotations

import numpy as np

SECOND = 1_000_000_000


def typist(rng, seconds):
    """Times in seconds at which keys go down."""
    median, shape = rng.uniform(0.12, 0.32), rng.uniform(2.6, 4.0)
    think, read = rng.uniform(0.08, 0.25), rng.uniform(0.01, 0.03)
    expected = int(seconds / 0.12) + 50
    chance = rng.uniform(0.001, 0.999, expected)
    gaps = np.clip(median * (chance / (1 - chance)) ** (1 / shape), 0.04, 1.5)
    word = rng.random(expected) < 1 / 6
    gaps += np.where(word & (rng.random(expected) < think), rng.uniform(0.6, 3.0, expected), 0)
    gaps += np.where(rng.random(expected) < read, np.clip(rng.lognormal(2.2, 0.7, expected), 3, 40), 0)
    times = rng.uniform(0, 3) + np.cumsum(gaps)
    return times[times < seconds]


def relayed(rng, times, *, jitter=0.0, base=0.012):
    """The same keys as a relay passes them on, in order: ``base`` s and about 1 ms later, up to ``jitter`` s more."""
    held = times + base + rng.exponential(0.001, len(times)) + rng.uniform(0, jitter, len(times))
    return np.maximum.accumulate(held)


def chaffed(rng, times, per_packet, seconds):
    """With packets that mean nothing at random moments, so many for each real one."""
    decoys = rng.uniform(0, seconds, int(per_packet * len(times)))
    return np.sort(np.concatenate([times, decoys]))


def ns(times):
    """Seconds as nanoseconds since 1970, on some morning."""
    return (np.sort(np.asarray(times)) * SECOND).astype(np.int64) + 1_800_000_000 * SECOND


def on_lattice(rng, times, period_ms, *, drift_ppm=0.0, jitter_ms=0.0):
    """The same keys as a clock hands them out: on multiples of its period, with jitter on the way (normal)."""
    period = period_ms / 1e3 * (1 + drift_ppm * 1e-6)
    return np.round(times / (period_ms / 1e3)) * period + rng.normal(0, jitter_ms / 1e3, len(times))


def stalled(rng, times, chance, seconds=0.6):
    """The same keys over a path that loses some: what comes after a lost one waits and arrives with it."""
    held = times.copy()
    for lost in np.flatnonzero(rng.random(len(times)) < chance):
        until = times[lost] + seconds
        waits = (times >= times[lost]) & (times < until)
        held[waits] = np.maximum(held[waits], until + np.arange(waits.sum()) * 2e-5)
    return held


def obscured(rng, times):
    """The same keys as OpenSSH 9.5 and later send them: about every 20 ms while somebody types, with decoys after.

    The interval is 18 to 20 ms plus up to 2 ms that a burst keeps; decoys go on for 1 to 3 s after the last key
    (clientloop.c, obfuscate_keystroke_timing).
    """
    sent, number = [], 0
    while number < len(times):
        extra, at = rng.uniform(0, 0.002), times[number]
        until = at
        while True:
            at += rng.uniform(0.018, 0.020) + extra
            while number < len(times) and times[number] <= at:
                until = times[number] + rng.uniform(1.024, 3.072)
                number += 1
            sent.append(at)
            if at > until:
                break
    return np.array(sent)


def swept(rng, seconds, interval_ms, *, jitter_ms=0.3):
    """Pointer sweeps of 20 to 60 messages at one interval, every few seconds."""
    starts = np.cumsum(rng.uniform(1, 4, int(seconds / 2.5)))
    return np.concatenate(
        [
            start + np.arange(count) * interval_ms / 1e3 + rng.exponential(jitter_ms / 1e3, count)
            for start, count in zip(starts, rng.integers(20, 60, len(starts)), strict=True)
        ]
    )
