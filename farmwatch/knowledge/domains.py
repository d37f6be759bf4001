"""Host names: normal form, pattern syntax, and an index that compares on label boundaries only.

A domain fact has one of three shapes:

``boot.net.anydesk.com``
    this host and no other;
``*.relay.splashtop.com``
    any name below, at any depth, but not ``relay.splashtop.com`` itself;
``relay-[0-9a-f]{8}.net.anydesk.com``
    a pattern in leading labels (``*`` any characters but a dot, ``?`` one, ``[…]`` a class, ``{n}`` a count), at least
    two plain labels after it.

Never by substring: ``notanydesk.com`` and ``anydesk.com.evil.example`` meet nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["WEB_LABELS", "DomainIndex", "domain_fault", "normal_domain"]

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
_PORT = re.compile(r"(?<=[^:]):\d{1,5}\Z")
_MAX_STARS = 3
_SPECIAL = re.compile(r"[*?\[{]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_PATTERN_LABEL = re.compile(r"[a-z0-9_*?-]*(\[[a-z0-9-]+\](\{\d{1,2}\})?[a-z0-9_*?-]*)*\Z")
_PATTERN_TOKEN = re.compile(r"\[[a-z0-9-]+\]|\{\d{1,2}\}|.")


def normal_domain(name: str) -> str:
    """Put a host name into comparable form: lower case, no trailing dot, no port, IDNA (punycode) letters.

    Returns:
        The name, or an empty string where it is none (too long, empty label, not encodable).
    """
    if ":" in name:
        name = _PORT.sub("", name)
    if name.isascii():
        name = name.lower()
    else:
        try:
            name = name.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return ""
    name = name.removesuffix(".")
    return name if 0 < len(name) <= _MAX_NAME else ""


def domain_fault(value: str) -> str:
    """Say what is wrong with a domain fact, or return an empty string."""
    if value != value.lower() or not value.isascii():
        return "must be lower-case ASCII (punycode)"
    head, tail = _split(value)
    if "." not in tail:
        return "must end in at least two plain DNS labels"
    if any(not _LABEL.match(label) for label in tail.split(".")):
        return "the labels after the pattern must be plain DNS labels"
    for label in head.split(".") if head else ():
        if not (_LABEL.match(label) or _PATTERN_LABEL.match(label)):
            return f"{label!r} is neither a DNS label nor a pattern of * ? [class] {{count}}"
        if label.count("*") > _MAX_STARS:
            return f"more than {_MAX_STARS} * in one label makes matching slow"
    try:
        _compile(head)
    except re.error as error:
        return f"holds a bad class: {error}"
    return ""


def _split(value: str) -> tuple[str, str]:
    """A fact's head up to the last label that holds a pattern, and the plain labels after it."""
    labels = value.split(".")
    last = max((at for at, label in enumerate(labels) if _SPECIAL.search(label)), default=-1)
    return ".".join(labels[: last + 1]), ".".join(labels[last + 1 :])


def _compile(head: str) -> re.Pattern[str]:
    parts: list[str] = []
    for token in _PATTERN_TOKEN.findall(head):
        if token == "*":  # noqa: S105 - a pattern character, not a password
            parts.append("[a-z0-9_-]*")
        elif token == "?":  # noqa: S105 - a pattern character, not a password
            parts.append("[a-z0-9_-]")
        elif len(token) > 1:
            parts.append(token)
        else:
            parts.append(re.escape(token))
    return re.compile("".join(parts) + r"\Z")


@dataclass(frozen=True, slots=True)
class _Tail(Generic[T]):
    below: list[T]  #: items for every name under this tail
    patterns: list[tuple[re.Pattern[str], T]]  #: items for names under it whose head meets a pattern


class DomainIndex(Generic[T]):
    """Facts by the plain labels they end in; one dictionary probe per label of a name."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        self._exact: dict[str, list[T]] = {}
        self._tails: dict[str, _Tail[T]] = {}
        for value, item in items:
            head, tail = _split(value)
            if not head:
                self._exact.setdefault(value, []).append(item)
            elif head == "*":
                self._tails.setdefault(tail, _Tail([], [])).below.append(item)
            else:
                self._tails.setdefault(tail, _Tail([], [])).patterns.append((_compile(head), item))

    def find(self, name: str) -> list[T]:
        """Items whose fact meets a name in normal form, most specific first: host, pattern, nearest wildcard."""
        found = list(self._exact.get(name, ()))
        tails = self._tails
        below: list[T] = []
        first = dot = name.find(".")
        while dot >= 0:
            tail = tails.get(name[dot + 1 :])
            if tail is not None:
                found.extend(item for pattern, item in tail.patterns if pattern.match(name[:dot]))
                below.extend(tail.below)
            dot = name.find(".", dot + 1)
        if below and name[:first] not in WEB_LABELS:
            found.extend(below)
        return found
