"""Indexes over fact values that are texts or conditions, compared without regard to case.

A text may hold ``*`` (any run of characters) and ``?`` (one). A condition value is ``key=text & key=text``: every part
must hold. Hexadecimal and numbers are texts too.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Generic, TypeVar

from farmwatch.knowledge.loading import parse_conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["ConditionIndex", "TextIndex"]

T = TypeVar("T")

#: Longer values are cut before comparing: names in captures are chosen by whoever sends them.
_MAX_TEXT = 4096
_WILDCARDS = re.compile(r"[*?]+")


def _pattern(text: str) -> re.Pattern[str]:
    # Brackets are literal: titles and registry keys contain them, and no fact needs a class.
    return re.compile(fnmatch.translate(text.lower().replace("[", "[[]")))


def _longest_literal(text: str) -> str:
    return max(_WILDCARDS.split(text.lower()), key=len)


class TextIndex(Generic[T]):
    """Facts by exact text, then those with wildcards whose longest literal part occurs in the text."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        self._exact: dict[str, list[T]] = {}
        self._patterns: list[tuple[str, str, T]] = []
        self._compiled: dict[str, re.Pattern[str]] = {}
        for value, item in items:
            if "*" in value or "?" in value:
                self._patterns.append((_longest_literal(value), value, item))
            else:
                self._exact.setdefault(value.lower(), []).append(item)

    def find(self, text: str) -> list[T]:
        """Items whose value the text meets; exact ones first."""
        text = text[:_MAX_TEXT].lower()
        found = list(self._exact.get(text, ()))
        found.extend(
            item for literal, value, item in self._patterns if literal in text and self._compile(value).match(text)
        )
        return found

    def _compile(self, value: str) -> re.Pattern[str]:
        # Compiled when first needed: most patterns of a large index never are.
        pattern = self._compiled.get(value)
        if pattern is None:
            pattern = self._compiled[value] = _pattern(value)
        return pattern


class ConditionIndex(Generic[T]):
    """Facts made of conditions; few enough to try one by one."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        self._rules = [
            ([(key, _pattern(text)) for key, text in parse_conditions(value).items()], item) for value, item in items
        ]

    def find(self, seen: Mapping[str, str | Sequence[str]]) -> list[T]:
        """Items all of whose conditions hold.

        Args:
            seen: texts by condition key; a list of texts holds where one of them does.
        """
        texts = {
            key: [value[:_MAX_TEXT].lower()] if isinstance(value, str) else [text[:_MAX_TEXT].lower() for text in value]
            for key, value in seen.items()
            if value
        }
        return [
            item
            for conditions, item in self._rules
            if all(any(pattern.match(text) for text in texts.get(key, ())) for key, pattern in conditions)
        ]
