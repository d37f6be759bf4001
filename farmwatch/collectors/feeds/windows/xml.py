"""Windows events in XML, cut out of a stream one by one so that memory is bounded and damage stays with its event.

Event Viewer, ``wevtutil qe`` and ``Get-WinEvent``'s ToXml() write the same elements: ``<Event>`` with ``System`` and
``EventData`` or ``UserData`` (schema http://schemas.microsoft.com/win/2004/08/events/event), inside ``<Events>`` or one
after the other, on one line or on many. Forwarded events have ``RenderingInfo`` in the sender's language besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # ships no types
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # ships no types

from farmwatch.collectors.feeds.contract import ByteStream, Fault
from farmwatch.collectors.feeds.windows.events import Event
from farmwatch.errors import DecodeError, SourceError

__all__ = ["LONGEST_EVENT", "event_of_xml", "xml_events"]

LONGEST_EVENT = 1 << 20  #: bytes; the service that writes events stops at 64 KiB of binary
_BLOCK = 1 << 20
_START = re.compile(rb"<Event(?=[\s>])")
_END = re.compile(rb"</Event\s{0,8}>")
_FRAME = re.compile(rb"<\?[^<>]{0,300}>|</?Events(?:\s[^<>]{0,300})?>|\xef\xbb\xbf")
_LONGEST_FRAME = 4096
_TAIL = 16  # bytes at the end of what was searched that an end may begin in


def event_of_xml(text: str | bytes) -> Event:
    """One ``<Event>`` element.

    Raises:
        DecodeError: it is not well-formed XML, or declares entities.
    """
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise DecodeError(f"not an event in XML: {error}"[:200]) from error
    system: dict[str, Element] = {}
    data: Any = {}
    for child in root:
        name = _local(child.tag)
        if name == "System":
            system = {_local(entry.tag): entry for entry in child}
        elif name == "EventData":
            data = _event_data(child)
        elif name in ("UserData", "ProcessingErrorData") and not data:
            data = _user_data(child)
        elif name == "RenderingInfo" and (culture := child.get("Culture")) and isinstance(data, dict):
            data = {**data, "Culture": culture}
    provider, created = system.get("Provider"), system.get("TimeCreated")
    correlation = system.get("Correlation")
    return Event(
        (provider.get("Name") or provider.get("EventSourceName")) if provider is not None else None,
        _text(system.get("Channel")),
        _text(system.get("EventID")),
        _text(system.get("EventRecordID")),
        _text(system.get("Computer")),
        created.get("SystemTime") if created is not None else None,
        correlation.get("ActivityID") if correlation is not None else None,
        data,
    )


def _local(tag: Any) -> str:
    return str(tag).rsplit("}", 1)[-1]


def _text(element: Element | None) -> str | None:
    return element.text if element is not None else None


def _event_data(element: Element) -> dict[str, Any] | list[Any]:
    named: dict[str, Any] = {}
    unnamed: list[Any] = []
    for child in element:
        name = child.get("Name")
        if name is not None:
            named[name] = child.text
        elif _local(child.tag) == "Data":
            unnamed.append(child.text)
        else:
            named[_local(child.tag)] = child.text
    return named or unnamed


def _user_data(element: Element) -> dict[str, Any]:
    inner = next(iter(element), None)
    return {} if inner is None else {_local(child.tag): child.text for child in inner}


def xml_events(stream: ByteStream, most: int = 2000) -> Iterator[tuple[list[Event], list[int], list[Fault]]]:
    """Events of a stream in lots: the events, the number of each from 1, and the faults between them.

    Raises:
        SourceError: the stream breaks off; what came before was given.
    """
    events: list[Event] = []
    numbers: list[int] = []
    faults: list[Fault] = []
    number = 0
    broken: SourceError | None = None
    pieces = _pieces(stream)
    while True:
        try:
            piece = next(pieces, None)
        except SourceError as error:
            piece, broken = None, error
        if piece is None:
            break
        number += 1
        text, fault = piece
        try:
            if fault:
                faults.append(Fault(fault, number))
            else:
                events.append(event_of_xml(text))
                numbers.append(number)
        except DecodeError as error:
            faults.append(Fault(str(error), number))
        if len(events) + len(faults) >= most:
            yield events, numbers, faults
            events, numbers, faults = [], [], []
    if events or faults:
        yield events, numbers, faults
    if broken is not None:
        raise broken


def _pieces(stream: ByteStream) -> Iterator[tuple[bytes, str]]:
    """Elements of a stream, and what stands between them that is no event, with what is wrong with it."""
    data, at, ended = b"", 0, False
    while True:
        start = _START.search(data, at)
        end = _END.search(data, start.end()) if start else None
        if start and end:
            yield from _odd(data[at : start.start()])
            yield data[start.start() : end.end()], ""
            at = end.end()
            continue
        if ended:
            yield from _odd(data[at : start.start()] if start else data[at:])
            if start:
                yield b"", "an event that does not end"
            return
        if start and len(data) - start.start() > LONGEST_EVENT:
            yield from _odd(data[at : start.start()])
            yield b"", f"an event longer than {LONGEST_EVENT >> 10} KiB"
            following = _START.search(data, start.end())
            at = following.start() if following else max(start.end(), len(data) - _TAIL)
        elif not start and len(data) - at > LONGEST_EVENT:
            yield from _odd(data[at:-_TAIL])
            at = len(data) - _TAIL
        more = _read(stream)
        ended = not more
        data, at = data[at:] + more, 0


def _odd(between: bytes) -> Iterator[tuple[bytes, str]]:
    """What stands between events and is neither space nor the frame of a document."""
    if between and (len(between) > _LONGEST_FRAME or _FRAME.sub(b"", between).strip()) and between.strip():
        yield b"", "text that is no event"


def _read(stream: ByteStream) -> bytes:
    try:
        return stream.read(_BLOCK)
    except (EOFError, OSError, ValueError) as error:  # gzip, zstd and files say it each in their own way
        raise SourceError(
            str(getattr(stream, "name", "input")), getattr(stream, "offset", 0), f"breaks off: {error}"
        ) from error
