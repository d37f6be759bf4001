"""Whether told probabilities hold: ``python -m tests.lab.fleet.calibration [--devices N] [--seeds N ...] [--write]``.

For each seed a fleet is simulated with assumptions of its own, drawn from beyond those that detectors were tuned on,
and assessed. Each fleet in turn is then held out: ``farmwatch calibrate`` measures weights on all others, and the fleet
is assessed once more with these. What was told of held-out devices is held against the truth, of all fleets together:

* *ECE*: expected calibration error over ten bins of equal width, by devices. Most devices are quiet and hide it, so it
  is told a second time of those that something was found about and that are told :data:`LEAST_TOLD` or more. The bar is
  for both;
* *reliability* among these: of each bin how many there are, what was told, what is true with its 95 % interval (Wilson
  1927), and of how many farms the true ones are: devices of a farm come together, so that intervals are narrower than
  they should be. *Largest gap*: of bins with :data:`LEAST_IN_BIN` devices or more;
* *Brier*: mean squared error, beside that of telling every device the base rate.

The base rate is far above a real one, so that upper bins fill; it is the prior of the assessments, too. Weights and
what sums are worth do not depend on it. ``--verbose`` names who was told wrong.
"""

from __future__ import annotations

import argparse
import csv
import math
import shutil
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from farmwatch.analysis.fleet.calibration import reliability
from tests.lab.fleet.quality import BEFORE, DAYS, UNTIL, farmwatch

