"""What the user declared, held against what there is: devices that were asked for, tools that were approved."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from farmwatch.cli.streams import talk

if TYPE_CHECKING:
    from farmwatch.analysis.profile import Profile
    from farmwatch.records.report import Device, Report

__all__ = ["check_devices", "warn_of_unknown_tools"]

_MOST_NAMED = 12  # devices listed in a message


def warn_of_unknown_tools(profile: Profile, own: Sequence[Path]) -> None:
    """Say on standard error which approved tools no knowledge file has: a slip of the pen approves nothing.

    Args:
        profile: What the company declares.
        own: Own knowledge files.
    """
    if not profile.approved_tools:
        return
    from farmwatch.knowledge import load_knowledge

    entries = load_knowledge([Path(path) for path in own]).complete
    known = {
        name.casefold() for entry in entries.values() for name in (entry.id, entry.name, entry.vendor, *entry.aliases)
    }
    for tool in sorted(profile.approved_tools):
        if tool.casefold() not in known:
            near = difflib.get_close_matches(tool, sorted(known), n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "'farmwatch knowledge list' names them"
            talk(f"warning: approved tool {tool!r} is not known and approves nothing; {hint}")


def check_devices(report: Report, wanted: Sequence[str], everything: Callable[[], Report] | None) -> None:
    """Refuse a report about none of the devices that were asked for; warn where some of several are missing.

    Args:
        report: What came of the scan.
        wanted: Addresses, MACs or names that were asked for.
        everything: Judges all devices, to name those there are; None where the input cannot be read again.

    Raises:
        typer.BadParameter: no device matches; those there are are named.
    """
    if not wanted or not report.inputs or all(entry.error is not None for entry in report.inputs):
        return
    missing = [value for value in wanted if not any(_is(device, value) for device in report.devices)]
    if report.devices:
        for value in missing if len(wanted) > 1 else ():
            talk(f"warning: no device matches {value!r}")
        return
    from farmwatch.reports.escape import visible
    from farmwatch.reports.reading import ordered_devices, title
    from farmwatch.reports.wording import joined

    there = [title(device) for device in ordered_devices(everything())] if everything is not None else []
    listed = f"; there are {visible(joined(there, _MOST_NAMED))}" if there else ""
    asked = " or ".join(repr(value) for value in wanted)
    raise typer.BadParameter(f"no device matches {asked}{listed}", param_hint="--device")


def _is(device: Device, value: str) -> bool:
    """Whether an address, MAC or name, short or with its domain, is the device's."""
    own = {name.casefold() for name in (device.device_id, *device.names, *device.ips, *device.macs)}
    return value.casefold() in own or value.casefold().partition(".")[0] in own
