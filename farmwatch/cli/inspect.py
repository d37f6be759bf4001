"""``farmwatch inspect``: one flow of a capture, dissected by tshark, headers only."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.exits import Exit
from farmwatch.cli.saved import load_report
from farmwatch.cli.streams import Color, can_show, talk, use_color, width, write_result
from farmwatch.errors import SourceError

if TYPE_CHECKING:
    from farmwatch.cli.dissect import Dissected, FlowFilter
    from farmwatch.records.report import Report
    from farmwatch.reports.page import Page

__all__ = ["HELP", "inspect"]

_MOST_FACTS = 12  # facts of the handshake in the overview
_PLAIN = re.compile(r"^(?:(?:SYN|ACK|PSH|FIN|RST|URG|ECE|CWR)(?:, )?)+$|bytes of data$")  # of every packet, no news

HELP = """Dissect one flow of a capture with tshark: header fields only, never payload, keys or screen content.

A flow is named by its ends (tcp/10.0.0.5:50111-198.51.100.7:443; IPv6 in brackets), by a session of a report (S1), or
by any of its packets (--packet). Shown are its ends, what its handshake says and a line per packet; -v shows every
header field.

\b
Examples:
  farmwatch inspect suspect.pcapng --flow tcp/10.0.0.55:50111-198.51.100.7:443
  farmwatch inspect suspect.pcapng --flow S1 --report saved.json
  farmwatch inspect suspect.pcapng --packet 1024 --limit 20

Needs tshark, which comes with Wireshark.
"""  #: text of ``farmwatch inspect --help``


def inspect(
    capture: Annotated[Path, typer.Argument(metavar="CAPTURE", help="The capture file.", exists=True, dir_okay=False)],
    flow: Annotated[
        str | None, typer.Option("--flow", metavar="ID", help="Two ends, or a session id of a report.")
    ] = None,
    packet: Annotated[
        int | None, typer.Option("--packet", metavar="N", min=1, help="A packet of the flow, counted from 1.")
    ] = None,
    saved: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="SAVED", help="Report the session id is from. Default: scan the capture again."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Packets shown at most.")] = 40,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every header field of each packet.")] = False,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Dissect one flow of a capture."""
    from farmwatch.cli import dissect
    from farmwatch.reports.page import Page

    if (flow is None) == (packet is None):
        raise typer.BadParameter("name the flow by either --flow or --packet")
    wanted = dissect.flow_of_packet(capture, packet) if packet is not None else _flow(flow or "", capture, saved)
    if wanted is None:
        raise typer.BadParameter(f"packet {packet} of {capture} is not part of a TCP or UDP flow")
    page = Page(width=width(sys.stdout), color=use_color(color, sys.stdout), ascii_only=not can_show(sys.stdout))
    (a, ap), (b, bp) = wanted.ends
    page.say(f"{wanted.protocol or 'tcp or udp'} {a} port {ap} and {b} port {bp} in {capture}", style="bold")
    packets: list[Dissected] = []
    broken = None
    try:
        for dissected in dissect.dissect(capture, wanted, limit):
            packets.append(dissected)  # noqa: PERF402 (what came before a fault is kept)
    except SourceError as error:
        if not packets:
            raise
        broken = error
    if verbose:
        for one in packets:
            _packet(page, one)
    elif packets:
        _overview(page, wanted, packets)
    page.blank()
    more = f"; there may be more: --limit {limit * 10}" if len(packets) == limit else ""
    fields = "Header fields only." if verbose else "-v shows all header fields."
    page.say(
        f"{len(packets)} packets shown{more}. {fields}" if packets else "No packet of this flow in the capture.",
        style="dim",
    )
    write_result(page.render(), None, encoding=sys.stdout.encoding or "ascii")
    if broken is not None:
        talk(f"farmwatch: {broken}")
        raise typer.Exit(Exit.PARTIAL)


def _flow(text: str, capture: Path, saved: Path | None) -> FlowFilter:
    """A flow by its ends, or by a session of a report.

    Raises:
        typer.BadParameter: it is neither.
    """
    from farmwatch.cli.dissect import parse_flow
    from farmwatch.reports.escape import visible

    flow = parse_flow(text)
    if flow is not None:
        return flow
    report = load_report(saved) if saved is not None else _scanned(capture)
    sessions = {session.session_id: session for device in report.devices for session in device.sessions}
    session = sessions.get(text)
    if session is None:
        known = visible(", ".join(list(sessions)[:8])) or "none"
        raise typer.BadParameter(
            f"{visible(text)} is neither PROTO/ADDRESS:PORT-ADDRESS:PORT nor a session of the report "
            f"(sessions: {known})",
            param_hint="--flow",
        )
    flow = parse_flow(f"{session.protocol}/{session.local}-{session.remote}")
    if flow is None:
        raise typer.BadParameter(f"session {text} has no addresses to filter by", param_hint="--flow")
    return flow


def _scanned(capture: Path) -> Report:
    """A fresh report about the capture, to look sessions up in."""
    import farmwatch

    return farmwatch.scan([str(capture)])


def _overview(page: Page, flow: FlowFilter, packets: list[Dissected]) -> None:
    """A flow at a glance: what its handshake says, and a line per packet."""
    (a, ap), (b, bp) = flow.ends
    said = dict.fromkeys(fact for one in packets for fact in one.headline() if not _PLAIN.search(fact))
    if said:
        shown = list(said)[:_MOST_FACTS]
        more = f"; and {len(said) - len(shown)} more" if len(said) > len(shown) else ""
        page.say(f"{'; '.join(shown)}{more}", label="Handshake:", style="bold", hang=2)
    page.say(f"> from {a} port {ap}, < from {b} port {bp}", style="dim")
    page.blank()
    for one in packets:
        facts = ", ".join(one.headline()) or " ".join(one.layers)
        page.say(
            f"{_at(one)}  {'>' if one.forward else '<'}  {one.length:>5} bytes  {facts}",
            label=f"{one.number:>8}",
            hang=28,
        )


def _at(dissected: Dissected) -> str:
    """Time of day of a packet, UTC."""
    try:
        return f"{datetime.fromtimestamp(float(dissected.time), UTC):%H:%M:%S.%f}"
    except ValueError:
        return dissected.time


def _packet(page: Page, dissected: Dissected) -> None:
    """One packet: a line, and its fields by layer."""
    layers = " ".join(dissected.layers)
    page.blank()
    page.say(f"{_at(dissected)}  {dissected.length} bytes  {layers}", label=f"packet {dissected.number}", style="bold")
    for layer, fields in dissected.fields:
        page.say(layer, indent=2, style="bold")
        for field in fields:
            page.say(field, indent=4, hang=6)
