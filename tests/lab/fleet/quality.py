"""How well assessments find farms: ``python -m tests.lab.fleet.quality [--devices N] [--seeds N ...] [--write]``.

For each seed a fleet is simulated with assumptions drawn from beyond those that detectors were tuned on, its feeds are
taken in, it is assessed, and the verdicts are held against the truth. Printed are, for each fleet and all together:

* *recall*: driven devices of farms that came out ``strong`` in any claim, and those that came out at least ``review``;
* *false strong*: devices that nobody drives and that came out ``strong``, per 10,000 device-weeks, with the 95 % bound;
* *in a farm*: of driven devices whose farm has two or more laptops of the fleet, those that a found farm holds;
* *pairs*: of all pairs of devices that the same found farm holds, how many truly belong to one farm;
* *confusers*: farms made of couples, offices, hotels or shared addresses;
* *reliability*: in bins of the probability of ``driven``, what share truly was driven;
* *setups* and *evasions*: recall by how the laptop is driven and by what its farm does against being found;
* which detectors speak for false reviews.

Nothing here is measured on people. The card beside each fleet says what was assumed.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from scipy.stats import beta

from farmwatch.analysis.fleet.judging import FLEET_PRIOR

KEPT = Path(__file__).resolve().parents[3] / "docs" / "fleet-results.txt"
UNTIL = "2026-03-09"
DAYS = 7  #: that are judged
BEFORE = 7  #: that are simulated before them: who visits a place is told by where they were before
LEVELS = ("strong", "review")
EDGES = (0.0, 0.001, 0.01, 0.1, 0.5, 0.9)


@dataclass
class Counted:
    """What one fleet, or several, gave."""

    devices: int = 0
    driven: int = 0
    together: int = 0  #: driven devices with another of the same farm in the fleet
    tied: int = 0  #: of these, in a found farm
    strong: int = 0
    review: int = 0
    false_strong: int = 0
    false_review: int = 0
    pairs: int = 0
    true_pairs: int = 0
    false_farms: Counter[str] = field(default_factory=Counter)
    setups: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    evasions: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    blamed: Counter[str] = field(default_factory=Counter)
    confused: Counter[str] = field(default_factory=Counter)
    bins: dict[float, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0, 0.0, 0]))
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Counted) -> None:
        """Another fleet's counts on top."""
        for name in ("devices", "driven", "together", "tied", "strong", "review", "false_strong", "false_review",
                     "pairs", "true_pairs"):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("false_farms", "blamed", "confused"):
            getattr(self, name).update(getattr(other, name))
        for name in ("setups", "evasions"):
            for key, counts in getattr(other, name).items():
                getattr(self, name)[key].update(counts)
        for edge, row in other.bins.items():
            self.bins[edge] = [ours + theirs for ours, theirs in zip(self.bins[edge], row, strict=True)]
        self.missed += other.missed
        self.wrong += other.wrong


def farmwatch(*arguments: str) -> None:
    """Run a command of farmwatch; it must succeed."""
    subprocess.run([sys.executable, "-m", "farmwatch", *arguments], check=True, stdout=subprocess.DEVNULL)


def measured(
    devices: int, seed: int, rate: float, folder: Path, *, rows: float, evasion: str | None, more: list[str]
) -> list[Counted]:
    """Simulate, take in, assess and count one fleet: with its own base rate as the prior, and with the usual one."""
    made, store = folder / f"fleet-{seed}", folder / f"store-{seed}"
    extra = ["--evasion", evasion] if evasion else []
    farmwatch("simulate", str(made), "--devices", str(devices), "--seed", str(seed), "--parameters", str(seed),
              "--base-rate", str(rate), "--until", UNTIL, "--days", str(DAYS + BEFORE), "--rows-per-device", str(rows),
              "-q", *extra)  # fmt: skip
    farmwatch("ingest", str(made / "feeds"), "--store", str(store), "-q", "--json")
    shutil.rmtree(made / "feeds")
    found = []
    for prior in (rate, FLEET_PRIOR):
        farmwatch("assess", "--store", str(store), "--since", f"{DAYS}d", "--until", UNTIL, "--profile",
                  str(made / "profile.toml"), "--prior", str(prior), "-q", "--json", *more)  # fmt: skip
        found.append(held_against(store, made / "truth.csv", prior))
    shutil.rmtree(store)
    return found


