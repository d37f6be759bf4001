"""Labels of flows: who drives whom in a capture, how far, and over what, as the laboratory writes them down."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from farmwatch.analysis.profile import Profile
from farmwatch.errors import SourceError

__all__ = ["FlowTruth", "is_flow_truth", "read_flow_truth"]

_COLUMNS = ("file", "scenario", "group", "tool", "role", "way", "evasion", "vantage", "proto", "local", "remote")


@dataclass(frozen=True, slots=True)
class FlowTruth:
    """The truth about one flow, or several of one far end."""

    path: Path
    file: str
    scenario: str
    group: str  #: controlled, controlling, none, lawful, evasion or stepping
    tool: str
    role: str  #: controlled, controlling or none
    way: str
    evasion: str
    vantage: str
    proto: str
    local: str  #: address:port, with * for any port
    remote: str
    facts: Mapping[str, str]  #: the other columns

    def number(self, name: str) -> float | None:
        """A numeric fact; ``None`` where the cell is empty.

        Raises:
            SourceError: the cell holds something else.
        """
        try:
            return float(self.facts[name]) if self.facts.get(name) else None
        except ValueError:
            raise SourceError(self.file, 0, f"{name} is {self.facts[name]!r}, expected a number") from None

    def profile(self) -> Profile:
        """The profile that names the labelled device: of some laptops only a served connection was captured."""
        address = self.local.rpartition(":")[0]
        return Profile().with_options(devices=[address] if address else [])

    def fits(self, local: str, remote: str) -> bool:
        """Whether a flow between two ends is the labelled one."""
        return fnmatchcase(local, self.local) and fnmatchcase(remote, self.remote)


def is_flow_truth(path: Path) -> bool:
    """Whether a CSV labels flows (and not whole captures)."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return set(_COLUMNS) <= set(next(csv.reader(stream), ()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def read_flow_truth(path: Path) -> list[FlowTruth]:
    """All labelled flows of a CSV.

    Raises:
        SourceError: the file cannot be read, lacks a column, holds no row or a row of another length.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise SourceError(str(path), 0, f"not a readable CSV of labels: {fault}") from fault
    if not rows or not set(_COLUMNS) <= rows[0].keys():
        raise SourceError(str(path), 0, f"expected a CSV with the columns {', '.join(_COLUMNS)}")
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise SourceError(str(path), 0, f"row {number} has more or fewer cells than there are columns")
    return [
        FlowTruth(path=path.parent / row["file"], facts=row, **{name: row[name] for name in _COLUMNS}) for row in rows
    ]
