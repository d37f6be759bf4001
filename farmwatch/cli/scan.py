"""``farmwatch scan``: captures in, a verdict per device out."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.exits import EXIT_HELP
from farmwatch.cli.inputs import expand
from farmwatch.cli.showing import Format, exit_code, show
from farmwatch.cli.streams import Color, check_writable

if TYPE_CHECKING:
    from farmwatch.analysis.profile import Profile
    from farmwatch.records import Report

__all__ = ["HELP", "scan"]

HELP = f"""Judge the devices in captures: who is driven by somebody else, from how far, and who belongs together.

Reads pcap and pcapng, and the logs of Zeek and Suricata (those of a folder are one input), also .gz and .zst. A FILE
may be a folder (read at any depth), a pattern, or - for standard input.

\b
Examples:
  farmwatch scan suspect.pcapng
  farmwatch scan captures/ --html report.html
  farmwatch scan /opt/zeek/logs/2026-11-02/ eve.json
  tcpdump -w - -c 100000 | farmwatch scan -
  farmwatch scan 'site-*.pcap.zst' --profile acme.toml --json -o report.json
  farmwatch scan today.pcap -q --fail-on strong || page-somebody
  farmwatch scan today.pcap --store /srv/farmwatch

{EXIT_HELP}
"""  #: text of ``farmwatch scan --help``


class Vantage(StrEnum):
    """Where a capture was made."""

    AUTO = "auto"
    HOST = "host"
    LAN = "lan"
    GATEWAY = "gateway"


def scan(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Captures, sensor logs, folders, patterns, or -.", show_default=False),
    ],
    html: options.HtmlOption = None,
    json: options.JsonOption = False,
    form: options.FormatOption = Format.TEXT,
    output: options.OutputOption = None,
    profile: options.ProfileOption = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", metavar="MAC|IP|NAME", help="Judge only this device. Repeatable. Default: all."),
    ] = None,
    site: Annotated[
        list[str] | None,
        typer.Option("--site", metavar="CIDR", help="A local network. Repeatable. Default: private ranges."),
    ] = None,
    corporate: Annotated[
        list[str] | None,
        typer.Option(
            "--corporate", metavar="CIDR|DOMAIN|TOOL", help="A network, domain or approved tool of yours. Repeatable."
        ),
    ] = None,
    knowledge: options.KnowledgeOption = None,
    vantage: Annotated[
        Vantage, typer.Option("--vantage", help="Where it was captured; auto judges by the traffic.")
    ] = Vantage.AUTO,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="FOLDER|URL", help="Keep each device's result in a store, beside its telemetry."
        ),
    ] = None,
    fail_on: options.FailOnOption = None,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = 0,
    color: options.ColorOption = Color.AUTO,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", metavar="N", min=0, help="Processes that read files; 0 for one per processor, no bar then."
        ),
    ] = 1,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Judge the devices in captures."""
    paths = expand(files)
    check_writable(output, paths, "--output")
    check_writable(html, paths, "--html")
    if html is not None and html == output:
        raise typer.BadParameter("--html and --output name the same file; --format html -o FILE writes HTML alone")
    if "-" in paths and sys.stdin.isatty():
        raise typer.BadParameter("standard input is a terminal; pipe a capture into it", param_hint="FILE")
    declared = _profile(profile, device or [], site or [], corporate or [], vantage)

    import gc

    import farmwatch
    from farmwatch.cli.declared import check_devices, warn_of_unknown_tools
    from farmwatch.cli.progress import progress_bar, tell_of_compiling

    if declared is not None:
        warn_of_unknown_tools(declared, knowledge or ())
    if not quiet:
        tell_of_compiling(paths)
    gc.set_threshold(1_000_000, 20, 20)  # many small lasting objects, hardly a cycle: searching is in vain
    with progress_bar(paths, wanted=jobs == 1 and not (quiet or no_progress)) as advance:
        report = farmwatch.scan(paths, profile=declared, knowledge=knowledge or (), progress=advance, jobs=jobs)
    if declared is not None and declared.only_devices:
        anyone = replace(declared, only_devices=())
        again = None if "-" in paths else lambda: farmwatch.scan(paths, profile=anyone, knowledge=knowledge or ())
        check_devices(report, declared.only_devices, again)
    if store is not None:
        _keep(report, store, quiet=quiet)
    show(
        report,
        form=Format.JSON if json else form,
        output=output,
        html=html,
        verbose=verbose,
        quiet=quiet,
        color=color,
    )
    gc.freeze()  # the process ends here: nothing is left to search for cycles
    raise typer.Exit(exit_code(report, fail_on))


def _keep(report: Report, store: str, *, quiet: bool) -> None:
    """Put the result into a store.

    Raises:
        StoreError: the store cannot take it.
    """
    from datetime import UTC, datetime

    from farmwatch.cli.streams import talk
    from farmwatch.records import ScannedDevice
    from farmwatch.records.arrow import to_arrow
    from farmwatch.reports.kept import device_rows
    from farmwatch.store import open_store

    rows = to_arrow(device_rows(report))
    done = open_store(store).append(
        {ScannedDevice: rows}, feed="scan", sender="command line", received=datetime.now(UTC)
    )
    new, known = done.rows.get(ScannedDevice.table, 0), done.duplicates.get(ScannedDevice.table, 0)
    talk(f"kept in {store}: {new} device results" + (f", {known} there already" if known else ""), quiet=quiet)


def _profile(
    path: Path | None, devices: list[str], sites: list[str], corporate: list[str], vantage: Vantage
) -> Profile | None:
    """The declared profile with the command line's additions.

    Raises:
        ProfileError: the file breaks its rules.
        typer.BadParameter: an option's value cannot be understood.
    """
    chosen = None if vantage is Vantage.AUTO else str(vantage)
    if path is None and not (devices or sites or corporate or chosen):
        return None
    from farmwatch.analysis.profile import Profile, load_profile
    from farmwatch.errors import ProfileError

    declared = load_profile(path) if path is not None else Profile()
    try:
        return declared.with_options(devices=devices, sites=sites, corporate=corporate, vantage=chosen)
    except ProfileError as error:
        raise typer.BadParameter("; ".join(error.faults)) from error
