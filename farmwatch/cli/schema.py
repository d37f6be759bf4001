"""``farmwatch schema``: the JSON schemas of the reports."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from farmwatch.cli.streams import write_result

__all__ = ["HELP", "schema"]

HELP = """Print the JSON schema (2020-12) of a report.

\b
Examples:
  farmwatch schema > report.schema.json           of 'farmwatch scan --json'
  farmwatch schema morning > morning.schema.json  of 'farmwatch report --json'
"""  #: text of ``farmwatch schema --help``


class Document(StrEnum):
    """What can be described."""

    REPORT = "report"
    MORNING = "morning"


def schema(
    document: Annotated[
        Document, typer.Argument(metavar="[report|morning]", help="Of a scan or assessment, or of the morning report.")
    ] = Document.REPORT,
) -> None:
    """Print the JSON schema of a report."""
    import json

    if document is Document.MORNING:
        from farmwatch.reports.morning.document import schema as chosen
    else:
        from farmwatch.reports.document import schema as chosen
    write_result(json.dumps(chosen(), indent=1) + "\n", None)
