"""``farmwatch schema``: the JSON schema of the report."""

from __future__ import annotations

from farmwatch.cli.streams import write_result

__all__ = ["HELP", "schema"]

HELP = """Print the JSON schema (2020-12) of 'farmwatch scan --json'.

\b
Example:
  farmwatch schema > farmwatch-report.schema.json
"""  #: text of ``farmwatch schema --help``


def schema() -> None:
    """Print the JSON schema of the report."""
    import json

    from farmwatch.reports.document import schema as report_schema

    write_result(json.dumps(report_schema(), indent=1) + "\n", None)
