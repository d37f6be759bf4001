"""Codes of countries from codes and names."""

from __future__ import annotations

import pytest

from farmwatch.knowledge.countries import country_code


@pytest.mark.parametrize(
    ("text", "code"),
    [("US", "US"), ("us", "US"), (" de ", "DE"), ("United States", "US"), ("UK", "GB"), ("United Kingdom", "GB"),
     ("South Korea", "KR"), ("Korea (North)", "KP"), ("CZECHIA", "CZ")],
)  # fmt: skip
def test_codes_and_names_are_known(text, code):
    """What Entra (codes) and Okta (names) write gives one code."""
    assert country_code(text) == code


@pytest.mark.parametrize("text", [None, "", "XX", "ZZ", "10.0.0.0-10.255.255.255", "unknown", "Atlantis"])
def test_what_is_no_country_has_no_code(text):
    """Private ranges that firewalls write in the place of a country are none."""
    assert country_code(text) is None
