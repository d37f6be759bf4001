"""``farmwatch feeds``: what can be taken in, and which tables it fills."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from farmwatch.cli.streams import write_result

__all__ = ["HELP", "feeds"]

HELP = """List the feeds that 'farmwatch ingest' and the server take, one a line: kind, what it is, tables it fills.

\b
Examples:
  farmwatch feeds
  farmwatch feeds --own
"""  #: text of ``farmwatch feeds --help``


def feeds(
    own: Annotated[bool, typer.Option("--own", help="farmwatch's own tables, with their columns, instead.")] = False,
) -> None:
    """List feeds."""
    from farmwatch.collectors.feeds.own import OWN_TABLES, OwnTable
    from farmwatch.collectors.feeds.registry import FEEDS

    lines = []
    if own:
        for record in OWN_TABLES:
            lines.append(f"{record.table}: {OwnTable(record).sentence}")
            for name, column in record.columns.items():
                kind = "time" if column.type.__name__ == "datetime" else column.type.__name__
                absent = f" (may be absent: {column.absent})" if column.absent else ""
                unit = f" [{column.unit}]" if column.unit else ""
                lines.append(f"    {name}  {kind}{unit}  {column.sentence}{absent}")
    else:
        listed = [feed for feed in FEEDS if not isinstance(feed, OwnTable)]
        wide = max((len(feed.kind) for feed in listed), default=0)
        for feed in sorted(listed, key=lambda one: one.kind):
            tables = ", ".join(record.table for record in feed.tables)
            lines += [f"{feed.kind:<{wide}}  {feed.sentence}", f"{'':<{wide}}  fills {tables}"]
        lines.append("Rows of farmwatch's own tables as JSON lines, CSV or Parquet: 'farmwatch feeds --own'.")
    write_result("\n".join(lines) + "\n", None, encoding=sys.stdout.encoding or "ascii")
