"""Exit codes: what a script learns from farmwatch without reading its output."""

from __future__ import annotations

from enum import IntEnum

from farmwatch.errors import DependencyError, FarmwatchError, KnowledgeError, ProfileError

__all__ = ["EXIT_HELP", "Exit", "exit_for"]


class Exit(IntEnum):
    """Every code farmwatch ends with (70 is ``EX_SOFTWARE`` of sysexits.h)."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    PARTIAL = 3
    CONFIG = 4
    NOTHING = 5
    BUG = 70
    INTERRUPTED = 130


EXIT_HELP = """\b
Exit codes:
  0    ran, whatever it found
  1    findings at or above --fail-on LEVEL (goes before 3)
  2    wrong usage, also a file that is not there
  3    some input unreadable or damaged, the rest done
  4    configuration invalid or a needed program missing
  5    nothing readable
  70   a bug in farmwatch
  130  interrupted"""  #: for --help; the backspace keeps the lines apart


def exit_for(error: FarmwatchError) -> Exit:
    """The code of an error that ended the run: configuration faults 4, input that cannot be read 5."""
    return Exit.CONFIG if isinstance(error, ProfileError | KnowledgeError | DependencyError) else Exit.NOTHING
