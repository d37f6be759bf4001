"""Files that put a server into operation: a systemd unit and a container file, printed by ``--print-unit``."""

from __future__ import annotations

from importlib.resources import files

__all__ = ["text_of"]

_FILES = {"systemd": "farmwatch.service", "container": "Containerfile"}


def text_of(unit: str) -> str:
    """A file's text.

    Args:
        unit: ``systemd`` or ``container``.
    """
    return (files(__name__) / _FILES[unit]).read_text("utf-8")
