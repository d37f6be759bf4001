"""Doors: the ways senders know, each in its own words. A door is a file with a ``Door``, listed here."""

from __future__ import annotations

from farmwatch.server.doors.contract import Door
from farmwatch.server.doors.elastic import ELASTIC
from farmwatch.server.doors.lines import LINES
from farmwatch.server.doors.osquery import OSQUERY
from farmwatch.server.doors.otlp import OTLP
from farmwatch.server.doors.splunk import SPLUNK

__all__ = ["DOORS", "Door"]

DOORS: tuple[Door, ...] = (LINES, OSQUERY, SPLUNK, OTLP, ELASTIC)
"""Every door; of two that have a path, the first words its refusals."""
