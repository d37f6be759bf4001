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
_LEAST_PROOF = 3  # lines that prove a verdict: sessions fill up where fewer findings do
_MOST_HINTS = 3  # hits named of a clear device
_MOST_QUIET = 20  # clear devices with something to say of them listed before -v
_MOST_LINKS = 6  # shared attributes of a farm shown before -v
_LONG_LINES = 60  # a page longer than this repeats its first line at the end


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
    _counts(page, report)
    page.say(wording.scope(report))
    _inputs(page, report.inputs, verbose)
    if verbose > 1:
        text_evidence.inputs(page, report)
    for device in reading.ordered_devices(report):
        if reading.device_level(device) in {Level.STRONG, Level.REVIEW}:
            _device(page, device, report, verbose)
            if verbose:
                text_evidence.device(page, device, report, packets=verbose > 1)
    _farms(page, report, verbose)
    _quiet_devices(page, report, verbose)
    if verbose > 1:
        text_evidence.lans(page, report)
    _closing(page, report, verbose)
    return page.render()


def _counts(page: Page, report: Report) -> None:
    """The first line: how many devices at which level."""
    counts = dict.fromkeys(Level, 0)
    if report.telemetry is not None:
        counts |= {Level(level): count for level, count in report.telemetry.levels.items()}
    else:
        for device in report.devices:
            counts[reading.device_level(device)] += 1
    judged = len(report.devices) if report.telemetry is None else report.telemetry.devices
    total = wording.plural(judged, "device")
    words = [("", f"{counts[level]} {_level_word(level)}", str(level)) for level in Level if counts[level]]
    page.row(f"{total}:" if judged else "No device found.", words, indent=2, flush=False)


