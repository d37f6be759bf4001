"""Measure the store: ``python -m tests.bench.store [--rows N] [--batch N]``.

Appends rows of about 240 B in batches, durable and each row once, and prints the rate beside plain
``pyarrow.parquet.write_table`` of the same batches (to files, no fsync, no index, no log) and of the same with fsync;
then what sending everything again costs, reading, compaction and reading again. Peak memory is the process's own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from farmwatch.records.arrow import arrow_schema
from farmwatch.records.endpoint import Process
from farmwatch.store import open_store
from farmwatch.store.row_keys import row_keys
from farmwatch.store.upkeep import compact

START = datetime(2026, 3, 4, tzinfo=UTC)
DEVICES = 500


def rows(count: int, first: int, rng: np.random.Generator) -> pa.Table:
    """Processes as agents report them: few devices and names, many paths and arguments, every record a number."""

    def some(pool: list[str]) -> pa.Array:
        return pa.array(pool).take(pa.array(rng.integers(0, len(pool), count)))

    numbers = np.arange(first, first + count)
    names = [f"program-{number}.exe" for number in range(2000)]
    paths = [
        f"C:\\Program Files\\Vendor {number % 97}\\Product {number}\\bin\\program-{number}.exe"
        for number in range(2000)
    ]
    hashes = [sha256(name.encode()).hexdigest() for name in names]
    given = {
        "device_id": some([f"ACME-LT-{number:04d}" for number in range(DEVICES)]),
        "ts": pa.array(int(START.timestamp() * 1e6) + numbers * 40_000, pa.timestamp("us", tz="UTC")),
        "record_id": pa.array([f"{number:012d}" for number in numbers]),
        "name": some(names),
        "path": some(paths),
        "sha256": some(hashes),
        "arguments": some([f"--type=renderer --field={number}" for number in range(5000)]),
        "pid": pa.array(rng.integers(4, 60_000, count)),
    }
    columns = []
    for field in arrow_schema(Process):
        column = given.get(field.name)
        if column is None:
            column = (
                pa.nulls(count, field.type)
                if field.nullable
                else pa.repeat(pa.scalar("" if field.type == pa.string() else 0, field.type), count)
            )
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=arrow_schema(Process))


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def plain(batches: list[pa.Table], folder: Path, *, sync: bool) -> float:
    """Seconds to write the batches as Parquet files and nothing else."""
    folder.mkdir()

    def work() -> None:
        for number, batch in enumerate(batches):
            with (folder / f"{number}.parquet").open("wb") as file:
                pq.write_table(batch, file, compression="zstd", compression_level=1)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())

    return timed(work)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=50_000)
    parser.add_argument("--folder", type=Path, default=None, help="where to write; default: the temporary folder")
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    batches = [rows(given.batch, first, rng) for first in range(0, given.rows, given.batch)]
    size = sum(batch.nbytes for batch in batches)
    total = sum(batch.num_rows for batch in batches)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{total:,} rows of {size / total:.0f} B in batches of {given.batch:,}; {base / 1024:.0f} MB with the rows made"
    )
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        plain(batches[:1], folder / "warm", sync=False)
        bare = plain(batches, folder / "plain", sync=False)
        synced = plain(batches, folder / "synced", sync=True)
        store = open_store(folder / "store")

        def send(**options: object) -> None:
            for batch in batches:
                store.append({Process: batch}, feed="bench", sender="bench", received=START, **options)

        first = timed(send)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        again = timed(send)
        keys = timed(lambda: [row_keys(batch, bytes(32)) for batch in batches])
        fresh = open_store(folder / "store")
        load = timed(
            lambda: fresh.append({Process: batches[0]}, feed="bench", sender="bench", received=START)
        )  # fmt: skip
        read = timed(lambda: store.read(Process))
        one = timed(lambda: store.read(Process, device_ids=["ACME-LT-0007"]))
        sql = timed(lambda: store.query("SELECT device_id, count(*) FROM processes GROUP BY 1"))
        few = [rows(500, given.rows + 500 * number, rng) for number in range(200)]
        waits = sorted(
            timed(lambda one=one: store.append({Process: one}, feed="bench", sender="bench", received=START))
            for one in few
        )
        done: list[object] = []
        before_tidy = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tidy = timed(lambda: done.extend(compact(store)))
        one_after = timed(lambda: store.read(Process, device_ids=["ACME-LT-0007"]))
        for label, seconds in (
            ("plain Parquet", bare), ("plain Parquet, fsync", synced), ("append", first),
            ("append again, all duplicates", again),
            ("row keys alone", keys), ("read all", read), ("compact", tidy),
        ):  # fmt: skip
            print(f"{label:30} {seconds:7.2f} s {total / seconds:12,.0f} rows/s  {seconds / bare:6.2f} x plain")
        print(f"{'first append after a restart':30} {load * 1000:7.0f} ms ({total:,} keys read)")
        print(f"{'one device of ' + str(DEVICES):30} {one * 1000:7.0f} ms, compacted {one_after * 1000:.0f} ms")
        print(f"{'SQL, rows by device':30} {sql * 1000:7.0f} ms")
        print(
            f"{'200 appends of 500 rows':30} {waits[100] * 1000:7.0f} ms each, 99 % within {waits[197] * 1000:.0f} ms"
        )
        tidy_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_tidy
        print(
            f"memory of compaction: {tidy_peak / 1024:.0f} MB above the peak before it, which was of reading all rows"
        )
        print(f"memory: {(peak - base) / 1024:.0f} MB more at the peak of appending; {done}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
