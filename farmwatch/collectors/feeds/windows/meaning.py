"""What each Windows event means: provider and number to rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.windows.events import Batch, Event, Group, Meaning, number_of, plain, provider_of
from farmwatch.collectors.feeds.windows.hardware import HARDWARE_MEANINGS
from farmwatch.collectors.feeds.windows.power import POWER_MEANINGS
from farmwatch.collectors.feeds.windows.programs import PROGRAM_MEANINGS
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
    Service,
    Socket,
    Software,
    UsbDevice,
)

__all__ = ["BANNED", "EVENT_TABLES", "MEANINGS", "interpret"]

MEANINGS: Mapping[tuple[str, int], Meaning] = {
    **SESSION_MEANINGS, **HARDWARE_MEANINGS, **POWER_MEANINGS, **PROGRAM_MEANINGS,
}  #: by provider (lower case, without Microsoft-Windows-) and event number  # fmt: skip

EVENT_TABLES: tuple[type[Record], ...] = (
    DeviceFact, UsbDevice, Display, Process, Service, Software, Socket, DnsLookup, Logon, PowerEvent,
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
    batch, kinds, banned = Batch(events, output, context), 0, Counter[str]()
    for rows in groups.values():
        first = events[rows[0]]
        number = number_of(first.event_id)
        if number is None:
            output.reject(rows, "no event number")
            continue
        provider = provider_of(first.provider, first.channel)
        number = number & _CLASSIC if number > _CLASSIC else number
        source = f"{_label(provider, first)} {number}"
        meaning = MEANINGS.get((provider, number))
        if meaning is not None:
            data = [_by_name(provider, number, events[row].data) for row in rows]
            _count_banned(data, banned)
            meaning(Group(batch, source, np.array(rows, np.int64), data))
        else:
            kinds += 1
            output.unneeded(rows, source if kinds <= _MOST_KINDS else "other events")
    for name in sorted(banned):  # in this order, so that equal inputs give equal accounts
        output.dropped[name] += banned[name]


def _by_name(provider: str, number: int, data: Any) -> Mapping[str, Any]:
    if isinstance(data, dict):
        return data
    return named(provider, number, data) if isinstance(data, list) else {}


def _count_banned(data: list[Mapping[str, Any]], dropped: Counter[str]) -> None:
    for fields in data:
        for name in fields.keys() & BANNED:
            if fields[name] not in (None, "", "-"):
                dropped[name] += 1


def _label(provider: str, event: Event) -> str:
    """A provider as it is called in lists: ``Security``, ``Kernel-PnP``."""
    name = _SHORT_FORMS.get(provider) or (plain(event.provider) or plain(event.channel) or "unknown provider")
    return name.removeprefix(_PREFIX)[:60]
