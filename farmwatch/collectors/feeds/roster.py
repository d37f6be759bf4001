"""The company's roster as a table of its own: which device, whose as an opaque id, where it should be.

CSV (comma, semicolon or tab) whose header may use any of the names in :data:`COLUMNS`; rows of farmwatch's own
``roster`` table as JSON lines or Parquet are taken as well. Dates are ISO 8601. Travel is ``FROM/TO PLACE``, semicolons
between.

Persons and households are opaque ids. A value that looks like a name or an address (a space, an ``@``, no digit at all)
is hidden like an account and counted; equal ones stay equal. Accounts are always hidden. Columns that must not be kept,
and those nobody knows, are counted by name and left behind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import each, filled, reals, times, truths
from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.delimited import delimited_documents, header_of
from farmwatch.collectors.feeds.documents import Documents
from farmwatch.collectors.feeds.hosts import device_names
from farmwatch.collectors.feeds.lines import Rejoined
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.own import OwnTable
from farmwatch.records import Record, RosterEntry

__all__ = ["COLUMNS", "Roster"]

#: Column -> what a header may call it; case, blanks, dashes and underscores do not count
COLUMNS: dict[str, tuple[str, ...]] = {
    "device_id": (
        "device",
        "device_id",
        "hostname",
        "host",
        "asset",
        "asset_tag",
        "computer",
        "computer_name",
        "laptop",
    ),
    "person": ("person", "person_id", "holder", "holder_id", "assigned_to", "employee_id", "staff_id"),
    "place": ("place", "expected_place", "location", "city"),
    "place_country": ("country", "country_code", "place_country"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng", "long"),
    "site": ("site", "office"),
    "max_rtt_ms": ("max_rtt_ms", "max_rtt"),
    "household": ("household", "household_id"),
    "travel": ("travel",),
    "accommodation": ("accommodation", "accommodations"),
    "issued": ("issued", "issue_date", "issued_on", "handed_out"),
    "approved_tools": ("approved_tools", "tools"),
    "accounts": ("accounts", "account", "logins", "usernames"),
    "ts": ("from", "since", "valid_from", "ts"),
    "record_id": ("record_id",),
}
#: What says that a table with a device column is a roster
_TELLING = frozenset(COLUMNS) - {"device_id", "ts", "record_id", "accounts", "latitude", "longitude"}
_KNOWN = {re.sub(r"[ _-]", "", name): column for column, names in COLUMNS.items() for name in names}
#: What must never be kept of a person, by the words of a header; told by name in the account, other columns are not
_BANNED = frozenset(
    {
        "name", "firstname", "lastname", "surname", "fullname", "displayname", "employeename", "email", "mail", "phone",
        "nationality", "citizenship", "ethnicity", "race", "religion", "language", "locale", "keyboard",
        "keyboardlayout", "birthplace", "countryofbirth", "birthdate", "dateofbirth", "accent", "photo", "gender",
        "age",
    }
)  # fmt: skip
_HIDDEN = re.compile(r"[0-9a-f]{16}")
_TRIP = r"\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}(?: [^;]{1,200})?"
_TRAVEL = re.compile(rf"{_TRIP}(?:; ?{_TRIP}){{0,99}}")
_TOOL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_SPLIT = re.compile(r"[;, |]+")
_HEAD = 64 << 10


@dataclass(frozen=True, slots=True)
class Roster:
    """What the company declares of its devices."""

    kind: ClassVar[str] = "roster"
    sentence: ClassVar[str] = "Roster CSV: device, opaque person id, expected place, site, travel, approved tools."
    tables: ClassVar[tuple[type[Record], ...]] = (RosterEntry,)

    def recognises(self, sample: Sample) -> bool:
        """By a header that names a device and at least two more things of a roster; JSON and Parquet as own rows."""
        if sample.documents or sample.head.startswith(b"PAR1"):
            return OwnTable(RosterEntry).recognises(sample)
        if not sample.lines:
            return False
        found = {_column(name) for name in header_of(sample.lines[0], _delimiter(sample.lines[0]))}
        enough = 1 if "roster" in sample.name else 2
        return "device_id" in found and len(found & _TELLING) >= enough

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read a roster; see the module."""
        whole = Rejoined(stream)
        start = whole.peek(_HEAD).lstrip(b" \t\r\n\xef\xbb\xbf")
        if start[:1] in (b"{", b"[") or start.startswith(b"PAR1"):
            for parsed in OwnTable(RosterEntry).read(whole, context):
                yield _private(parsed, context)
            return
        delimiter = _delimiter(start.split(b"\n", 1)[0].decode("utf-8", "replace"))
        for documents in delimited_documents(whole, delimiter=delimiter):
            yield _rows(documents, context)


def _delimiter(header: str) -> str:
    """The character between the columns of a header: the commonest of comma, semicolon and tab."""
    return max(",;\t", key=header.count)


def _column(name: str) -> str | None:
    return _KNOWN.get(re.sub(r"[ _-]", "", name.strip().lower()))


def _left_out(name: str) -> str:
    """What to call a column that is not kept: by its name only where that cannot be a value that slipped up."""
    plain = re.sub(r"[ _-]", "", name.strip().lower())
    return plain if plain in _BANNED else "column not known"


