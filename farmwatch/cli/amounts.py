"""Times and sizes as people type them: 30s, 8h, 100MB."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

__all__ = ["seconds", "size_bytes", "span"]

_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST_S = 3e9  # about a century: more is no span of anything kept
_BYTES = {"": 10**6, "b": 1, "kb": 10**3, "k": 10**3, "mb": 10**6, "m": 10**6, "gb": 10**9, "g": 10**9}
_LEAST_S = 0.1
_LEAST_BYTES = 1000


def _amount(text: str, units: dict[str, int]) -> float:
    """A number times its unit; 0 where it is not written so."""
    match = _AMOUNT.fullmatch(text.strip())
    return 0.0 if match is None else float(match[1]) * units.get(match[2].lower(), 0)


def seconds(text: str) -> float:
    """Seconds, written ``90``, ``30s``, ``30m``, ``8h`` or ``1d``.

    Raises:
        typer.BadParameter: it is not written so, or below a tenth of a second.
    """
    amount = _amount(text, _SECONDS)
    if amount < _LEAST_S:
        raise typer.BadParameter(f"{text!r} is no duration; write 30s, 30m, 8h or 1d (a plain number is seconds)")
    return amount


def span(text: str, option: str) -> timedelta:
    """A stretch of time for an option, written ``12h``, ``7d`` or ``4w``.

    Raises:
        typer.BadParameter: it is not written so.
    """
    amount = _amount(text, _SECONDS) if text.strip()[-1:].isalpha() else 0.0
    if amount < _LEAST_S:
        raise typer.BadParameter(f"{text!r} is no stretch of time; write 12h, 7d or 4w", param_hint=option)
    return timedelta(seconds=min(amount, _LONGEST_S))


def size_bytes(text: str) -> int:
    """Bytes, written ``500`` (MB of a million bytes), ``500kB``, ``100MB`` or ``2GB``.

    Raises:
        typer.BadParameter: it is not written so, or below a thousand bytes.
    """
    amount = _amount(text, _BYTES)
    if amount < _LEAST_BYTES:
        raise typer.BadParameter(f"{text!r} is no size; write 500kB, 100MB or 2GB (a plain number is MB)")
    return int(amount)
