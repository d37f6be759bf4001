"""``farmwatch ingest``: what agents, sensors and sign-in logs already wrote, taken into the store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from farmwatch.cli import options
from farmwatch.cli.exits import EXIT_HELP, Exit
from farmwatch.cli.streams import can_show, talk, write_result

if TYPE_CHECKING:
    from farmwatch.intake import InputAccount, Intake

__all__ = ["HELP", "ingest"]

HELP = f"""Take what agents, sensors and sign-in logs already wrote into the store.

Reads osquery results, Windows events (EVTX, JSON, XML), Defender, CrowdStrike, Entra, Okta, VPN logs, Zeek, Suricata,
remote-tool logs, a roster and more; 'farmwatch feeds' lists them. A FILE may be a folder (read at any depth), a zip
archive, a pattern, or - for standard input; .gz and .zst are unpacked. What a file is, its content says.

Every record is accounted for: used, rejected with its reason, or not needed. Handing over the same file twice stores
nothing twice.

\b
Examples:
  farmwatch ingest osqueryd.results.log okta-export.json.gz
  farmwatch ingest evidence/ --store /srv/farmwatch
  farmwatch ingest roster.csv
  farmwatch ingest ad.trace --device acme-lt-0142
  zcat conn.log.gz | farmwatch ingest - --kind zeek

{EXIT_HELP}
"""  #: text of ``farmwatch ingest --help``


def ingest(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Files, folders, archives, patterns, or -.", show_default=False)
    ],
    store: options.StoreOption = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="What all files are. Default: their content says.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="ID", help="Device of files that do not name theirs, such as ad.trace."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, store nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write the account of each file as JSON.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No account of each file, no talk on standard error but errors.")
    ] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="The first faults of each file.")
    ] = 0,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Take files of feeds into the store."""
    if "-" in files and sys.stdin.isatty():
        raise typer.BadParameter("standard input is a terminal; pipe a file into it", param_hint="FILE")
    _check_kind(kind)
    for path in files:
        if path != "-" and not Path(path).exists() and not any(sign in path for sign in "*?["):
            raise typer.BadParameter(f"no file or folder {path}", param_hint="FILE")
    from farmwatch.cli.progress import progress_bar
    from farmwatch.intake import Intake
    from farmwatch.store import default_store, open_store

    place = store or default_store()
    lake = None if dry_run else open_store(place)
    accounts: list[InputAccount] = []
    with progress_bar(_listed(files), wanted=not (quiet or no_progress)) as advance, Intake(lake) as intake:
        accounts.extend(intake.take(files, kind=kind, device_id=device, progress=advance))
    if json:
        write_result(_document(accounts, intake, None if dry_run else place), None, encoding="utf-8")
    elif not quiet:
        write_result(_text(accounts, intake, None if dry_run else place, verbose), None, encoding=sys.stdout.encoding)
    for account in accounts:
        if account.error and (json or quiet or not account.records):
            talk(f"{account.name}: {account.error}")
        if account.rejected and quiet and not json:
            talk(f"{account.name}: {account.rejected:,} of {account.records:,} records rejected")
    if not accounts:
        talk("nothing to read: the folders are empty")
    if not quiet and not json and not verbose and any(account.faults for account in accounts):
        talk("-v shows why records were rejected" + ("" if dry_run else "; the table feed_rejects keeps every reason"))
    raise typer.Exit(_code(accounts))


def _check_kind(kind: str | None) -> None:
    if kind is None:
        return
    from farmwatch.collectors.feeds.registry import feed_of

    try:
        feed_of(kind)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--kind") from error


def _listed(files: list[str]) -> list[str]:
    """The files themselves, for the bar's total."""
    return [
        str(inside)
        for path in files
        for inside in (sorted(Path(path).rglob("*")) if path != "-" and Path(path).is_dir() else [Path(path)])
        if str(inside) == "-" or inside.is_file()
    ]


def _code(accounts: list[InputAccount]) -> Exit:
    """Nothing read at all: 5; some input unreadable, cut or with rejected records: 3."""
    if not any(account.records for account in accounts):
        return Exit.NOTHING if not accounts or any(account.error for account in accounts) else Exit.OK
    return Exit.PARTIAL if any(account.error or account.rejected for account in accounts) else Exit.OK


def _text(accounts: list[InputAccount], intake: Intake, place: str | None, verbose: int) -> str:
    from farmwatch.reports.escape import terminal

    plain = not can_show(sys.stdout)
    lines = []
    for account in accounts:
        what = account.kind or "not read"
        lines.append(f"{terminal(account.name, ascii_only=plain)}  ({what})")
        if account.kind:
            parts = [f"{account.records:,} records: {account.used:,} used"]
            if account.rejected:
                parts.append(f"{account.rejected:,} rejected")
            if account.unneeded:
                parts.append(f"{account.unneeded.total():,} not needed")
            lines.append("  " + ", ".join(parts))
        if account.error and account.records:
            lines.append(f"  not read to its end: {terminal(account.error, ascii_only=plain)}")
        if account.dropped:
            lines.append("  never kept: " + ", ".join(_counted(account.dropped, plain)))
        if verbose:
            lines += [
                f"  rejected {fault.count:,}"
                + (f" at {fault.offset:,}" if fault.offset else "")
                + f": {terminal(fault.reason, ascii_only=plain)}"
                for fault in account.faults
            ]
            lines += [f"  not needed {part}" for part in _counted(account.unneeded, plain)]
    lines.append("")
    if not (intake.stored.total() or intake.duplicates.total()):
        lines.append("no rows")
    elif place is None:
        lines.append("would store (nothing was): " + ", ".join(_counted(intake.stored, plain)))
    else:
        lines.append(
            f"stored in {terminal(place, ascii_only=plain)}: "
            + (", ".join(_counted(intake.stored, plain)) or "nothing new")
        )
    if intake.duplicates.total():
        lines.append("there already: " + ", ".join(_counted(intake.duplicates, plain)))
    return "\n".join(lines) + "\n"


def _counted(counter: Any, plain: bool) -> list[str]:
    from farmwatch.reports.escape import terminal

    return [f"{terminal(name, ascii_only=plain)} {count:,}" for name, count in sorted(counter.items()) if count]


def _document(accounts: list[InputAccount], intake: Intake, place: str | None) -> str:
    import json

    document = {
        "store": place,
        "stored": dict(sorted(intake.stored.items())),
        "duplicates": dict(sorted(intake.duplicates.items())),
        "inputs": [
            {
                "name": account.name,
                "kind": account.kind or None,
                "error": account.error or None,
                "records": account.records,
                "used": account.used,
                "rejected": account.rejected,
                "not_needed": dict(sorted(account.unneeded.items())),
                "never_kept": dict(sorted(account.dropped.items())),
                "rows": dict(sorted(account.rows.items())),
                "faults": [
                    {"reason": fault.reason, "at": fault.offset, "count": fault.count} for fault in account.faults
                ],
            }
            for account in accounts
        ],
    }
    return json.dumps(document, indent=1) + "\n"
