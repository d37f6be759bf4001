"""Rows that name a flow find it."""

from __future__ import annotations

import pytest

from farmwatch.analysis.positions import flow_rows_of
from farmwatch.records import Tls
from tests.rows import tables_of, turned


def two_inputs(*shown):
    return tables_of(
        flows=[{"input": number, "flow": flow} for number in (0, 1) for flow in range(3)],
        tls=[{"input": number, "flow": flow} for number, flow in shown],
    )


def test_flows_are_found_by_input_and_number():
    tables = two_inputs((1, 2), (0, 0), (1, 0))
    assert flow_rows_of(tables[Tls], tables).tolist() == [5, 0, 3]


def test_flows_may_stand_in_any_order():
    tables = turned(two_inputs((1, 2), (0, 0)))
    assert flow_rows_of(tables[Tls], tables).tolist() == [5, 0]


def test_no_rows_need_no_flows():
    tables = tables_of()
    assert flow_rows_of(tables[Tls], tables).tolist() == []


@pytest.mark.parametrize("flow", [3, 99])
def test_a_flow_that_is_not_there_is_an_error(flow):
    """A row that names an unknown flow is a fault of its reader, and said."""
    tables = two_inputs((1, flow))
    with pytest.raises(KeyError, match="tls"):
        flow_rows_of(tables[Tls], tables)
