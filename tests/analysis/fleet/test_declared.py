"""What the roster says of a group."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.declared import declared_of


def row(**values):
    empty = dict.fromkeys(("person", "household", "site", "place", "latitude", "longitude"))
    return empty | {"coarse": False} | values


PHOENIX = {"latitude": 33.45, "longitude": -112.07, "place": "phoenix"}
TEMPE = {"latitude": 33.42, "longitude": -111.94, "place": "tempe"}
SEATTLE = {"latitude": 47.61, "longitude": -122.33, "place": "seattle"}


@pytest.mark.parametrize(
    ("rows", "units", "places", "far"),
    [
        ([row(**PHOENIX), row(**PHOENIX)], 1, 1, 1),
        ([row(**PHOENIX), row(**TEMPE)], 2, 2, 1),
        ([row(**PHOENIX), row(**TEMPE), row(**SEATTLE)], 3, 3, 2),
        ([row(household="h"), row(household="h"), row()], 2, 0, 0),
        ([row(site="s", **PHOENIX), row(site="s", **SEATTLE)], 1, 2, 2),
        ([row(person=7, **PHOENIX), row(person=7, **SEATTLE)], 1, 2, 2),
        ([row(), row()], 2, 0, 0),
        ([row(place="x"), row(place="y")], 2, 2, 0),
        ([row(coarse=True, **PHOENIX), row(coarse=True, **PHOENIX)], 2, 1, 1),
    ],
)
def test_households_and_places(rows, units, places, far):
    """One person, household, office or address is one; a town's centre is nobody's address."""
    declared = declared_of(rows)
    assert (declared.units, declared.places, declared.far_places) == (units, places, far)


def test_what_is_not_declared_is_counted():
    declared = declared_of([row(), row(person=1, place="x"), row(person=2, **PHOENIX)])
    assert (declared.unplaced, declared.unowned, declared.people, declared.named_places) == (1, 1, 2, 1)
