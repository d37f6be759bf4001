"""What exceptions say and how they can be caught."""

from __future__ import annotations

import copy

import pytest

from farmwatch import errors


def test_every_error_is_caught_by_the_base():
    """One ``except`` clause is enough for everything raised on purpose; the tree in the docstring is complete."""
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.FarmwatchError)
        assert name in errors.__doc__


def test_a_message_says_where():
    """Path and offset first, so that an editor or a script can go there."""
    error = errors.SourceError("a.pcap", 24, "ends inside a packet")
    assert str(error) == "a.pcap:24: ends inside a packet"
    assert (error.path, error.offset, error.reason) == ("a.pcap", 24, "ends inside a packet")


@pytest.mark.parametrize("kind", [errors.KnowledgeError, errors.ProfileError])
def test_all_faults_are_told_at_once(kind):
    """Each on a line with the file's name, and as a tuple for programs."""
    error = kind("own.toml", ["a: is missing", "b: is not a number"])
    assert str(error).splitlines() == ["own.toml: a: is missing", "own.toml: b: is not a number"]
    assert error.faults == ("a: is missing", "b: is not a number")


def test_a_decoders_error_is_a_value_error():
    """Callers that know nothing of farmwatch catch bad bytes as they do elsewhere."""
    with pytest.raises(ValueError, match="too short"):
        raise errors.DecodeError("too short")


@pytest.mark.parametrize(
    "error",
    [
        errors.SourceError("a.pcap", 24, "ends"),
        errors.KnowledgeError("own.toml", ["a", "b"]),
        errors.ProfileError("acme.toml", ["a", "b"]),
        errors.DecodeError("short"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_the_way_back_from_another_process(error):
    """Files are read in worker processes: what one raises there is taken apart and made again like any copy."""
    again = copy.copy(error)
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
