"""The progress bar: bytes read, speed and time left, on standard error and only on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from farmwatch.cli.streams import talk

__all__ = ["Advance", "progress_bar", "tell_of_compiling"]

_WORTH_BYTES = 16 << 20  # smaller captures are read before a bar could be looked at, and loading rich would be the wait

Advance: TypeAlias = Callable[[str, int], None]  #: takes an input and the bytes of it read so far


@contextmanager
def progress_bar(paths: list[str], *, wanted: bool) -> Iterator[Advance | None]:
    """A bar over the bytes of the inputs while the block runs; None where nobody would see it or it is not worth it.

    Args:
        paths: The inputs; where one is standard input or a pipe the total is unknown and the bar pulses.
        wanted: False switches it off.
    """
    if not wanted or not sys.stderr.isatty() or os.environ.get("TERM", "") == "dumb":
        yield None
        return
    total = _total(paths)
    if total is not None and total < _WORTH_BYTES:
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("reading"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)
        read: dict[str, int] = {}

        def advance(name: str, done: int) -> None:
            read[name] = done
            bar.update(task, completed=sum(read.values()))

        yield advance


def tell_of_compiling(paths: list[str]) -> None:
    """Say on standard error that a large first scan begins with compiling, during which no byte is read."""
    from farmwatch.wire.jit import is_compiled
    from farmwatch.wire.scan import choose_mode

    if is_compiled("scan"):
        return
    sizes = (Path(path).stat().st_size for path in paths if path != "-" and Path(path).is_file())
    if any(choose_mode(size) == "compiled" for size in sizes):
        talk("preparing fast code once (about 20 s)\u2026")


def _total(paths: list[str]) -> int | None:
    """Bytes of all inputs; None where one has no size."""
    sizes = [Path(path).stat().st_size if path != "-" and Path(path).is_file() else None for path in paths]
    return None if None in sizes else sum(size for size in sizes if size is not None)
