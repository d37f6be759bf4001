"""Where the flow that a row names stands in the joined ``flows`` table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.records import Flow, Table, Tables

__all__ = ["flow_rows_of"]


def flow_rows_of(table: Table[Any], tables: Tables) -> NDArray[np.int64]:
    """For each row of a table with ``input`` and ``flow``: the row of that flow in the ``flows`` table.

    Raises:
        KeyError: a row names a flow that the ``flows`` table does not hold.
    """
    flows = tables[Flow]
    if not len(table):
        return np.empty(0, np.int64)
    width = int(max(flows["flow"].max(initial=0), table["flow"].max(initial=0))) + 1
    places = flows["input"] * width + flows["flow"]  # one number per flow: rows may stand in any order
    wanted = table["input"] * width + table["flow"]
    order = np.argsort(places, kind="stable")
    found = order[np.minimum(np.searchsorted(places[order], wanted), max(len(order) - 1, 0))] if len(order) else wanted
    if not len(order) or (places[found] != wanted).any():
        raise KeyError(f"table {table.record.table} names a flow that is not in the flows table")
    return np.asarray(found)
