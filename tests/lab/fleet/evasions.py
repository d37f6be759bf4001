"""What each evasion costs its finder: ``python -m tests.lab.fleet.evasions [--devices 3000] [--farms 14] [--write]``.

One fleet is simulated again and again, the same people and farms each time: once without evasions, then with every farm
evading in one way. For each are printed the share of driven devices at ``strong`` and at least ``review``, the checks
that still speak of most of them, and those that speak of far fewer than without it.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from farmwatch.assessing import kept, runs
from farmwatch.simulation.parameters import EVASIONS
from farmwatch.store import open_store
from tests.lab.fleet.quality import DAYS, LEVELS, UNTIL, farmwatch

KEPT = Path(__file__).resolve().parents[3] / "docs" / "fleet-evasions.txt"
_TOLD = 5  #: checks that are named
_LOST = 0.1  #: share of driven devices by which a check must fall to be named as lost


def shown(folder: Path, devices: int, farms: int, seed: int, evasion: str) -> tuple[int, Counter[str], Counter[str]]:
    """How many are driven; at which level, and of how many which check speaks."""
    made, store = folder / "fleet", folder / "store"
    more = [] if evasion == "none" else ["--evasion", evasion]
    farmwatch("simulate", str(made), "--devices", str(devices), "--farms", str(farms), "--seed", str(seed), "--until",
              UNTIL, "--days", str(DAYS), "--rows-per-device", "60", "--evasion", "none", *more, "-q")  # fmt: skip
    farmwatch("ingest", str(made / "feeds"), "--store", str(store), "-q", "--json")
    farmwatch("assess", "--store", str(store), "--since", f"{DAYS}d", "--until", UNTIL, "--profile",
              str(made / "profile.toml"), "--prior", "0.001", "-q", "--json")  # fmt: skip
    with (made / "truth.csv").open(newline="", encoding="utf-8") as file:
        driven = {row["device_id"] for row in csv.DictReader(file) if row["driven"] == "1"}
    lake = open_store(store, make=False)
    found = kept(lake, runs(lake)[-1])
    levels: Counter[str] = Counter()
    for row in found.verdicts.to_pylist():
        if row["device_id"] in driven:
            told = {row[name] for name in ("driven", "abroad", "farm")}
            levels.update(level for level in LEVELS if level in told or (level == "review" and "strong" in told))
    checks: Counter[str] = Counter()
    seen = set()
    for row in found.hits.select(["device_id", "detector", "decibans"]).to_pylist():
        key = (row["device_id"], row["detector"])
        if row["device_id"] in driven and row["decibans"] > 0 and key not in seen and row["detector"] != "farm.signs":
            seen.add(key)
            checks[row["detector"]] += 1
    shutil.rmtree(made)
    shutil.rmtree(store)
    return len(driven), levels, checks


def main() -> None:
    """Print a block for each evasion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=3000)
    parser.add_argument("--farms", type=int, default=14)
    parser.add_argument("--seed", type=int, default=71)
    parser.add_argument("--write", action="store_true", help="keep the table for the README")
    options = parser.parse_args()
    lines: list[str] = []
    usual: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="farmwatch-evasions-") as folder:
        for evasion in ("none", *EVASIONS):
            driven, levels, checks = shown(Path(folder), options.devices, options.farms, options.seed, evasion)
            usual = usual or checks
            lost = [one for one, count in usual.most_common() if count - checks[one] >= _LOST * driven]
            finds = ", ".join(f"{one} {count}" for one, count in checks.most_common(_TOLD))
            lines.append(
                f"{evasion:18s} {levels['strong']:3d} strong, {levels['review']:3d} at least review, of {driven}"
            )
            lines.append(f"{'':18s} still finds it: {finds}")
            if evasion != "none":
                weaker = ", ".join(f"{one} {usual[one]} to {checks[one]}" for one in lost) or "nothing much"
                lines.append(f"{'':18s} lost: {weaker}")
            print("\n".join(lines[-3 if evasion != "none" else -2 :]), flush=True)
    if options.write:
        KEPT.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"wrote {KEPT}", file=sys.stderr)


if __name__ == "__main__":
    main()
