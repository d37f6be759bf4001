"""How well a set of labelled captures is judged: tools named, false accusations, damage survived.

Labels are a CSV with columns ``file`` (relative to the CSV), ``role`` (positive, confusable, negative, malformed) and
``tool``; further columns are ignored. A positive is *named* when the report shows a session or finding of the labelled
tool; a capture is *accused* when any device's ``driven`` is above clear.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from farmwatch.analysis.assess import assess
from farmwatch.analysis.profile import Profile
from farmwatch.collectors.captures import collect_capture
from farmwatch.engine import executor, ordered
from farmwatch.errors import SourceError
from farmwatch.knowledge import load_knowledge
from farmwatch.records import Level, Report

__all__ = ["CaptureResult", "Label", "evaluate", "read_labels"]

_ABOVE_CLEAR = (Level.REVIEW, Level.STRONG)

#: Words of labels -> tool ids that satisfy them.
_TOOL_IDS: dict[str, frozenset[str]] = {
    "rdp": frozenset({"rdp"}),
    "vnc": frozenset({"vnc", "rfb", "apple-remote-desktop", "realvnc"}),
    "ssh-reverse": frozenset({"ssh", "ssh-reverse"}),
    "anydesk": frozenset({"anydesk"}),
    "teamviewer": frozenset({"teamviewer"}),
    "nomachine": frozenset({"nomachine"}),
    "radmin": frozenset({"radmin"}),
}


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled capture."""

    path: Path
    file: str
    role: str
    tool: str


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """What one labelled capture came to."""

    label: Label
    seconds: float
    outcome: str  #: ok, damaged (exit 3), unreadable (exit 5), or error
    tools: tuple[str, ...]  #: tools and protocols named
    accused: tuple[str, ...]  #: "claim level: detectors" of every device above clear
    message: str  #: what was said about damage, or the error

    @property
    def named(self) -> bool:
        """Whether the labelled tool is among those named."""
        wanted = _TOOL_IDS.get(self.label.tool.split(" ")[0].split("+")[0].removesuffix("-udp"), frozenset())
        return bool(wanted.intersection(self.tools))

    @property
    def accused_of_driving(self) -> bool:
        """Whether a device's ``driven`` came out above clear."""
        return any(text.startswith("driven") for text in self.accused)


def read_labels(path: Path) -> list[Label]:
    """The labelled captures of a CSV.

    Raises:
        SourceError: the file cannot be read or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise SourceError(str(path), 0, f"not a readable CSV of labels: {fault}") from fault
    if not rows or not {"file", "role", "tool"} <= rows[0].keys():
        raise SourceError(str(path), 0, "expected a CSV with the columns file, role and tool")
    return [Label(path.parent / row["file"], row["file"], row["role"], row["tool"]) for row in rows]


def evaluate(
    labels: Sequence[Label], *, jobs: int = 1, progress: Callable[[int, int], None] | None = None
) -> list[CaptureResult]:
    """Judge every labelled capture, in the order of the labels."""
    parts = [labels[start : start + 25] for start in range(0, len(labels), 25)]
    found: list[CaptureResult] = []
    with executor(jobs, len(parts)) as runner:
        for part in ordered(runner, _judge, [(part,) for part in parts]):
            found.extend(part)
            if progress is not None:
                progress(len(found), len(labels))
    return found


def _judge(labels: Iterable[Label]) -> list[CaptureResult]:
    return [_judge_one(label) for label in labels]


def _judge_one(label: Label) -> CaptureResult:
    start = time.perf_counter()
    try:
        collected = collect_capture(label.path, 0, name=label.file)
        report = assess(collected.tables, load_knowledge(), Profile(), version="")
    except Exception as fault:  # noqa: BLE001  (an evaluation reports every failure; none may end it)
        return CaptureResult(label, time.perf_counter() - start, "error", (), (), f"{type(fault).__name__}: {fault}")
    seconds = time.perf_counter() - start
    capture = report.inputs[0]
    outcome = "unreadable" if capture.error else "ok" if capture.complete else "damaged"
    return CaptureResult(label, seconds, outcome, _tools(report), _accused(report), "; ".join(capture.rejects)[:200])


def _tools(report: Report) -> tuple[str, ...]:
    tools = {session.tool for device in report.devices for session in device.sessions}
    return tuple(sorted(tools))


def _accused(report: Report) -> tuple[str, ...]:
    found = []
    for device in report.devices:
        for name in ("driven", "abroad", "farm"):
            claim = getattr(device.assessment, name)
            if claim.level in _ABOVE_CLEAR:
                reasons = ", ".join(
                    f"{weight.detector} {weight.decibans:+.0f}" for weight in claim.weights if weight.counted
                )
                found.append(f"{name} {claim.level}: {reasons}")
    return tuple(sorted(set(found)))