def held_against(store: Path, truth: Path, prior: float | None = None) -> Counted:
    """Verdicts of a store's last assessment, with this prior where one is named, against the truth."""
    from farmwatch.assessing import kept, runs
    from farmwatch.store import open_store

    lake = open_store(store, make=False)
    found = kept(lake, [run for run in runs(lake) if prior is None or run["prior"] == prior][-1])
    verdicts = {row["device_id"]: row for row in found.verdicts.to_pylist()}
    hits = defaultdict(list)
    for row in found.hits.select(["device_id", "detector", "grade", "decibans"]).to_pylist():
        hits[row["device_id"]].append(row)
    counts = Counted()
    true_farm, confusers = {}, {}
    with truth.open(newline="", encoding="utf-8") as file:
        sizes = Counter(row["farm_id"] for row in csv.DictReader(file) if row["farm_id"])
    held = set(found.members.column("device_id").to_pylist())
    with truth.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            device, driven = row["device_id"], row["driven"] == "1"
            true_farm[device], confusers[device] = row["farm_id"], row["confusers"] or "none"
            verdict = verdicts.get(device)
            level = "unseen" if verdict is None else _level(verdict)
            counts.devices += 1
            if verdict is not None:
                _bin(counts, verdict["driven_decibans"], driven=driven)
            if driven:
                counts.driven += 1
                if sizes[row["farm_id"]] > 1:
                    counts.together += 1
                    counts.tied += device in held
                counts.strong += level == "strong"
                counts.review += level in LEVELS
                for name, key in (("setups", row["setup"]), *(("evasions", one) for one in _parts(row["evasions"]))):
                    getattr(counts, name)[key].update({"all": 1, level: 1})
                if level not in LEVELS:
                    counts.missed.append(f"{device} {row['setup']} {row['evasions']} {row['farm_id']} {level} "
                                         f"{_shown(hits[device])}")  # fmt: skip
            elif level in LEVELS:
                counts.false_strong += level == "strong"
                counts.false_review += 1
                counts.confused[confusers[device]] += 1
                counts.blamed.update(f"{one['detector']}/{one['grade']}" for one in hits[device] if one["decibans"] > 0)
                if level == "strong":
                    counts.wrong.append(f"{device} {confusers[device]} {_shown(hits[device])}")
    groups, shared = defaultdict(set), defaultdict(Counter)
    for farm, device, attribute in zip(
        *(found.members.column(name).to_pylist() for name in ("farm_id", "device_id", "attribute")), strict=True
    ):
        groups[farm].add(device)
        shared[farm][attribute] += 1
    for farm, members in groups.items():
        for left, right in itertools.combinations(sorted(members), 2):
            counts.pairs += 1
            counts.true_pairs += bool(true_farm.get(left)) and true_farm.get(left) == true_farm.get(right)
        if not any(true_farm.get(device) for device in members):
            words = Counter(word for device in members for word in confusers.get(device, "?").split(";"))
            counts.false_farms[f"{words.most_common(1)[0][0]} by {shared[farm].most_common(1)[0][0]}"] += 1
    return counts


def _level(verdict: dict[str, str]) -> str:
    levels = {verdict[name] for name in ("driven", "abroad", "farm")}
    return next((level for level in (*LEVELS, "clear") if level in levels), "not enough data")


def _bin(counts: Counted, decibans: float, *, driven: bool) -> None:
    """Count a device in the bin of its probability."""
    probability = 1 / (1 + 10 ** (-decibans / 10))
    row = counts.bins[max(edge for edge in EDGES if probability >= edge)]
    row[0] += 1
    row[1] += probability
    row[2] += driven


def _parts(text: str) -> list[str]:
    return [part for part in text.replace(";", " ").replace(",", " ").split() if part] or ["none"]


