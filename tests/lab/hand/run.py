"""Record scenarios: ``python -m tests.lab.hand.run NAME... | --core | --full | --activities | --group G``.

Each scenario is a process of its own, several at a time; what is in the folder already is left alone, and a scenario
that failed is tried once more. The folder (``FARMWATCH_LAB``, else the user's cache) gets ``NAME.pcap``, further
vantages as ``NAME.gateway.pcap`` and ``NAME.corporate.pcap``, the truth as ``NAME.json``, and ``labels.csv``.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from tests.lab.hand import scenarios
from tests.lab.hand.scenarios import Scenario
from tests.lab.net import ROOT

COLUMNS = (
    "file", "scenario", "group", "tool", "role", "way", "evasion", "vantage", "proto", "local", "remote", "near_ms",
    "far_ms", "jitter_ms", "loss", "transport_rtt_ms", "loop_rtt_ms", "keys", "clicks", "moves", "seconds", "operator",
    "relay", "seed",
)  # fmt: skip


def folder() -> Path:
    """Return where captures are kept: the folder ``FARMWATCH_LAB`` names, else one in the user's cache."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("FARMWATCH_LAB") or user_cache_path("farmwatch") / "lab")


def cached(scenario: Scenario, where: Path) -> bool:
    """Say whether a scenario's capture is there and was made from the same description."""
    path = where / f"{scenario.name}.json"
    if not path.is_file() or not (where / f"{scenario.name}.pcap").is_file():
        return False
    made = json.loads(path.read_text())["scenario"]
    return bool(made == json.loads(json.dumps(asdict(scenario))))


def rows(where: Path) -> Iterator[dict[str, object]]:
    """Yield the rows of ``labels.csv`` from the truth files of a folder."""
    for path in sorted(where.glob("*.json")):
        try:
            truth = json.loads(path.read_text())
        except FileNotFoundError:  # another runner is recording it again
            continue
        scenario, legs = truth["scenario"], truth["scenario"]["legs"]
        shared = {name: legs[name] for name in ("near_ms", "far_ms", "jitter_ms", "loss")}
        shared |= {"scenario": scenario["name"], "seconds": truth["seconds"], "seed": truth["seed"]}
        for label in truth["labels"]:
            suffix = "" if label["vantage"] == "laptop" else f".{label['vantage']}"
            group = label["group"] or scenario["group"]
            yield shared | label | {"file": f"{scenario['name']}{suffix}.pcap", "group": group}


def write_labels(where: Path) -> int:
    """Write ``labels.csv``; returns how many rows it has."""
    count = 0
    beside = where / f"labels.csv.{os.getpid()}.{threading.get_ident()}"
    with beside.open("w", newline="") as out:
        table = csv.DictWriter(out, COLUMNS, extrasaction="ignore", restval="")
        table.writeheader()
        for row in rows(where):
            table.writerow({name: "" if value is None else value for name, value in row.items()})
            count += 1
    beside.replace(where / "labels.csv")
    return count


@contextmanager
def alone(scenario: Scenario, where: Path) -> Iterator[None]:
    """Wait until no other runner records this scenario into this folder, and keep others waiting meanwhile."""
    locks = where / ".locks"
    locks.mkdir(exist_ok=True)
    with (locks / scenario.name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _one(scenario: Scenario, where: Path, tries: int = 2) -> str:
    """Record one scenario in a process of its own; returns what went wrong, or nothing."""
    with alone(scenario, where):
        return "" if cached(scenario, where) else _tried(scenario, where, tries)


def _tried(scenario: Scenario, where: Path, tries: int) -> str:
    wrong = ""
    for _ in range(tries):
        command = [sys.executable, "-m", "tests.lab.hand.record", scenario.name, str(scenario.seconds), str(where)]
        job = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            said, _ = job.communicate(timeout=scenario.seconds + 240)
        except subprocess.TimeoutExpired:
            job.send_signal(signal.SIGTERM)  # record.main takes its namespaces down
            said = "timeout\n" + job.communicate()[0]
        if job.returncode == 0:
            (where / f"{scenario.name}.failed").unlink(missing_ok=True)
            return ""
        wrong = said
    (where / f"{scenario.name}.failed").write_text(wrong)
    return wrong.strip().rsplit("\n", 1)[-1]


def chosen(arguments: argparse.Namespace) -> list[Scenario]:
    """Return the scenarios the command line asks for."""
    found: dict[str, Scenario] = {}
    if arguments.names:
        every = scenarios.every()
        found |= {name: every[name] for name in arguments.names}
    if arguments.core:
        found |= scenarios.core()
    if arguments.activities:
        found |= scenarios.activities(arguments.activities)
    if arguments.full or (arguments.group and not found):
        found |= scenarios.every()
    kept = [one for one in found.values() if not arguments.group or one.group == arguments.group]
    if arguments.tool:
        kept = [one for one in kept if one.tool == arguments.tool]
    return [replace(one, seconds=arguments.seconds) for one in kept]


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--core", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--activities", type=int, default=0, metavar="TIMES")
    parser.add_argument("--group")
    parser.add_argument("--tool")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args(words)
    where = arguments.folder or folder()
    where.mkdir(parents=True, exist_ok=True)
    todo = [scenario for scenario in chosen(arguments) if not cached(scenario, where)]
    if arguments.list:
        print("\n".join(scenario.name for scenario in todo))
        return 0
    failed: dict[str, str] = {}

    def work(scenario: Scenario) -> None:
        begun = time.monotonic()
        if wrong := _one(scenario, where):
            failed[scenario.name] = wrong
        print(f"{scenario.name}: {wrong or 'recorded'} ({time.monotonic() - begun:.0f} s)", flush=True)
        write_labels(where)

    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(work, todo))
    print(f"{len(todo) - len(failed)} recorded, {len(failed)} failed, {write_labels(where)} rows in labels.csv")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
