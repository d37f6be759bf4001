"""Windows events on their way to rows: one form for all senders, and groups of equal events read by columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import addresses, each, filled, select, times
from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import Record

__all__ = [
    "Batch", "Event", "Fields", "Group", "Listed", "Meaning", "Named", "System", "device_name", "mask_of", "number_of",
    "plain", "provider_of", "texts_of",
]  # fmt: skip

_PREFIX = "microsoft-windows-"
_FORMS = {"security": "security-auditing", "service control manager": "service-control-manager"}
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}|.*:.*")
_ODD_TIME = r"^/Date\(| (UTC|[+-]\d\d:?\d\d)$"
_ZONE = re.compile(r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?) ?([+-]\d\d):?(\d\d)$")
_DOTNET = re.compile(r"^/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/$")
_SYSTEM_NAMES = pa.array(
    ["system", "local service", "network service", "localservice", "networkservice", "localsystem", "anonymous logon",
     "iusr", "n/a"]
)  # fmt: skip
_SYSTEM_SIDS = r"^(S-1-5-(7|17|18|19|20|90-.*|96-.*|80-.*))$"  # [MS-DTYP] 2.4.2.4, well-known SIDs
_LONGEST_NUMBER = 25
_BLANK = (None, "", "-")


class Event(NamedTuple):
    """One event as its sender gave it; everything but the data may be absent or of the wrong type."""

    provider: Any
    channel: Any
    event_id: Any
    record_id: Any
    computer: Any
    time: Any
    activity: Any  #: ActivityID: the same for all events of one connection
    data: Mapping[str, Any] | Sequence[Any]  #: by name; a list where the sender leaves the names out


def plain(value: Any) -> str | None:
    """A value as text; of an XML element with attributes, its text."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return plain(value.get("#text", value.get("Value")))
    if isinstance(value, list):
        return plain(value[0]) if value else None
    return str(value)


def device_name(computer: str) -> str | None:
    """A host name in lower case without its domain; an address stays."""
    name = computer.strip().lower()
    return name if _ADDRESS.fullmatch(name) else name.split(".")[0] or None


def mask_of(values: Any) -> NDArray[np.bool_]:
    """Truths as a mask, no value as false."""
    found: NDArray[np.bool_] = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return found


def number_of(value: Any) -> int | None:
    """A whole number, decimal or with 0x, else None."""
    text = plain(value)
    if text is None or len(text) > _LONGEST_NUMBER:
        return None
    try:
        number = int(text, 16 if text[:2] in ("0x", "0X") else 10)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None


def provider_of(source: Any) -> str:
    """Short name of a provider, or of the channel that stands for it: lower case without ``Microsoft-Windows-``."""
    name = (plain(source) or "").strip().split("/")[0].lower().removeprefix(_PREFIX)
    return _FORMS.get(name, name)


def texts_of(values: list[Any]) -> pa.Array:
    """Values of any type as a column of text."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError):
        return pa.array([plain(value) for value in values], pa.string())


def _time_text(text: str) -> str:
    """A time as senders spell it, in a form that is read: .NET's ``/Date(ms)/``, a zone after a space."""
    if (found := _DOTNET.match(text)) is not None:
        return found[1]
    if (found := _ZONE.match(text)) is not None:
        return f"{found[1]}{found[2]}:{found[3]}"
    return text.removesuffix(" UTC")


class Fields(Protocol):
    """The data of some events by the names of their values."""

    def column(self, name: str) -> pa.Array:
        """A value of each event as text, as it was given."""
        ...

    def pick(self, rows: NDArray[np.int64]) -> Fields:
        """Those of some of the events, by position."""
        ...

    def counts(self, names: Iterable[str]) -> Mapping[str, int]:
        """How many events have some values; blank ones and a lone ``-`` do not count."""
        ...


class Named:
    """Data of events as objects."""

    def __init__(self, data: Sequence[Mapping[str, Any]]) -> None:
        self._data = data

    def column(self, name: str) -> pa.Array:
        """See :class:`Fields`."""
        return texts_of([data.get(name) for data in self._data])

    def pick(self, rows: NDArray[np.int64]) -> Named:
        """See :class:`Fields`."""
        return Named([self._data[row] for row in rows.tolist()])

    def counts(self, names: Iterable[str]) -> Mapping[str, int]:
        """See :class:`Fields`."""
        wanted, found = frozenset(names), Counter[str]()
        for fields in self._data:
            for name in fields.keys() & wanted:
                if fields[name] not in _BLANK:
                    found[name] += 1
        return found


class System(Protocol):
    """What System says of the events of a stretch."""

    def system(self, name: str) -> pa.Array:
        """A field of :class:`Event` as text."""
        ...


