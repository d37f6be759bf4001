"""Windows events in osquery's ``windows_events`` and ``windows_eventlog``: their data is a JSON text in a column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from farmwatch.collectors.feeds.columns import first_of
from farmwatch.collectors.feeds.osquery_rows import Part, Rows
from farmwatch.collectors.feeds.windows.events import Event
from farmwatch.collectors.feeds.windows.meaning import interpret

__all__ = ["windows_events"]


def windows_events(rows: Rows) -> None:
    """Events by what they mean, as in any other feed of Windows events."""
    names = ("provider_name", "eventid", "datetime", "time", "data")
    listed = {name: rows[name].to_pylist() for name in names}
    channels = first_of(rows["channel"], rows["source"]).to_pylist()
    devices, ids = rows.time("device_id").to_pylist(), rows.time("record_id").to_pylist()
    broken = np.zeros(len(rows.where), np.bool_)
    events: list[Event] = []
    for at, text in enumerate(listed["data"]):
        data = _data(text or "{}")
        broken[at] = data is None
        events.append(
            Event(
                listed["provider_name"][at] or None, channels[at], listed["eventid"][at], ids[at], devices[at],
                listed["datetime"][at] or listed["time"][at], None, {} if data is None else data,
            )
        )  # fmt: skip
    rows.reject(broken, "windows event: its data is not JSON")
    sound = np.flatnonzero(~broken)
    interpret([events[at] for at in sound.tolist()], Part(rows.output, rows.where[sound]), rows.context)


def _data(text: str) -> Mapping[str, Any] | list[Any] | None:
    """The event's fields by name: ``EventData``, or what ``UserData`` wraps; None where it is no JSON object.

    Of events of the old interface, whose values have no names, osquery makes a list (windowseventlogparser.cpp).
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and isinstance(values := found.get("EventData"), list):
        return values
    for name in ("EventData", "UserData"):
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    if isinstance(found, dict) and len(found) == 1 and isinstance(inner := next(iter(found.values())), dict):
        found = inner
    return found if isinstance(found, dict) else None
