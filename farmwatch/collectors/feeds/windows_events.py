"""Windows events as JSON or XML: what Winlogbeat, Elastic Agent, NXLog, Fluent Bit, PowerShell and the like send.

The forms are in :mod:`farmwatch.collectors.feeds.windows.shapes`, what events mean in
:mod:`farmwatch.collectors.feeds.windows.meaning`. One document, or one ``<Event>``, is one record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from farmwatch.collectors.feeds.contract import ByteStream, Context, Fault, Parsed, Sample
from farmwatch.collectors.feeds.documents import JsonBlock, json_blocks
from farmwatch.collectors.feeds.fields import Peeked
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.windows.beats import Beats, beats_of
from farmwatch.collectors.feeds.windows.events import Event, Listed
from farmwatch.collectors.feeds.windows.hosts import Machines, add_hosts
from farmwatch.collectors.feeds.windows.meaning import EVENT_TABLES, interpret, interpret_columns
from farmwatch.collectors.feeds.windows.shapes import LEFT_BEHIND, event_of
from farmwatch.collectors.feeds.windows.xml import xml_events
from farmwatch.records import Record

__all__ = ["WindowsEvents"]

_HEAD = 64 << 10
_SPACE = b" \t\r\n\xef\xbb\xbf"
_UNKNOWN = "not a Windows event in a form known here"


@dataclass(frozen=True, slots=True)
class WindowsEvents:
    """Windows events as JSON or XML."""

    kind: ClassVar[str] = "windows-events"
    sentence: ClassVar[str] = "Windows events as JSON or XML: Winlogbeat, NXLog, Fluent Bit, PowerShell, Event Viewer."
    tables: ClassVar[tuple[type[Record], ...]] = EVENT_TABLES

    def recognises(self, sample: Sample) -> bool:
        """By the form of its first documents, or by an ``<Event>`` of Windows' schema."""
        if sample.documents:
            return any(_is_event(document) for document in sample.documents[:5])
        start = sample.head[:_HEAD].lstrip(_SPACE)
        return start.startswith(b"<") and b"<Event" in start and b"schemas.microsoft.com/win/2004/08/events" in start

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read events; XML where the first character says so."""
        whole = Peeked(stream)
        if whole.peek(_HEAD).lstrip(_SPACE).startswith(b"<"):
            for events, numbers, faults in xml_events(whole):
                output = Output(np.array(numbers, np.int64))
                output.before(Parsed(records=sum(fault.count for fault in faults), rejects=faults))
                interpret(events, output, context)
                yield output.finish()
        else:
            spelling = 0
            for block in json_blocks(whole):
                found = beats_of(block, spelling)
                if found is None:
                    yield _parsed(block, context)
                else:
                    beats, spelling = found
                    yield _parsed_columns(beats, context)


def _is_event(document: Mapping[str, Any]) -> bool:
    event = event_of(document)
    return event is not None and event.event_id is not None and bool(event.provider or event.channel)


def _parsed_columns(beats: Beats, context: Context) -> Parsed:
    output = Output(beats.numbers)
    output.before(beats.account)
    output.dropped.update(beats.left_behind())
    interpret_columns(beats, output, context)
    add_hosts(beats.hosts(), beats, output, context)
    return output.finish()


def _parsed(block: JsonBlock, context: Context) -> Parsed:
    """Documents one by one; of each only what is needed is held, for a whole stretch of them is large."""
    account = Parsed()
    events: list[Event] = []
    numbers: list[int] = []
    machines = Machines()
    dropped: Counter[str] = Counter()
    for document, number in block.walk(account):
        event = event_of(document)
        if event is None:
            account.records += 1
            account.rejects.append(Fault(_UNKNOWN, number))
            continue
        machines.note(len(events), document, event)
        events.append(event)
        numbers.append(number)
        for name in LEFT_BEHIND:
            if document.pop(name, None):
                dropped[name] += 1
    output = Output(np.array(numbers, np.int64))
    output.before(account)
    output.dropped.update(dropped)
    interpret(events, output, context)
    add_hosts(machines.found, Listed(events), output, context)
    return output.finish()
