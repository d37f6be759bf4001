"""The whole product over mutated captures, in a process of its own so that bounds checks and limits are real.

``python -m tests.fuzz.whole --seeds 0:50 FOLDER…`` runs fixed seeds; ``--seconds 1200`` goes on from there until the
time is over; ``--save DIR`` keeps the captures that broke something. Standard output ends with ``held N captures``.
"""

from __future__ import annotations

import argparse
import csv
import gc
import io
import json
import mmap
import random
import sys
import time
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

from farmwatch.analysis.assess import assess
from farmwatch.analysis.profile import Profile
from farmwatch.collectors.captures import collect_capture
from farmwatch.knowledge import Knowledge, load_knowledge
from farmwatch.records import Report, Tables
from farmwatch.reports import document, findings, html, text
from tests.fuzz.mutation import mutated_capture

__all__ = ["check", "check_report", "main"]

SLOWEST_S = 20.0  #: processor time of one capture of at most 400 packets, both ways, with every renderer
MOST_GROWTH = 400 << 20  #: bytes that memory may grow by once everything is loaded
WARM_UP = 30  #: captures before memory is looked at
_FORMULA = tuple("=+-@\t\r")


def check(data: bytes) -> Report:
    """Read a capture both ways, judge it, render it every way; raises AssertionError where something does not hold."""
    tables = [
        collect_capture(io.BytesIO(data), 0, name="fuzz.pcap", mode=mode).tables for mode in ("compiled", "interpreted")
    ]
    same(tables[0], tables[1])
    report = document.canonical(assess(tables[0], _knowledge(), Profile(), version="0"))
    check_report(report)
    [entry] = report.inputs
    assert entry.complete or entry.error or entry.rejects, "input is incomplete and nothing says why"
    return report


def same(one: Tables, two: Tables) -> None:
    """Both ways of running the kernels give the same tables."""
    for left, right in zip(one, two, strict=True):
        assert left.record is right.record
        for name, declared in left.record.columns.items():
            a, b = left[name], right[name]
            equal = np.array_equal(a, b, equal_nan=declared.type is float or a.dtype.kind == "M")
            assert equal, f"{left.record.table}.{name} differs between compiled and interpreted"


def check_report(report: Report) -> None:
    """Every rendering is whole, and holds nothing that steers a terminal, browser or spreadsheet."""
    for verbose in (0, 2):
        shown = text.render(report, width=100, verbose=verbose)
        assert all(line.isprintable() for line in shown.split("\n")), "text holds unprintable characters"
        assert not hidden(shown), "text holds hidden characters"
    assert text.render(report, verbose=1, ascii_only=True).isascii()
    written = document.dumps(report)
    assert written.isascii()
    assert "\x7f" not in written
    assert document.dumps(document.loads(written)) == written
    _validator().validate(json.loads(written))
    for line in findings.jsonl_text(report).splitlines():
        json.loads(line)
        assert line.isascii()
        assert line.isprintable()
    for row in csv.reader(io.StringIO(findings.csv_text(report))):
        for cell in row:
            assert cell.isprintable(), cell
            assert not cell.startswith(_FORMULA) or is_number(cell), cell
    page = html.render(report)
    assert "<script" not in page.lower()
    assert "<img" not in page.lower()
    assert not hidden(page), "HTML holds hidden characters"
    assert all(char.isprintable() or char == "\n" for char in page), "HTML holds control characters"


def hidden(shown: str) -> bool:
    """Whether text holds control characters or bidirectional overrides."""
    return any(char in shown for char in ("\x1b", "\x00", "\x07", "\x9b", "\u202e", "\u202d", "\u2066", "\r"))


def is_number(cell: str) -> bool:
    """Whether a spreadsheet would see a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


@cache
def _knowledge() -> Knowledge:
    return load_knowledge()


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(document.schema())


def capture_files(folders: list[Path]) -> list[Path]:
    """The captures of some folders; those that hold sessions several times, to be chosen as often as all others."""
    found = sorted(path for folder in folders for path in folder.rglob("*") if "cap" in path.suffix)
    telling = [path for path in found if {"pcaps", "positive", "confusable"}.intersection(path.parts)]
    return found + telling * max(1, (len(found) - len(telling)) // max(1, len(telling)))


def resident_bytes() -> int:
    """Memory of this process now; 0 on systems that do not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * mmap.PAGESIZE if statm.exists() else 0


def main(arguments: list[str] | None = None) -> int:
    """Run seeds; 1 where one of them broke something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seeds", default="0:40")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--save", type=Path)
    given = parser.parse_args(arguments)
    sources = capture_files(given.folders)
    first, last = map(int, given.seeds.split(":"))
    start, seed, base, slowest, broken = time.monotonic(), first, 0, (0.0, 0), 0
    while seed < last or time.monotonic() - start < given.seconds:
        data = mutated_capture(random.Random(seed), sources)
        before = time.process_time()
        try:
            check(data)
            took = time.process_time() - before
            slowest = max(slowest, (took, seed)) if seed > first else slowest  # the first one loads everything
            assert took < SLOWEST_S or seed == first, f"took {took:.1f} s of processor time"
            if seed - first == WARM_UP:
                gc.collect()
                base = resident_bytes()
            assert not base or resident_bytes() - base < MOST_GROWTH, (
                f"memory grew from {base:,} to {resident_bytes():,}"
            )
        except Exception:  # noqa: BLE001  (a fuzz run reports every failure and goes on)
            broken += 1
            sys.stdout.write(f"seed {seed}: {len(data)} bytes\n{traceback.format_exc()}\n")
            sys.stdout.flush()
            if given.save:
                given.save.mkdir(parents=True, exist_ok=True)
                (given.save / f"seed-{seed}").write_bytes(data)
        seed += 1
    sys.stdout.write(f"slowest {slowest[0]:.2f} s (seed {slowest[1]}); memory {resident_bytes() - base:+,} bytes\n")
    sys.stdout.write(f"{'broke' if broken else 'held'} {broken or seed - first} captures\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
