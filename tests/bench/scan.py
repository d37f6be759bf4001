"""Time ``farmwatch scan`` beside its peers: ``python -m tests.bench.scan`` prints one table a capture.

Everything runs in one go on one machine with the capture in the page cache: ``cat`` reads it until two readings agree,
then each program runs as a whole process, farmwatch several times. Wall seconds come from the clock, peak memory from
``wait4``. Bars: at least 10 times faster than ndpiReader, 20 times than NFStream, 25 times than tshark's TCP
conversations; at most four times ``cat`` plus one second; under 1 GB; a 100-packet capture from a cold compile cache in
5 s and warm in 1.2 s. A peer that is missing, or that fails on a capture, is named and not judged.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench import generate

BARS = {"ndpiReader": 10.0, "NFStream": 20.0, "tshark": 25.0}
"""How many times faster than each peer a scan has to be."""
MEMORY_BYTES = 1_000_000_000
COLD_SECONDS, WARM_SECONDS = 5.0, 1.2
FARMWATCH = str(Path(sys.executable).with_name("farmwatch"))


_STARTER = """
import json, os, sys, time
quiet = os.open(os.devnull, os.O_RDWR)
began = time.perf_counter()
quieten = [(os.POSIX_SPAWN_DUP2, quiet, n) for n in (0, 1, 2)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quieten)
_, status, usage = os.wait4(child, 0)
seconds, cpu = time.perf_counter() - began, usage.ru_utime + usage.ru_stime
print(json.dumps([seconds, cpu, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status)]))
"""
# A process starts with its parent's peak memory as its own: this one has loaded nothing, so peaks above 10 MB are true.


@dataclass(frozen=True, slots=True)
class Run:
    """One program over one capture: wall and processor seconds of each run, largest resident memory, exit code."""

    program: str
    seconds: list[float]
    cpu_seconds: list[float]
    peak_bytes: int
    code: int

    @property
    def best(self) -> float:
        """The shortest run in seconds."""
        return min(self.seconds)


def _ordinary() -> dict[str, str]:
    """Return the environment of an ordinary installation: Python keeps the bytecode of what it imports."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"farmwatch-bench-bytecode-{os.getuid()}")}


def measure(program: str, command: list[str], times: int = 1, env: dict[str, str] | None = None) -> Run | None:
    """Run a command several times; None when it is not installed."""
    if shutil.which(command[0]) is None:
        return None
    rows = []
    for _ in range(times):
        starter = [sys.executable, "-I", "-S", "-c", _STARTER, *command]
        done = subprocess.run(starter, check=True, capture_output=True, env={**_ordinary(), **(env or {})})
        rows.append(json.loads(done.stdout))
    return Run(program, [row[0] for row in rows], [row[1] for row in rows], max(row[2] for row in rows), rows[-1][3])


def peers(capture: Path) -> dict[str, list[str]]:
    """Return the command line of every peer for a capture."""
    python = [sys.executable, str(Path(__file__).with_name("nfstream_peer.py"))]
    return {
        "argus": ["argus", "-r", str(capture), "-w", "/dev/null"],
        "ndpiReader": ["ndpiReader", "-i", str(capture)],
        "NFStream": [*python, str(capture)],
        "tshark": ["tshark", "-q", "-z", "conv,tcp", "-r", str(capture)],
    }


def installed(name: str, command: list[str]) -> bool:
    """Tell whether a peer is there."""
    if name == "NFStream":
        return importlib.util.find_spec("nfstream") is not None
    return shutil.which(command[0]) is not None


def warm_up(capture: Path) -> Run:
    """Read the capture until it is in the page cache, and return the runs of ``cat`` that found it there."""
    before = float("inf")
    for _ in range(6):
        run = measure("cat", ["cat", str(capture)])
        assert run is not None
        if run.best > 0.8 * before:
            break
        before = run.best
    run = measure("cat", ["cat", str(capture)], times=5)
    assert run is not None
    return run


def compare(capture: Path, times: int = 3, only: tuple[str, ...] | None = None) -> list[Run]:
    """Measure ``cat``, farmwatch and the peers over one capture; ``only`` names the peers wanted."""
    cat = warm_up(capture)
    scan = [FARMWATCH, "scan", "--json", "-q", str(capture)]
    measure("farmwatch", scan)  # compiles what is not in the cache yet
    ours = measure("farmwatch", scan, times)
    assert ours is not None, f"no {FARMWATCH}"
    runs = [cat, ours]
    for name, command in peers(capture).items():
        if installed(name, command) and (only is None or name in only):
            run = measure(name, command)
            assert run is not None
            runs.append(run)
    return runs


