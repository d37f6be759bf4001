"""Rows made one by one, for senders whose records are lists within lists; values are taken only for what they are.

A number where a name should be, half a character, a list of a million: whatever a sender puts there, what comes out of
here is sound text, a bounded list, or nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from farmwatch.collectors.feeds.clients import device_id_of
from farmwatch.collectors.feeds.columns import times
from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import Record

__all__ = ["Rows", "dicts_of", "host_of", "text_of", "texts_of"]

_LONGEST = 1024
_MOST_LISTED = 4096
_TIMES = ("ts", "ended")


@dataclass(slots=True)
class Rows:
    """Rows being collected, by table."""

    context: Context
    at: int = 0  #: index of the record they come from
    tables: dict[type[Record], list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, record: type[Record], **columns: Any) -> None:
        """Add a row; times as text."""
        self.tables.setdefault(record, []).append((self.at, columns))

    def leave(self, name: str, value: Any) -> None:
        """Count a field that is never kept."""
        if value:
            self.dropped[name] += 1

    def finish(self, output: Output) -> None:
        """Hand the rows on."""
        output.dropped += self.dropped
        for record, rows in self.tables.items():
            names = dict.fromkeys(name for _, columns in rows for name in columns)
            columns: dict[str, Any] = {name: [one.get(name) for _, one in rows] for name in names}
            columns |= {name: times(pa.array(columns[name], pa.string())) for name in _TIMES if name in columns}
            output.add(record, columns, np.array([at for at, _ in rows], np.int64))


def text_of(value: Any) -> str | None:
    """Text that is not blank, or a number as text."""
    if not isinstance(value, str):
        return str(value)[:_LONGEST] if isinstance(value, int) and not isinstance(value, bool) else None
    text = value[:_LONGEST].strip()
    return (text if text.isascii() else text.encode("utf-8", "replace").decode()) or None


def host_of(value: Any) -> str | None:
    """A device's name by the one rule for it; what people call their device is none."""
    text = text_of(value)
    return _host(text) if text else None


@lru_cache(maxsize=65_536)
def _host(text: str) -> str | None:
    return device_id_of(text)


def dicts_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [one for one in value[:_MOST_LISTED] if isinstance(one, dict)] if isinstance(value, list) else []


def texts_of(value: Any) -> list[str]:
    """The texts in a list."""
    return [text for one in value[:_MOST_LISTED] if (text := text_of(one))] if isinstance(value, list) else []
