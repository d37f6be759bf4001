"""``farmwatch store``: what the store holds, and its upkeep."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from farmwatch.cli.exits import Exit
from farmwatch.cli.options import AsJsonOption, StoreOption
from farmwatch.cli.streams import can_show, check_writable, talk, write_result

if TYPE_CHECKING:
    from farmwatch.store import Store
    from farmwatch.store.upkeep import Compacted

__all__ = ["HELP", "StoreOption", "app"]

HELP = "Look over, tidy and export what is stored, or forget a device."

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

TablesArgument = Annotated[list[str] | None, typer.Argument(metavar="[TABLE]...", help="Default: all tables.")]


class _Kind(StrEnum):
    """What a table is exported as."""

    PARQUET = "parquet"
    CSV = "csv"
    NDJSON = "ndjson"


def _open(url: str | None) -> Store:
    """The store named, which must be there."""
    from farmwatch.store import open_store

    return open_store(url, make=False)


def _write(text: str) -> None:
    write_result(text, None, encoding=sys.stdout.encoding or "ascii")


def _write_json(value: Any) -> None:
    _write(json.dumps(value, indent=1) + "\n")


def _write_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Columns in line; all but the first few to the right."""
    from farmwatch.reports.escape import terminal

    plain = not can_show(sys.stdout)
    lines = [[terminal(cell, ascii_only=plain) for cell in row] for row in (heads, *rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(heads))]
    _write(
        "".join(
            "  ".join(
                cell.ljust(width) if number < left else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            + "\n"
            for line in lines
        )
    )


def _size(count: int) -> str:
    """Bytes as people read them."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"


@app.command("stats")
def show_stats(store: StoreOption = None, as_json: AsJsonOption = False) -> None:
    """Show rows, size, days and devices of every table."""
    opened = _open(store)
    from farmwatch.store.stats import stats

    found = list(stats(opened))
    if as_json:
        _write_json({"store": opened.place.url, "tables": [asdict(one) for one in found]})
        return
    if not found:
        talk(f"{opened.place.url}: no tables yet")
        return
    rows = [
        (
            one.table, f"{one.rows:,}", "" if one.devices is None else f"{one.devices:,}", one.first_day or "",
            one.last_day or "", f"{one.files:,}", _size(one.bytes),
        )
        for one in found
    ]  # fmt: skip
    _write_table(("table", "rows", "devices", "first day", "last day", "files", "size"), rows)


@app.command("check")
def check_store(store: StoreOption = None, as_json: AsJsonOption = False) -> None:
    """Read everything once; list what is damaged, where, and what to do. Exit code 3 where something is."""
    opened = _open(store)
    from farmwatch.store.check import check

    faults = list(check(opened))
    if as_json:
        _write_json({"store": opened.place.url, "faults": [asdict(one) for one in faults]})
    else:
        from farmwatch.reports.escape import terminal

        lines = [f"{one.where}: {one.what}\n  {one.advice}" for one in faults]
        plain = not can_show(sys.stdout)
        _write("".join(terminal(part, ascii_only=plain) + "\n" for line in lines for part in line.split("\n")))
        talk(f"{len(faults)} faults" if faults else f"{opened.place.url}: {len(opened.tables())} tables, no faults")
    if faults:
        raise typer.Exit(Exit.PARTIAL)


@app.command("compact")
def compact_store(
    tables: TablesArgument = None,
    store: StoreOption = None,
    retain: Annotated[
        bool, typer.Option("--retain", help="Also remove days past their time: 180 days, or as --keep says.")
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="TABLE=DAYS", help="With --retain: days to keep a table, 0 for ever; * for the others."
        ),
    ] = None,
    clear_after: Annotated[
        int | None,
        typer.Option(
            "--clear-after",
            metavar="HOURS",
            min=0,
            help="Delete replaced files after so long. Default: 1; 24 for a URL.",
        ),
    ] = None,
    as_json: AsJsonOption = False,
) -> None:
    """Join small files into large ones, drop rows that are there twice, delete files replaced earlier.

    Readers and writers may go on meanwhile. Exit code 3 where a table could not be compacted.
    """
    from farmwatch.errors import StoreError

    rules = _rules(keep, retain=retain)
    opened = _open(store)
    from farmwatch.store.upkeep import compact, vacuum
    from farmwatch.store.upkeep import retain as remove_old

    for name in tables or ():
        if name not in opened.tables():
            raise typer.BadParameter(f"no table {name}; there are {', '.join(opened.tables()) or 'none yet'}")
    removed: dict[str, int] = {}
    cleared: dict[str, int] = {}
    done: list[Compacted] = []
    failed = False
    for name in tables or opened.tables():
        try:
            removed |= remove_old(opened, rules, tables=[name]) if retain else {}
            done += compact(opened, [name])
            cleared |= vacuum(opened, [name], hours=clear_after)
        except StoreError as error:
            talk(f"farmwatch: {error}")
            failed = True
    _show_compacted(opened, done, removed, cleared, as_json=as_json)
    if failed:
        raise typer.Exit(Exit.PARTIAL)


def _show_compacted(
    opened: Store, done: list[Compacted], removed: dict[str, int], cleared: dict[str, int], *, as_json: bool
) -> None:
    """What compaction did, table by table."""
    if as_json:
        rows = [
            {**asdict(one), "expired": removed.get(one.table, 0), "cleared": cleared.get(one.table, 0)} for one in done
        ]
        _write_json({"store": opened.place.url, "tables": rows})
        return
    if not done:
        talk(f"{opened.place.url}: no table compacted" if opened.tables() else f"{opened.place.url}: no tables yet")
        return
    _write_table(
        ("table", "files before", "after", "size before", "after", "rows twice", "rows expired", "files cleared"),
        [
            (
                one.table, f"{one.files_before:,}", f"{one.files_after:,}", _size(one.bytes_before),
                _size(one.bytes_after), f"{one.duplicates:,}", f"{removed.get(one.table, 0):,}",
                f"{cleared.get(one.table, 0):,}",
            )
            for one in done
        ],
    )  # fmt: skip


def _rules(keep: list[str] | None, *, retain: bool) -> dict[str, int]:
    """Days to keep, by table."""
    from farmwatch.store.lake import record_classes
    from farmwatch.store.upkeep import RETENTION_DAYS

    if keep and not retain:
        raise typer.BadParameter("needs --retain", param_hint="--keep")
    rules = dict(RETENTION_DAYS)
    known = sorted(record_classes())
    for text in keep or ():
        table, _, days = text.partition("=")
        if not table or not days.isdecimal():
            raise typer.BadParameter(f"{text!r}: write TABLE=DAYS, such as dns=90", param_hint="--keep")
        if table != "*" and table not in known:
            near = difflib.get_close_matches(table, known, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise typer.BadParameter(f"there is no table {table!r}{meant}", param_hint="--keep")
        rules[table] = int(days)
    return rules


@app.command("export")
def export_table(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, as 'farmwatch store stats' names it.")],
    store: StoreOption = None,
    kind: Annotated[
        _Kind | None, typer.Option("--format", "-f", help="Default: by the file's ending, else ndjson.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write; - is standard output, the default."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From this day or time (ISO 8601, UTC) on.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this one, not included.")] = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", metavar="DEVICE", help="Only this device. Repeatable.")
    ] = None,
) -> None:
    """Write the rows of a table as NDJSON, CSV or Parquet."""
    first, last = _moment(since, "--since"), _moment(until, "--until")
    check_writable(output, [], "--output")
    chosen = kind or _kind_of(output)
    to_terminal = (output is None or str(output) == "-") and sys.stdout.isatty()
    if to_terminal and chosen is _Kind.PARQUET:
        raise typer.BadParameter("Parquet is not shown on a terminal; name a file with -o", param_hint="--format")
    opened = _open(store)
    from farmwatch.store.export import ExportFormat, export

    with _output(output, escaped=to_terminal) as out:
        rows = export(
            opened, table, out, ExportFormat(chosen), since=first, until=last, device_ids=device or None
        )  # fmt: skip
    talk(f"{rows:,} rows")


def _moment(text: str | None, option: str) -> datetime | None:
    """A day or time as typed; UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-11-23 or 2026-11-23T14:30", param_hint=option
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _kind_of(output: Path | None) -> _Kind:
    """The format that a file's ending names."""
    endings = {".csv": _Kind.CSV, ".parquet": _Kind.PARQUET}
    return endings.get(output.suffix.lower(), _Kind.NDJSON) if output else _Kind.NDJSON


class _Escaped:
    """Standard output on a terminal: what would steer the terminal is written out."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(self, data: bytes) -> int:
        """Write UTF-8."""
        from farmwatch.reports.escape import terminal

        plain = not can_show(sys.stdout)
        text = "\n".join(terminal(line, ascii_only=plain) for line in self._decode(bytes(data)).split("\n"))
        sys.stdout.write(text)
        return len(data)

    closed = False

    def flush(self) -> None:
        """Write out what waits."""
        sys.stdout.flush()


@contextlib.contextmanager
def _output(path: Path | None, *, escaped: bool) -> Iterator[BinaryIO]:
    """Where an export goes; a file appears whole or not at all.

    Raises:
        typer.BadParameter: the file cannot be written.
    """
    if path is None or str(path) == "-":
        try:
            yield cast("BinaryIO", _Escaped() if escaped else sys.stdout.buffer)
            sys.stdout.flush()
        except BrokenPipeError:  # a reader that stops early is no error
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise typer.BadParameter(f"cannot write {path}: {error.strerror or error}") from error


@app.command("forget")
def forget_device(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A device id, written exactly as it is stored.")],
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    mentions: Annotated[
        bool, typer.Option("--mentions", help="Also remove rows about other devices that name this one.")
    ] = False,
    as_json: AsJsonOption = False,
) -> None:
    """Remove everything about a device, for good, and look whether its id is left anywhere in the store.

    With an object-store URL, stop what writes to it first. Exit code 3 where the id is left somewhere.
    """
    from farmwatch.errors import StoreError

    opened = _open(store)
    from farmwatch.store.forget import forget, known_rows
    from farmwatch.store.traces import traces

    rows, cases = known_rows(opened, device), opened.state.cases.about(device)
    if not rows and not cases and not (device and traces(opened, device)):
        raise StoreError(f"{opened.place.url}: nothing is stored about a device {device!r}; ids must match exactly")
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter(
                "nobody can be asked here (standard input is no terminal): add --yes", param_hint="--yes"
            )
        for table, count in rows.items():
            talk(f"  {count:,} rows of {table}")
        talk(f"  {cases} entries of the case state")
        if not typer.confirm(f"Remove all of it about {device} for good?", err=True):
            talk("nothing was removed")
            raise typer.Exit(Exit.USAGE)
    gone = forget(opened, device, mentions=mentions)
    if as_json:
        _write_json(asdict(gone))
    else:
        parts = [*gone.rows.items(), *((f"case state: {name}", count) for name, count in gone.state.items())]
        _write_table(("removed from", "rows"), [(name, f"{count:,}") for name, count in parts])
        for name in gone.left:
            talk(f"still named in {name}")
        talk("rows about other devices may name it; --mentions removes those too" if gone.left else "nothing is left")
    if gone.left:
        raise typer.Exit(Exit.PARTIAL)
