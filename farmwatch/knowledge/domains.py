"""Host names: normal form, pattern syntax, and an index that compares on label boundaries only.

A domain fact has one of three shapes:

``boot.net.anydesk.com``
    this host and no other;
``*.relay.splashtop.com``
    any name below, at any depth, but not ``relay.splashtop.com`` itself;
``relay-[0-9a-f]{8}.net.anydesk.com``
    a pattern in the leftmost label (``*`` any characters, ``?`` one, ``[…]`` a class, ``{n}`` a count), plain labels
    after it.

Never by substring: ``notanydesk.com`` and ``anydesk.com.evil.example`` meet nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["WEB_LABELS", "DomainIndex", "domain_fault", "normal_domain", "registrable_domain"]

T = TypeVar("T")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: First labels under which vendors keep their shop window. A wildcard never covers them: reading a vendor's site or
#: fetching its installer is not a session. A fact that names such a host in full still counts.
WEB_LABELS = _words(
    "www www1 www2 docs doc documentation support help helpdesk helpcenter kb faq blog news forum forums community "
    "download downloads dl get store shop buy pay billing careers jobs investors partner partners marketing pages go2 "
    "info learn academy training university events legal privacy trust status statuspage press media2 email mail mx "
    "newsletter feedback ideas wiki developer developers dev-docs sitemap lp promo resources webinar about"
)

_MAX_NAME = 253  # RFC 1035 section 2.3.4, without the trailing dot
_MAX_STARS = 3
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_PATTERN_LABEL = re.compile(r"[a-z0-9_*?-]*(\[[a-z0-9-]+\](\{\d{1,2}\})?[a-z0-9_*?-]*)*\Z")
_PATTERN_TOKEN = re.compile(r"\[[a-z0-9-]+\]|\{\d{1,2}\}|.")


def normal_domain(name: str) -> str:
    """Put a host name into comparable form: lower case, no trailing dot, IDNA (punycode) letters.

    Returns:
        The name, or an empty string where it is none (too long, empty label, not encodable).
    """
    if name.isascii():
        name = name.lower()
    else:
        try:
            name = name.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return ""
    name = name.removesuffix(".")
    return name if 0 < len(name) <= _MAX_NAME else ""


def domain_fault(value: str) -> str:  # noqa: PLR0911 - one line per rule
    """Say what is wrong with a domain fact, or return an empty string."""
    first, _, rest = value.partition(".")
    if not rest or "." not in value:
        return "needs at least two labels"
    if value != value.lower() or not value.isascii():
        return "must be lower-case ASCII (punycode)"
    if any(not _LABEL.match(label) for label in rest.split(".")):
        return "only the leftmost label may hold a pattern; the others must be plain DNS labels"
    if not (_LABEL.match(first) or _PATTERN_LABEL.match(first)):
        return "leftmost label is neither a DNS label nor a pattern of * ? [class] {count}"
    if first.count("*") > _MAX_STARS:
        return f"more than {_MAX_STARS} * in one label makes matching slow"
    if first == "*" and "." not in rest:
        return "covers a whole top-level domain"
    return ""


def _compile(label: str) -> re.Pattern[str]:
    parts: list[str] = []
    for token in _PATTERN_TOKEN.findall(label):
        if token == "*":  # noqa: S105 - a pattern character, not a password
            parts.append("[a-z0-9_-]*")
        elif token == "?":  # noqa: S105 - a pattern character, not a password
            parts.append("[a-z0-9_-]")
        elif len(token) > 1:
            parts.append(token)
        else:
            parts.append(re.escape(token))
    return re.compile("".join(parts) + r"\Z")


class DomainIndex(Generic[T]):
    """Facts by the plain labels they end in; one dictionary probe per label of a name."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        self._exact: dict[str, list[T]] = {}
        self._below: dict[str, list[T]] = {}
        self._pattern: dict[str, list[tuple[re.Pattern[str], T]]] = {}
        for value, item in items:
            first, _, rest = value.partition(".")
            if first == "*":
                self._below.setdefault(rest, []).append(item)
            elif _LABEL.match(first):
                self._exact.setdefault(value, []).append(item)
            else:
                self._pattern.setdefault(rest, []).append((_compile(first), item))

    def find(self, name: str) -> list[T]:
        """Items whose fact meets a name in normal form, most specific first: host, pattern, nearest wildcard."""
        found = list(self._exact.get(name, ()))
        dot = name.find(".")
        if dot < 0:
            return found
        patterns = self._pattern.get(name[dot + 1 :])
        if patterns is not None:
            label = name[:dot]
            found.extend(item for pattern, item in patterns if pattern.match(label))
        below = self._below
        web = name[:dot] in WEB_LABELS
        while dot >= 0 and not web:
            items = below.get(name[dot + 1 :])
            if items is not None:
                found.extend(items)
            dot = name.find(".", dot + 1)
        return found


@lru_cache(maxsize=1)
def _suffixes() -> Callable[[str], str]:
    import tldextract

    extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)

    def registered(name: str) -> str:
        parts = extract(name)
        return f"{parts.domain}.{parts.suffix}" if parts.domain and parts.suffix else ""

    return registered


def registrable_domain(name: str) -> str:
    """The part of a name that somebody registered (``a.b.co.uk`` gives ``b.co.uk``); empty where there is none.

    Uses the public-suffix snapshot inside tldextract: no network, no cache in the home directory.
    """
    name = normal_domain(name)
    return _suffixes()(name) if name else ""