def _shown(hits: list[dict]) -> str:
    return " ".join(f"{one['detector']}/{one['grade']}{one['decibans']:+.0f}" for one in hits)


def _bound(wrong: int, of: int) -> float:
    """Upper end of the 95 % interval of a share (Clopper and Pearson 1934)."""
    return float(beta.ppf(0.975, wrong + 1, of - wrong)) if of > wrong else 1.0


def _kinds(farms: Counter[str]) -> str:
    """False farms by the commonest confuser of their members and by what most of them share."""
    return ", ".join(f"{count} of {words}" for words, count in sorted(farms.items()))


def report(name: str, counts: Counted, *, verbose: bool) -> str:
    """One block of text."""
    lines: list[str] = []
    innocent = counts.devices - counts.driven
    lines.append(f"{name}: {counts.devices:,} devices, {counts.driven} driven")
    if counts.driven:
        lines.append(
            f"  recall: {counts.strong / counts.driven:.3f} strong, "
            f"{counts.review / counts.driven:.3f} review or strong"
        )
    lines.append(
        f"  false strong: {counts.false_strong} of {innocent:,}, {1e4 * counts.false_strong / innocent:.2f} per 10,000 "
        f"device-weeks (95 % bound {1e4 * _bound(counts.false_strong, innocent):.2f}); "
        f"false review: {counts.false_review}, {1e4 * counts.false_review / innocent:.1f} per 10,000"
    )
    if counts.together:
        lines.append(
            f"  in a farm: {counts.tied} of {counts.together} driven devices that are not their farm's only one "
            f"({counts.tied / counts.together:.3f})"
        )
    if counts.pairs:
        lines.append(
            f"  pairs of found farms: {counts.true_pairs} of {counts.pairs} right "
            f"({counts.true_pairs / counts.pairs:.4f})"
        )
    lines.append(f"  farms without any driven device: {_kinds(counts.false_farms) or 'none'}")
    for edge, (number, total, driven) in sorted(counts.bins.items()):
        lines.append(
            f"    told probability from {edge:<5g}: {number:8,d} devices, told {total / number:.4f}, "
            f"true {driven / number:.4f}"
        )
    for label, table in (("setup", counts.setups), ("evasion", counts.evasions)):
        for key, row in sorted(table.items()):
            lines.append(
                f"    {label} {key:22s} {row['strong']:4d} strong {row['review']:4d} review of {row['all']:4d}"
            )
    if verbose:
        lines.append(f"  false reviews by confuser: {counts.confused.most_common(12)}")
        lines.append(f"  detectors that spoke for them: {counts.blamed.most_common(20)}")
        lines += [f"  missed {line}" for line in counts.missed[:40]]
        lines += [f"  WRONG {line}" for line in counts.wrong[:40]]
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=50_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--base-rate", type=float, default=1e-3)
    parser.add_argument("--rows", type=float, default=150, help="routine rows a device and week")
    parser.add_argument("--evasion", help="every farm does this")
    parser.add_argument("--weights", help="what 'farmwatch calibrate' measured")
    parser.add_argument("--write", action="store_true", help="keep the table for the README")
    parser.add_argument("--verbose", "-v", action="store_true")
    options = parser.parse_args()
    names = (f"prior {options.base_rate:g}, the fleets' own", f"prior {FLEET_PRIOR:g}, the usual one")
    whole = [Counted(), Counted()]
    with tempfile.TemporaryDirectory(prefix="farmwatch-quality-") as folder:
        for seed in options.seeds:
            found = measured(
                options.devices,
                seed,
                options.base_rate,
                Path(folder),
                rows=options.rows,
                evasion=options.evasion,
                more=[] if options.weights is None else ["--weights", options.weights],
            )
            for name, counts, total in zip(names, found, whole, strict=True):
                print(report(f"seed {seed}, {name}", counts, verbose=options.verbose), flush=True)
                total.add(counts)
    text = "\n\n".join(
        report(f"{len(options.seeds)} fleets, {name}", counts, verbose=False)
        for name, counts in zip(names, whole, strict=True)
    )
    print(text)
    if options.write:
        KEPT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
