"""The morning report as JSON: canonical text and its schema."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from farmwatch.records import ClaimAssessment, Level, Weight, WeightSource
from farmwatch.records.morning import MORNING_SCHEMA_VERSION, Morning
from farmwatch.reports.document import plain
from farmwatch.reports.escape import json_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["claim_of", "dumps", "schema"]


def dumps(morning: Morning) -> str:
    """The report as JSON, ASCII only; the same report gives the same bytes.

    Raises:
        ReportError: a number is not finite.
    """
    return json_text(json.dumps(plain(morning, "morning"), indent=1, allow_nan=False)) + "\n"


def claim_of(document: str, level: Level, decibans: float) -> ClaimAssessment:
    """A kept claim assessment from its JSON; what the text lacks is taken from the columns beside it."""
    raw: dict[str, Any] = json.loads(document) if document else {}
    return ClaimAssessment(
        level=Level(raw.get("level", level)),
        probability=float(raw.get("probability", 1 / (1 + 10 ** (-decibans / 10)))),
        decibans=float(raw.get("decibans", decibans)),
        prior_decibans=float(raw.get("prior_decibans", 0.0)),
        weights=tuple(
            Weight(
                one["detector"], float(one["decibans"]), bool(one["counted"]), WeightSource(one["source"]),
                one["reason"], one["group"],
            )
            for one in raw.get("weights", ())
        ),
        families=tuple(raw.get("families", ())),
        reason=str(raw.get("reason", "")),
        overturn=str(raw.get("overturn", "")),
    )  # fmt: skip


@cache
def _adapter() -> TypeAdapter[Morning]:
    from pydantic import TypeAdapter

    return TypeAdapter(Morning)


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of the morning report, generated from the dataclasses."""
    generated = _adapter().json_schema(mode="serialization")
    generated["properties"]["schema_version"] = {"const": MORNING_SCHEMA_VERSION, "type": "integer"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:farmwatch:morning:{MORNING_SCHEMA_VERSION}",
        "title": "farmwatch morning report",
        **{key: value for key, value in generated.items() if key != "title"},
    }
