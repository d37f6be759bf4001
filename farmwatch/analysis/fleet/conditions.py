"""Which rows may meet a fact of the knowledge: its conditions as SQL, so that few combinations are looked up in Python.

Every memory stick has a serial number of its own, so a fleet has as many different combinations as sticks. The facts
are few; as a predicate over columns they leave those rows that could meet one, and the knowledge's own matcher decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Layer
from farmwatch.knowledge.loading import parse_conditions

__all__ = ["candidates"]


def candidates(knowledge: Knowledge, layer: Layer, columns: Mapping[str, str]) -> str:
    """A SQL predicate that holds for every row which may meet a fact of a layer.

    Args:
        knowledge: where the facts are.
        layer: one whose values are conditions.
        columns: SQL text for a condition's key, such as ``{"vid": "printf('%04x', vendor_id)"}``; keys left out are not
            looked at, and facts without any of the keys given hold for no row.
    """
    tests = set()
    for entry in knowledge.complete.values():
        for fact in entry.facts:
            if fact.layer is layer:
                parts = [
                    f"lower({columns[key]}) LIKE {_pattern(text)} ESCAPE '!'"
                    for key, text in sorted(parse_conditions(fact.value).items())
                    if key in columns
                ]
                if parts:
                    tests.add("(" + " AND ".join(parts) + ")")
    return "(" + (" OR ".join(sorted(tests)) or "false") + ")"


def _pattern(text: str) -> str:
    """A fact's text with ``*`` and ``?`` as a SQL pattern in quotes."""
    escaped = "".join("!" + letter if letter in "!%_" else letter for letter in text.lower())
    return "'" + escaped.replace("*", "%").replace("?", "_").replace("'", "''") + "'"