def _inputs(page: Page, inputs: tuple[InputFile, ...], verbose: int) -> None:
    """Inputs that lost something, loudly; many of them are counted instead of drowning the verdict."""
    broken = [entry for entry in inputs if reading.unreadable(entry) or reading.damaged(entry)]
    shown = broken if verbose else broken[:_MOST_BROKEN]
    for entry in shown:
        if reading.unreadable(entry):
            page.say(
                f"{wording.place(entry.path)}: {wording.complaint(entry.error or '')}",
                label="UNREADABLE",
                style="alarm",
                hang=2,
            )
        else:
            lost = "; ".join(wording.losses(entry)) or "part of it could not be read"
            page.say(
                f"{wording.place(entry.path)}: {lost}. Conclusions rest on the "
                f"{wording.amount(entry)} that could be read.",
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
    _seen(page, device, report)
    page.say(wording.verdict(device), indent=2, style="bold")
    shown = reading.proof(device)
    for finding in shown:
        page.say(finding.summary, indent=2, label="•")
    for session in reading.ordered_sessions(device)[: max(_LEAST_PROOF - len(shown), 0)]:
        page.say(wording.session_sentence(session), indent=2, label="•")
    if device.benign_considered:
        page.say(_some(device.benign_considered, verbose), indent=2, label="Benign readings considered:", hang=4)
    if device.not_looked_at:
        page.say(_some(device.not_looked_at, verbose), indent=2, label="Not looked at:", hang=4)
    _next_steps(page, device, report)


def _seen(page: Page, device: Device, report: Report) -> None:
    """Where a device comes from, where several inputs were read: files and the time from first to last packet."""
    numbers = [number for number in reading.evidence_inputs(device) if 0 <= number < len(report.inputs)]
    if len(report.inputs) < 2 or not numbers:
        return
    files = wording.places([report.inputs[number].path for number in numbers])
    times = f"; {wording.span(device.first_ts, device.last_ts)}" if device.first_ts and device.last_ts else ""
    count = f"{wording.plural(len(numbers), 'input')}: " if len(numbers) > 1 else ""
    page.say(f"{count}{files}{times}", indent=2, label="Evidence from", hang=4, style="dim")


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


def _next_steps(page: Page, device: Device, report: Report) -> None:
    """What to do, numbered; the last step is the command that shows the first session's packets."""
    for number, step in enumerate(reading.next_steps(device, report.inputs), 1):
        page.say(step, indent=2, label=f"Next {number}.")
    command = inspect_command(device, report)
    if command:
        page.say(f"{command.purpose}:", indent=2, label=f"Next {len(device.next_steps) + 1}.")
        page.verbatim(command.line)


def _farms(page: Page, report: Report, verbose: int) -> None:
    """Groups of devices and what ties them."""
    titles = reading.device_titles(report)
    for farm in reading.ordered_farms(report):
        page.blank()
        _farm(page, farm, titles, verbose)


def _farm(page: Page, farm: Farm, titles: dict[str, str], verbose: int) -> None:
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
    links = sorted(farm.links, key=lambda found: (-found.decibans, found.attribute, found.value))
    shown = links if verbose else links[:_MOST_LINKS]
    for link in shown:
        weight = f" ({wording.decibans(link.decibans)} decibans)" if verbose else ""
        shared = "all" if len(link.devices) == len(farm.devices) else f"{len(link.devices)} of {len(farm.devices)}"
        page.say(f"{link.attribute.replace('_', ' ')} {link.value}: shared by {shared}{weight}", indent=2, label="•")
    if len(links) > len(shown):
        page.say(f"and {len(links) - len(shown)} more (-v)", indent=4, style="dim")
    if farm.assessment.overturn:
        page.say(farm.assessment.overturn, indent=2, label="Would overturn it:", hang=4)


def _quiet_devices(page: Page, report: Report, verbose: int) -> None:
    """Devices that ask for nobody: clear ones in one line, those with too little data in another."""
    page.blank()
    for level in (Level.CLEAR, Level.NOT_ENOUGH_DATA):
        quiet = [device for device in reading.ordered_devices(report) if reading.device_level(device) is level]
        if not quiet:
            continue
        remarks = [(device, said) for device in quiet if (said := _remark(device, level))]
        remarks.sort(key=lambda remark: not reading.hits(remark[0]) and not reading.approved_sessions(remark[0]))
        names = wording.joined([reading.title(device) for device in quiet], 8)
        page.say(
            f"{names}{_blind(quiet) if level is Level.CLEAR else ''}",
            label=f"{wording.plural(len(quiet), 'device')}: {level}.",
            style=str(level),
            hang=2,
        )
        if not verbose:
            _remarks(page, remarks)
        else:
            for device in quiet:
                page.blank()
                page.row(
                    _heading(device),
                    [(f"{claim}: ", str(c.level), str(c.level)) for claim, c in reading.claims(device)],
                    indent=2,
                )
                page.say(wording.verdict(device), indent=2, style="bold")
                text_evidence.device(page, device, report, packets=verbose > 1)
            page.blank()


def _remark(device: Device, level: Level) -> str:
    """What to say of a device that asks for nobody: below review, approved or its own user's is not nothing."""
    said = [text for text in (wording.allowed(device), wording.own_work(device)) if text]
    found = reading.hits(device) if level is Level.CLEAR else ()
    if found:
        named = "; ".join(wording.shortened(hit.summary, 110) for hit in found[:_MOST_HINTS])
        more = f"; and {len(found) - _MOST_HINTS} more (-v)" if len(found) > _MOST_HINTS else ""
        said.append(f"below review: {named}{more}")
    return "; ".join(said)


def _remarks(page: Page, remarks: list[tuple[Device, str]]) -> None:
    """What was seen on devices that ask for nobody, one paragraph each."""
    for device, said in remarks[:_MOST_QUIET]:
        page.say(said, indent=2, label=f"{wording.shortened(reading.title(device))}:", hang=4)
    if len(remarks) > _MOST_QUIET:
        page.say(f"and {len(remarks) - _MOST_QUIET} more devices with something seen (-v)", indent=2, style="dim")


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
    for limit in wording.limits(report.inputs):
        page.say(limit, style="dim")
    if not any("person decides" in note for note in report.notes):
        page.say("About devices, not people: a person decides.", style="dim")
    unseen = sum(finding.outcome is Outcome.NO_DATA for device in report.devices for finding in device.findings)
    if verbose:
        page.say(f"{wording.DECIBANS} What N… and M… stand for: farmwatch explain N9.", style="dim")
    elif report.devices:
        more = f"; {wording.plural(unseen, 'check')} had no data" if unseen else ""
        page.say(f"Full evidence: -v, -vv or --html report.html{more}", style="dim")
    if page.length > _LONG_LINES:
        page.blank()
        _counts(page, report)
