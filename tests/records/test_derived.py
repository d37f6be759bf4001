"""What analysis derives, as rows."""

from __future__ import annotations

import pytest

from farmwatch.records import DERIVED_TABLES, NETWORK_TABLES, DeviceFlow, DeviceSeen, RemoteSession


def test_names_of_tables_are_one_each():
    names = [record.table for record in (*NETWORK_TABLES, *DERIVED_TABLES)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("record", DERIVED_TABLES, ids=lambda record: record.table)
def test_every_row_leads_back_to_an_input(record):
    """A reader can find the capture, and for anything seen the packet."""
    assert "input" in record.columns
    assert record is DeviceSeen or {"packet", "first_packet"} & record.columns.keys()


def test_flows_speak_from_the_devices_side():
    """Every count that leaves the device has its counterpart that reaches it."""
    names = DeviceFlow.columns
    assert {name for name in names if name.endswith("_out")} == {
        f"{name.removesuffix('_in')}_out" for name in names if name.endswith("_in")
    }


def test_a_session_says_what_decides_its_role():
    assert {"role", "role_probability", "role_reason", "proven"} <= RemoteSession.columns.keys()
