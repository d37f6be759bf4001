"""What the samples of a feed give, compared with what they gave when somebody last looked at it."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.opening import Input, opened
from farmwatch.collectors.feeds.registry import feed_of

TESTS = Path(__file__).parents[2]
BANNED = "BANNED-MARKER"  # stands in the samples for what must never be kept


def context(name="sample", device_id=None):
    return Context(name, datetime(2026, 11, 1, tzinfo=UTC), b"p" * 32, device_id)


def samples(kind):
    return sorted((TESTS / "samples" / "feeds" / kind).iterdir())


def parsed(kind, data, name="sample", device_id=None):
    """All stretches of an input; each accounts for all of its records."""
    with opened(Input(name, stream=io.BytesIO(data))) as stream:
        stretches = list(feed_of(kind).read(stream, context(name, device_id)))
    assert all(one.balanced() for one in stretches)
    return stretches


def rows(stretches, record=None):
    """Rows with the columns that have values, of one table or of all with the table's name."""
    found = []
    for one in stretches:
        for table, held in one.tables.items():
            if record is None or table is record:
                for row in held.to_pylist():
                    told = {name: value for name, value in row.items() if value is not None}
                    found.append(told if record is not None else {"table": table.table, **told})
    return found


def read(kind, data, record, name="sample"):
    """Rows of one table from documents, text or bytes."""
    if isinstance(data, list):
        data = "".join(json.dumps(one) + "\n" for one in data)
    return rows(parsed(kind, data if isinstance(data, bytes) else data.encode(), name), record)


def account(stretches):
    """Of all stretches: rejects as (reason, record), not needed, fields left behind."""
    left, unneeded = {}, {}
    for one in stretches:
        for name, count in one.dropped.items():
            left[name] = left.get(name, 0) + count
        for name, count in one.unneeded.items():
            unneeded[name] = unneeded.get(name, 0) + count
    return [(fault.reason, fault.offset) for one in stretches for fault in one.rejects], unneeded, left


def check_golden(kind, device_id=None):
    """All samples of a kind give the golden rows, and nothing banned is in them."""
    lines = []
    for path in samples(kind):
        stretches = parsed(kind, path.read_bytes(), path.name, device_id)
        rejects, unneeded, left = account(stretches)
        lines += [{"sample": path.name, "rejects": rejects, "unneeded": unneeded, "dropped": left}, *rows(stretches)]
    text = "".join(json.dumps(line, default=_plain, ensure_ascii=False) + "\n" for line in lines)
    assert BANNED.lower() not in text.lower()
    golden = TESTS / "golden" / "feeds" / f"{kind}.jsonl"
    if os.environ.get("FARMWATCH_GOLDEN") == "write":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text.splitlines() == golden.read_text(encoding="utf-8").splitlines()


def _plain(value):
    return value.isoformat() if isinstance(value, datetime) else value.hex()
