"""How many stepping stones are found, and how many unrelated pairs are taken for one.

``python -m tests.lab.hand.stepping_curve`` prints the table. Everything is simulated: seeded typists, a relay with a
delay that changes from key to key (uniform, in order), decoys at random moments. Two flows are judged by
:func:`farmwatch.analysis.sessions.stepping.relate`, and beside it stands what the on/off test of 2000 alone would say.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from farmwatch.analysis.sessions.stepping import Relation, relate
from tests.lab.hand.simulated import chaffed, ns, relayed, typist

JITTERS = (0.0, 0.02, 0.1, 0.4, 1.0, 2.0)
CHAFF = (0.0, 1.0, 3.0)
MINUTES = (2, 5, 30)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    minutes: float
    jitter_s: float
    chaff: float
    pairs: int
    found: float
    on_off: float
    close: float  #: decided by packet after packet, not by half seconds


def pair(seed, seconds, jitter, chaff):
    """One relayed typist."""
    rng = np.random.default_rng([1, seed, int(seconds), int(jitter * 1000), int(chaff * 10)])
    lead = typist(rng, seconds)
    return relate(ns(lead), ns(chaffed(rng, relayed(rng, lead, jitter=jitter), chaff, seconds)))


def cell(seconds, jitter, chaff, pairs):
    """What is found of so many relayed typists."""
    judged = [found for seed in range(pairs) if (found := pair(seed, seconds, jitter, chaff)) is not None]
    return Row(
        seconds / 60, jitter, chaff, len(judged),
        float(np.mean([one.stone for one in judged])),
        float(np.mean([one.on_off.stone for one in judged])),
        float(np.mean([one.stone and one.reason.startswith("packet") for one in judged])),
    )  # fmt: skip


def unrelated(seconds, pairs, *, seed=2, chaff=0.0) -> list[Relation]:
    """Typists who have nothing to do with each other, every ordered pair of some seventy."""
    rng = np.random.default_rng([seed, int(seconds), int(chaff)])
    crowd = int(np.ceil((1 + np.sqrt(1 + 4 * pairs)) / 2))
    flows = [ns(chaffed(rng, typist(rng, seconds), chaff, seconds)) for _ in range(crowd)]
    every = [(a, b) for a in flows for b in flows if a is not b][:pairs]
    return [found for a, b in every if (found := relate(a, b)) is not None]


def curve(pairs=40, minutes=MINUTES):
    """All rows of the table."""
    return [cell(60 * length, jitter, chaff, pairs) for length in minutes for jitter in JITTERS for chaff in CHAFF]


def main() -> int:
    """Print the table and the false alarms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="relayed typists for each line")
    parser.add_argument("--unrelated", type=int, default=4000, help="unrelated pairs for each length")
    parser.add_argument("--minutes", type=float, nargs="*", default=MINUTES)
    asked = parser.parse_args()
    print("| minutes | relay jitter s | decoys per packet | found | of it packet by packet | on/off alone |")
    print("|---|---|---|---|---|---|")
    for row in curve(asked.pairs, asked.minutes):
        print(
            f"| {row.minutes:g} | {row.jitter_s:g} | {row.chaff:g} | {row.found:.3f} | {row.close:.3f} "
            f"| {row.on_off:.3f} |"
        )
    print("\n| minutes | unrelated pairs | taken for a stone | by on/off alone |\n|---|---|---|---|")
    for length in asked.minutes:
        judged = unrelated(60 * length, asked.unrelated)
        wrong, old = sum(one.stone for one in judged), sum(one.on_off.stone for one in judged)
        print(f"| {length:g} | {len(judged)} | {wrong} | {old} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
