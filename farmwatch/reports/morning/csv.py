"""The morning report as a table: one line for each device of the assessment, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from farmwatch.records import Claim
from farmwatch.records.morning import Change, ClearedDevice, Morning, MorningCase, MorningDevice
from farmwatch.reports.escape import csv_cell
from farmwatch.reports.morning import saying

__all__ = ["COLUMNS", "render"]

COLUMNS = (
    "device_id",
    "change",
    "level",
    "driven",
    "abroad",
    "farm",
    "decibans",
    "hits",
    "farm_id",
    "detectors_without_data",
    "asks_since",
    "changed",
    "families",
    "why",
    "benign",
    "next_steps",
    "decisions",
)  #: header of the table


def render(morning: Morning) -> str:
    """CSV (RFC 4180, line feeds), safe to open in a spreadsheet; lists are joined by ``|``.

    Devices that asked before or that somebody confirmed, and that are not in this assessment, come last, without a
    level.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cells in _rows(morning):
        writer.writerow([csv_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def _rows(morning: Morning) -> Iterator[tuple[str | float, ...]]:
    cases = {case.device_id: case for case in (*morning.new_or_worse, *morning.still_open)}
    decided = {one.device_id: "|".join(map(saying.decision, one.decisions)) for one in morning.explained}
    outside = {one.device_id: saying.confirmed_alone(one.decisions) for one in morning.confirmed_alone}
    decided |= {one: "|".join(filter(None, (decided.get(one), told))) for one, told in outside.items()}
    cleared = {one.device_id: one for one in morning.cleared}
    for line in morning.devices:
        yield (
            *_line(line),
            *_detail(line.device_id, cases.get(line.device_id), cleared.get(line.device_id), decided),
        )
        cleared.pop(line.device_id, None)
    absent = [one.device_id for one in morning.confirmed_alone if one.level is None and one.device_id not in cleared]
    for device in (*cleared, *absent):
        blank = ("", "", "", "", "", "", "", "")
        yield (device, str(Change.GONE), *blank, *_detail(device, None, cleared.get(device), decided))


def _line(line: MorningDevice) -> tuple[str | float, ...]:
    return (
        line.device_id, str(line.change), str(line.level), str(line.driven), str(line.abroad), str(line.farm),
        line.decibans, line.hits, line.farm_id or "", line.not_looked_at,
    )  # fmt: skip


def _detail(
    device: str, case: MorningCase | None, cleared: ClearedDevice | None, decided: dict[str, str]
) -> tuple[str, ...]:
    """Since when, what changed, and why."""
    if case is None:
        return ("", cleared.why if cleared is not None else "", "", "", "", "", decided.get(device, ""))
    families = sorted({family for claim in Claim for family in getattr(case.assessment, str(claim)).families})
    return (
        case.since or "",
        case.changed,
        "|".join(families),
        "|".join(finding.summary for finding in case.why),
        "|".join(case.benign),
        "|".join(case.next_steps),
        "|".join(map(saying.decision, case.decisions)),
    )
