"""Small files of /sys and /proc under any root, read with bounds: a missing or unreadable one is simply empty."""

from __future__ import annotations

from pathlib import Path

__all__ = ["listed", "number", "raw", "text"]

_MAX_BYTES = 1 << 20
_MAX_ENTRIES = 65_536


def raw(path: Path, limit: int = _MAX_BYTES) -> bytes:
    """Content of a file, at most ``limit`` bytes; empty where it is missing or may not be read."""
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError:
        return b""


def text(path: Path) -> str:
    """One value as text without surrounding space; bytes that are not UTF-8 show as U+FFFD."""
    return raw(path, 65_536).decode("utf-8", "replace").strip()


def number(path: Path, base: int = 10) -> int | None:
    """One value as a whole number; None where there is none."""
    try:
        return int(text(path), base)
    except ValueError:
        return None


def listed(path: Path) -> list[Path]:
    """Entries of a folder in order of name; none where it is missing."""
    try:
        return sorted(path.iterdir())[:_MAX_ENTRIES]
    except OSError:
        return []