class Listed:
    """Events one by one."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    def system(self, name: str) -> pa.Array:
        """See :class:`System`."""
        return texts_of([getattr(event, name) for event in self._events])


class Batch:
    """Events of one stretch: what System says of each, as columns that are worked out once."""

    def __init__(self, events: System, output: Output, context: Context) -> None:
        self._events = events
        self.output = output
        self.context = context

    @cached_property
    def devices(self) -> pa.Array:
        """Device of each event: its computer, else what the whole input is of."""
        named = each(device_name, self._events.system("computer"))
        return pc.coalesce(named, pa.scalar(self.context.device_id, pa.string()))

    @cached_property
    def times(self) -> pa.Array:
        """Time of each event."""
        texts = self._events.system("time")
        if pc.any(pc.match_substring_regex(texts, _ODD_TIME)).as_py():
            texts = each(_time_text, texts)
        return times(texts)

    @cached_property
    def record_ids(self) -> pa.Array:
        """Channel and number of each event in it: ``Security 4711``."""
        channel = pc.coalesce(self._events.system("channel"), pa.scalar(""))
        return pc.utf8_ltrim(pc.binary_join_element_wise(channel, filled(self._events.system("record_id")), " "), " ")

    @cached_property
    def activities(self) -> pa.Array:
        """ActivityID of each event, lower case without braces; a blank one has no value."""
        made = pc.utf8_trim(pc.utf8_lower(self._events.system("activity")), "{} ")
        return pc.if_else(pc.match_substring_regex(made, "^[0-]*$"), pa.scalar(None, pa.string()), made)


class Group:
    """Events of one provider and number in a stretch."""

    def __init__(self, batch: Batch, source: str, rows: NDArray[np.int64], data: Fields) -> None:
        self._batch = batch
        self.source = source  #: channel and number, as ``Security 4624``
        self.rows = rows
        self._data = data

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, mask: NDArray[np.bool_]) -> Group:
        """Those of the events that a mask picks."""
        if mask.all():
            return self
        picked = np.flatnonzero(mask)
        return Group(self._batch, self.source, self.rows[picked], self._data.pick(picked))

    def text(self, *names: str) -> pa.Array:
        """A field as text, trimmed; blank ones and a lone ``-`` have no value. The first name that has one counts."""
        found = [filled(self._data.column(name)) for name in names]
        return found[0] if len(found) == 1 else pc.coalesce(*found)

    def number(self, *names: str) -> pa.Array:
        """A field as a whole number, from decimal or 0x texts."""
        return each(number_of, self.text(*names), pa.int64())

    def truth(self, name: str) -> pa.Array:
        """A field as true or false."""
        words = pc.utf8_lower(self.text(name))
        known = pc.is_in(words, pa.array(["true", "1", "false", "0"]))
        return pc.if_else(known, pc.is_in(words, pa.array(["true", "1"])), pa.scalar(None, pa.bool_()))

    def address(self, *names: str) -> pa.Array:
        """A field as an IP address; ``LOCAL`` and the like have no value."""
        return addresses(self.text(*names))

    def port(self, name: str) -> pa.Array:
        """A field as a port; 0 has no value."""
        number = self.number(name)
        return pc.if_else(pc.and_(pc.greater(number, 0), pc.less(number, 65536)), number, pa.scalar(None, pa.int64()))

    def account(self, name: str, sid: str | None = None) -> pa.Array:
        """An account, hidden, without its domain; of the system itself and of machines (``$``) there is none."""
        named = pc.replace_substring_regex(self.text(name), r"^.*\\", "")
        lower = pc.utf8_lower(named)
        system = pc.or_(pc.is_in(lower, _SYSTEM_NAMES), pc.match_substring_regex(lower, r"\$$|^(dwm|umfd)-\d+$"))
        if sid is not None:
            system = pc.or_(system, pc.fill_null(pc.match_substring_regex(self.text(sid), _SYSTEM_SIDS), False))
        named = pc.if_else(pc.fill_null(system, False), pa.scalar(None, pa.string()), named)
        counted = len(named) - named.null_count
        if counted:
            self._batch.output.dropped[name] -= counted  # not left behind: kept, hidden
        return self._batch.context.hide_all(named)

    def hidden(self, accounts: pa.Array) -> pa.Array:
        """Accounts of other systems as keyed hashes."""
        return self._batch.context.hide_all(accounts)

    @property
    def activity(self) -> pa.Array:
        """ActivityID of each event."""
        return select(self._batch.activities, self.rows)

    @property
    def times(self) -> pa.Array:
        """Time of each event."""
        return select(self._batch.times, self.rows)

    @property
    def devices(self) -> pa.Array:
        """Device of each event."""
        return select(self._batch.devices, self.rows)

    def add(self, record: type[Record], **columns: Any) -> None:
        """Give one row for each event; device, time and number of the record are put in."""
        self._batch.output.add(
            record,
            {"device_id": self.devices, "ts": self.times, "record_id": select(self._batch.record_ids, self.rows)}
            | columns,
            self.rows,
        )

    def left_behind(self, name: str, count: int) -> None:
        """Count values of a field that are not kept for whose they are."""
        if count:
            self._batch.output.dropped[name] += count

    def unneeded(self, of: str = "") -> None:
        """Say that the events hold nothing of use here, and why."""
        self._batch.output.unneeded(self.rows, f"{self.source} {of}".rstrip())

    def reject(self, reason: str) -> None:
        """Say that the events are wrong."""
        self._batch.output.reject(self.rows, f"{self.source}: {reason}")


Meaning = Callable[[Group], None]  #: makes rows of the events of one kind
