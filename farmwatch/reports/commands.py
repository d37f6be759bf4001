"""Commands that a report tells its reader to type next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from farmwatch.records.report import Device, Report
from farmwatch.reports import reading
from farmwatch.reports.escape import visible

__all__ = ["Command", "inspect_command"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and what it is for."""

    purpose: str
    line: str


def inspect_command(device: Device, report: Report) -> Command | None:
    """The command that dissects the most telling session of a device; None where none can be given.

    None is given for a sensor's logs, for standard input, which is gone, and where a path or id holds characters that
    cannot be typed as shown: a command to be copied must be the command that was meant.
    """
    sessions = reading.ordered_sessions(device)
    if not sessions or not 0 <= sessions[0].input < len(report.inputs):
        return None
    if reading.is_logs(report.inputs[sessions[0].input]):
        return None
    path, session = report.inputs[sessions[0].input].path, sessions[0]
    flow = f"{session.protocol}/{session.local}-{session.remote}"
    if path == "-" or visible(path + flow) != path + flow:
        return None
    what = "line" if reading.idle_line(session) else "session"
    return Command(
        f"look at the packets of the most telling {what} ({session.tool_name or session.tool})",
        f"farmwatch inspect {shlex.quote(path)} --flow {shlex.quote(flow)}",
    )
