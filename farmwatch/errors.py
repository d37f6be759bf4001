"""Every exception farmwatch raises on purpose.

::

    FarmwatchError
    ├── AssessmentError   a fleet cannot be assessed: no time to look at, telemetry that cannot be read
    ├── SimulationError   a synthetic fleet cannot be made of what was asked for
    ├── SourceError       an input cannot be read at all (path, offset, reason)
    ├── DecodeError       bytes are not what a decoder expects; also a ValueError
    ├── KnowledgeError    a knowledge file is wrong; carries every fault found, not the first
    ├── ProfileError      a profile or configuration is wrong; carries every fault found
    ├── DependencyError   an optional program or package is missing; says how to install it
    ├── ReportError       a saved report cannot be read back
    └── StoreError        the store cannot be opened, read or written

A message says what happened, where (``path:offset`` or ``path:line``), what was expected and what to do.
May be imported by every layer; imports nothing.
"""

from __future__ import annotations

__all__ = [
    "AssessmentError",
    "DecodeError",
    "DependencyError",
    "FarmwatchError",
    "KnowledgeError",
    "ProfileError",
    "ReportError",
    "SimulationError",
    "SourceError",
    "StoreError",
]


class FarmwatchError(Exception):
    """Base of all errors farmwatch raises on purpose."""


class AssessmentError(FarmwatchError):
    """A fleet cannot be assessed."""


class SimulationError(FarmwatchError):
    """A synthetic fleet cannot be made of what was asked for."""


class SourceError(FarmwatchError):
    """An input as a whole cannot be read."""

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}:{offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason

    def __reduce__(self) -> tuple[type[SourceError], tuple[str, int, str]]:
        """As made, so that a worker process can send it back."""
        return type(self), (self.path, self.offset, self.reason)


class DecodeError(FarmwatchError, ValueError):
    """The bytes are not a valid message of the protocol; the only error a decoder may raise."""


class FaultListError(FarmwatchError):
    """Base of errors that report every fault of a file in one go."""

    def __init__(self, path: str, faults: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {fault}" for fault in faults))
        self.path = path
        self.faults = tuple(faults)

    def __reduce__(self) -> tuple[type[FaultListError], tuple[str, list[str]]]:
        """As made, so that a worker process can send it back."""
        return type(self), (self.path, list(self.faults))


class KnowledgeError(FaultListError):
    """A knowledge file breaks its rules; ``faults`` lists all of them."""


class ProfileError(FaultListError):
    """A profile or configuration file breaks its rules; ``faults`` lists all of them."""


class DependencyError(FarmwatchError):
    """An optional program or package is missing; the message holds the command that installs it."""


class ReportError(FarmwatchError):
    """A saved report cannot be read back: not JSON, wrong schema version, or fields missing."""


class StoreError(FarmwatchError):
    """The store cannot be opened, read or written; what was in it before is still there."""
