"""Two-letter codes of countries from what sign-in logs write: codes in either case, or names in English.

Names stand in ``data/places/countries.json``. They are places of addresses and of devices, never of people.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

__all__ = ["country_code", "country_name"]

_DATA = Path(__file__).parent / "data" / "places" / "countries.json"
_ALSO = {"UK": "GB"}  #: in use, reserved for that country by ISO 3166-1

#: where the first name listed is an index entry or an abbreviation
_SAID = {
    "AS": "American Samoa", "CD": "DR Congo", "CF": "Central African Republic", "CG": "Congo", "CI": "Côte d'Ivoire",
    "GB": "United Kingdom", "KP": "North Korea", "KR": "South Korea", "MM": "Myanmar", "SZ": "Eswatini",
    "TC": "Turks & Caicos Islands", "TF": "French Southern Territories", "VG": "British Virgin Islands",
    "UM": "US Minor Outlying Islands", "VI": "US Virgin Islands", "WS": "Samoa",
}  # fmt: skip
_SMALL = frozenset({"and", "of", "the"})
_WITH_ARTICLE = re.compile(
    r"(United|DR|US|British|French S|Isle) .*|.* (Islands|Republic|Territories)"
    r"|Bahamas|Comoros|Gambia|Maldives|Netherlands|Philippines|Seychelles"
)


def country_name(code: str | None) -> str | None:
    """What people call a country within a sentence: ``LA`` is Laos, ``US`` the United States.

    What is no code stays as it is, and None is None.

    Args:
        code: ISO 3166-1, two letters in either case.
    """
    if code is None or country_code(code) is None or len(code.strip()) != len("US"):
        return code
    upper = country_code(code) or code
    name = _SAID.get(upper) or re.sub(
        r"[^\W\d_]+", lambda word: word[0] if word[0] in _SMALL else word[0].capitalize(), _names()[upper]
    )
    return f"the {name}" if _WITH_ARTICLE.fullmatch(name) else name


def country_code(text: str | None) -> str | None:
    """The ISO 3166-1 code a code or an English name stands for; None for anything else."""
    if not text:
        return None
    codes, names = _tables()
    upper = text.strip().upper()
    upper = _ALSO.get(upper, upper)
    return upper if upper in codes else names.get(text.strip().lower())


@cache
def _tables() -> tuple[frozenset[str], dict[str, str]]:
    listed: dict[str, list[str]] = json.loads(_DATA.read_text(encoding="utf-8"))["countries"]
    return frozenset(listed), {name: code for code, names in listed.items() for name in names}


@cache
def _names() -> dict[str, str]:
    """Code -> the name listed first."""
    listed: dict[str, list[str]] = json.loads(_DATA.read_text(encoding="utf-8"))["countries"]
    return {code: names[0] for code, names in listed.items()}
