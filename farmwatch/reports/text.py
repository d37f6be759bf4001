"""The terminal: the verdict first, then what proves it, what else could explain it, what was not seen, what to do next.

``verbose=1`` adds every finding and the scoring chain, ``verbose=2`` packet numbers, tables and each input. Everything
is escaped before it is laid out, so that a name in a capture can neither steer the terminal nor break a line.
"""

from __future__ import annotations

from farmwatch.records.finding import Outcome
from farmwatch.records.report import Device, Farm, InputFile, Level, Report
from farmwatch.reports import reading, text_evidence, wording
from farmwatch.reports.commands import inspect_command
from farmwatch.reports.page import Page

__all__ = ["render"]

_MOST_BROKEN = 10  # damaged inputs described before -v
_MOST_ITEMS = 5  # benign readings and blind spots shown before -v


def render(report: Report, *, width: int = 80, verbose: int = 0, color: bool = False, ascii_only: bool = False) -> str:
    """The report for a terminal.

    Args:
        report: What to show.
        width: Columns; below 60 counts as 60.
        verbose: 0 verdicts, 1 the whole evidence, 2 packet numbers, tables and inputs too.
        color: Colour by SGR sequences.
        ascii_only: ASCII instead of dashes and dots that the terminal cannot show.
    """
    page = Page(width=width, color=color, ascii_only=ascii_only)
    _summary(page, report)
    _inputs(page, report.inputs, verbose)
    if verbose > 1:
        text_evidence.inputs(page, report)
    for device in reading.ordered_devices(report):
        if reading.device_level(device) in {Level.STRONG, Level.REVIEW}:
            _device(page, device, report, verbose)
            if verbose:
                text_evidence.device(page, device, report, packets=verbose > 1)
    _farms(page, report)
    _quiet_devices(page, report, verbose)
    if verbose > 1:
        text_evidence.lans(page, report)
    _closing(page, report, verbose)
    return page.render()


def _summary(page: Page, report: Report) -> None:
    """The first lines: how many devices at which level, and what was read."""
    counts = dict.fromkeys(Level, 0)
    for device in report.devices:
        counts[reading.device_level(device)] += 1
    total = wording.plural(len(report.devices), "device")
    words = [("", f"{counts[level]} {_level_word(level)}", str(level)) for level in Level if counts[level]]
    page.row(f"{total}:" if report.devices else "No device found.", words, indent=2, flush=False)
    page.say(wording.scope(report))


def _inputs(page: Page, inputs: tuple[InputFile, ...], verbose: int) -> None:
    """Inputs that lost something, loudly; many of them are counted instead of drowning the verdict."""
    broken = [entry for entry in inputs if reading.unreadable(entry) or reading.damaged(entry)]
    shown = broken if verbose else broken[:_MOST_BROKEN]
    for entry in shown:
        if reading.unreadable(entry):
            page.say(f"{entry.path}: {entry.error}", label="UNREADABLE", style="alarm", hang=2)
        else:
            page.say(
                f"{entry.path}: {'; '.join(wording.losses(entry)) or 'part of it could not be read'}. Conclusions rest "
                f"on the {wording.plural(entry.packets, 'packet')} that could be read.",
                label="DAMAGED",
                style="alarm",
                hang=2,
            )
    if len(broken) > len(shown):
        page.say(f"{wording.plural(len(broken) - len(shown), 'more input')} damaged or unreadable (-v lists them).")


def _device(page: Page, device: Device, report: Report, verbose: int) -> None:
    """One device that needs a person: levels, proof, other explanations, blind spots, next steps."""
    page.blank()
    page.row(
        _heading(device),
        [(f"{claim}: ", _level_word(c.level), str(c.level)) for claim, c in reading.claims(device)],
        indent=2,
    )
    if len(device.names) > 1:
        page.say(wording.joined(device.names[1:]), indent=2, label="Also named:")
    page.say(verdict(device), indent=2, style="bold")
    shown = reading.proof(device)
    for finding in shown:
        page.say(finding.summary, indent=2, label="•")
    for session in reading.ordered_sessions(device)[: 3 - len(shown)]:
        page.say(wording.session_sentence(session), indent=2, label="•")
    if device.benign_considered:
        page.say(_some(device.benign_considered, verbose), indent=2, label="Benign readings considered:", hang=4)
    if device.not_looked_at:
        page.say(_some(device.not_looked_at, verbose), indent=2, label="Not looked at:", hang=4)
    _next_steps(page, device, report)


def _some(items: tuple[str, ...], verbose: int) -> str:
    """A list in one paragraph; a long one is cut with the number left out, except in the long form."""
    if verbose or len(items) <= _MOST_ITEMS:
        return "; ".join(items)
    return f"{'; '.join(items[:_MOST_ITEMS])}; and {len(items) - _MOST_ITEMS} more (-v)"


