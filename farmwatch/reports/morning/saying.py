"""Sentences of the morning report, the same in every medium."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from farmwatch.records import Claim, Finding, Level
from farmwatch.records.morning import Change, FleetCoverage, Morning, MorningCase, MorningFarm, MorningRun, MorningTie
from farmwatch.records.standing import EVERY_DEVICE, Decision
from farmwatch.reports import wording
from farmwatch.reports.escape import visible
from farmwatch.reports.morning.comparing import ASKING

__all__ = [
    "DECIDE",
    "FIRST_REPORT",
    "FOLLOW_UP",
    "HOW_TO_READ",
    "LIMITS",
    "NEW_OR_WORSE",
    "REOPENED",
    "UNSEEN_SHARE",
    "commands",
    "compared",
    "confirmed",
    "confirmed_alone",
    "day",
    "decision",
    "evidence",
    "farm_commands",
    "farm_devices",
    "farm_members",
    "first",
    "headline",
    "levels",
    "prior_decibans",
    "proof",
    "rarity",
    "since",
    "summary",
]

UNSEEN_SHARE = 0.5  #: a fleet of which less is looked at needs telemetry before it needs analysts
NEW_OR_WORSE = (Change.NEW, Change.WORSE)
_CLAIMS = (
    "Each device is weighed on three claims: somebody else drives it; that somebody is far away; it is one of several "
    "kept in one place. A claim starts at a prior, which is how rare such devices are before anything is looked at, "
    "and every finding adds its weight."
)
_LEVELS = (
    "Review means that about one in ten such devices would be what is claimed: a person should look. Strong means nine "
    "in ten, and that two independent families of evidence agree (names, timing, hardware, identity, place) or one "
    "record states the fact outright: one cause can fool one family. Of several findings with one cause only the "
    "strongest counts."
)
_CHANGES = (
    "New is what did not ask for a person in the report before. Worse is what did, and now has a higher level, ten "
    "decibans more (up to 99 %, from where more is no news), or evidence of another family. Cleared is what asks no "
    "more by its telemetry; where what found it had nothing to look at this time, it is not looked at again, which "
    "clears nothing; explained is what a person decided."
)
HOW_TO_READ = (_CLAIMS, wording.DECIBANS, _LEVELS, _CHANGES, wording.FAIRNESS)  #: for whoever reads it the first time
DECIDE = "write down what you decide, and why, so that nobody is asked again"  #: the step that ends a case
FIRST_REPORT = "the first assessment that is kept; nothing earlier to compare with"
FOLLOW_UP = (
    "decide with HR and legal how the laptop is retrieved and its accounts are locked, before anybody there is warned",
    "preserve what shows it before it ages out of the store: keep this case, the telemetry behind it, and captures",
)  #: steps of a case that somebody confirmed, before all others
REOPENED = "What was found since a dismissal, with what it explained, asks for a person again."
LIMITS = (
    "No data is not clear: what nobody could look at is listed under coverage, and says nothing about a device.",
    "Weights are judged or published numbers unless a finding says measured; they order devices, they prove nothing.",
    "Levels of earlier assessments in the trend are as they were kept, before later decisions and weights.",
)


def first(
    news: Sequence[MorningCase],
    still: Sequence[MorningCase],
    farms: Sequence[MorningFarm],
    coverage: FleetCoverage,
    *,
    compared: bool,
) -> str:
    """What to do first, in a sentence or two."""
    fresh = [farm for farm in farms if farm.change in NEW_OR_WORSE and farm.assessment.level in ASKING]
    if fresh and (not news or news[0].level is not Level.STRONG or news[0].farm_id == fresh[0].farm_id):
        farm = fresh[0]
        return (
            f"Start with farm {farm.farm_id}, {_became(farm.change)}, {farm.assessment.level}: {farm_devices(farm)}. "
            f"First step: {farm.next_steps[0]}."
        )
    if news:
        case = news[0]
        step = case.next_steps[0] if case.next_steps else "read its evidence"
        own = next((farm for farm in farms if farm.farm_id == case.farm_id), None)
        among = f", one of {farm_devices(own)}, of farm {own.farm_id}" if own else ""
        return f"Start with {case.device_id}{among}: {case.level}, {_became(case.change)}. First step: {step}."
    nothing = "Nothing new needs a person" if compared else "Nothing needs a person"
    if still:
        oldest = min(still, key=lambda case: (case.since or "", case.device_id))
        devices = wording.plural(len(still), "device")
        asks = "is still open" if len(still) == 1 else "are still open"
        return f"{nothing}; {devices} {asks}, longest {oldest.device_id}, since {day(oldest.since)}."
    unseen = len(coverage.unseen)
    if coverage.devices and unseen > coverage.devices * UNSEEN_SHARE:
        return (
            f"Get telemetry first: {wording.number(unseen)} of {wording.plural(coverage.devices, 'device')} "
            "could not be looked at by any check, so that nothing found says little."
        )
    return f"{nothing}."


def _became(change: Change) -> str:
    return "new" if change is Change.NEW else "worse than before"


def headline(morning: Morning) -> tuple[tuple[str, int], ...]:
    """Counts to be read at a glance: what changed, then who could not be looked at."""
    counts = morning.counts
    return (
        ("new", counts[Change.NEW]),
        ("worse", counts[Change.WORSE]),
        ("still open", counts[Change.OPEN]),
        ("cleared", counts[Change.CLEARED]),
        ("explained", len(morning.explained)),
        ("farm" if len(morning.farms) == 1 else "farms", len(morning.farms)),
        ("without any telemetry", len(morning.coverage.unseen)),
    )


def summary(morning: Morning) -> str:
    """What was assessed, in a line."""
    run = morning.run
    return (
        f"{wording.plural(run.devices, 'device')} · {wording.span(run.since, run.until)} · "
        f"{wording.plural(run.rows, 'row')} of telemetry"
    )


def compared(before: MorningRun | None) -> str:
    """What the report is compared with."""
    if before is None:
        return (
            "The first assessment that is kept: what asks for a person counts as new, or as still open where somebody "
            "confirmed it already."
        )
    return f"Compared with the assessment of {wording.clock(before.until)}."


def prior_decibans(run: MorningRun) -> float:
    """The prior as a weight: how rare a driven device is before anything is looked at."""
    return 10 * math.log10(run.prior / (1 - run.prior))


def day(timestamp: str | None) -> str:
    """``22 Nov 2026``; 'an unknown day' where there is no time."""
    at = wording.moment(timestamp) if timestamp else None
    return "an unknown day" if at is None else f"{at.day} {at:%b %Y}"


def since(case: MorningCase) -> str:
    """Since when a device asks for a person."""
    return f"asks for a person since {day(case.since)}" if case.since else ""


def evidence(finding: Finding) -> str:
    """``hardware, +20.0 decibans``: family and weight behind a sentence."""
    return f"{finding.family}, {wording.decibans(finding.decibans)} decibans"


def proof(finding: Finding) -> str:
    """Which telemetry or packets a finding rests on; '' where none is named."""
    parts = []
    for one in finding.telling:
        when = f", {wording.span(one.first_ts, one.last_ts or one.first_ts)}" if one.first_ts else ""
        whose = f" of {one.device_id}" if one.device_id else ""
        parts.append(f"{wording.plural(one.count, 'row')} in {one.table}{whose}{when}")
    parts += [f"packets {', '.join(map(str, row.packets))} in {row.table}" for row in finding.rows if row.packets]
    return "; ".join(parts)


def decision(one: Decision) -> str:
    """``driven dismissed by ann on 22 Nov 2026: help desk session``."""
    everywhere = ", for all devices" if one.device_id == EVERY_DEVICE else ""
    until = f", until {day(one.until)}" if one.until else ""
    return f"{one.claim} {one.state} by {one.who} on {day(one.ts)}{everywhere}{until}: {one.reason}"


def confirmed(case: MorningCase) -> str:
    """``confirmed by ann on 22 Nov 2026: reason``; '' of a device that nobody confirmed.

    Claims that the evidence shows come first; of others it is said that it does not.
    """
    given = [one for one in case.decisions if one.state == "confirmed"]
    shown = {claim for claim, level in levels(case) if level in ASKING}
    return "; ".join(
        f"confirmed by {one.who} on {day(one.ts)}: {one.reason}" if one.claim in shown else confirmed_alone([one])
        for one in sorted(given, key=lambda one: one.claim not in shown)
    )


def confirmed_alone(decisions: Sequence[Decision]) -> str:
    """What a person knows and evidence does not show: never told as if it had been found."""
    told = "; ".join(f"{one.claim} by {one.who} on {day(one.ts)}: {one.reason}" for one in decisions)
    return f"{wording.CONFIRMED_ALONE} ({told})"


def commands(device: str, store: str = "", *, confirmed: bool = False) -> tuple[str, ...]:
    """Command lines that show a case and write down a decision; none where they could not be typed as shown.

    Args:
        device: id of the device.
        store: the store that they name; '' for the one they take by themselves.
        confirmed: somebody confirmed the case, so that there is nothing left to confirm.
    """
    if not _typed(device) or not _typed(store):
        return ()
    name, where = shlex.quote(device), _where(store)
    ways = (("show", ""), ("confirm", " --reason '…'"), ("dismiss", " --reason '…'"))
    return tuple(
        f"farmwatch case {what} {name}{reason}{where}" for what, reason in ways if not (confirmed and what == "confirm")
    )


def farm_commands(device: str, store: str = "") -> tuple[str, ...]:
    """The command line that dismisses a whole farm by one of its devices; none where it could not be typed."""
    if not _typed(device) or not _typed(store):
        return ()
    return (f"farmwatch case dismiss {shlex.quote(device)} --with farm --reason '…'{_where(store)}",)


def rarity(tie: MorningTie) -> str:
    """How rare a thing that devices share is; no weight of the farm, which is capped and weighs other signs too."""
    return f"rarity of what they share: {wording.decibans(tie.decibans).lstrip('+')}"


def _typed(word: str) -> bool:
    """Whether a word means in a shell what is seen."""
    return visible(word) == word and not word.startswith("-")


def _where(store: str) -> str:
    return f" --store {shlex.quote(store)}" if store else ""


def farm_members(farm: MorningFarm) -> str:
    """How many devices, how many of them explained, with how many declared places."""
    places = f", {wording.plural(len(farm.places), 'declared place')}" if farm.places else ""
    return f"{farm_devices(farm)}{places}"


def farm_devices(farm: MorningFarm) -> str:
    """``2 devices, 1 of them explained``."""
    count, known = len(farm.devices), len(farm.explained)
    told = f", {'all' if known == count else wording.number(known)} of them explained" if known else ""
    return f"{wording.plural(count, 'device')}{told}"


def levels(case: MorningCase) -> tuple[tuple[Claim, Level], ...]:
    """Level of each claim in the fixed order."""
    return tuple((claim, getattr(case.assessment, str(claim)).level) for claim in Claim)
