"""``farmwatch simulate``: a synthetic fleet as feeds, with the truth beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.exits import EXIT_HELP
from farmwatch.cli.streams import talk

__all__ = ["HELP", "simulate"]

HELP = f"""Make a synthetic fleet: a week of a company's feeds, with laptop farms among them.

Writes OUT/feeds (in the senders' own formats: 'farmwatch ingest OUT/feeds' takes them), OUT/truth.csv (what is true of
each device), OUT/card.json and OUT/card.txt (every assumption, its value and its source). Equal seeds give equal files.

Nobody knows the shares of a real fleet: read the card before you believe a number measured on this.

\b
Examples:
  farmwatch simulate fleet/ --devices 10000
  farmwatch simulate fleet/ --devices 2000 --farms 8 --seed 3
  farmwatch simulate fleet/ --devices 5000 --farms 20 --evasion none --evasion router-vpn
  farmwatch simulate fleet/ --devices 50000 --parameters 7   (assumptions drawn at random, beyond those tuned on)

{EXIT_HELP}
"""  #: text of ``farmwatch simulate --help``


class Compression(StrEnum):
    """How feeds are packed."""

    ZST = "zst"
    GZ = "gz"
    NONE = "none"


def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder; made if it is not there.", show_default=False)],
    devices: Annotated[int, typer.Option("--devices", metavar="N", min=1, help="How many laptops.")] = 1000,
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=60, help="Days of telemetry.")] = 7,
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until",
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="Day the telemetry ends before, UTC. Default: today.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Start of all chance; another one, another fleet.")
    ] = 1,
    farms: Annotated[
        int | None,
        typer.Option(
            "--farms", metavar="N", min=0, help="How many farms. Default: by the base rate.", show_default=False
        ),
    ] = None,
    base_rate: Annotated[
        float | None,
        typer.Option(
            "--base-rate",
            metavar="SHARE",
            min=0.0,
            max=1.0,
            help="Share of driven devices, such as 0.01.",
            show_default=False,
        ),
    ] = None,
    evasion: Annotated[
        list[str] | None,
        typer.Option(
            "--evasion",
            metavar="NAME",
            help="What every farm does to hide; none: only what is named. Repeatable; a wrong name lists all.",
            show_default=False,
        ),
    ] = None,
    feeds: Annotated[
        list[str] | None,
        typer.Option(
            "--feeds", metavar="NAME", help="Only this feed. Repeatable; a wrong name lists all.", show_default=False
        ),
    ] = None,
    rows_per_device: Annotated[
        float | None,
        typer.Option(
            "--rows-per-device",
            metavar="N",
            min=1.0,
            help="Routine rows of a device in a week. Default: about 520.",
            show_default=False,
        ),
    ] = None,
    parameters: Annotated[
        int | None,
        typer.Option(
            "--parameters", metavar="N", help="Draw the assumptions at random, with this seed.", show_default=False
        ),
    ] = None,
    compression: Annotated[
        Compression, typer.Option("--compression", help="How the feeds are packed.")
    ] = Compression.ZST,
    quiet: options.QuietOption = False,
) -> None:
    """Write a synthetic fleet."""
    if farms is not None and base_rate is not None:
        raise typer.BadParameter("either --farms or --base-rate", param_hint="--farms")
    from farmwatch.errors import SimulationError
    from farmwatch.simulation.fleet import simulate as lay_out
    from farmwatch.simulation.fleet import write_fleet
    from farmwatch.simulation.parameters import Parameters

    changed = {
        name: value
        for name, value in (
            ("base_rate", base_rate),
            ("detail", None if rows_per_device is None else rows_per_device / 520),
        )
        if value is not None
    }
    given = replace(Parameters() if parameters is None else Parameters.drawn(parameters), **changed)
    end = until.replace(tzinfo=UTC) if until else None
    try:
        found = lay_out(
            given, devices, seed=seed, days=days, until=end, farms=farms, evasions=evasion or (), feeds=feeds or ()
        )
        total = write_fleet(found, out, compression=str(compression))
    except SimulationError as error:
        raise typer.BadParameter(str(error)) from error
    if not quiet:
        talk(
            f"{devices:,} devices, {int(found.world.driven.sum()):,} of them driven; {total / 1e6:,.0f} MB of feeds in "
            f"{out / 'feeds'}, the truth in {out / 'truth.csv'}, assumptions in {out / 'card.txt'}"
        )
