"""Codes of countries from codes and names."""

from __future__ import annotations

import json

import pytest

from farmwatch.knowledge.countries import _DATA, country_code, country_name


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


@pytest.mark.parametrize(
    ("code", "name"),
    [("US", "the United States"), ("la", "Laos"), ("GB", "the United Kingdom"), ("UK", "the United Kingdom"),
     ("KP", "North Korea"), ("IM", "the Isle of Man"), ("NL", "the Netherlands"), ("CZ", "the Czech Republic"),
     ("ST", "Sao Tome & Principe"), ("CI", "Côte d'Ivoire"), ("ZZ", "ZZ"), (None, None),
     ("somewhere", "somewhere")],
)  # fmt: skip
def test_codes_have_names(code, name):
    """What people read; a code nobody knows stays as it is."""
    assert country_name(code) == name


def test_every_name_leads_back_to_a_capital():
    """Names begin with a capital letter, but for the article, and hold no abbreviation of an index."""
    names = [
        (country_name(code) or "").removeprefix("the ")
        for code in json.loads(_DATA.read_text(encoding="utf-8"))["countries"]
    ]
    assert all(name and name[0].isupper() and "rep." not in name for name in names)