def _rows(documents: Documents, context: Context) -> Parsed:
    output = Output(documents.numbers)
    output.before(documents.faults)
    given: dict[str, pa.Array] = {}
    for name in documents.table.column_names:
        values, column = filled(documents.table.column(name).combine_chunks()), _column(name)
        if column is None or column in given:
            if held := len(values) - values.null_count:
                output.dropped[_left_out(name)] += held
        else:
            given[column] = values
    if documents.table.num_rows:
        _add(output, given, documents.table.num_rows, context)
    return output.finish()


def _add(output: Output, given: dict[str, pa.Array], count: int, context: Context) -> None:
    columns: dict[str, Any] = {name: given[name] for name in ("place", "site", "record_id") if name in given}
    columns["device_id"] = device_names(given["device_id"]) if "device_id" in given else context.device_id
    columns["ts"] = context.received
    if "ts" in given:
        columns["ts"] = pc.if_else(given["ts"].is_null(), context.received, times(given["ts"]))
    bad: dict[str, pa.Array] = {}
    for name, convert, words in (
        ("place_country", _country, "two letters"),
        ("latitude", lambda values: _between(reals(values), 90), "degrees between -90 and 90"),
        ("longitude", lambda values: _between(reals(values), 180), "degrees between -180 and 180"),
        ("max_rtt_ms", lambda values: _positive(reals(values)), "milliseconds above 0"),
        ("issued", times, "an ISO 8601 date"),
        ("accommodation", truths, "yes or no"),
        ("travel", lambda values: each(_travel, values), "FROM/TO PLACE with ISO 8601 dates"),
        ("approved_tools", lambda values: each(_tools, values), "ids of tools"),
    ):
        if name in given:
            columns[name] = convert(given[name])
            bad[f"{name} is not {words}"] = pc.and_(given[name].is_valid(), columns[name].is_null())
    for name in ("person", "household"):
        if name in given:
            columns[name], named = _opaque(given[name], context)
            output.dropped += Counter({f"{name} (looked like a name)": named})
    if "accounts" in given:
        columns["accounts"] = each(lambda text: _accounts(text, context), given["accounts"])
    sound = np.ones(count, np.bool_)
    for reason, wrong in bad.items():
        mask = pc.fill_null(wrong, False).to_numpy(zero_copy_only=False)
        output.reject(mask, reason)
        sound &= ~mask
    rows = np.flatnonzero(sound)
    picked = pa.array(rows)
    taken = {name: values.take(picked) if isinstance(values, pa.Array) else values for name, values in columns.items()}
    if "device_id" in taken and taken["device_id"] is None:
        output.reject(rows, "no device column, and no device named")
    else:
        output.add(RosterEntry, taken, rows)


def _country(values: pa.Array) -> pa.Array:
    upper = pc.utf8_upper(values)
    return pc.if_else(pc.match_substring_regex(upper, "^[A-Z]{2}$"), upper, pa.scalar(None, pa.string()))


def _between(values: pa.Array, most: float) -> pa.Array:
    return pc.if_else(pc.less_equal(pc.abs(values), most), values, pa.scalar(None, pa.float64()))


def _positive(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(values, 0.0), values, pa.scalar(None, pa.float64()))


def _travel(text: str) -> str | None:
    return text if _TRAVEL.fullmatch(text) else None


def _tools(text: str) -> str | None:
    """Ids of tools, comma separated; none where one of them cannot be an id."""
    listed = [part.lower() for part in _SPLIT.split(text) if part]
    return ",".join(dict.fromkeys(listed)) if all(_TOOL.fullmatch(part) for part in listed) else None


def _accounts(text: str, context: Context) -> str | None:
    """Accounts hidden, comma separated; of ``jo@acme.example`` also ``jo``, as which a device's own log knows it."""
    hidden: list[str | None] = []
    for part in filter(None, _SPLIT.split(text)):
        if _HIDDEN.fullmatch(part):
            hidden.append(part)
        else:
            hidden += [context.hide(part), context.hide(part.partition("@")[0])]
    return ",".join(dict.fromkeys(part for part in hidden if part)) or None


def _opaque(values: pa.Array, context: Context) -> tuple[pa.Array, int]:
    """Ids as they are, what looks like a name or an address hidden; and how many looked so."""
    named = pc.or_(pc.match_substring_regex(values, r"[\s@]"), pc.invert(pc.match_substring_regex(values, "[0-9]")))
    named = pc.fill_null(named, False)
    if not pc.any(named).as_py():
        return values, 0
    return pc.if_else(named, context.hide_all(values), values), int(pc.sum(named).as_py())


def _private(parsed: Parsed, context: Context) -> Parsed:
    """Own rows with persons and households as opaque as those of a CSV."""
    table = parsed.tables.get(RosterEntry)
    if table is None:
        return parsed
    dropped = Counter(parsed.dropped)
    for name in ("person", "household"):
        values, named = _opaque(table.column(name).combine_chunks(), context)
        dropped += Counter({f"{name} (looked like a name)": named})
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), values)
    return replace(parsed, tables=parsed.tables | {RosterEntry: table}, dropped=dropped)
