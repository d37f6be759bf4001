"""One rule for what a device is called, so that feeds of different senders meet on the same name."""

from __future__ import annotations

import re

import pyarrow as pa

from farmwatch.collectors.feeds.columns import each

__all__ = ["device_name", "device_names"]

_ADDRESS = re.compile(r"[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*")
_LONGEST = 255


def device_name(text: str) -> str | None:
    """A host name in lower case without its domain; an address, or an id that is no name, stays as it is."""
    name = text.strip().strip("\0").lower()
    if not name or name == "-":
        return None
    return (name if _ADDRESS.fullmatch(name) else name.split(".")[0] or name)[:_LONGEST]


def device_names(values: pa.Array) -> pa.Array:
    """:func:`device_name` of a column."""
    return each(device_name, values)
