"""The file of measured weights: JSON that is read with suspicion, because it decides about people.

::

    {"format": "farmwatch weights", "version": 1,
     "card": {"source": "…", "date": "…", …},
     "grades": [{"detector": "…", "grade": "…", "decibans": 12.3, "cause": "…", "reason": "…"}],
     "calibration": {"driven": {"slope": 0.8, "offset": -1.2, "reason": "…", "knots": []}},
     "benign": {"driven": {"devices": 9999, "scores": [[12.0, 3]]}},
     "digest": "…"}
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from farmwatch.analysis.fleet.weights import BenignScores, GradeKey, Weights
from farmwatch.analysis.scoring import WIDEST_CAP_DECIBANS, Calibration
from farmwatch.errors import ProfileError
from farmwatch.records import Claim

__all__ = ["read", "written"]

FORMAT, VERSION = "farmwatch weights", 1
_MOST_BYTES = 16 << 20
_MOST_TEXT = 500  # characters of an id or a reason
_MOST_ROWS = 100_000
_MOST_FAULTS = 20
_MOST_DECIBANS = 200.0  # of a sum, an offset or a knot
_MOST_SLOPE = 10.0
_KEYS = ("format", "version", "card", "grades", "calibration", "benign", "digest")


def written(weights: Weights) -> str:
    """Weights as text of their file."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "card": weights.card,
        "grades": [
            {
                "detector": key[0],
                "grade": key[1],
                **({"decibans": weights.decibans[key]} if key in weights.decibans else {}),
                **({"cause": weights.causes[key]} if key in weights.causes else {}),
                **({"reason": weights.reasons[key]} if key in weights.reasons else {}),
            }
            for key in sorted(weights.decibans.keys() | weights.causes.keys())
        ],
        "calibration": {
            str(claim): {
                "slope": one.slope, "offset": one.offset, "reason": one.reason,
                "knots": [list(knot) for knot in one.knots],
            }
            for claim, one in sorted(weights.calibrations.items())
        },
        "benign": {
            str(claim): {"devices": one.devices, "scores": [list(score) for score in one.scores]}
            for claim, one in sorted(weights.benign.items())
        },
        "digest": weights.digest,
    }  # fmt: skip
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def read(path: Path) -> Weights:
    """Weights from their file.

    Raises:
        ProfileError: the file cannot be read or breaks its rules; every fault is listed.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ProfileError(str(path), [f"cannot be read: {error.strerror or error}"]) from error
    if len(data) > _MOST_BYTES:
        raise ProfileError(str(path), [f"larger than {_MOST_BYTES >> 20} MiB; weights are small"])
    try:
        document = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ProfileError(str(path), [f"not JSON: {str(error)[:200]}"]) from error
    faults = _Faults()
    weights = _weights(document, faults)
    if not faults.listed and (told := document.get("digest")) not in (None, weights.digest):
        faults.add("digest", f"is {str(told)[:20]!r}, the numbers have {weights.digest!r}: they were changed since")
    if faults.listed:
        more = [f"and {len(faults.listed) - _MOST_FAULTS} more faults"] if len(faults.listed) > _MOST_FAULTS else []
        raise ProfileError(str(path), faults.listed[:_MOST_FAULTS] + more)
    return weights


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


class _Faults:
    """What is wrong with a file, by place."""

    def __init__(self) -> None:
        self.listed: list[str] = []

    def add(self, place: str, what: str) -> None:
        """Note a fault."""
        self.listed.append(f"{place}: {what}")

    def number(self, value: Any, place: str, *, low: float, high: float) -> float:
        """A finite number between two others; 0 where it is none."""
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not good or not math.isfinite(value):
            self.add(place, f"{str(value)[:40]!r}; expected a number from {low:g} to {high:g}")
            return 0.0
        return float(value)

    def text(self, value: Any, place: str, *, empty: bool = False) -> str:
        """A text of ordinary length; '' where it is none."""
        if not isinstance(value, str) or len(value) > _MOST_TEXT or not (value or empty):
            self.add(place, f"expected a text of at most {_MOST_TEXT} characters")
            return ""
        return value

    def object(self, value: Any, place: str, keys: Sequence[str] | None = None) -> Mapping[str, Any]:
        """A JSON object with no keys but those known; empty where it is none."""
        if not isinstance(value, dict):
            self.add(place, "expected an object")
            return {}
        for key in value:
            if keys is not None and key not in keys:
                self.add(place, f"unknown key {key[:40]!r}; expected {', '.join(keys)}")
        return value

    def rows(self, value: Any, place: str) -> list[Any]:
        """A list of ordinary length; empty where it is none."""
        if not isinstance(value, list) or len(value) > _MOST_ROWS:
            self.add(place, f"expected a list of at most {_MOST_ROWS:,}")
            return []
        return value

    def pairs(self, value: Any, place: str, *, high: float = _MOST_DECIBANS) -> list[tuple[float, float]]:
        """Pairs of numbers whose first ones rise."""
        found: list[tuple[float, float]] = []
        for number, one in enumerate(self.rows(value, place)):
            if not isinstance(one, list) or len(one) != 2:
                self.add(f"{place}[{number}]", "expected two numbers")
                continue
            first = self.number(one[0], f"{place}[{number}][0]", low=-_MOST_DECIBANS, high=_MOST_DECIBANS)
            if found and first <= found[-1][0]:
                self.add(f"{place}[{number}]", "the first numbers must rise")
            found.append((first, self.number(one[1], f"{place}[{number}][1]", low=-high, high=high)))
        return found


def _weights(document: Any, faults: _Faults) -> Weights:
    """The weights of a document; what is wrong is noted and left out."""
    given = faults.object(document, "file", _KEYS)
    if given.get("format") != FORMAT or given.get("version") != VERSION or isinstance(given.get("version"), bool):
        faults.add("format", f"expected {FORMAT!r}, version {VERSION}: write one with 'farmwatch calibrate'")
        return Weights()
    card = faults.object(given.get("card", {}), "card")
    source = faults.text(card.get("source", ""), "card.source", empty=True)
    date = faults.text(card.get("date", ""), "card.date", empty=True)
    decibans: dict[GradeKey, float] = {}
    causes: dict[GradeKey, str] = {}
    reasons: dict[GradeKey, str] = {}
    for number, raw in enumerate(faults.rows(given.get("grades", []), "grades")):
        place = f"grades[{number}]"
        one = faults.object(raw, place, ("detector", "grade", "decibans", "cause", "reason"))
        key = (
            faults.text(one.get("detector"), f"{place}.detector"),
            faults.text(one.get("grade"), f"{place}.grade", empty=True),
        )
        if key in decibans or key in causes:
            faults.add(place, f"{key[0]} {key[1]} is there twice")
        if "decibans" in one:
            cap = round(WIDEST_CAP_DECIBANS, 3) + 0.001
            decibans[key] = faults.number(one["decibans"], f"{place}.decibans", low=-cap, high=cap)
        if "cause" in one:
            causes[key] = faults.text(one["cause"], f"{place}.cause")
        if "reason" in one:
            reasons[key] = faults.text(one["reason"], f"{place}.reason")
    return Weights(
        decibans=decibans,
        reason=", ".join(part for part in (source, date) if part),
        reasons=reasons,
        causes=causes,
        calibrations=_by_claim(given.get("calibration", {}), "calibration", _calibration, faults),
        benign=_by_claim(given.get("benign", {}), "benign", _benign, faults),
        card=card,
    )


def _by_claim(
    value: Any, place: str, read_one: Callable[[Any, str, _Faults], Any], faults: _Faults
) -> dict[Claim, Any]:
    given = faults.object(value, place, tuple(Claim))
    return {claim: read_one(given[claim], f"{place}.{claim}", faults) for claim in Claim if claim in given}


def _calibration(value: Any, place: str, faults: _Faults) -> Calibration:
    given = faults.object(value, place, ("slope", "offset", "reason", "knots"))
    slope = faults.number(given.get("slope", 1.0), f"{place}.slope", low=0.0, high=_MOST_SLOPE)
    offset = faults.number(given.get("offset", 0.0), f"{place}.offset", low=-_MOST_DECIBANS, high=_MOST_DECIBANS)
    knots = faults.pairs(given.get("knots", []), f"{place}.knots")
    if any(later[1] < earlier[1] for earlier, later in pairwise(knots)):
        faults.add(f"{place}.knots", "more evidence must not be worth less")
    return Calibration(slope, offset, faults.text(given.get("reason", ""), f"{place}.reason", empty=True), tuple(knots))


def _benign(value: Any, place: str, faults: _Faults) -> BenignScores:
    given = faults.object(value, place, ("devices", "scores"))
    devices = faults.number(given.get("devices"), f"{place}.devices", low=0, high=1e9)
    pairs = faults.pairs(given.get("scores", []), f"{place}.scores", high=1e9)
    scores = tuple((score, int(count)) for score, count in pairs)
    if any(score <= 0 or count <= 0 for score, count in scores) or sum(count for _, count in scores) > devices:
        faults.add(f"{place}.scores", "expected scores above 0 with devices, no more of them than there are")
    return BenignScores(int(devices), scores)
