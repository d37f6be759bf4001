"""A made-up fleet's morning report, for every renderer."""

from __future__ import annotations

import pytest

from tests.reports.morning import fleet_rows


@pytest.fixture(scope="session")
def morning():
    """The report of 300 devices, of which it is known what changed."""
    return fleet_rows.morning(300)


@pytest.fixture(scope="session")
def large():
    """The report of 10,000 devices."""
    return fleet_rows.morning(10_000)
