"""The process that scans one uploaded capture: ``python -m farmwatch.server.scanning CAPTURE REPORT …``.

A process of its own, because a capture is hostile input: it has a bound of memory and is nicer than the server, and
ending it harms nobody.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from farmwatch.errors import FarmwatchError

__all__ = ["scan_upload"]


def scan_upload(capture: Path, report_file: Path, *, name: str, sender: str, store: str | None) -> None:
    """Scan a capture, write its report and keep each device's result.

    Args:
        capture: The file.
        report_file: Where the report goes, whole or not at all.
        name: What the sender called the capture, by which the report names it.
        sender: Who sent it.
        store: Folder or URL of the store that the results are kept in.

    Raises:
        FarmwatchError: it cannot be read, or the result cannot be kept.
    """
    import farmwatch
    from farmwatch.errors import SourceError
    from farmwatch.records import ScannedDevice
    from farmwatch.records.arrow import to_arrow
    from farmwatch.reports.document import dumps
    from farmwatch.reports.kept import device_rows

    report = farmwatch.scan(capture)
    report = replace(report, inputs=tuple(replace(one, path=name) for one in report.inputs))
    if report.inputs and all(one.error for one in report.inputs):
        raise SourceError(name, 0, str(report.inputs[0].error))
    if store is not None:
        from farmwatch.store import open_store

        rows = to_arrow(device_rows(report))
        open_store(store).append({ScannedDevice: rows}, feed="scan", sender=sender, received=datetime.now(UTC))
    part = report_file.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(dumps(report))
        file.flush()
        os.fsync(file.fileno())
    part.replace(report_file)


def _bounded(memory: int) -> None:
    """Take no more memory than this, and let others go first."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if hasattr(os, "nice"):
        os.nice(10)


def main(arguments: list[str]) -> int:
    """Run; 0, or 1 with what went wrong on standard error."""
    parser = argparse.ArgumentParser(prog="farmwatch-scan-upload")
    parser.add_argument("capture", type=Path)
    parser.add_argument("report", type=Path)
    for name in ("--name", "--sender", "--store"):
        parser.add_argument(name, required=name != "--store")
    parser.add_argument("--bytes", type=int, required=True)
    given = parser.parse_args(arguments)
    _bounded(given.bytes)
    try:
        scan_upload(given.capture, given.report, name=given.name, sender=given.sender, store=given.store)
    except MemoryError:
        sys.stderr.write("needs more memory than it may have\n")
        return 1
    except FarmwatchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
