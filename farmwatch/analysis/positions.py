"""Where the flows of each input start in the joined ``flows`` table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.records import Flow, Table, Tables

__all__ = ["flow_rows_of"]


def flow_rows_of(table: Table[Any], tables: Tables) -> NDArray[np.int64]:
    """For each row of a table with ``input`` and ``flow``: the row of that flow in the ``flows`` table.

    A flow's number is its row among the flows of its input, and inputs follow one another, so this is an addition.
    """
    inputs = tables[Flow]["input"]
    numbers, starts = np.unique(inputs, return_index=True)
    offset = dict(zip(numbers.tolist(), starts.tolist(), strict=True))
    return (
        np.fromiter((offset.get(number, 0) for number in table["input"].tolist()), np.int64, len(table)) + table["flow"]
    )
