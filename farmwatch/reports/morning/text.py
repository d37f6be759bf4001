"""The morning report for a terminal or a mail: what to do first, what is new, and counts of the rest."""

from __future__ import annotations

from farmwatch.records import Level
from farmwatch.records.morning import (
    Change,
    ClearedDevice,
    ConfirmedDevice,
    ExplainedDevice,
    FleetCoverage,
    Morning,
    MorningCase,
    MorningFarm,
)
from farmwatch.reports import wording
from farmwatch.reports.morning import saying
from farmwatch.reports.morning.comparing import ASKING
from farmwatch.reports.morning.sources import closings
from farmwatch.reports.page import Page

__all__ = ["render"]

_FULL = 20  #: devices told in full; more are listed in a line each
_LINES = 60  #: devices listed in a line each; more are counted
_MOST_FINDINGS = 12  #: findings of one device with -v
_MOST_DECISIONS = 12
_MOST_MEMBERS = 12
_MOST_TIES = 6
_FULL_FARMS = 10  #: farms told in full; more are listed in a line each
_MOST_UNSEEN = 10
_MOST_CLOSINGS = 5  #: gaps told with what closes them; -v tells all
_UNDER = 9  #: columns before what belongs to a device in a line: under its name, behind the level


def render(
    morning: Morning, *, width: int = 80, verbose: int = 0, color: bool = False, ascii_only: bool = False
) -> str:
    """The report as text.

    Args:
        morning: what to show.
        width: columns; below 60 counts as 60.
        verbose: 0 the verdicts, 1 every finding and detector too.
        color: colour by SGR sequences.
        ascii_only: ASCII instead of dashes and dots that the terminal cannot show.
    """
    page = Page(width=width, color=color, ascii_only=ascii_only)
    page.say(morning.first, style="bold")
    page.say(" · ".join(f"{count:,} {word}" for word, count in saying.headline(morning) if count or word == "new"))
    page.say(saying.summary(morning), style="dim")
    page.say(saying.compared(morning.before), style="dim")
    _cases(page, "New or worse", morning.new_or_worse, verbose, full=_FULL)
    _cases(page, "Still open", morning.still_open, verbose, full=_FULL if verbose else 0)
    _cleared(page, morning.cleared, verbose)
    _explained(page, morning.explained, verbose)
    _confirmed_alone(page, morning.confirmed_alone, verbose)
    _farms(page, morning.farms, verbose)
    _coverage(page, morning, verbose)
    _trend(page, morning, verbose)
    _closing(page, morning)
    return page.render()


def _title(page: Page, title: str, count: int | None = None) -> None:
    page.blank()
    page.say(title.upper() if count is None else f"{title.upper()} ({count:,})", style="bold")


def _word(level: Level) -> str:
    return level.upper() if level in ASKING else str(level)


def _cases(page: Page, title: str, cases: tuple[MorningCase, ...], verbose: int, *, full: int) -> None:
    _title(page, title, len(cases))
    if not cases:
        page.say("None.", indent=2)
    told_in_full = _first_of_farms(cases)[:full]
    for case in told_in_full:
        _case(page, case, verbose)
    rest = [case for case in cases if case not in told_in_full]
    if rest and told_in_full:
        page.blank()
        page.say("More, in a line each:")
    for case in rest[: _LINES if not verbose else len(rest)]:
        why = f": {case.why[0].summary}" if case.why else ""
        told = f" ({saying.since(case)})" if case.change is not Change.NEW and case.since else ""
        farm = f" ({case.farm_id})" if case.farm_id else ""
        page.say(f"{case.device_id}{farm}{told}{why}", indent=2, label=_word(case.level), style=str(case.level))
        if decided := saying.confirmed(case):
            page.say(f"{decided[:1].upper()}{decided[1:]}", indent=_UNDER, style="bold")
        if case.change is Change.OPEN:
            _first_steps(page, case)
    if not verbose and len(rest) > _LINES:
        page.say(f"and {len(rest) - _LINES:,} more: see the HTML or CSV report, or -v", indent=2)


def _first_steps(page: Page, case: MorningCase) -> None:
    """What to do next about a device that is not told in full: both steps of a confirmed one, else the first."""
    steps = case.next_steps[: len(saying.FOLLOW_UP) if saying.confirmed(case) else 1]
    for number, step in enumerate(steps, 1):
        page.say(step, indent=_UNDER, label="Next:" if len(steps) == 1 else f"Next {number}.")
    for command in case.commands[:1]:
        page.verbatim(f"{' ' * _UNDER}{command}")


def _first_of_farms(cases: tuple[MorningCase, ...]) -> list[MorningCase]:
    """All devices, but of every farm the first only: its devices read alike."""
    farms: set[str] = set()
    chosen = []
    for case in cases:
        if case.farm_id is None or case.farm_id not in farms:
            chosen.append(case)
        if case.farm_id is not None:
            farms.add(case.farm_id)
    return chosen


