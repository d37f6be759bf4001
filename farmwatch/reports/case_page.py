"""Cases for a terminal: the list of what needs a person, and one case with its whole chain of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from farmwatch.records.finding import Claim, Evidence, Finding, Telling
from farmwatch.records.report import ClaimAssessment, Device, FarmLink, Level
from farmwatch.records.standing import EVERY_DEVICE, CaseState, Decision, Standing
from farmwatch.reports import reading, text_evidence, wording
from farmwatch.reports.page import Page

__all__ = ["CaseFile", "FarmFile", "decision_sentence", "level_of", "list_cases", "show_case", "show_farm", "urgency"]

_ASKING = (Level.STRONG, Level.REVIEW)
_LEVELS = (Level.STRONG, Level.REVIEW, Level.CLEAR, Level.NOT_ENOUGH_DATA)
_STYLES = {
    CaseState.OPEN: "review", CaseState.NEW_EVIDENCE: "strong", CaseState.CONFIRMED: "strong",
    CaseState.DISMISSED: "clear", CaseState.QUIET: "dim",
}  # fmt: skip
_WORDS = {"confirmed": "confirmed", "dismissed": "dismissed", "open": "reopened", "note": "noted"}
_NOBODY = "nothing about it asks for a person"
_MOST_SUMMARIES = 3  # findings of a case in the list


@dataclass(frozen=True, slots=True)
class CaseFile:
    """What is shown of one device."""

    standing: Standing
    since: str  #: UTC, ISO 8601: what its assessment looked at
    until: str
    run_id: str
    history: tuple[Decision, ...] = ()  #: everything that was decided or noted about it, oldest first
    blind: tuple[str, ...] = ()  #: what could not be looked at, as nouns
    next_steps: tuple[str, ...] = ()
    benign: tuple[str, ...] = ()  #: innocent readings considered
    compared: Mapping[Claim, str] = field(default_factory=dict)  #: how its score compares with measured benign devices


@dataclass(frozen=True, slots=True)
class FarmFile:
    """What is shown of one farm."""

    farm_id: str
    assessment: ClaimAssessment  #: as it was assessed, before decisions
    summary: str
    members: tuple[Standing, ...]  #: its devices as they stand now
    ties: tuple[FarmLink, ...]  #: what they share, heaviest first
    run_id: str


def claims(standing: Standing) -> tuple[tuple[Claim, ClaimAssessment], ...]:
    """The three claims in the order they are always shown."""
    return tuple((claim, getattr(standing.assessment, str(claim))) for claim in Claim)


def level_of(standing: Standing) -> Level:
    """The highest level among the claims, after decisions."""
    return min((assessed.level for _, assessed in claims(standing)), key=_LEVELS.index)


def urgency(standing: Standing) -> tuple[object, ...]:
    """Sorts cases by need: open ones by level and weight, new evidence before what nobody saw, decided ones last."""
    asking = standing.state in (CaseState.OPEN, CaseState.NEW_EVIDENCE)
    return (
        not asking,
        _LEVELS.index(level_of(standing)) if asking else list(CaseState).index(standing.state),
        standing.state is not CaseState.NEW_EVIDENCE,
        -max(assessed.decibans for _, assessed in claims(standing)),
        standing.device_id,
    )


def list_cases(page: Page, cases: Sequence[Standing], everywhere: Sequence[Decision] = ()) -> None:
    """Cases in the order given, a paragraph each; findings as reports tell them, those that carry the verdict first.

    Args:
        page: Where to write.
        cases: What to list.
        everywhere: Suppressions that hold on all devices.
    """
    for standing in cases:
        page.row(
            standing.device_id,
            [
                *((f"{claim}: ", str(one.level).upper(), str(one.level))
                  for claim, one in claims(standing) if one.level in _ASKING),
                ("", str(standing.state), _STYLES[standing.state]),
            ],
            indent=2,
        )  # fmt: skip
        fresh = [f"new: {one.summary}" for one in standing.new]
        proof = reading.proof(Device(standing.device_id, (), (), (), standing.assessment, (), standing.findings))
        others = [one.summary for one in (*proof, *standing.findings) if one.decibans >= 0 and one not in standing.new]
        told = list(dict.fromkeys([*fresh, *others]))
        for summary in told[:_MOST_SUMMARIES]:
            page.say(summary, indent=2, label="•")
        if len(told) > _MOST_SUMMARIES:
            page.say(f"and {wording.plural(len(told) - _MOST_SUMMARIES, 'finding')} more", indent=4, style="dim")
        if standing.suppressed:
            page.say(f"{wording.plural(len(standing.suppressed), 'finding')} explained", indent=4, style="dim")
        _outside(page, standing, indent=2)
        for decision in standing.decisions:
            page.say(decision_sentence(decision), indent=4, style="dim")
    if everywhere:
        page.blank()
        page.say("Holds for every device:", style="bold")
        for decision in everywhere:
            page.say(decision_sentence(decision), indent=2, label="•")


def show_case(page: Page, case: CaseFile) -> None:
    """One case in full: evidence with times and record numbers, chains, decisions, blind spots, next steps."""
    standing = case.standing
    page.row(
        standing.device_id,
        [(f"{claim}: ", _level(one.level), str(one.level)) for claim, one in claims(standing)],
        indent=2,
    )
    decided = [f"{claim} {state}" for claim, state in standing.states.items() if state is not CaseState.QUIET]
    page.say("; ".join(decided) or _NOBODY, indent=2, label="State:", style=_STYLES[standing.state])
    _outside(page, standing, indent=2)
    page.say(f"{wording.span(case.since, case.until)} ({case.run_id})", indent=2, label="Assessment:", style="dim")
    if standing.farm_id:
        page.say(standing.farm_id, indent=2, label="Farm:")
    page.blank()
    nothing = "No evidence left." if standing.suppressed else "No evidence about it."
    page.say(f"Evidence ({len(standing.findings)})" if standing.findings else nothing, style="bold")
    for finding in standing.findings:
        _finding(page, finding, new=finding in standing.new)
    if standing.suppressed:
        page.blank()
        page.say(f"Explained, not counted ({len(standing.suppressed)})", style="bold")
    for finding, by in standing.suppressed:
        _finding(page, finding, by)
    page.blank()
    page.say("How it adds up, in decibans", style="bold")
    for claim, assessed in claims(standing):
        text_evidence.chain(page, claim, assessed)
        if claim in case.compared:
            page.say(case.compared[claim], indent=4, label="compared:", hang=6)
    _rest(page, case)


def show_farm(page: Page, farm: FarmFile) -> None:
    """One farm: what ties its devices, how each of them stands after decisions, how it adds up."""
    level = farm.assessment.level
    page.row(f"Farm {farm.farm_id}: {wording.plural(len(farm.members), 'device')}",
             [("farm: ", _level(level), str(level))], indent=2)  # fmt: skip
    if farm.summary:
        page.say(farm.summary, indent=2, style="bold")
    page.say(f"({farm.run_id})", indent=2, label="Assessment:", style="dim")
    page.blank()
    page.say(f"Devices ({len(farm.members)})", style="bold")
    for standing in sorted(farm.members, key=urgency):
        decided = [f"{claim} {state}" for claim, state in standing.states.items() if state is not CaseState.QUIET]
        levels = ", ".join(f"{claim} {_level(one.level)}" for claim, one in claims(standing))
        told = f"{standing.device_id}: {levels}; {'; '.join(decided) or _NOBODY}"
        page.say(told, indent=2, label="•", style=_STYLES[standing.state])
    page.blank()
    page.say(f"What they share ({len(farm.ties)})" if farm.ties else "Nothing that they share is listed.", style="bold")
    for tie in farm.ties:
        shared = "all" if len(tie.devices) == len(farm.members) else wording.joined(list(tie.devices), 8)
        weight = f"{wording.decibans(tie.decibans)} decibans"
        page.say(f"{tie.attribute.replace('_', ' ')} {tie.value}: {shared} ({weight})", indent=2, label="•")
    page.blank()
    page.say("How it adds up, in decibans, before decisions", style="bold")
    text_evidence.chain(page, Claim.FARM, farm.assessment)


def _outside(page: Page, standing: Standing, *, indent: int) -> None:
    """What people know and evidence does not show."""
    if standing.confirmed_alone:
        page.say(wording.CONFIRMED_ALONE, indent=indent, label=f"{', '.join(standing.confirmed_alone)}:", hang=2)
    if not standing.assessed:
        page.say("not in the last assessment: nothing of that time tells of it", indent=indent)


def _rest(page: Page, case: CaseFile) -> None:
    """Decisions, other readings, blind spots and next steps."""
    page.blank()
    page.say(f"Decisions ({len(case.history)})" if case.history else "Nobody has decided anything.", style="bold")
    for decision in case.history:
        page.say(decision_sentence(decision), indent=2, label="•")
    page.blank()
    if case.benign:
        page.say("; ".join(case.benign), label="Benign readings considered:", hang=4)
    if case.blind:
        page.say("; ".join(case.blind), label="Not looked at, for lack of data:", hang=4)
    for number, step in enumerate(case.next_steps, 1):
        page.say(step, label=f"Next {number}.")
    page.say("Consistent with remote operation of this device, not proof of it; a person decides.", style="dim")


def _finding(page: Page, finding: Finding, by: Decision | None = None, *, new: bool = False) -> None:
    """One finding with what proves it; of an explained one, who explained it."""
    weight = f"{finding.claim} {wording.decibans(finding.decibans)}" if finding.decibans else str(finding.claim)
    page.say(f"{finding.summary} (new since the dismissal)" if new else finding.summary, indent=2, label="•")
    grade = f" {finding.grade}" if finding.grade else ""
    page.say(f"{finding.detector}{grade} [{weight}; {finding.family}]", indent=4, style="dim")
    if by is not None:
        page.say(decision_sentence(by), indent=4, label="explained:", hang=6)
    for label, text in (("seen:", finding.observed), ("normal:", finding.expected)):
        if text and text != finding.summary:
            page.say(text, indent=4, label=label, hang=6)
    for told in finding.telling:
        page.say(_told(told), indent=4, label="rows:", hang=6)
    for row in finding.rows:
        page.say(_captured(row), indent=4, label="capture:", hang=6)
    if finding.benign:
        page.say("; ".join(finding.benign), indent=4, label="benign:", hang=6, style="dim")


def _told(told: Telling) -> str:
    """Rows of telemetry: table, device, time, how many, and their numbers."""
    whose = f" of {told.device_id}" if told.device_id else ""
    when = ""
    if told.first_ts:
        same = told.last_ts in (None, told.first_ts)
        when = f", {wording.clock(told.first_ts)}" if same else f", {wording.span(told.first_ts, told.last_ts or '')}"
    numbers = f": {', '.join(told.record_ids)}" if told.record_ids else ""
    return f"{told.table}{whose}{when}, {wording.plural(told.count, 'row')}{numbers}"


def _captured(row: Evidence) -> str:
    """Rows of a capture: table and packets."""
    packets = f", packets {', '.join(map(str, row.packets))}" if row.packets else ""
    return f"{row.table} of input {row.input} of its scan{packets}"


def decision_sentence(decision: Decision) -> str:
    """Who decided what, when, how far it reaches, and why."""
    scope = [
        f"{label} {value}"
        for label, value in (
            ("findings of", decision.detector), ("grade", decision.grade), ("cause", decision.cause),
            ("that say", f'"{decision.about}"' if decision.about else None),
            ("until", wording.clock(decision.until) if decision.until else None),
        )
        if value
    ]  # fmt: skip
    where = " on every device" if decision.device_id == EVERY_DEVICE else ""
    limits = f" ({', '.join(scope)})" if scope else ""
    when = wording.clock(decision.ts)
    return f"{decision.who} {_WORDS[decision.state]} {decision.claim}{where}{limits} on {when}: {decision.reason}"


def _level(level: Level) -> str:
    return str(level).upper() if level in _ASKING else str(level)
