"""How a device or farm stood in two assessments, and what that change is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from farmwatch.records import Claim, Level
from farmwatch.records.morning import Change
from farmwatch.records.standing import CaseState, Standing

__all__ = ["ASKING", "CERTAIN_DECIBANS", "RISE_DECIBANS", "Stood", "change", "stood", "worst"]

RISE_DECIBANS = 10.0  #: a rise of ten times the odds is worth being told of again
CERTAIN_DECIBANS = 20.0  #: ninety-nine in a hundred: what weighs more is no more news, however much it rises
ASKING = frozenset({Level.STRONG, Level.REVIEW})  #: levels that ask for a person
_RANK = {Level.STRONG: 3, Level.REVIEW: 2, Level.NOT_ENOUGH_DATA: 1, Level.CLEAR: 0}


@dataclass(frozen=True, slots=True)
class Stood:
    """One device in one assessment, reduced to what is compared."""

    levels: Mapping[Claim, Level]
    decibans: Mapping[Claim, float]
    families: Mapping[Claim, frozenset[str]] = field(default_factory=dict)
    reopened: bool = False  #: new evidence came after a dismissal, and all of it together asks for a person

    @property
    def asks(self) -> bool:
        """Whether any claim asks for a person."""
        return self.reopened or any(level in ASKING for level in self.levels.values())

    @property
    def level(self) -> Level:
        """Its level as a whole: the worst claim's where that asks for a person, else that of *driven*."""
        found = worst(self.levels.values())
        if found not in ASKING and self.reopened:
            return Level.REVIEW
        return found if found in ASKING else self.levels.get(Claim.DRIVEN, found)

    @property
    def heaviest(self) -> float:
        """Weight of its heaviest claim, in decibans."""
        return max(self.decibans.values())


def worst(levels: object) -> Level:
    """The highest of some levels; *not enough data* comes before *clear*."""
    return max(levels, key=_RANK.__getitem__)  # type: ignore[call-overload,no-any-return]  # levels are iterated only


def stood(standing: Standing) -> Stood:
    """A standing reduced to what is compared."""
    claims = {claim: getattr(standing.assessment, str(claim)) for claim in Claim}
    return Stood(
        {claim: one.level for claim, one in claims.items()},
        {claim: one.decibans for claim, one in claims.items()},
        {claim: frozenset(one.families) for claim, one in claims.items()},
        CaseState.NEW_EVIDENCE in standing.states.values(),
    )


def change(
    now: Stood, before: Stood | None, *, confirmed: bool = False, decided: bool = False, unseen: bool = False
) -> tuple[Change, str]:
    """What became of a device, and the difference in words ('' where there is none to tell).

    Args:
        now: how it stands.
        before: how it stood; None where it was not assessed.
        confirmed: somebody confirmed a claim of it: being followed up, it is not new to anybody, and no silence of its
            telemetry clears it.
        decided: a decision explains something about it.
        unseen: what was found before could not be looked for again.
    """
    asked = before is not None and before.asks
    if not now.asks:
        if decided:
            return Change.EXPLAINED, ""
        if before is None or not before.asks or confirmed:
            return Change.NONE, ""
        unknown = {claim for claim, level in now.levels.items() if level is Level.NOT_ENOUGH_DATA}
        gone = any(level in ASKING and claim in unknown for claim, level in before.levels.items())
        return (Change.UNSEEN if unseen or gone else Change.CLEARED), ""
    if before is None or not asked:
        if confirmed:
            return Change.OPEN, "somebody confirmed it"
        if now.reopened:
            return Change.NEW, "new evidence after somebody dismissed it"
        if before is None:
            return Change.NEW, "not assessed before"
        return Change.NEW, f"{before.level} before, at {before.heaviest:+.0f} decibans; now {now.heaviest:+.0f}"
    told = _worse(now, before)
    return (Change.WORSE, "; ".join(told)) if told else (Change.OPEN, "no change that matters")


def _worse(now: Stood, before: Stood) -> list[str]:
    """What got worse of the claims that ask for a person, in words."""
    told = []
    for claim, level in now.levels.items():
        if level not in ASKING:
            continue
        old = before.levels.get(claim, Level.NOT_ENOUGH_DATA)
        rise = _told(now.decibans[claim]) - _told(before.decibans.get(claim, now.decibans[claim]))
        if _RANK[level] > _RANK[old]:
            told.append(f"{claim} rose from {old} to {level}")
        elif rise >= RISE_DECIBANS:
            told.append(f"{claim} rose from {before.decibans[claim]:+.0f} to {now.decibans[claim]:+.0f} decibans")
        elif fresh := sorted(now.families.get(claim, frozenset()) - before.families.get(claim, frozenset())):
            told.append(f"{claim}: evidence of another family ({', '.join(fresh)})")
    return told


def _told(decibans: float) -> float:
    """A weight as far as it is worth telling."""
    return min(decibans, CERTAIN_DECIBANS)
