"""Fixtures and gates shared by all tests."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# tests.lab and tests.bench are modules that tests and commands share, whichever way pytest was started.
sys.path.insert(0, str(ROOT))
# A run put in the background by a shell ignores interrupts, and every program that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def corpus_path() -> Path:
    """Where the corpus of foreign captures is expected: FARMWATCH_CORPUS, or shared/corpus beside the checkout."""
    return Path(os.environ.get("FARMWATCH_CORPUS", ROOT.parent / "shared" / "corpus"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of captures nobody here made; the test skips where it is absent."""
    path = corpus_path()
    if not (path / "labels.csv").is_file():
        pytest.skip(f"no corpus at {path}: set FARMWATCH_CORPUS to the folder that holds labels.csv")
    return path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep benches and long fuzzing out of the default run; skip tests whose system package is missing."""
    asked = config.getoption("markexpr") or ""
    for item in items:
        for optional in ("bench", "fuzz", "whole_corpus"):
            if item.get_closest_marker(optional) and optional not in asked:
                item.add_marker(pytest.mark.skip(reason=f"off by default: pytest -m {optional}"))
        if not _required():
            for program in missing_programs(item):
                item.add_marker(pytest.mark.skip(reason=f"missing program: {program} (.ci/run installs it)"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail, where FARMWATCH_REQUIRE_SYSTEM=1 says that everything is installed, a test whose program is missing."""
    if _required() and (missing := missing_programs(item)):
        pytest.fail(f"missing programs, and FARMWATCH_REQUIRE_SYSTEM=1: {', '.join(missing)}", pytrace=False)


def missing_programs(item: pytest.Item) -> list[str]:
    """The programs that an item's ``needs`` marks name and that are not on the PATH."""
    named = [program for marker in item.iter_markers("needs") for program in marker.args]
    return [program for program in named if shutil.which(program) is None]


def _required() -> bool:
    return os.environ.get("FARMWATCH_REQUIRE_SYSTEM") == "1"
