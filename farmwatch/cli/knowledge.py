"""``farmwatch knowledge``: what tools, KVMs, VPNs and places look like, as shipped and as the user adds."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli.options import KnowledgeOption
from farmwatch.cli.streams import can_show, check_writable, talk, width, write_result

if TYPE_CHECKING:
    from farmwatch.knowledge import Entry
    from farmwatch.reports.page import Page

__all__ = ["app"]

app = typer.Typer(
    help="List, show, check and import what farmwatch knows of tools, KVMs, VPNs and places.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _page() -> Page:
    """A page for standard output."""
    from farmwatch.reports.page import Page

    return Page(width=width(sys.stdout), color=False, ascii_only=not can_show(sys.stdout))


@app.command("list")
def list_entries(
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only this kind, such as kvm or vpn. Default: all.")
    ] = None,
    own: KnowledgeOption = None,
) -> None:
    """List all entries: id, kind and name, one a line, tab-separated."""
    from farmwatch.knowledge import Kind, load_knowledge
    from farmwatch.reports.escape import terminal

    if kind is not None and kind not in list(Kind):
        raise typer.BadParameter(f"no kind {kind!r}; there are {', '.join(Kind)}", param_hint="--kind")
    entries = load_knowledge(own or ()).complete
    lines = [
        "\t".join((entry.id, str(entry.kind), terminal(entry.name))) + "\n"
        for _, entry in sorted(entries.items())
        if kind is None or entry.kind == kind
    ]
    write_result("".join(lines), None, encoding=sys.stdout.encoding or "ascii")


@app.command("show")
def show_entry(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="An id from 'farmwatch knowledge list', or a product's name.")
    ],
    own: KnowledgeOption = None,
) -> None:
    """Show one entry with every fact, its grade and its source."""
    from farmwatch.knowledge import load_knowledge

    known = load_knowledge(own or ())
    entry = known.find(name)
    if entry is None:
        near = difflib.get_close_matches(name.lower(), list(known.complete), n=3)
        raise typer.BadParameter(f"no entry {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
    page = _page()
    _entry(page, entry)
    for beacon in known.beacons:
        if beacon.entry == entry.id:
            asked = ", ".join(f"{host}:{port}" for host, port in beacon.servers)
            page.say(
                f"tests its NAT with {asked} every {beacon.period_low_s:g} to {beacon.period_high_s:g} s "
                f"(grade {beacon.grade}; {beacon.source})",
                label="idle:", indent=2, hang=6,
            )  # fmt: skip
    for mtu in known.tunnel_mtus:
        if mtu.entry == entry.id:
            page.say(
                f"{mtu.mtu} bytes, so an MSS of {mtu.mss_ipv4} over IPv4 and {mtu.mss_ipv6} over IPv6 "
                f"(grade {mtu.grade}; {mtu.source})",
                label="tunnel MTU:", indent=2, hang=6,
            )  # fmt: skip
    write_result(page.render(), None, encoding=sys.stdout.encoding or "ascii")


def _entry(page: Page, entry: Entry) -> None:
    """One entry and its facts, grouped by where they are seen."""
    page.say(f"{entry.name} ({entry.kind}, {entry.vendor})", label=f"{entry.id}:")
    page.say("yes" if entry.unattended else "no", label="Usable with nobody at the machine:", indent=2)
    for label, text in (
        ("Also called:", ", ".join(entry.aliases)),
        ("Benign reasons:", "; ".join(entry.benign)),
        ("Note:", entry.note),
    ):
        if text:
            page.say(text, label=label, indent=2, hang=4)
    for fact in entry.facts:
        alone = "fires alone" if fact.alone else "supports only"
        alone += ", starts with each session" if fact.each_session else ""
        note = f"; {fact.note}" if fact.note else ""
        page.say(
            f"{fact.value} ({fact.sign}, {fact.side}, grade {fact.grade}, {alone}; {fact.source}{note})",
            label=f"{fact.layer}:",
            indent=2,
            hang=6,
        )


@app.command("check")
def check_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Own knowledge files to check.", exists=True, dir_okay=False)
    ],
) -> None:
    """Check own knowledge files; all faults are listed and the exit code is 4 where there are any."""
    from farmwatch.knowledge import load_knowledge

    entries = load_knowledge(files).complete
    talk(f"no faults; {len(entries)} entries with the shipped ones")


@app.command("import")
def import_export(
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="A LOLRMM export, .json or .csv.", exists=True, dir_okay=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Knowledge file to write. Default: standard output."),
    ] = None,
    own: KnowledgeOption = None,
) -> None:
    """Turn a LOLRMM export into a knowledge file of what is not known yet; use it with --knowledge."""
    from farmwatch.knowledge import load_knowledge
    from farmwatch.knowledge.lolrmm import import_lolrmm

    check_writable(output, [str(export)], "--output")
    text, summary = import_lolrmm(export, load_knowledge(own or ()))
    write_result(text, output)
    left_out = ", ".join(f"{count} {reason}" for reason, count in summary.left_out.most_common())
    talk(
        f"{summary.tools} tools: {summary.facts} new facts for {summary.new_entries} new and "
        f"{summary.extended_entries} known entries; left out: {left_out or 'nothing'}"
    )
