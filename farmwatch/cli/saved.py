"""Reading a saved report from a file or standard input, packed or not."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from farmwatch.errors import ReportError

if TYPE_CHECKING:
    from farmwatch.records.report import Report

__all__ = ["load_report"]

_MAX_BYTES = 1 << 30  # a report of a thousand devices takes some 50 MB; more is a mistake or a bomb


def load_report(path: Path) -> Report:
    """A report saved by ``farmwatch scan --json``.

    Args:
        path: The file, plain, gzip or zstd; ``-`` for standard input.

    Raises:
        typer.BadParameter: there is no such file.
        ReportError: it cannot be unpacked, is larger than 1 GiB, or is not a report.
    """
    from farmwatch.reports.document import loads

    if str(path) == "-":
        return loads(_unpacked(sys.stdin.buffer, "standard input"), "standard input")
    if not path.exists():
        raise typer.BadParameter(f"no such file: {path}")
    try:
        with path.open("rb") as file:
            return loads(_unpacked(file, str(path)), str(path))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror or error}") from error


def _unpacked(file: BinaryIO, origin: str) -> bytes:
    """The bytes of a report, unpacked where they are packed."""
    data = file.read(_MAX_BYTES + 1)
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(_MAX_BYTES + 1)
        elif data[:4] == b"\x28\xb5\x2f\xfd":
            data = _unpacked_zstd(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ReportError(f"{origin}: cannot be unpacked: {error}") from error
    if len(data) > _MAX_BYTES:
        raise ReportError(f"{origin}: larger than 1 GiB; not a report that farmwatch wrote")
    return data


def _unpacked_zstd(data: bytes) -> bytes:
    """Zstandard data unpacked, with its one exception turned into zlib's."""
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
            return stream.read(_MAX_BYTES + 1)
    except zstandard.ZstdError as error:
        raise zlib.error(str(error)) from error
