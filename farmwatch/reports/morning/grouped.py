"""Farms of the morning report: what ties their devices, where these should be, and what became of the farm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from farmwatch.records import Claim, ClaimAssessment, Level
from farmwatch.records.morning import Change, MorningFarm, MorningPlace, MorningTie
from farmwatch.reports import wording
from farmwatch.reports.morning import saying
from farmwatch.reports.morning.comparing import ASKING, Stood, change
from farmwatch.reports.morning.document import claim_of

__all__ = ["grouped"]

_TOWN_DEGREES = 1.0  #: homes declared by one name that are nearer are drawn as one
_RANK = {Level.STRONG: 0, Level.REVIEW: 1}
_STEPS = (
    "ask where each of these devices was sent, and who signed for it, before anybody there is asked",
    "see whether one household, office or hotel explains it: the roster's household and site say so",
)
_SAME_REASON = "see whether what explains one of its devices explains the others; then dismiss them together"


def grouped(
    farms: Sequence[Mapping[str, Any]],
    members: Sequence[Mapping[str, Any]],
    farm_of: Mapping[str, str],
    before: Sequence[Mapping[str, Any]] | None,
    places: Mapping[str, tuple[str, float, float]],
    sites: Mapping[str, MorningPlace],
    explained: frozenset[str] = frozenset(),
    store: str = "",
) -> tuple[MorningFarm, ...]:
    """The farms of an assessment, new or worse ones first.

    Args:
        farms: rows of :class:`~farmwatch.records.FoundFarm`.
        members: rows of :class:`~farmwatch.records.FarmMember`.
        farm_of: devices that belong to one.
        before: as ``farms``, of the assessment to compare with; None where there is none.
        places: device -> name, latitude and longitude of its declared place.
        sites: farm -> where its devices themselves say they are.
        explained: devices that a person's decision explains and that ask for nobody.
        store: the store that printed commands name; '' for the one they take by themselves.
    """
    devices: dict[str, set[str]] = {}
    for device, farm in farm_of.items():
        devices.setdefault(farm, set()).add(device)
    shared: dict[str, dict[tuple[str, str], set[str]]] = {}
    weights: dict[tuple[str, str, str], float] = {}
    for row in members:
        key = (row["attribute"], row["value"])
        shared.setdefault(row["farm_id"], {}).setdefault(key, set()).add(row["device_id"])
        weights[row["farm_id"], *key] = row["decibans"]
        devices.setdefault(row["farm_id"], set()).add(row["device_id"])
    old = {row["farm_id"]: row for row in before or ()}
    found = []
    for row in farms:
        farm = row["farm_id"]
        own = tuple(sorted(devices.get(farm, ())))
        became, told = _change(row, old.get(farm), compared=before is not None)
        ties = [
            MorningTie(*key, tuple(sorted(those)), weights[farm, *key]) for key, those in shared.get(farm, {}).items()
        ]
        ties.sort(key=lambda tie: (-tie.decibans, -len(tie.devices), tie.attribute, tie.value))
        level = Level(row["level"])
        known = tuple(device for device in own if device in explained)
        asking = level in ASKING and known != own
        if known and known == own:
            became, told = Change.EXPLAINED, "a decision explains each of its devices"
        found.append(
            MorningFarm(
                farm, became, told, _claim(row), row["summary"], own, tuple(ties), _places(own, places),
                sites.get(farm), _steps(known) if asking else (), known,
                saying.farm_commands(known[0] if known else own[0], store) if asking and own else (),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=_urgency))


def _steps(explained: Sequence[str]) -> tuple[str, ...]:
    """What to do about a farm; where somebody knew one of its devices, whether that explains the others is asked."""
    return (_SAME_REASON, *_STEPS) if explained else _STEPS


def _urgency(farm: MorningFarm) -> tuple[object, ...]:
    level = farm.assessment.level
    told = level not in ASKING or farm.change not in saying.NEW_OR_WORSE
    return (told, _RANK.get(level, 2), -farm.assessment.decibans, farm.farm_id)


def _change(row: Mapping[str, Any], old: Mapping[str, Any] | None, *, compared: bool) -> tuple[Change, str]:
    """What became of a farm: like a device, and worse where it grew."""
    now = Stood({Claim.FARM: Level(row["level"])}, {Claim.FARM: row["decibans"]})
    before = Stood({Claim.FARM: Level(old["level"])}, {Claim.FARM: old["decibans"]}) if old is not None else None
    became, told = change(now, before)
    if became is Change.NEW and not compared:
        return became, saying.FIRST_REPORT
    if became is Change.NEW and old is None:
        return became, "not known before"
    if became is Change.OPEN and old is not None and row["devices"] > old["devices"]:
        return Change.WORSE, f"grew from {old['devices']} to {wording.plural(row['devices'], 'device')}"
    return became, told


def _claim(row: Mapping[str, Any]) -> ClaimAssessment:
    """A farm's assessment as it was kept."""
    return claim_of(row["document"], Level(row["level"]), row["decibans"])


def _places(devices: Sequence[str], known: Mapping[str, tuple[str, float, float]]) -> tuple[MorningPlace, ...]:
    """Declared places with the devices that belong there; homes of one town are one place, to a tenth of a degree."""
    named: dict[str, list[tuple[float, float, str]]] = {}
    for device in devices:
        if device in known:
            name, latitude, longitude = known[device]
            named.setdefault(name, []).append((latitude, longitude, device))
    places = []
    for name, homes in sorted(named.items()):
        left = sorted(homes)
        while left:
            first = left[0]
            town = [home for home in left if max(abs(home[0] - first[0]), abs(home[1] - first[1])) <= _TOWN_DEGREES]
            left = [home for home in left if home not in town]
            latitude = round(sum(home[0] for home in town) / len(town), 1) + 0.0
            longitude = round(sum(home[1] for home in town) / len(town), 1) + 0.0
            places.append(MorningPlace(name, latitude, longitude, tuple(sorted(home[2] for home in town))))
    return tuple(places)
