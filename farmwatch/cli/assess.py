"""``farmwatch assess``: every device of a store judged by its telemetry and its captures together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.amounts import span
from farmwatch.cli.exits import EXIT_HELP, Exit
from farmwatch.cli.showing import FailOn, Format, show
from farmwatch.cli.streams import Color, check_writable, talk

if TYPE_CHECKING:
    from farmwatch.records import Report

__all__ = ["HELP", "assess", "look_at_values", "moment", "window_of"]

HELP = f"""Judge every device of a store: endpoint, sign-in and capture evidence together, and farms among them.

Looks at the telemetry of some days, keeps the result in the store, and shows the devices that need a person. The same
telemetry gives the same result. 'farmwatch report --since 7d' makes the morning's report of it, and 'farmwatch case'
keeps what people decide.

\b
Examples:
  farmwatch assess
  farmwatch assess --since 30d --geo GeoLite2-City.mmdb --geo GeoLite2-ASN.mmdb
  farmwatch assess --store /srv/farmwatch --until 2026-11-20 --json -o assessment.json
  farmwatch assess -q --fail-on strong || page-somebody

{EXIT_HELP}
"""  #: text of ``farmwatch assess --help``

_LONGEST = timedelta(days=366)


def moment(text: str, option: str) -> datetime:
    """A date or time a user wrote, UTC where it names no zone.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no date or time; write 2026-11-20 or 2026-11-20T06:00Z", param_hint=option
        ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def window_of(since: str, until: str | None, *, now: datetime) -> tuple[datetime, datetime]:
    """The time to look at.

    Args:
        since: a span such as ``7d``, ``12h`` or ``4w`` before its end, or its start.
        until: its end; now where it is left out.
        now: the time of asking.

    Raises:
        typer.BadParameter: a value cannot be understood, or the time ends before it begins, or is longer than a year.
    """
    end = now.replace(second=0, microsecond=0) if until is None else moment(until, "--until")
    length = end - moment(since, "--since") if "-" in since else span(since, "--since")
    if length <= timedelta(0):
        raise typer.BadParameter(f"{since!r} begins at or after the end {end:%Y-%m-%d %H:%M} UTC", param_hint="--since")
    if length > _LONGEST:
        raise typer.BadParameter("at most 366 days can be looked at in one go", param_hint="--since")
    return end - length, end


def look_at_values(since: str, until: str | None, prior: float | None, *, now: datetime) -> tuple[datetime, datetime]:
    """The time to look at, after every value that parsing alone cannot judge was looked at.

    Args:
        since: as :func:`window_of` takes it.
        until: as :func:`window_of` takes it.
        prior: probability of a driven device before any evidence; None for the usual one.
        now: the time of asking.

    Raises:
        typer.BadParameter: a value cannot be used.
    """
    if prior is not None and not 0 < prior < 1:
        raise typer.BadParameter("a share lies between 0 and 1", param_hint="--prior")
    return window_of(since, until, now=now)


def assess(
    store: options.StoreOption = None,
    since: Annotated[
        str, typer.Option("--since", metavar="SPAN|TIME", help="From when: 7d, 12h, 4w before the end, or a date.")
    ] = "7d",
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Up to when, not included. Default: now.")
    ] = None,
    profile: options.ProfileOption = None,
    geo: options.GeoOption = None,
    weights: options.WeightsOption = None,
    prior: Annotated[
        float | None,
        typer.Option("--prior", metavar="P", help="Share of laptops expected to be remotely driven. Default: 0.0001."),
    ] = None,
    knowledge: options.KnowledgeOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="List every device with a finding, not only those for a person to look at.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result, keep nothing.")] = False,
    html: options.HtmlOption = None,
    json: options.JsonOption = False,
    form: options.FormatOption = Format.TEXT,
    output: options.OutputOption = None,
    memory: Annotated[
        int,
        typer.Option("--memory", metavar="MIB", min=256, help="Memory of the query engine before it uses the disk."),
    ] = 4096,
    fail_on: options.FailOnOption = None,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = 0,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Judge every device of a store."""
    check_writable(output, [], "--output")
    check_writable(html, [], "--html")
    start, end = look_at_values(since, until, prior, now=datetime.now(UTC))

    import farmwatch
    from farmwatch.analysis.fleet.fleet import Window
    from farmwatch.analysis.fleet.geo import GeoDatabase
    from farmwatch.analysis.fleet.judging import FLEET_PRIOR
    from farmwatch.analysis.fleet.summing_up import fleet_report
    from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
    from farmwatch.analysis.profile import Profile, load_profile
    from farmwatch.assessing import assess_store, keep
    from farmwatch.cli.declared import warn_of_unknown_tools
    from farmwatch.knowledge import load_knowledge
    from farmwatch.store import default_store, open_store

    declared = load_profile(profile) if profile is not None else Profile()
    warn_of_unknown_tools(declared, knowledge or ())
    known = load_knowledge(knowledge or ())
    lake = open_store(store or default_store(), make=False)
    judged = assess_store(
        lake,
        Window(start, end),
        known,
        declared,
        geo=GeoDatabase(geo) if geo else None,
        weights=Weights.load(weights) if weights is not None else NO_WEIGHTS,
        prior=prior if prior is not None else FLEET_PRIOR,
        memory_bytes=memory << 20,
    )
    if not dry_run:
        run_id = keep(lake, judged, known, version=farmwatch.__version__)
        talk(f"kept as assessment {run_id}", quiet=quiet)
    report = fleet_report(judged, known, version=farmwatch.__version__, every=every)
    show(
        report,
        form=Format.JSON if json else form,
        output=output,
        html=html,
        verbose=verbose,
        quiet=quiet,
        color=color,
    )
    raise typer.Exit(_code(report, fail_on))


def _code(report: Report, fail_on: FailOn | None) -> Exit:
    from farmwatch.records.report import Level
    from farmwatch.reports.reading import reaches

    return Exit.FINDINGS if fail_on is not None and reaches(report, Level(fail_on)) else Exit.OK
