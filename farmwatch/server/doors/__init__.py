"""Doors: the ways senders know, each in its own words. A door is a file with a ``Door``, listed here."""

from __future__ import annotations

from farmwatch.server.doors.contract import Door
from farmwatch.server.doors.lines import LINES

__all__ = ["DOORS", "Door"]

DOORS: tuple[Door, ...] = (LINES,)
"""Every door; of two that have a path, the first words its refusals."""
