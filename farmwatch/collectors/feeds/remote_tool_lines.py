"""What the feeds of remote tools' own logs share: lines of text, one record each, and rows of ``remote_tool_log``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from farmwatch.collectors.feeds.contract import ByteStream, Context, Fault, Parsed
from farmwatch.collectors.feeds.hosts import device_name
from farmwatch.collectors.feeds.lines import LONGEST_LINE, blocks
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import Record

__all__ = ["NO_DEVICE", "Line", "read_lines"]

NO_DEVICE = "the log does not say which device it is of; name it with --device"


@dataclass(slots=True)
class Line:
    """What one line of a log comes to; where nothing is set it was not needed."""

    rows: list[tuple[type[Record], dict[str, Any]]] = field(default_factory=list)
    unneeded: str = "line that tells of no session"
    fault: str = ""
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, record: type[Record], **values: Any) -> None:
        """A row this line gives."""
        self.rows.append((record, values))


def read_lines(stream: ByteStream, context: Context, read: Callable[[str, int], Line]) -> Iterator[Parsed]:
    """Read a log line by line; blank lines count as nothing.

    Args:
        stream: the log.
        context: names the device.
        read: from a line without its end, and its number, to what it comes to.

    Raises:
        SourceError: the stream breaks off.
    """
    for block in blocks(stream):
        lines, numbers = [], []
        for number, raw in enumerate(block.data.split(b"\n"), block.first_line):
            text = raw.decode("utf-8", "replace").strip("\r\ufeff")
            if text.strip():
                lines.append(text)
                numbers.append(number)
        output = Output(np.array(numbers, np.int64))
        output.before(_too_long(block.too_long))
        if context.device_id is None:
            output.reject(np.arange(len(lines)), NO_DEVICE)
        else:
            _gather(output, lines, numbers, device_name(context.device_id), read)
        yield output.finish()


def _too_long(numbers: tuple[int, ...]) -> Parsed:
    reason = f"line longer than {LONGEST_LINE >> 20} MiB"
    return Parsed(records=len(numbers), rejects=[Fault(reason, number) for number in numbers])


def _gather(
    output: Output, lines: list[str], numbers: list[int], device_id: str | None, read: Callable[[str, int], Line]
) -> None:
    rows: dict[type[Record], tuple[list[dict[str, Any]], list[int]]] = {}
    reasons: dict[tuple[bool, str], list[int]] = {}
    for at, (text, number) in enumerate(zip(lines, numbers, strict=True)):
        line = read(text, number)
        output.dropped += line.dropped
        for record, values in line.rows:
            listed, origin = rows.setdefault(record, ([], []))
            listed.append(values)
            origin.append(at)
        if not line.rows:
            reasons.setdefault((bool(line.fault), line.fault or line.unneeded), []).append(at)
    for record, (listed, origin) in rows.items():
        names = {name for values in listed for name in values}
        columns = {name: [values.get(name) for values in listed] for name in sorted(names)}
        output.add(record, {"device_id": device_id} | columns, np.array(origin, np.int64))
    for (wrong, reason), places in reasons.items():
        (output.reject if wrong else output.unneeded)(places, reason)
