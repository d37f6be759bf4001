"""What each Windows event means: provider and number to rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import filled
from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.windows.events import (
    Batch,
    Event,
    Fields,
    Group,
    Listed,
    Meaning,
    Named,
    System,
    number_of,
    plain,
    provider_of,
)
from farmwatch.collectors.feeds.windows.hardware import HARDWARE_MEANINGS
from farmwatch.collectors.feeds.windows.power import POWER_MEANINGS
from farmwatch.collectors.feeds.windows.programs import PROGRAM_MEANINGS
from farmwatch.collectors.feeds.windows.remote_tools import REMOTE_TOOL_MEANINGS
from farmwatch.collectors.feeds.windows.sessions import SESSION_MEANINGS
from farmwatch.collectors.feeds.windows.templates import named
from farmwatch.records import (
    DeviceFact,
    Display,
    DnsLookup,
    Logon,
    PowerEvent,
    Process,
    Record,
    RemoteToolLog,
    Service,
    Socket,
    Software,
    UsbDevice,
)

__all__ = ["BANNED", "EVENT_TABLES", "MEANINGS", "Columns", "interpret", "interpret_columns"]

MEANINGS: Mapping[tuple[str, int], Meaning] = {
    **SESSION_MEANINGS, **HARDWARE_MEANINGS, **POWER_MEANINGS, **PROGRAM_MEANINGS, **REMOTE_TOOL_MEANINGS,
}  #: by provider (lower case, without Microsoft-Windows-) and event number  # fmt: skip

EVENT_TABLES: tuple[type[Record], ...] = (
    DeviceFact, UsbDevice, Display, Process, Service, Software, Socket, DnsLookup, Logon, PowerEvent,
    RemoteToolLog,
)  #: tables they fill  # fmt: skip

BANNED = frozenset({
    "AccountDomain", "AccountName", "Culture", "DisplayName", "KeyboardLayout", "Language", "Locale", "ParentUser",
    "ServiceAccount", "SubjectDomainName", "SubjectUserName", "SubjectUserSid", "TargetDomainName",
    "TargetOutboundDomainName", "TargetOutboundUserName", "TargetUserName", "TargetUserSid", "User", "UserID",
    "UserName", "UserSid",
})  #: fields of events that are not kept: whose they are, and in which language  # fmt: skip

_SHORT_FORMS = {"security-auditing": "Security", "sysmon": "Sysmon", "eventlog": "EventLog"}
_PREFIX = "Microsoft-Windows-"
_MOST_KINDS = 300  # of events not needed in one stretch that are told apart
_CLASSIC = 0xFFFF  # of an event number of the old interface only these bits are the number


def interpret(events: Sequence[Event], output: Output, context: Context) -> None:
    """Rows of events, which are the records of an output in its order; every event is accounted for."""
    groups: dict[Hashable, list[int]] = {}
    for row, event in enumerate(events):
        key = (event.provider or event.channel, event.event_id)
        try:
            groups.setdefault(key, []).append(row)
        except TypeError:  # an object or a list where a text or number should be
            groups.setdefault((plain(key[0]), plain(key[1])), []).append(row)
    kinds = _Kinds(Batch(Listed(events), output, context))
    for rows in groups.values():
        first = events[rows[0]]
        kind = kinds.find(plain(first.provider) or first.channel, first.event_id, rows)
        if kind is not None:
            data = [_by_name(kind.provider, kind.number, events[row].data) for row in rows]
            fields = Named(data)
            kinds.leave(fields.counts(BANNED))
            kinds.give(kind, rows, fields)
    kinds.end()


class Columns(System, Protocol):
    """Events of a stretch in columns, all with the names of their values."""

    def fields(self, rows: NDArray[np.int64]) -> Fields:
        """The data of some of them."""
        ...


def interpret_columns(events: Columns, output: Output, context: Context) -> None:
    """:func:`interpret` for events that were parsed in columns."""
    sources = pc.dictionary_encode(pc.coalesce(filled(events.system("provider")), events.system("channel")))
    numbers = pc.dictionary_encode(events.system("event_id"))
    code = np.asarray(pc.fill_null(sources.indices, -1)).astype(np.int64) << 32
    code += np.asarray(pc.fill_null(numbers.indices, -1)).astype(np.int64)
    order = np.argsort(code, kind="stable")
    cuts = np.flatnonzero(np.diff(code[order])) + 1
    kinds, known = _Kinds(Batch(events, output, context)), list[NDArray[np.int64]]()
    for rows in sorted(np.split(order, cuts), key=lambda rows: int(rows[0]) if len(rows) else -1):
        if len(rows):
            source, number = sources[int(rows[0])].as_py(), numbers[int(rows[0])].as_py()
            kind = kinds.find(source, number, rows)
            if kind is not None:
                known.append(rows)
                kinds.give(kind, rows, events.fields(rows))
    if known:
        kinds.leave(events.fields(np.concatenate(known)).counts(BANNED))
    kinds.end()


class _Kind(NamedTuple):
    provider: str
    number: int
    label: str
    meaning: Meaning


class _Kinds:
    """Gives the events of one kind after the other to what they mean."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._unknown = 0
        self._banned: Counter[str] = Counter()

    def find(self, source: Any, event_id: Any, rows: Sequence[int] | NDArray[np.int64]) -> _Kind | None:
        """What events of a provider (a channel, where that is missing) and number mean.

        None where that is nothing; then they are accounted for.
        """
        output, number = self._batch.output, number_of(event_id)
        if number is None:
            output.reject(np.asarray(rows), "no event number")
            return None
        provider = provider_of(source)
        number = number & _CLASSIC if number > _CLASSIC else number
        label = f"{_label(provider, source)} {number}"
        meaning = MEANINGS.get((provider, number))
        if meaning is None:
            self._unknown += 1
            output.unneeded(np.asarray(rows), label if self._unknown <= _MOST_KINDS else "other events")
            return None
        return _Kind(provider, number, label, meaning)

    def give(self, kind: _Kind, rows: Sequence[int] | NDArray[np.int64], fields: Fields) -> None:
        """Make rows of events of one kind."""
        kind.meaning(Group(self._batch, kind.label, np.asarray(rows, np.int64), fields))

    def leave(self, counts: Mapping[str, int]) -> None:
        """Count values that are not kept."""
        self._banned.update(counts)

    def end(self) -> None:
        """Count what was left behind, in one order, so that equal inputs give equal accounts."""
        for name in sorted(self._banned):
            self._batch.output.dropped[name] += self._banned[name]


def _by_name(provider: str, number: int, data: Any) -> Mapping[str, Any]:
    if isinstance(data, dict):
        return data
    return named(provider, number, data) if isinstance(data, list) else {}


def _label(provider: str, source: Any) -> str:
    """A provider as it is called in lists: ``Security``, ``Kernel-PnP``."""
    name = _SHORT_FORMS.get(provider) or plain(source) or "unknown provider"
    return name.removeprefix(_PREFIX)[:60]