def _case(page: Page, case: MorningCase, verbose: int) -> None:
    """One device that needs a person."""
    page.blank()
    page.row(
        case.device_id,
        [(f"{claim}: ", _word(level), str(level)) for claim, level in saying.levels(case)],
        indent=2,
    )
    told = f"; {saying.since(case)}" if case.change is not Change.NEW and case.since else ""
    page.say(f"{str(case.change).capitalize()}: {case.changed}{told}.", indent=2)
    if decided := saying.confirmed(case):
        page.say(f"{decided[:1].upper()}{decided[1:]}", indent=2, style="bold")
    page.say(case.verdict, indent=2, style="bold")
    for finding in case.why:
        page.say(f"{finding.summary} ({saying.evidence(finding)})", indent=2, label="•")
    if case.farm_id:
        page.say(f"{case.farm_id}, see below", indent=2, label="Farm:", hang=4)
    if case.benign:
        page.say("; ".join(case.benign), indent=2, label="Benign readings considered:", hang=4)
    for decision in (one for one in case.decisions if one.state != "confirmed"):
        page.say(saying.decision(decision), indent=2, label="Decided:", hang=4)
    for explained in case.explained:
        page.say(
            f"{explained.finding.summary} ({saying.decision(explained.decision)})", indent=2, label="Explained:", hang=4
        )
    if verbose:
        for finding in case.findings[:_MOST_FINDINGS]:
            told = f"{wording.decibans(finding.decibans)} {finding.claim}, {finding.family}, {finding.detector}"
            proof = saying.proof(finding)
            page.say(f"{finding.summary} [{told}]{f'; {proof}' if proof else ''}", indent=4, label="-")
    for number, step in enumerate(case.next_steps, 1):
        page.say(step, indent=2, label=f"{'Next:' if number == 1 else '     '} {number}.", hang=11)
    for command in case.commands:
        page.verbatim(f"           {command}")


def _cleared(page: Page, cleared: tuple[ClearedDevice, ...], verbose: int) -> None:
    _title(page, "Cleared or gone", len(cleared))
    if not cleared:
        page.say("None.", indent=2)
    for one in cleared if verbose else cleared[:_MOST_DECISIONS]:
        page.say(f"{one.device_id} was {one.was}: {one.why}", indent=2, label=str(one.change), hang=4)
    if not verbose and len(cleared) > _MOST_DECISIONS:
        page.say(f"and {len(cleared) - _MOST_DECISIONS:,} more (-v lists them)", indent=2)


def _explained(page: Page, explained: tuple[ExplainedDevice, ...], verbose: int) -> None:
    _title(page, "Explained by somebody", len(explained))
    if not explained:
        page.say("None.", indent=2)
    for one in explained if verbose else explained[:_MOST_DECISIONS]:
        still = " (asks for a person all the same)" if one.now_asking else ""
        page.say(f"{one.device_id}{still}: {'; '.join(map(saying.decision, one.decisions))}", indent=2, hang=4)
    if not verbose and len(explained) > _MOST_DECISIONS:
        page.say(f"and {len(explained) - _MOST_DECISIONS:,} more (-v lists them)", indent=2)


def _confirmed_alone(page: Page, confirmed: tuple[ConfirmedDevice, ...], verbose: int) -> None:
    """What people know from outside; nothing where there is none."""
    if not confirmed:
        return
    _title(page, "Confirmed by somebody, not shown by evidence", len(confirmed))
    for one in confirmed if verbose else confirmed[:_MOST_DECISIONS]:
        level = f"evidence: {one.level}" if one.level else "not in this assessment"
        page.say(f"{one.device_id} ({level}): {saying.confirmed_alone(one.decisions)}", indent=2, hang=4)
    if not verbose and len(confirmed) > _MOST_DECISIONS:
        page.say(f"and {len(confirmed) - _MOST_DECISIONS:,} more (-v lists them)", indent=2)


def _farms(page: Page, farms: tuple[MorningFarm, ...], verbose: int) -> None:
    _title(page, "Farms", len(farms))
    if not farms:
        page.say("None.", indent=2)
    for farm in farms if verbose else farms[:_FULL_FARMS]:
        page.blank()
        level = farm.assessment.level
        page.row(farm.farm_id, [("", _word(level), str(level)), ("", str(farm.change), "")], indent=2)
        page.say(farm.summary, indent=2, style="bold")
        members = wording.joined(farm.devices, len(farm.devices) if verbose else _MOST_MEMBERS)
        label = f"{saying.farm_devices(farm)}:" if farm.explained else "Devices:"
        page.say(members, indent=2, label=label, hang=4)
        if farm.explained:
            page.say(wording.joined(farm.explained, _MOST_MEMBERS), indent=2, label="Explained by somebody:", hang=4)
        for tie in farm.ties if verbose else farm.ties[:_MOST_TIES]:
            shared = f"{tie.attribute} {tie.value}, {wording.plural(len(tie.devices), 'device')}"
            page.say(f"{shared}; {saying.rarity(tie)}", indent=2, label="•")
        if farm.places:
            page.say(wording.joined([place.name for place in farm.places], _MOST_MEMBERS), indent=2,
                     label="Declared places:", hang=4)  # fmt: skip
        if farm.site:
            page.say(f"{farm.site.name}: {_coordinates(farm.site.latitude, farm.site.longitude)}", indent=2,
                     label="Where they say they are:", hang=4)  # fmt: skip
        for place, step in enumerate(farm.next_steps, 1):
            page.say(step, indent=2, label=f"{'Next:' if place == 1 else '     '} {place}.", hang=11)
        for command in farm.commands:
            page.verbatim(f"           {command}")
    if not verbose:
        _more_farms(page, farms[_FULL_FARMS:])


