"""Records taken out of the wrappings that log shippers put around them, and sorted by the feed that reads them.

A shipper sends what it was given inside something of its own: Splunk's event, a Beats document, an OpenTelemetry log
record. What is inside may be the sender's document itself, the line it read as text, or that line parsed under a key.
Which feed reads it is told in this order: the kind the shipper names (source type, index, attribute), the one kind the
token may send, else the content. Nothing is left out here: what no feed recognises is handed back as such.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.hosts import device_name
from farmwatch.collectors.feeds.own import OwnTable
from farmwatch.collectors.feeds.registry import FEEDS, kind_of

__all__ = ["Batch", "Wrapped", "sort_out"]

_INSIDE = ("event", "json", "message", "msg", "log", "line", "raw", "_raw")  # where shippers put what they read
_TELLING = (
    "_path", "category", "event_simpleName", "event_type", "eventType", "kind", "provider", "table", "type",
)  # fmt: skip  # fields whose value, beside the field names, tells a format
_MOST_SHAPES = 2000  # of one request that are looked at: asking every feed takes a while
_FEW_FIELDS = 12  # a shipper adds; a document with more fields and a message is a record of its own
_KINDS = frozenset(feed.kind for feed in FEEDS)
_OWN_KINDS = frozenset(feed.kind for feed in FEEDS if isinstance(feed, OwnTable))
_PREFIXES = ("farmwatch:", "farmwatch-", "farmwatch.", "farmwatch_")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """One record as a shipper wrapped it."""

    content: Any  #: a JSON value: the document, or text
    hint: str = ""  #: kind, source type, index or attribute that may name the feed
    host: str | None = None  #: device, for formats that do not name theirs
    number: int = 0  #: of the record in its request, from 1
    fault: str = ""  #: why it is no record, where it is none


@dataclass(slots=True)
class Batch:
    """Records of one request that one feed reads, for one device where they do not name theirs."""

    kind: str
    device_id: str | None
    lines: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """The records as the feed reads them."""
        return b"\n".join(self.lines) + b"\n"


def sort_out(wrapped: Iterable[Wrapped], only: str | None = None) -> tuple[list[Batch], list[Wrapped]]:
    """Records by feed and device, and those that no feed recognises or that are none (these say why).

    Why each line is looked at before a feed sees it: one that is broken would change what a feed takes the others for.

    Args:
        wrapped: the records of one request.
        only: the kind of all of them, where the sender may send no other.
    """
    batches: dict[tuple[str, str | None, bool], Batch] = {}
    unknown: list[Wrapped] = []
    shapes: dict[Any, tuple[str, Callable[[Any], Any]] | None] = {}
    for one in wrapped:
        if one.fault:
            unknown.append(one)
            continue
        found: tuple[str, Callable[[Any], Any]] | None
        content = _parsed(one.content)
        kind = _named(one.hint) or only
        if kind is not None:
            found = (kind, _innermost)
        else:
            shape = _shape(content)
            if shape not in shapes and len(shapes) < _MOST_SHAPES:
                shapes[shape] = _recognised(content)
            found = shapes.get(shape)
        if found is None:
            unknown.append(one)
            continue
        record = found[1](content)
        lines, fault = _lines(record, found[0])
        if fault:
            unknown.append(replace(one, fault=fault))
            continue
        host = device_name(one.host) if one.host else None
        key = (found[0], host, isinstance(record, str))
        batch = batches.setdefault(key, Batch(found[0], host))
        batch.lines += lines
        batch.numbers += [one.number] * len(lines)
    return list(batches.values()), unknown


def _named(hint: str) -> str | None:
    """The kind a shipper names: as it is, or as ``farmwatch:zeek`` or ``farmwatch-zeek-2026.11.23``."""
    word = hint.strip().lower()
    if word in _KINDS:
        return word
    for prefix in _PREFIXES:
        if word.startswith(prefix):
            rest = word[len(prefix) :]
            return max((kind for kind in _KINDS if rest == kind or rest.startswith(f"{kind}-")), key=len, default=None)
    return None


def _shape(content: Any) -> Any:
    """What a document looks like: documents that look alike are of one format."""
    if isinstance(content, str):
        return "text", content[:1]
    if not isinstance(content, dict):
        return type(content).__name__
    telling = tuple((name, value) for name in _TELLING if isinstance(value := content.get(name), str))
    inside = tuple((name, content[name][:1]) for name in _INSIDE if isinstance(content.get(name), str))
    nested = tuple(
        (name, frozenset(value))
        for name in ("event", "json", "properties")
        if isinstance(value := content.get(name), dict)
    )
    return frozenset(content), telling, inside, nested


def _recognised(content: Any) -> tuple[str, Callable[[Any], Any]] | None:
    """The feed of a document and where in it its record is."""
    ways: list[Callable[[Any], Any]] = [_itself]
    if isinstance(content, dict):
        ways += [_under(name) for name in _INSIDE if name in content]
    for way in ways:
        document = way(content)
        if isinstance(document, str):
            text = document[:4096]
            sample = Sample("", text.encode("utf-8", "replace"), (), tuple(text.splitlines()[:5]))
        elif isinstance(document, dict):
            try:
                head = json.dumps(document).encode()[:4096]
            except RecursionError:
                continue
            sample = Sample("", head, (document,), ())
        else:
            continue
        feed = kind_of(sample)
        if feed is not None:
            return feed.kind, way
    return None


def _itself(content: Any) -> Any:
    return content


def _under(name: str) -> Callable[[Any], Any]:
    def inside(content: Any) -> Any:
        value = _parsed(content.get(name) if isinstance(content, dict) else content)
        return _parsed(value["original"]) if isinstance(value, dict) and "original" in value else value

    return inside


def _innermost(content: Any) -> Any:
    """The record where the kind is known: the text a shipper read, else the document."""
    if isinstance(content, dict):
        for name in ("message", "log", "line", "_raw", "raw"):
            text = content.get(name)
            if isinstance(text, str) and text[:1] in ("{", "[", "<") and len(content) <= _FEW_FIELDS:
                return _parsed(text)
    return content


def _parsed(value: Any) -> Any:
    """A text that is a JSON object as that object."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if isinstance(found, dict) else value
    return value


def _lines(document: Any, kind: str) -> tuple[list[bytes], str]:
    """One record as a line, an array as several: text as it is, anything else as JSON; or why it is none."""
    if isinstance(document, str):
        if not document.strip():
            return [], "no text"
        if document.lstrip()[:1] == "[":
            try:
                document = json.loads(document)
            except (ValueError, RecursionError):
                return [], "not JSON"
        elif document.lstrip()[:1] == "{":
            return [], "not JSON"
        elif kind in _OWN_KINDS:
            return [], "not a JSON object"
        else:
            return [document.replace("\n", " ").encode("utf-8", "replace")], ""
    listed = document if isinstance(document, list) else [document]
    if not listed or not all(isinstance(one, dict) for one in listed):
        return [], "not a JSON object"
    try:
        return [json.dumps(one, separators=(",", ":")).encode("utf-8", "replace") for one in listed], ""
    except RecursionError:
        return [], "nested too deep"
