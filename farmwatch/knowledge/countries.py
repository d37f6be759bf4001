"""Two-letter codes of countries from what sign-in logs write: codes in either case, or names in English.

Names stand in ``data/places/countries.json``. They are places of addresses and of devices, never of people.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

__all__ = ["country_code"]

_DATA = Path(__file__).parent / "data" / "places" / "countries.json"
_ALSO = {"UK": "GB"}  #: in use, reserved for that country by ISO 3166-1


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