def small(folder: Path) -> dict[str, float]:
    """Return seconds of a scan of 100 packets from a cold compile cache, and the best of five warm ones."""
    capture, cache = folder / "100.pcap", folder / "numba"
    with capture.open("wb") as target:
        generate.generate(target, 100, block=2000)
    command = [FARMWATCH, "scan", "--json", "-q", str(capture)]
    env = {"NUMBA_CACHE_DIR": str(cache), "XDG_CACHE_HOME": str(folder / "xdg")}
    cold = measure("cold", command, env=env)
    warm = measure("warm", command, times=5)
    assert cold is not None
    assert warm is not None
    return {"cold": cold.best, "warm": warm.best}


def table(capture: Path, runs: list[Run]) -> str:
    """Return the runs as a text table with ratios to farmwatch."""
    cat, ours = runs[0], runs[1]
    lines = [f"{capture.name}: {capture.stat().st_size / 1e6:,.0f} MB, {platform.machine()}, {os.cpu_count()} cores"]
    lines.append(f"{'program':<12}{'best s':>9}{'median s':>10}{'cpu s':>8}{'peak MB':>9}{'x farmwatch':>13}  bar")
    for run in runs:
        bar = f">= {BARS[run.program]:g}" if run.program in BARS else ""
        if run is ours:
            bar = f"<= {4 * cat.best + 1:.2f} s, < 1000 MB"
        bar += f"  (ended with {run.code}: not judged)" if run.code and run is not ours else ""
        median, ratio = statistics.median(run.seconds), run.best / ours.best
        numbers = (
            f"{run.best:>9.2f}{median:>10.2f}{min(run.cpu_seconds):>8.2f}{run.peak_bytes / 1e6:>9.0f}{ratio:>13.2f}"
        )
        lines.append(f"{run.program:<12}{numbers}  {bar}")
    lines += [f"{name:<12}  missing" for name, command in peers(capture).items() if not installed(name, command)]
    return "\n".join(lines)


def misses(runs: list[Run]) -> list[str]:
    """Return the bars a comparison misses, in words."""
    cat, ours = runs[0], runs[1]
    out = [f"farmwatch ended with {ours.code}"] if ours.code not in (0, 3) else []
    out += [
        f"only {run.best / ours.best:.1f} times faster than {run.program}, bar {BARS[run.program]:g}"
        for run in runs[2:]
        if run.program in BARS and run.code == 0 and run.best < BARS[run.program] * ours.best
    ]
    if ours.best > 4 * cat.best + 1:
        out.append(f"{ours.best:.2f} s, bar four times cat plus one second = {4 * cat.best + 1:.2f} s")
    if ours.peak_bytes > MEMORY_BYTES:
        out.append(f"peak memory {ours.peak_bytes / 1e6:.0f} MB, bar {MEMORY_BYTES / 1e6:.0f} MB")
    return out


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("captures", nargs="*", type=Path, help="default: a generated capture of --packets")
    parser.add_argument("--packets", type=int, default=3_000_000)
    parser.add_argument("--times", type=int, default=3, help="runs of farmwatch")
    parser.add_argument("--peers", help="comma-separated peers instead of all; empty for none")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    asked = parser.parse_args(arguments)
    only = None if asked.peers is None else tuple(asked.peers.split(","))
    faults: list[str] = []
    numbers: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="farmwatch-bench-") as name:
        captures = list(asked.captures)
        if not captures:
            captures = [Path(name) / f"generated-{asked.packets}.pcap"]
            generate.main([str(captures[0]), "--packets", str(asked.packets)])
        for capture in captures:
            runs = compare(capture, asked.times, only)
            print(table(capture, runs), end="\n\n")
            numbers[capture.name] = [asdict(run) for run in runs]
            faults += misses(runs)
        times = small(Path(name))
    print(
        f"100 packets: cold {times['cold']:.2f} s (bar {COLD_SECONDS}), warm {times['warm']:.2f} s (bar {WARM_SECONDS})"
    )
    faults += [f"cold start {times['cold']:.2f} s"] if times["cold"] > COLD_SECONDS else []
    faults += [f"warm start {times['warm']:.2f} s"] if times["warm"] > WARM_SECONDS else []
    if asked.json:
        asked.json.write_text(json.dumps({**numbers, "small": times}, indent=1))
    print("\n".join(f"missed: {fault}" for fault in faults) or "every bar is met")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
