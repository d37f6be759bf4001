"""farmwatch's own tables as files: JSON lines, CSV or Parquet with the columns of one table, each row one record.

A JSON row may name its table in ``table``; else the file's name (``usb_devices.ndjson``), the kind asked for, or the
columns say it. Columns the table does not have are left out and counted, so that a sender may be ahead of us. Columns
that hold accounts are hidden on the way in unless they are hidden already.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import reals, times, truths, whole
from farmwatch.collectors.feeds.contract import Context, Parsed, Sample
from farmwatch.collectors.feeds.documents import json_documents
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import NETWORK_TABLES, TELEMETRY_TABLES, FlowSeries, Record, SeriesFlow
from farmwatch.records.arrow import arrow_schema

__all__ = ["OWN_TABLES", "OwnTable", "hidden_columns", "own_table"]
