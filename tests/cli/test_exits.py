"""Exit codes: what they are called and what leads to which."""

from __future__ import annotations

import re

import pytest

from farmwatch import errors
from farmwatch.cli.exits import EXIT_HELP, Exit, exit_for


def test_help_names_every_code_and_no_other():
    """Whoever reads ``--help`` can interpret what a script sees."""
    assert [int(code) for code in re.findall(r"^  (\d+)  ", EXIT_HELP, re.MULTILINE)] == sorted(Exit)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ProfileError("a.toml", ["wrong"]), 4),
        (errors.KnowledgeError("a.toml", ["wrong"]), 4),
        (errors.DependencyError("tshark is missing"), 4),
        (errors.SourceError("a.pcap", 0, "cannot be opened"), 5),
        (errors.ReportError("a.json: not a report"), 5),
        (errors.DecodeError("no"), 5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_users_own_files_are_told_apart_from_evidence(error, code):
    """A wrong configuration is 4, input that cannot be read is 5."""
    assert exit_for(error) == code


def test_every_error_of_the_tree_has_its_code():
    """A new error class ends with a code for input or configuration, never as a bug."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        error = kind.__new__(kind)
        assert exit_for(error) in (Exit.CONFIG, Exit.NOTHING)