def _level_word(level: Level) -> str:
    """A level as the heading shows it: those that ask for a person in capitals, readable without colour."""
    return str(level).upper() if level in {Level.STRONG, Level.REVIEW} else str(level)


def _heading(device: Device) -> str:
    """Name, first address and shortened MAC of a device."""
    name = wording.shortened(reading.title(device))
    rest = [text for text in (*device.ips[:1], *(wording.short_mac(mac) for mac in device.macs[:1])) if text != name]
    return "   ".join([name, *rest])


def verdict(device: Device) -> str:
    """The verdict in words: the claims that ask for a person, *driven* in any case."""
    said = [
        wording.verdict_sentence(claim, assessed.level)
        for number, (claim, assessed) in enumerate(reading.claims(device))
        if number == 0 or assessed.level in {Level.STRONG, Level.REVIEW}
    ]
    return " ".join(said)


def _next_steps(page: Page, device: Device, report: Report) -> None:
    """What to do, numbered; the last step is the command that shows the first session's packets."""
    for number, step in enumerate(device.next_steps, 1):
        page.say(step, indent=2, label=f"Next {number}.")
    command = inspect_command(device, report)
    if command:
        page.say("look at the packets of the first session:", indent=2, label=f"Next {len(device.next_steps) + 1}.")
        page.verbatim(command, indent=10)


def _farms(page: Page, report: Report) -> None:
    """Groups of devices and what ties them."""
    titles = reading.device_titles(report)
    for farm in reading.ordered_farms(report):
        page.blank()
        _farm(page, farm, titles)


def _farm(page: Page, farm: Farm, titles: dict[str, str]) -> None:
    """One farm: members, what ties them, what would overturn it."""
    level = farm.assessment.level
    page.row(
        f"Farm {farm.farm_id}: {wording.plural(len(farm.devices), 'device')}",
        [("farm: ", _level_word(level), str(level))],
        indent=2,
    )
    page.say(wording.joined(reading.members(farm, titles), 12), indent=2, label="Devices:")
    if farm.summary:
        page.say(farm.summary, indent=2, style="bold")
    for link in sorted(farm.links, key=lambda found: (-found.decibans, found.attribute, found.value)):
        page.say(
            f"{link.attribute.replace('_', ' ')} {link.value}: shared by {len(link.devices)} "
            f"({wording.decibans(link.decibans)} decibans)",
            indent=2,
            label="•",
        )
    if farm.assessment.overturn:
        page.say(farm.assessment.overturn, indent=2, label="Would overturn it:", hang=4)


def _quiet_devices(page: Page, report: Report, verbose: int) -> None:
    """Devices that ask for nobody: clear ones in one line, those with too little data in another."""
    page.blank()
    for level in (Level.CLEAR, Level.NOT_ENOUGH_DATA):
        quiet = [device for device in reading.ordered_devices(report) if reading.device_level(device) is level]
        if not quiet:
            continue
        names = wording.joined([reading.title(device) for device in quiet], 8)
        page.say(
            f"{names}{_blind(quiet) if level is Level.CLEAR else ''}",
            label=f"{wording.plural(len(quiet), 'device')}: {level}.",
            style=str(level),
            hang=2,
        )
        if verbose:
            for device in quiet:
                page.blank()
                page.row(
                    _heading(device),
                    [(f"{claim}: ", str(c.level), str(c.level)) for claim, c in reading.claims(device)],
                    indent=2,
                )
                text_evidence.device(page, device, report, packets=verbose > 1)
            page.blank()


def _blind(quiet: list[Device]) -> str:
    """For clear devices: which other claims had too little data."""
    missing = [
        f"{claim} not judged for {count if count < len(quiet) else 'all' if len(quiet) > 1 else 'it'}"
        for index, claim in ((1, "abroad"), (2, "farm"))
        if (count := sum(reading.claims(device)[index][1].level is Level.NOT_ENOUGH_DATA for device in quiet))
    ]
    return f" ({', '.join(missing)}: not enough data)" if missing else ""


def _closing(page: Page, report: Report, verbose: int) -> None:
    """Notes of the run, the limits, and where to read on."""
    page.blank()
    for note in report.notes:
        page.say(note, label="Note:")
    if report.inputs:
        for limit in wording.limits(report.inputs):
            page.say(limit, style="dim")
    if not any("person decides" in note for note in report.notes):
        page.say("About devices, not people: a person decides.", style="dim")
    unseen = sum(finding.outcome is Outcome.NO_DATA for device in report.devices for finding in device.findings)
    if not verbose:
        more = f"; {wording.plural(unseen, 'check')} had no data" if unseen else ""
        page.say(f"Full evidence: -v, -vv or --html report.html{more}", style="dim")
