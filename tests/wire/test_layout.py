"""Offsets in rows: each row holds its fields, and no two fields share a place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from farmwatch.wire import layout

SOURCE = re.sub("#.*", "", Path(layout.__file__).read_text(encoding="utf-8"))
TUPLES = re.findall(r"^\(([^=]*?)\) = range", SOURCE, re.MULTILINE)
GROUPS = [re.findall(r"\b([A-Z]_[A-Z0-9_]+)\b", text) for text in TUPLES]


def test_there_are_groups_to_look_at():
    assert len(GROUPS) >= 8


@pytest.mark.parametrize("names", [names for names in GROUPS if names], ids=lambda names: names[0])
def test_a_row_has_room_for_its_fields(names):
    """Every field lies inside the width that rows of its letter have, where they have one."""
    values = [getattr(layout, name) for name in names]
    assert values == sorted(set(values))
    width = getattr(layout, f"{names[0][0]}_WIDTH", None)
    assert width is None or max(values) < width


def test_rejects_have_words_for_every_code():
    """A new reason without words would fail only when a capture first has it."""
    codes = [value for name, value in vars(layout).items() if name.startswith("X_") and isinstance(value, int)]
    assert sorted(codes) == list(range(len(layout.REJECTS)))
    assert all(words and words == words.strip() for words in layout.REJECTS)


def test_flow_rows_fill_cache_lines():
    """Two directions behind the common part, aligned: half a line more would cost every packet a miss."""
    assert (layout.F_COMMON + 2 * layout.D_WIDTH) % layout.LINE == 0