KEPT = Path(__file__).resolve().parents[3] / "docs" / "fleet-calibration.txt"
CLAIMS = ("driven", "farm")
LEAST_TOLD = 0.01
EDGES = (LEAST_TOLD, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  #: review begins at 0.1, strong at 0.9
LEAST_IN_BIN = 30
BAR = 0.05
_Z = 1.959964  # 95 % interval
CANNOT = """What this cannot show: whether probabilities hold in a real fleet. The fleets that weights are measured on
and the one held out differ in the assumptions drawn, not in the program that drew them: a kind of
innocent device, of setup or of evasion that the simulator does not know is in neither. A company's
own labels, of decisions or of cases told from outside, are the only measure of that."""


@dataclass
class Told:
    """What was told of devices about one claim, and what is true."""

    told: list[float] = field(default_factory=list)
    true: list[bool] = field(default_factory=list)
    spoken: list[bool] = field(default_factory=list)  #: something was found that speaks about the claim
    farm: list[str] = field(default_factory=list)  #: seed and farm; '' of a device that is in none
    who: list[str] = field(default_factory=list)  #: setup and evasions, or confusers, and what was found

    def add(self, other: Told) -> None:
        """Another fleet's devices after these."""
        for name in ("told", "true", "spoken", "farm", "who"):
            getattr(self, name).extend(getattr(other, name))


def made(folder: Path, devices: int, seed: int, rate: float, rows: float) -> None:
    """Simulate a fleet, take it in and assess it with the detectors' own weights."""
    fleet = folder / f"fleet-{seed}"
    farmwatch("simulate", str(fleet), "--devices", str(devices), "--seed", str(seed), "--parameters", str(seed),
              "--base-rate", str(rate), "--until", UNTIL, "--days", str(DAYS + BEFORE), "--rows-per-device", str(rows),
              "-q")  # fmt: skip
    farmwatch("ingest", str(fleet / "feeds"), "--store", str(fleet / "store"), "-q", "--json")
    shutil.rmtree(fleet / "feeds")
    assess(fleet, rate)


def assess(fleet: Path, rate: float, *more: str) -> None:
    """Assess a fleet."""
    farmwatch("assess", "--store", str(fleet / "store"), "--since", f"{DAYS}d", "--until", UNTIL, "--profile",
              str(fleet / "profile.toml"), "--prior", str(rate), "-q", "--json", *more)  # fmt: skip


def calibrate(folder: Path, seeds: list[int], output: Path) -> None:
    """Measure weights on the last assessments of fleets."""
    named = [part for seed in seeds for part in ("--store", str(folder / f"fleet-{seed}" / "store"),
                                                 "--truth", str(folder / f"fleet-{seed}" / "truth.csv"))]  # fmt: skip
    farmwatch("calibrate", *named, "-o", str(output), "--json")


def held_against(fleet: Path, seed: int) -> dict[str, Told]:
    """What the last assessment of a fleet told, with the truth, by claim."""
    from farmwatch.assessing import kept, runs
    from farmwatch.store import open_store

    lake = open_store(fleet / "store", make=False)
    last = kept(lake, runs(lake)[-1])
    hits = defaultdict(list)
    for row in last.hits.select(["device_id", "claim", "detector", "grade", "decibans"]).to_pylist():
        hits[row["device_id"], row["claim"]].append(f"{row['detector']}/{row['grade']}{row['decibans']:+.0f}")
    with (fleet / "truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["device_id"]: row for row in csv.DictReader(file)}
    found = {claim: Told() for claim in CLAIMS}
    for verdict in last.verdicts.to_pylist():
        row = truth.get(verdict["device_id"])
        if row is None:
            continue
        for claim, told in found.items():
            told.told.append(1 / (1 + 10 ** (-verdict[f"{claim}_decibans"] / 10)))
            told.true.append(row["driven"] == "1" if claim == "driven" else bool(row["farm_id"]))
            said = hits[verdict["device_id"], claim]
            told.spoken.append(bool(said))
            told.farm.append(f"{seed} {row['farm_id']}" if row["farm_id"] else "")
            whose = f"{row['setup']}+{row['evasions'] or 'none'}" if row["driven"] == "1" else row["confusers"]
            told.who.append(f"{whose or 'none'}: {' '.join(sorted(said))}")
    return found


def wilson(count: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share, spread = count / of, _Z * _Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def table(name: str, told: Told, rate: float, *, verbose: bool) -> str:
    """One block of text: how well a claim's probabilities hold."""
    said, true = np.array(told.told), np.array(told.true, np.bool_)
    quiet = ~np.array(told.spoken, np.bool_)
    shown = ~quiet & (said >= LEAST_TOLD)
    every, some = reliability(said, true).ece, reliability(said[shown], true[shown]).ece
    brier, rated = np.mean((said - true) ** 2), np.mean((rate - true) ** 2)
    lines = [
        f"{name}: {len(said):,} devices, {int(true.sum())} of them true",
        f"  calibration error (ECE) {every:.4f}; among the {int(shown.sum()):,} told {LEAST_TOLD:g} or more {some:.4f}",
        f"  the bar for both is {BAR:g}: {'within' if max(every, some) <= BAR else 'beyond'}",
        f"  Brier {brier:.5f}; telling everybody the base rate {rated:.5f}",
        f"  nothing found    {int(quiet.sum()):7,d}    told {said[quiet].mean():.3f}   true {true[quiet].mean():.3f}",
    ]
    gaps = []
    for low, high in zip((0.0, *EDGES), EDGES, strict=False):
        inside = ~quiet & (said >= low) & ((said < high) | (high == 1.0))
        number, right = int(inside.sum()), int(true[inside].sum())
        if not number:
            continue
        least, most = wilson(right, number)
        mean = float(said[inside].mean())
        gap = abs(mean - right / number)
        if low and number >= LEAST_IN_BIN:
            gaps.append((gap, low, high, least <= mean <= most))
        farms = len({told.farm[place] for place in np.flatnonzero(inside & true).tolist()})
        lines.append(f"  {low:4.2f} to {high:4.2f}     {number:7,d}    told {mean:.3f}   true {right / number:.3f}  "
                     f"({least:.3f} to {most:.3f})  gap {gap:.3f}  {farms} farms"
                     f"{'' if number >= LEAST_IN_BIN else ', few'}")  # fmt: skip
        if verbose:
            words = Counter(who for who, chosen in zip(told.who, inside, strict=True) if chosen)
            lines += [f"      {count:4d} {text}" for text, count in words.most_common(12)]
    if gaps:
        gap, low, high, chance = max(gaps)
        verdict = "" if gap <= BAR else ", no more than chance allows" if chance else ", more than chance explains"
        lines.append(
            f"  largest gap of a bin with {LEAST_IN_BIN} or more: {gap:.3f} (from {low:g} to {high:g}){verdict}"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=8000, help="of each fleet")
    parser.add_argument("--seeds", type=int, nargs="+", default=[831, 832, 833, 834, 835, 836], help="one a fleet")
    parser.add_argument("--base-rate", type=float, default=0.03)
    parser.add_argument("--rows", type=float, default=60, help="routine rows a device and week")
    parser.add_argument("--folder", type=Path, help="keep the fleets there, and use those that are there already")
    parser.add_argument("--write", action="store_true", help="keep the table for the README")
    parser.add_argument("--verbose", "-v", action="store_true")
    options = parser.parse_args()
    if len(options.seeds) < 3:
        parser.error("three fleets or more: two to measure on, and one that is held out")
    whole = {(claim, when): Told() for claim in CLAIMS for when in ("before", "after")}
    with tempfile.TemporaryDirectory(prefix="farmwatch-calibration-") as temporary:
        folder = options.folder or Path(temporary)
        for seed in options.seeds:
            if not (folder / f"fleet-{seed}" / "store").is_dir():
                made(folder, options.devices, seed, options.base_rate, options.rows)
            for claim, told in held_against(folder / f"fleet-{seed}", seed).items():
                whole[claim, "before"].add(told)
        for seed in options.seeds:
            weights = Path(temporary) / f"weights-{seed}.json"
            calibrate(folder, [one for one in options.seeds if one != seed], weights)
            held_out = Path(temporary) / "held-out"  # the original stays as it is, for the others' turns
            shutil.copytree(folder / f"fleet-{seed}", held_out)
            assess(held_out, options.base_rate, "--weights", str(weights))
            for claim, told in held_against(held_out, seed).items():
                whole[claim, "after"].add(told)
            shutil.rmtree(held_out)
    names = {"before": "with the detectors' own weights", "after": "calibrated on the other fleets"}
    first = (
        f"{len(options.seeds)} fleets of {options.devices:,} devices, base rate and prior {options.base_rate:g} (far "
        "above a real one, so that upper\nbins fill), each held out once"
    )
    blocks = [first]
    blocks += [
        table(f"{claim}, {names[when]}", told, options.base_rate, verbose=options.verbose)
        for (claim, when), told in whole.items()
    ]
    text = "\n\n".join([*blocks, CANNOT])
    print(text)
    if options.write:
        KEPT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
