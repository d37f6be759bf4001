"""``farmwatch evaluate``: how a set of labelled captures is judged, as a table."""

from __future__ import annotations

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
of damaged captures.

\b
Example:
  farmwatch evaluate corpus/labels.csv --jobs 0
"""  #: text of ``farmwatch evaluate --help``

_ROLES = ("positive", "confusable", "negative", "malformed")


def evaluate(
    labels: Annotated[Path, typer.Argument(metavar="LABELS.csv", help="The labels.", show_default=False)],
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
    from farmwatch.analysis.evaluate import evaluate as judge
    from farmwatch.analysis.evaluate import read_labels

    wanted = [label for label in read_labels(labels) if role is None or label.role in role]
    if not wanted:
        raise typer.BadParameter(f"no capture of role {', '.join(role or ())} in {labels}", param_hint="--role")
    results = judge(wanted, jobs=jobs, progress=lambda done, total: talk(f"{done} of {total} captures"))
    write_result("\n".join([*_table(results), *_exceptions(results, seconds)]) + "\n", None)
    raise typer.Exit(Exit.PARTIAL if any(result.outcome == "error" for result in results) else Exit.OK)


def _table(results: Sequence[CaptureResult]) -> list[str]:
    """One line per role."""
    lines = [
        f"{'role':<11}{'captures':>9}{'tool named':>12}{'driven > clear':>16}{'damaged':>9}{'unreadable':>12}{'errors':>8}"
    ]
    for role in _ROLES:
        own = [result for result in results if result.label.role == role]
        if own:
            named = f"{sum(result.named for result in own)}" if role == "positive" else "-"
            counts = [
                sum(result.outcome == outcome for result in own) for outcome in ("damaged", "unreadable", "error")
            ]
            lines.append(
                f"{role:<11}{len(own):>9}{named:>12}{sum(result.accused_of_driving for result in own):>16}"
                f"{counts[0]:>9}{counts[1]:>12}{counts[2]:>8}"
            )
    return lines


def _exceptions(results: Sequence[CaptureResult], seconds: float) -> list[str]:
    """What a reader should look at one by one."""
    lines: list[str] = []
    groups = (
        ("positives whose tool was not named", lambda r: r.label.role == "positive" and not r.named),
        ("others with a device above clear", lambda r: r.label.role != "positive" and bool(r.accused)),
        ("errors", lambda r: r.outcome == "error"),
        (f"slower than {seconds:g} s", lambda r: r.seconds > seconds),
    )
    for title, chosen in groups:
        rows = [result for result in results if chosen(result)]
        lines += ["", f"{title}: {len(rows)}"]
        lines += [
            f"  {row.label.file} ({row.label.tool}): {'; '.join(row.accused) or row.message or f'{row.seconds:.1f} s'}"
            for row in rows
        ]
    return lines
