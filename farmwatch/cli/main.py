"""The entry point: registers the sub-commands and turns every way to fail into a message and an exit code.

Sub-command modules import nothing heavy at their top, so that ``farmwatch --version`` and completion stay quick.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from farmwatch.cli import (
    agent,
    assess,
    calibrate,
    capture,
    case,
    doctor,
    evaluate,
    explain,
    feeds,
    ingest,
    inspect,
    knowledge,
    osquery_pack,
    report,
    scan,
    schema,
    serve,
    simulate,
    store,
    token,
)  # fmt: skip
from farmwatch.cli.exits import EXIT_HELP, Exit, exit_for
from farmwatch.cli.streams import is_write_error, open_missing, talk
from farmwatch.errors import FarmwatchError

__all__ = ["app", "run"]

_HELP = f"""Is this company laptop driven by somebody who is not in front of it, from how far, and is it one of several?

\b
Start here:
  farmwatch scan suspect.pcapng
  farmwatch scan captures/ --html report.html

The result goes to standard output, talk goes to standard error. About devices, not people: a person decides.

{EXIT_HELP}
"""

app = typer.Typer(
    name="farmwatch",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("scan", help=scan.HELP, short_help="Judge the devices in captures.", no_args_is_help=True)(scan.scan)
app.command("assess", help=assess.HELP, short_help="Judge all devices of a store, and find farms.")(assess.assess)
app.add_typer(case.app, name="case", short_help="List what needs a person, and keep what people decide.")
app.command("calibrate", help=calibrate.HELP, short_help="Measure weights on labelled devices.")(calibrate.calibrate)
app.command("report", help=report.HELP, short_help="Make the morning report, or show a saved report again.")(
    report.report
)
app.command(
    "ingest", help=ingest.HELP, short_help="Take feeds of agents and logs into the store.", no_args_is_help=True
)(ingest.ingest)
app.command("feeds", help=feeds.HELP, short_help="List what can be taken in.")(feeds.feeds)
app.command("explain", help=explain.HELP, short_help="Explain a detector or a word of the report.")(explain.explain)
app.command(
    "inspect", help=inspect.HELP, short_help="Dissect one flow of a capture, headers only.", no_args_is_help=True
)(inspect.inspect)
app.command("capture", help=capture.HELP, short_help="Record an interface to pcap files.", no_args_is_help=True)(
    capture.capture
)
app.command(
    "simulate", help=simulate.HELP, short_help="Make a synthetic fleet with farms, as feeds.", no_args_is_help=True
)(simulate.simulate)
app.command("serve", help=serve.HELP, short_help="Take in records over HTTP.")(serve.serve)
app.add_typer(token.app, name="token", short_help="Make, list and revoke senders' tokens.")
app.add_typer(store.app, name="store", short_help="Look after the store: compact, check, export, forget.")
app.command("agent", help=agent.HELP, short_help="Send what other agents cannot see of this device.")(agent.agent)
app.command("osquery-pack", help=osquery_pack.HELP, short_help="Print the queries osquery is to run.")(
    osquery_pack.osquery_pack
)
app.add_typer(knowledge.app, name="knowledge", short_help="List, show and check what farmwatch knows.")
app.command(
    "evaluate", help=evaluate.HELP, short_help="Judge labelled captures and print a table.", no_args_is_help=True
)(evaluate.evaluate)
app.command("schema", help=schema.HELP, short_help="Print the JSON schema of the report.")(schema.schema)
app.command("doctor", help=doctor.HELP, short_help="Show what is installed and what is missing.")(doctor.doctor)


def _version(wanted: bool) -> None:
    """Print the version and end, before anything else is looked at."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"farmwatch {version('farmwatch')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Options before the sub-command."""


def run(arguments: list[str] | None = None) -> None:
    """The ``farmwatch`` command: run and exit with a code of :class:`farmwatch.cli.exits.Exit`.

    Args:
        arguments: What follows the program name; without it, the process's own.
    """
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    open_missing()
    try:
        app(args=given, prog_name="farmwatch")
    except KeyboardInterrupt:
        talk("interrupted")
        sys.exit(Exit.INTERRUPTED)
    except SystemExit as ended:
        if ended.code == Exit.INTERRUPTED:  # typer catches Ctrl-C itself and says nothing
            talk("interrupted")
        raise
    except FarmwatchError as error:
        if debug:
            traceback.print_exc()
        talk(f"farmwatch: {error}")
        sys.exit(exit_for(error))
    except Exception as error:  # noqa: BLE001 (the edge of the program: nothing above it could say it better)
        if isinstance(error, OSError) and is_write_error(error) and not debug:
            talk(f"farmwatch: the result cannot be written: {error.strerror}")
            sys.exit(Exit.USAGE)
        if debug:
            traceback.print_exc()
        else:
            talk(f"farmwatch: unexpected {type(error).__name__}: {error}")
            talk(
                "This is a bug. Run again with --debug before the sub-command, and report the traceback with the output"
            )
            talk("of 'farmwatch doctor' to whoever gave you farmwatch; do not send the capture.")
        sys.exit(Exit.BUG)