def _more_farms(page: Page, farms: tuple[MorningFarm, ...]) -> None:
    """Farms in a line each."""
    for farm in farms[:_LINES]:
        level = farm.assessment.level
        known = f" ({saying.farm_devices(farm)})" if farm.explained else ""
        page.say(
            f"{farm.farm_id} ({farm.change}): {farm.summary}{known}",
            indent=2,
            label=_word(level),
            style=str(level),
        )
    if len(farms) > _LINES:
        page.say(f"and {len(farms) - _LINES:,} more: see the HTML or JSON report, or -v", indent=2)


def _coordinates(latitude: float, longitude: float) -> str:
    return (
        f"{abs(latitude):.1f}° {'N' if latitude >= 0 else 'S'}, {abs(longitude):.1f}° {'E' if longitude >= 0 else 'W'}"
    )


def _coverage(page: Page, morning: Morning, verbose: int) -> None:
    looked = morning.coverage
    _title(page, "Who was not looked at")
    if looked.unseen:
        names = wording.joined(looked.unseen, len(looked.unseen) if verbose else _MOST_UNSEEN)
        page.say(f"{wording.plural(len(looked.unseen), 'device')} by no check at all: {names}", indent=2, hang=4)
    elif not looked.gaps:
        page.say("Every check could look at every device.", indent=2)
        return
    found = closings(looked.detectors)
    if found:
        page.say(f"Telemetry that is missing ({wording.plural(looked.devices, 'device')} in all); what would open most "
                 "checks comes first:", indent=2)  # fmt: skip
    for number, closing in enumerate(found if verbose else found[:_MOST_CLOSINGS], 1):
        page.say(closing.sentence, indent=2, label=f"{number:2}." if verbose else f"{number}.")
        page.say(closing.source.send, indent=6 if verbose else 5, label="Closed by:", hang=8)
    if verbose:
        _every_check(page, looked)
        return
    left = max(0, len(found) - _MOST_CLOSINGS)
    more = f"{wording.plural(left, 'smaller gap')}, and all" if left else "All"
    page.say(f"{more} {wording.plural(len(looked.detectors), 'check')} with what they could not look at, and why: -v, "
             "HTML or JSON", indent=2)  # fmt: skip


def _every_check(page: Page, looked: FleetCoverage) -> None:
    """Devices by what was not looked at, and how far each check could look."""
    if looked.gaps:
        page.say("Devices by what was not looked at, largest gaps first:", indent=2)
    for gap in looked.gaps:
        page.say(f"{wording.plural(gap.devices, 'device')}, such as {gap.examples[0]}: {'; '.join(gap.missing)}",
                 indent=4, label="-")  # fmt: skip
    page.say("Every check:", indent=2)
    for one in looked.detectors:
        missing = "; ".join(f"{reason}: {count:,}" for reason, count in one.no_data.items())
        told = f"{one.detector}: {one.looked_at:,} of {looked.devices:,}, {wording.plural(one.hits, 'hit')}"
        page.say(f"{told}{f'; {missing}' if missing else ''}", indent=4, label="-")


def _trend(page: Page, morning: Morning, verbose: int) -> None:
    _title(page, "Trend")
    for point in morning.trend if verbose else morning.trend[-7:]:
        page.say(f"{saying.day(point.until)}: {point.strong:,} strong, {point.review:,} review, "
                 f"{wording.plural(point.farms, 'farm')}", indent=2)  # fmt: skip
    if not morning.trend:
        page.say("No earlier assessments are kept.", indent=2)


def _closing(page: Page, morning: Morning) -> None:
    _title(page, "How to read it")
    for paragraph in saying.HOW_TO_READ:
        page.say(paragraph, indent=2)
    _title(page, "Limits")
    for limit in (*morning.notes, *saying.LIMITS):
        page.say(limit, indent=2, label="•")
    page.blank()
    run = morning.run
    page.say(
        f"farmwatch {run.version}, knowledge {run.knowledge}, weights {run.weights}, assessment {run.run_id}; "
        f"prior {wording.decibans(saying.prior_decibans(run))} decibans.",
        style="dim",
    )
