"""A finding as JSON and back: how hits are kept and how scans kept theirs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from farmwatch.records import Claim, Evidence, Family, Finding, Outcome, Telling, WeightSource

__all__ = ["finding_json", "finding_of"]


def finding_json(finding: Finding) -> str:
    """A finding as JSON, ASCII only; equal findings give equal texts."""
    return json.dumps(asdict(finding), separators=(",", ":"))


def finding_of(raw: dict[str, Any]) -> Finding:
    """A finding from its JSON object; what an older version did not have takes its default.

    Raises:
        KeyError: a field that always was there is missing.
        ValueError: a word is not one of its kind.
    """
    return Finding(
        detector=raw["detector"],
        family=Family(raw["family"]),
        claim=Claim(raw["claim"]),
        outcome=Outcome(raw["outcome"]),
        decibans=float(raw["decibans"]),
        summary=raw["summary"],
        observed=raw.get("observed", ""),
        expected=raw.get("expected", ""),
        benign=tuple(raw.get("benign", ())),
        rows=tuple(Evidence(one["table"], one["input"], tuple(one.get("packets", ()))) for one in raw.get("rows", ())),
        group=raw.get("group", ""),
        weight_source=WeightSource(raw.get("weight_source", "judged")),
        weight_reason=raw.get("weight_reason", ""),
        cap_decibans=raw.get("cap_decibans"),
        conclusive=raw.get("conclusive", False),
        for_review=raw.get("for_review", False),
        grade=raw.get("grade", ""),
        telling=tuple(
            Telling(
                one["table"], one.get("first_ts"), one.get("last_ts"), one.get("count", 1),
                tuple(one.get("record_ids", ())), one.get("device_id"),
            )
            for one in raw.get("telling", ())
        ),
    )  # fmt: skip
