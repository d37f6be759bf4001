"""Knowledge loaded once for all tests, and a way to write a file of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from farmwatch.knowledge import Knowledge, load_knowledge


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The shipped knowledge."""
    return load_knowledge()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes TOML text to a file and gives its path."""

    def write_file(text: str, name: str = "own.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file
