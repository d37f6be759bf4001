"""Measure how long linking devices into farms takes: ``python -m tests.bench.links [--devices 1000000] [--seed N]``.

Writes what devices share as a table (about nine values a device): homes with their own router, access point, line and
neighbours, a tenth of them with two laptops of undeclared flatmates; three in ten in declared offices of 5 to 100; one
in twenty in offices of 5 to 30 that nobody declared, within a commute; carriers' addresses; and one in a thousand in
farms of 2 to 40. Then links, pairs, components, communities and the verdict about every group are made, for a
sixteenth, an eighth, a quarter, a half and all of the devices. Each measurement is a process of its own, so that peak
memory is its own. The size of the table and how processor time grows with each doubling are printed beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
MEMORY_BYTES = 1_000_000_000  #: that DuckDB may hold
WEEK = ((1 << 7) - 1) << 23  #: the last seven of thirty days


def homes(devices: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which place each device lives at, its declared site (-1: works from home), and which are in farms."""
    place = np.arange(devices)
    site = np.full(devices, -1)
    at = devices // 10  # the first tenth are flatmates two by two
    place[:at] = np.arange(at) // 2
    for kind, share in (("declared", 0.3), ("undeclared", 0.05)):
        last = at + int(devices * share)
        while at < last:
            size = min(int(rng.integers(5, 100) if kind == "declared" else rng.integers(5, 30)), last - at)
            place[at : at + size] = at
            if kind == "declared":
                site[at : at + size] = at
            at += size
    farms = np.zeros(devices, np.bool_)
    end = at + devices // 1000
    while at < end:
        size = int(rng.choice([2, 3, 5, 8, 20, 40]))
        place[at : at + size], farms[at : at + size] = at, True
        at += size
    return place, site, farms


def write(folder: Path, devices: int, seed: int) -> int:
    """The tables that linking starts from; how many devices are in farms."""
    rng = np.random.default_rng(seed)
    place, site, farms = homes(devices, rng)
    code = np.arange(devices, dtype=np.int32)
    town = np.where(farms | (site >= 0) | (place == code), code, place)  # undeclared groups live near each other
    dice = np.random.default_rng(seed + 1)
    latitude, longitude = dice.uniform(30, 48, devices)[town], dice.uniform(-120, -75, devices)[town]
    people = pa.table(
        {
            "code": code,
            "person": pa.array(code.astype(np.uint64)),
            "household": pa.nulls(devices, pa.string()),
            "site": pa.array([None if number < 0 else f"s{number}" for number in site.tolist()], pa.string()),
            "place": pa.nulls(devices, pa.string()),
            "country": pa.nulls(devices, pa.string()),
            "issued": pa.nulls(devices, pa.timestamp("us", tz="UTC")),
            "latitude": latitude + rng.uniform(-0.2, 0.2, devices),
            "longitude": longitude + rng.uniform(-0.2, 0.2, devices),
            "coarse": np.zeros(devices, np.bool_),
        }
    )
    pq.write_table(people, folder / "people.parquet")
    parts = []
    carrier = rng.integers(0, max(1, devices // 40), devices)
    translated = rng.random(devices) < 0.15
    near = rng.integers(0, 1 << 40, devices)
    values = {
        0: place,
        1: place,
        3: np.where(translated, -carrier - 1, place),
        **{100 + k: place * 8 + k for k in range(4)},
        200: near,
        201: near + 1,
    }
    for kind, value in values.items():
        real = kind if kind < 100 else 4
        parts.append(
            pa.table({"code": code, "kind": np.full(devices, real, np.int8), "number": value.astype(np.int64)})
        )
    pq.write_table(pa.concat_tables(parts), folder / "values.parquet")
    return int(farms.sum())


def measure(folder: Path) -> dict[str, float]:
    """Link the devices of a folder and say how long it took and how much memory."""
    from farmwatch.analysis.fleet.cotiming import make_events, make_timed
    from farmwatch.analysis.fleet.farms import judged_farms
    from farmwatch.analysis.fleet.fleet import Fleet, Window
    from farmwatch.analysis.fleet.traits import make_shared
    from farmwatch.analysis.fleet.weights import NO_WEIGHTS
    from farmwatch.analysis.profile import Profile
    from farmwatch.knowledge import load_knowledge

    window = Window(UNTIL - timedelta(days=7), UNTIL)
    with Fleet.opened({}, window, load_knowledge(), Profile(), memory_bytes=MEMORY_BYTES) as fleet:
        fleet.make("farm_people", f"SELECT * FROM read_parquet('{folder}/people.parquet')")
        fleet.make("farm_devices", "SELECT 'lt-' || code AS device_id, code FROM farm_people")
        fleet.make(
            "farm_traits",
            f"SELECT code, kind, 'v' || number AS value, hash(kind, number) AS thing, true AS firm, "
            f"{WEEK}::UBIGINT AS mask FROM read_parquet('{folder}/values.parquet')",
        )
        rows = fleet.arrow("SELECT count(*) AS n FROM farm_traits").column(0)[0].as_py()
        make_events(fleet)
        started, used = time.perf_counter(), time.process_time()
        make_shared(fleet)
        shared = time.perf_counter()
        make_timed(fleet)
        farms = judged_farms(fleet, {}, prior=1e-4, weights=NO_WEIGHTS)
        ended = time.perf_counter()
    return {
        "rows": rows, "links_s": shared - started, "seconds": ended - started,
        "processor_s": time.process_time() - used,
        "farms": len(farms), "members": sum(len(farm.devices) for farm in farms),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    """Print a line for each size of fleet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is not None:
        print(json.dumps(measure(given.measure)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("  devices       rows   links s   total s  processor s  growth  peak MB   us/row   groups  members  in farms")
    before = None
    for part in (16, 8, 4, 2, 1):
        devices = given.devices // part
        with tempfile.TemporaryDirectory(prefix="farmwatch-bench-") as name:
            farms = write(Path(name), devices, given.seed)
            job = [sys.executable, "-m", "tests.bench.links", "--measure", name]
            result = json.loads(subprocess.run(job, check=True, capture_output=True, text=True).stdout)
        growth = "" if before is None else f"{result['processor_s'] / before:.2f}"
        before = result["processor_s"]
        print(
            f"{devices:9,} {result['rows']:10,} {result['links_s']:9.1f} {result['seconds']:9.1f} "
            f"{result['processor_s']:12.1f} {growth:>7} {result['peak_mb']:8.0f} "
            f"{1e6 * result['seconds'] / result['rows']:8.2f} "
            f"{result['farms']:8,} {result['members']:8,} {farms:9,}"
        )


if __name__ == "__main__":
    main()
