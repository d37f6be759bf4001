"""``farmwatch calibrate``: weights measured on labelled devices, with a card that says how well they hold."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.exits import EXIT_HELP
from farmwatch.cli.streams import Color, can_show, check_writable, talk, use_color, width, write_result

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.labelled import Label, LabelledFleet
    from farmwatch.assessing import Kept
    from farmwatch.store import Store

__all__ = ["HELP", "calibrate"]

HELP = f"""Measure what findings weigh on labelled devices, and how well the verdicts' probabilities hold.

Takes the last assessment of each store and what is known of its devices: a CSV file with device_id, driven (1 or 0)
and if known farm_id and setup, as 'farmwatch simulate' writes it, or what people decided in 'farmwatch case'. Writes
weights with a card, for --weights of 'farmwatch assess' and 'farmwatch case'. Fleets, farms or setups are never divided
between measuring and judging, and too few labels are refused.

\b
Examples:
  farmwatch calibrate --store fleet/store --truth fleet/truth.csv -o weights.json
  farmwatch calibrate --store a --truth a.csv --store b --truth b.csv --store c --truth c.csv -o weights.json
  farmwatch calibrate --decisions -o weights.json
  farmwatch assess --weights weights.json

{EXIT_HELP}
"""  #: text of ``farmwatch calibrate --help``

_DECIDED = (
    "labels are decisions: devices that nobody decided about and that ask for nobody count as benign, those that ask "
    "for a person are left out"
)
_CARD = "card.json"  # what 'farmwatch simulate' writes beside its labels
_SIMULATED = (
    f"{_CARD} beside the labels says that the fleet is synthetic: the weights are those of its assumptions, not of a "
    "company"
)


class _Split(StrEnum):
    """What is never divided."""

    FLEET = "fleet"
    FARM = "farm"
    SETUP = "setup"


def calibrate(
    store: Annotated[
        list[str] | None,
        typer.Option("--store", metavar="FOLDER|URL", help="An assessed fleet; repeatable. Default: as elsewhere."),
    ] = None,
    truth: Annotated[
        list[Path] | None, options.input_file("--truth", metavar="CSV", help="What is true of it; one for each store.")
    ] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Take what people decided for the truth instead.")
    ] = False,
    split: Annotated[
        _Split | None,
        typer.Option("--split", help="What is never divided. Default: fleets where there are three, else farms."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="TEXT", help="What the labels are, for the card.")
    ] = None,
    keep_unmeasured: Annotated[
        bool,
        typer.Option(
            "--keep-unmeasured", help="Findings with too few benign examples keep the detector's weight instead of 0."
        ),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="JSON", help="Write the weights there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the card as JSON.")] = False,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Measure weights on labelled devices."""
    if decisions == bool(truth):
        raise typer.BadParameter("give either --truth or --decisions", param_hint="--truth")
    stores: list[str | None] = list(store) if store else [None]
    if truth and len(truth) != len(stores):
        raise typer.BadParameter(
            f"{len(truth)} of them for {len(stores)} stores; name one for each, in the same order", param_hint="--truth"
        )
    check_writable(output, [str(path) for path in truth or ()], "--output")

    from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
    from farmwatch.analysis.fleet.labelled import Split
    from farmwatch.analysis.fleet.measuring import measure

    fleets = [_fleet(url, truth[number] if truth else None, number) for number, url in enumerate(stores)]
    weights = measure(
        fleets,
        FLEET_DETECTORS,
        source=source or _source(truth or ()),
        notes=_notes(truth or ()),
        split=None if split is None else Split(split),
        keep_unmeasured=keep_unmeasured,
    )
    if output is not None:
        write_result(weights.text(), output)
    encoding = sys.stdout.encoding or "ascii"
    if as_json:
        from farmwatch.reports.escape import json_text

        write_result(json_text(json.dumps({"digest": weights.digest, **weights.card}, indent=1)) + "\n", None)
    else:
        from farmwatch.reports.calibration_page import show_card
        from farmwatch.reports.page import Page

        page = Page(width=width(sys.stdout), color=use_color(color, sys.stdout), ascii_only=not can_show(sys.stdout))
        show_card(page, weights.card)
        write_result(page.render(), None, encoding=encoding)
    talk(f"wrote {output} ({weights.digest})" if output else "nothing is kept; -o FILE writes the weights")


def _notes(truth: Sequence[Path]) -> list[str]:
    """Limits of the labels: none for decisions, but that they are decisions."""
    if not truth:
        return [_DECIDED]
    return [_SIMULATED] if any((path.parent / _CARD).is_file() for path in truth) else []


def _source(truth: Sequence[Path]) -> str:
    """What the labels are, by names and checksums of their files."""
    named = [f"{path.name} ({hashlib.sha256(path.read_bytes()).hexdigest()[:8]})" for path in truth]
    return ", ".join(named) or "decisions of analysts"


def _fleet(url: str | None, truth: Path | None, number: int) -> LabelledFleet:
    """The last assessment of a store with its labels.

    Raises:
        AssessmentError: none is kept.
        ProfileError: the labels cannot be read.
    """
    from farmwatch.analysis.fleet.labelled import LabelledFleet
    from farmwatch.analysis.fleet.truth import read_truth
    from farmwatch.assessing import kept, runs
    from farmwatch.errors import AssessmentError
    from farmwatch.store import default_store, open_store

    given = read_truth(truth) if truth is not None else None
    opened = open_store(url if url is not None else default_store(), make=False)
    listed = runs(opened)
    if not listed:
        raise AssessmentError(f"{opened.place.url}: no assessment is kept yet; run 'farmwatch assess'")
    last = kept(opened, listed[-1])
    labels = given if given is not None else _decided(opened, last)
    return LabelledFleet(f"fleet {number + 1}", last.run, last.verdicts, last.hits, labels)


def _decided(store: Store, last: Kept) -> dict[str, Label]:
    """Labels from the decisions in a store."""
    from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
    from farmwatch.analysis.fleet.standing import standings
    from farmwatch.analysis.fleet.truth import labels_of_decisions
    from farmwatch.analysis.fleet.weights import NO_WEIGHTS

    standing = standings(
        last.verdicts,
        last.hits,
        store.state.cases.decisions(),
        weights=NO_WEIGHTS,
        prior=last.run["prior"],
        detectors=FLEET_DETECTORS,
    )
    return labels_of_decisions(last.verdicts.column("device_id").to_pylist(), standing)
