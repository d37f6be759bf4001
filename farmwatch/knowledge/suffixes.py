"""Registrable domains by the Public Suffix List (https://publicsuffix.org/list/, its ICANN section).

Why tldextract's snapshot is read past its interface: importing it brings an HTTP client and the first answer takes
0.2 s, a sixth of what a small scan may take; reading the list takes a few milliseconds. Its interface, offline and
without a cache in the home directory, is the way out where a version keeps the snapshot elsewhere.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from farmwatch.knowledge.domains import normal_domain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tldextract.tldextract import ExtractResult

__all__ = ["registrable_domain"]

_PRIVATE = "===BEGIN PRIVATE DOMAINS==="  # domains of companies; the ICANN section comes first


@lru_cache(maxsize=1)
def _snapshot() -> Path | None:
    spec = find_spec("tldextract")
    path = Path(spec.origin).parent / ".tld_set_snapshot" if spec is not None and spec.origin else Path()
    return path if path.is_file() else None


@lru_cache(maxsize=1)
def _lines() -> tuple[str, ...]:
    path = _snapshot()
    text = path.read_text(encoding="utf-8").partition(_PRIVATE)[0] if path is not None else ""
    return tuple(line for line in text.splitlines() if line and not line.startswith("//"))


@lru_cache(maxsize=1)
def _ascii_rules() -> frozenset[str]:
    return frozenset(line for line in _lines() if line.isascii())


@lru_cache(maxsize=1)
def _all_rules() -> frozenset[str]:
    # Encoding is slow and names with such suffixes are rare, so these wait for the first one.
    return _ascii_rules() | {line.encode("idna").decode("ascii") for line in _lines() if not line.isascii()}


def _suffix_start(labels: list[str], rules: frozenset[str]) -> int:
    """Where the public suffix begins, by the list's own rules: exceptions win, then the longest; -1 for none."""
    for at in range(len(labels)):
        tail = ".".join(labels[at:])
        if "!" + tail in rules:
            return at + 1
        if tail in rules or "*." + ".".join(labels[at + 1 :]) in rules:
            return at
    return -1


@lru_cache(maxsize=65536)
def registrable_domain(name: str) -> str:
    """The part of a name that somebody registered (``a.b.co.uk`` gives ``b.co.uk``); empty where there is none.

    Works from a snapshot that ships with a dependency: no network, no cache in the home directory.
    """
    name = normal_domain(name)
    if not name:
        return ""
    if _snapshot() is None:
        return _by_interface(name)
    labels = name.split(".")
    rules = _all_rules() if "xn--" in name else _ascii_rules()
    start = _suffix_start(labels, rules)
    return ".".join(labels[start - 1 :]) if start > 0 and labels[start - 1] else ""


@lru_cache(maxsize=1)
def _interface() -> Callable[[str], ExtractResult]:
    import tldextract

    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)


def _by_interface(name: str) -> str:
    parts = _interface()(name)
    return f"{parts.domain}.{parts.suffix}" if parts.domain and parts.suffix else ""
