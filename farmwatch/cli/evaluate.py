"""``farmwatch evaluate``: how a set of labelled captures is judged, as a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli.exits import Exit
from farmwatch.cli.streams import talk, write_result

if TYPE_CHECKING:
    from farmwatch.analysis.evaluate import CaptureResult

__all__ = ["HELP", "evaluate"]

HELP = """Judge labelled captures and print how well it went.

LABELS is a CSV with the columns file (relative to the CSV), role (positive, confusable, negative, malformed) and tool.
Printed: how many positives name their tool, every device whose 'driven' came out above clear elsewhere, and what became
of damaged captures. 'driven > clear' counts captures with a device whose 'driven' is review or strong: a false alarm in
every role but positive.

Labels of flows, as the laboratory writes them, are told by their columns (group, way, local, remote and others): then
the roles, loops and relays that timing shows are held against the truth.

\b
Example:
  farmwatch evaluate corpus/labels.csv --jobs 0
"""  #: text of ``farmwatch evaluate --help``

_ROLES = ("positive", "confusable", "negative", "malformed")


def evaluate(
    labels: Annotated[
        Path,
        typer.Argument(metavar="LABELS.csv", help="The labels.", show_default=False, exists=True, dir_okay=False),
    ],
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=0, help="Processes to judge with; 0 for one per processor.")
    ] = 0,
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="ROLE", help="Only captures of this role. Repeatable.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0, help="List captures that took longer than this.")
    ] = 10.0,
) -> None:
    """Judge labelled captures and print how well it went."""
    from farmwatch.analysis.flow_truth import is_flow_truth

    if is_flow_truth(labels):
        _evaluate_flows(labels, jobs)
        return
    from farmwatch.analysis.evaluate import evaluate as judge
    from farmwatch.analysis.evaluate import read_labels

    wanted = [label for label in read_labels(labels) if role is None or label.role in role]
    if not wanted:
        raise typer.BadParameter(f"no capture of role {', '.join(role or ())} in {labels}", param_hint="--role")
    results = judge(wanted, jobs=jobs, progress=_told)
    write_result("\n".join([*_table(results), *_exceptions(results, seconds)]) + "\n", None)
    raise typer.Exit(Exit.PARTIAL if any(result.outcome == "error" for result in results) else Exit.OK)


def _told(done: int, total: int) -> None:
    """Say how far it is, to a terminal; a log needs no line for each handful of captures."""
    if sys.stderr.isatty():
        talk(f"{done} of {total} captures")


def _evaluate_flows(labels: Path, jobs: int) -> None:
    """Print how well timing alone decides who drives whom."""
    from farmwatch.analysis.evaluate_hands import bars, evaluate_hands
    from farmwatch.analysis.flow_truth import read_flow_truth

    results = evaluate_hands(read_flow_truth(labels), jobs=jobs, progress=_told)
    lines = [f"{'what':<52}{'bar':>9}  {'measured':<34}{'holds':>6}", ""]
    for line in bars(results):
        holds = {True: "yes", False: "NO", None: "-"}[line.holds]
        lines.append(f"{line.what:<52}{line.bar:>9}  {line.measured:<34}{holds:>6}")
    write_result("\n".join(lines) + "\n", None)


def _table(results: Sequence[CaptureResult]) -> list[str]:
    """One line per role."""
    titles = ("captures", "tool named", "driven > clear", "damaged", "unreadable", "errors")
    lines = [f"{'role':<11}" + "".join(f"{title:>16}" for title in titles)]
    for role in _ROLES:
        own = [result for result in results if result.label.role == role]
        if own:
            outcomes = [sum(row.outcome == outcome for row in own) for outcome in ("damaged", "unreadable", "error")]
            named = sum(row.named for row in own) if role == "positive" else "-"
            cells = (len(own), named, sum(row.accused_of_driving for row in own), *outcomes)
            lines.append(f"{role:<11}" + "".join(f"{cell:>16}" for cell in cells))
    if any(result.label.role == "positive" for result in results):
        lines.append("driven > clear: captures with a device at review or strong; a positive may be rightly clear,")
        lines.append("where the tool was only present or the device's user drives another machine")
    return lines


def _exceptions(results: Sequence[CaptureResult], seconds: float) -> list[str]:
    """What a reader should look at one by one."""
    groups: dict[str, list[CaptureResult]] = {}
    if any(result.label.role == "positive" for result in results):
        groups["positives whose tool was not named"] = [
            r for r in results if r.label.role == "positive" and not r.named
        ]
    if any(result.label.role != "positive" for result in results):
        groups["others with a device above clear"] = [r for r in results if r.label.role != "positive" and r.accused]
    groups |= {
        "errors": [r for r in results if r.outcome == "error"],
        f"slower than {seconds:g} s": [r for r in results if r.seconds > seconds],
    }
    lines: list[str] = []
    for title, rows in groups.items():
        lines += ["", f"{title}: {len(rows)}"]
        for row in rows:
            why = "; ".join(row.accused) or row.message or f"{row.seconds:.1f} s"
            lines.append(f"  {row.label.file} ({row.label.tool}): {why}")
    return lines
