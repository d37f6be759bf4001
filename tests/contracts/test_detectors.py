"""Every detector keeps the contract."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from farmwatch.analysis.detectors import DETECTORS, run_detectors
from farmwatch.analysis.scoring import CAPS_DECIBANS
from farmwatch.records import DERIVED_TABLES, NETWORK_TABLES, DeviceSeen, Outcome, Rows, Tables

IDS = [detector.id for detector in DETECTORS]


def devices():
    rows = Rows(DeviceSeen)
    rows.add(
        device_id="D",
        input=0,
        macs="",
        addresses="10.0.0.5",
        names="",
        lan="",
        first_ts=0,
        last_ts=10**9,
        vantage="host",
    )
    return rows.table()


def test_ids_are_unique():
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("detector", DETECTORS, ids=IDS)
def test_says_what_it_is(detector):
    """Title, docstring, benign causes, next step and the reason for its weights are never empty."""
    assert inspect.getdoc(type(detector))
    assert detector.title.endswith("?")
    assert detector.benign
    assert all(detector.benign)
    assert detector.needs
    assert set(detector.needs) <= {*NETWORK_TABLES, *DERIVED_TABLES}
    assert detector.claims
    assert detector.when_clear
    assert detector.weight_reason
    assert detector.check
    assert detector.group


@pytest.mark.parametrize("detector", DETECTORS, ids=IDS)
def test_parameters_are_in_range_and_explained(detector):
    """Each tunable number has a reason and lies in its own range."""
    for field in dataclasses.fields(detector):
        value = getattr(detector, field.name)
        assert field.metadata["low"] <= value <= field.metadata["high"], field.name
        assert field.metadata["why"]
        if field.name.endswith("decibans"):
            assert value <= CAPS_DECIBANS[detector.family], f"{field.name} is above its family's cap"


@pytest.mark.parametrize("detector", DETECTORS, ids=IDS)
def test_empty_tables_give_no_data(detector):
    """A device about which nothing is known gets *no data* from every detector, never *clear*."""
    found = run_detectors((detector,), Tables([devices()]))["D"]
    assert [finding.claim for finding in found] == list(detector.claims)
    assert {finding.outcome for finding in found} == {Outcome.NO_DATA}
    assert all(finding.summary and finding.decibans == 0 for finding in found)


@pytest.mark.parametrize("detector", DETECTORS, ids=IDS)
def test_without_devices_there_is_nothing_to_say(detector):
    assert run_detectors((detector,), Tables()) == {}
