"""``farmwatch report``: the morning report of a store, or a saved report shown again in any format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.amounts import span
from farmwatch.cli.exits import EXIT_HELP, Exit
from farmwatch.cli.options import input_file
from farmwatch.cli.saved import load_report
from farmwatch.cli.showing import FailOn, Format, exit_code, show
from farmwatch.cli.streams import Color, check_writable, talk

if TYPE_CHECKING:
    from farmwatch.cli.morning import Wanted

__all__ = ["HELP", "report"]

HELP = f"""The morning report: which devices need a person, why, what to do first, and what changed.

It is made of the assessments that 'farmwatch assess' keeps in a store and of what people decided ('farmwatch case').
With a file it shows a report saved by 'farmwatch scan --json' again.

\b
Examples:
  farmwatch report                    newest assessment against the one before
  farmwatch report --since 7d --format html,json,csv,pdf --output reports/
  farmwatch report --since-last --mail-to soc@example.org --only-changes
  farmwatch report --install-timer daily --at 06:30 -o reports -f html
  farmwatch report saved.json -v
  farmwatch report saved.json.gz --format csv > findings.csv

That the newest assessment is old is said on standard error, whatever -q says, and in a mail's subject and first line.
Documents say until when was assessed: the same data in the same state gives the same bytes on any day.

Mail goes by FARMWATCH_SMTP_HOST, _PORT, _TLS (starttls, tls or none), _USER, _PASSWORD_FILE, _FROM and _CA_FILE in the
environment, or by the same in a table [smtp] of the file that --smtp names. A password is only ever in a file of its
own.

{EXIT_HELP}
"""  #: text of ``farmwatch report --help``

_SPAN_HELP = "What changed in this time, such as 7d or 12h; without it, since the assessment before."
_NOT_SAVED = "is for the morning report of a store, not for a saved report"


def report(
    saved: Annotated[
        Path | None,
        typer.Argument(metavar="[SAVED]", help="A saved JSON report (.gz and .zst too); - for standard input."),
    ] = None,
    store: options.StoreOption = None,
    since: Annotated[str | None, typer.Option("--since", metavar="SPAN", help=_SPAN_HELP)] = None,
    since_last: Annotated[
        bool, typer.Option("--since-last", help="What changed since the last report made so; once per assessment.")
    ] = False,
    series: Annotated[
        str, typer.Option("--series", metavar="NAME", help="With --since-last: whose last report.")
    ] = "morning",
    weights: options.WeightsOption = None,
    html: options.HtmlOption = None,
    json: options.JsonOption = False,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT[,FORMAT]",
            help="text, html, json, csv or pdf; of a saved report text, html, json, jsonl or csv.",
        ),
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            help="Write the result there; several formats need a folder. - is standard output, the default.",
        ),
    ] = None,
    mail_to: Annotated[
        list[str] | None, typer.Option("--mail-to", metavar="ADDRESS", help="Mail it there too. Repeatable.")
    ] = None,
    smtp: Annotated[
        Path | None, input_file("--smtp", metavar="TOML", help="File with the mail server in a table [smtp].")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="URL", help="Post counts and new or worse devices there too.")
    ] = None,
    webhook_secret: Annotated[
        Path | None,
        input_file("--webhook-secret", metavar="FILE", help="Key that signs what is posted (HMAC-SHA-256)."),
    ] = None,
    ca_file: Annotated[
        Path | None, input_file("--ca-file", metavar="PEM", help="Certificates to trust for --webhook.")
    ] = None,
    only_changes: Annotated[
        bool,
        typer.Option("--only-changes", help="Tell nobody, and heed --fail-on, only where something is new or worse."),
    ] = False,
    install_timer: Annotated[
        str | None,
        typer.Option("--install-timer", metavar="daily|weekly", help="Show what makes this report by itself."),
    ] = None,
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="With --install-timer: local time.")] = "06:30",
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="systemd|cron|windows", help="With --install-timer. Default: this machine's."),
    ] = None,
    assess_with: Annotated[
        str,
        typer.Option(
            "--assess-with",
            metavar="OPTIONS",
            help="With --install-timer: more options of 'farmwatch assess', in quotes, such as '--geo FILE'.",
        ),
    ] = "",
    write: Annotated[
        bool, typer.Option("--write/--print", help="With --install-timer: put it in its place, or show it.")
    ] = False,
    fail_on: options.FailOnOption = None,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = 0,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Make the morning report, or show a saved report again."""
    if json:
        form = "json"
    if saved is not None:
        given = {
            "--since": since is not None, "--since-last": since_last, "--mail-to": bool(mail_to),
            "--webhook": webhook is not None, "--install-timer": install_timer is not None,
        }  # fmt: skip
        for name in (name for name, was in given.items() if was):
            raise typer.BadParameter(_NOT_SAVED, param_hint=name)
        _show_saved(saved, _format(form), html, output, fail_on, quiet=quiet, verbose=verbose, color=color)
    if since is not None and since_last:
        raise typer.BadParameter("give one of --since and --since-last", param_hint="--since-last")
    from farmwatch.cli.morning import Delivery, Wanted, formats, report_morning
    from farmwatch.delivery.failing import DeliveryError

    delivery = Delivery(tuple(mail_to or ()), smtp, webhook, webhook_secret, ca_file, only_changes)
    wanted = Wanted(
        store, span(since, "--since") if since is not None else None, since_last, series, weights, formats(form),
        output, html, delivery, str(fail_on) if fail_on is not None else None, quiet, verbose, color,
    )  # fmt: skip
    try:
        if install_timer is not None:
            raise typer.Exit(_timer(install_timer, at, kind, wanted, form, assess_with, write=write))
        raise typer.Exit(report_morning(wanted))
    except DeliveryError as error:
        talk(f"farmwatch: {error}")
        raise typer.Exit(Exit.PARTIAL) from error


def _show_saved(
    saved: Path, form: Format, html: Path | None, output: Path | None, fail_on: FailOn | None, *, quiet: bool,
    verbose: int, color: Color,
) -> None:  # fmt: skip
    """Show a saved report again; ends the program."""
    check_writable(output, [str(saved)], "--output")
    check_writable(html, [str(saved)], "--html")
    loaded = load_report(saved)
    show(loaded, form=form, output=output, html=html, verbose=verbose, quiet=quiet, color=color)
    raise typer.Exit(exit_code(loaded, fail_on))


def _format(text: str) -> Format:
    """The format of a saved report.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return Format(text.strip().lower())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(Format)}", param_hint="--format") from error


def _timer(every: str, at: str, kind: str | None, wanted: Wanted, form: str, assess: str, *, write: bool) -> Exit:
    """Show or install what makes this report by itself."""
    import shlex

    from farmwatch.cli.timers import default_kind, install_timer, timer_commands
    from farmwatch.delivery.failing import DeliveryError
    from farmwatch.delivery.timers import Every, Kind, Timer

    try:
        often = Every(every)
        by = Kind(kind) if kind is not None else default_kind()
    except ValueError as error:
        raise typer.BadParameter(
            f"{error}: daily or weekly, by systemd, cron or windows", param_hint="--install-timer"
        ) from error
    try:
        more = shlex.split(assess)
    except ValueError as error:
        raise typer.BadParameter(f"{assess!r}: {error}", param_hint="--assess-with") from error
    commands = timer_commands(often, by, wanted, form, more)
    try:
        timer = Timer.of(often, at, commands)
    except DeliveryError as error:
        raise typer.BadParameter(str(error), param_hint="--install-timer") from error
    return install_timer(timer, by, write=write)
