"""``farmwatch osquery-pack``: queries for osquery, ready to schedule."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from farmwatch.cli.streams import write_result

__all__ = ["HELP", "osquery_pack"]

HELP = """Print the queries that osquery should run, with the reason for each.

'pack' is a pack file for osquery's configuration or any manager of it, 'conf' a whole configuration with that pack,
'fleet' YAML for 'fleetctl apply'. Results come back by 'farmwatch ingest' or 'farmwatch serve'.

\b
Examples:
  farmwatch osquery-pack > /etc/osquery/packs/farmwatch.conf
  farmwatch osquery-pack --format fleet | fleetctl apply -f -
"""  #: text of ``farmwatch osquery-pack --help``


class PackFormat(StrEnum):
    """How the queries are written."""

    PACK = "pack"
    CONF = "conf"
    FLEET = "fleet"


def osquery_pack(
    form: Annotated[PackFormat, typer.Option("--format", help="How the queries are written.")] = PackFormat.PACK,
) -> None:
    """Print the queries."""
    from farmwatch.collectors.feeds.osquery_pack import pack

    write_result(pack(form.value), None)
