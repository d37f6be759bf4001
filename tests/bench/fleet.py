"""Measure an assessment: ``python -m tests.bench.fleet [--devices N ...] [--days 7] [--rows N] [--keep FOLDER]``.

For each size a fleet is simulated, its feeds are taken in, and it is assessed with its farms, each step a process of
its own whose wall time and peak memory are printed; then the growth from size to size. Beside it, on the last fleet:
how long one pass over the same files takes that only counts rows by device.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

UNTIL = "2026-03-09"


@dataclass(frozen=True)
class Step:
    """What one process took."""

    seconds: float
    peak_mib: float


def timed(*arguments: str) -> Step:
    """Run ``farmwatch`` and wait for it."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "farmwatch", *arguments], stdout=subprocess.DEVNULL) as running:
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"farmwatch {arguments[0]} ended with {running.returncode}")
    return Step(time.perf_counter() - start, used.ru_maxrss / 1024)


def counted(store: Path) -> tuple[int, float]:
    """Rows of telemetry, and seconds of one pass that counts them by device."""
    import duckdb

    from farmwatch.records import TELEMETRY_TABLES

    start, rows = time.perf_counter(), 0
    for record in TELEMETRY_TABLES:
        files = sorted(str(path) for path in (store / "tables" / record.table).rglob("*.parquet"))
        if files:
            found = duckdb.execute(
                "SELECT coalesce(sum(n), 0) FROM (SELECT device_id, count(*) AS n FROM read_parquet(?, "
                "union_by_name = true) GROUP BY 1)",
                [files],
            ).fetchone()
            rows += int(found[0])
    return rows, time.perf_counter() - start


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, nargs="+", default=[6_250, 12_500, 25_000, 50_000, 100_000])
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--rows", type=float, default=520, help="routine rows a device and week")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="leave the stores here")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="farmwatch-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} cores; {options.days} days ending {UNTIL}")
    print(f"{'devices':>8} {'rows':>12} {'simulate':>9} {'ingest':>9} {'assess':>9} {'peak MiB':>9} {'count':>7}")
    seen = []
    for devices in options.devices:
        feeds, store = folder / f"feeds-{devices}", folder / f"store-{devices}"
        made = timed(
            "simulate", str(feeds), "--devices", str(devices), "--days", str(options.days), "--until", UNTIL, "--seed",
            str(options.seed), "--rows-per-device", str(options.rows), "-q",
        )  # fmt: skip
        taken = timed("ingest", str(feeds / "feeds"), "--store", str(store), "-q", "--json")
        shutil.rmtree(feeds)
        judged = timed("assess", "--store", str(store), "--since", f"{options.days}d", "--until", UNTIL, "-q", "--json")
        rows, passed = counted(store)
        seen.append((rows, judged.seconds))
        print(
            f"{devices:8,d} {rows:12,d} {made.seconds:8.1f}s {taken.seconds:8.1f}s {judged.seconds:8.1f}s "
            f"{judged.peak_mib:9,.0f} {passed:6.1f}s",
            flush=True,
        )
        if options.keep is None:
            shutil.rmtree(store)
    for (fewer, less), (more, longer) in itertools.pairwise(seen):
        print(f"{more / fewer:.2f} times the rows: {longer / less:.2f} times as long "
              f"(exponent {math.log(longer / less) / math.log(more / fewer):.2f})")  # fmt: skip
    if options.keep is None:
        shutil.rmtree(folder)
    print(json.dumps({"rows": seen[-1][0], "assess_s": round(seen[-1][1], 1)}))


if __name__ == "__main__":
    main()
