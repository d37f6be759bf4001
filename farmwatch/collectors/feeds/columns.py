"""Columns of a feed turned into columns of a table: times, numbers, names, paths and command lines, all rows at once.

Every function takes and gives an Arrow array of equal length. What cannot be read becomes "no value"; where the table
needs one, :class:`~farmwatch.collectors.feeds.output.Output` then rejects the row and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.documents import Misfit, parse_time

__all__ = [
    "addresses", "each", "file_names", "filled", "first_of", "hardware_addresses", "hexadecimal", "lowered",
    "masked_path", "masked_paths", "options_of", "reals", "select", "struct_field", "times", "truths", "whole",
]  # fmt: skip

_TIME = pa.timestamp("us", tz="UTC")
_SECONDS = (4.2e9, 4.2e12, 4.2e15)  # beyond: milliseconds, microseconds, nanoseconds
_MAC = re.compile(r"[^0-9a-f]")
_USER_FOLDER = re.compile(
    r"(?i)((?:^|[\\/])(?:users|home|documents and settings)[\\/])"
    r"(?!public[\\/]|all users[\\/]|default[\\/]|shared[\\/])[^\\/]+"
)
_OPTION = re.compile(r"(?<!\S)[\"']?(--?[A-Za-z][\w-]*|/[A-Za-z][\w-]{0,30}(?![\w/\\.-]))")
_SCHEME = re.compile(r"(?i)\b(msteams(?=:/)|[a-z][a-z0-9+.-]{2,30}(?=:(?://|\?)))")  # Teams' links have one slash
_CLEAN = re.compile(r"(?:(?:--?[A-Za-z][\w-]*|/[A-Za-z][\w-]*|[a-z][a-z0-9+.-]{2,30}:)(?: |$))+")  # cleaned before
_LONGEST_COMMAND = 32_768


def struct_field(table: pa.Table, path: str) -> pa.Array:
    r"""A field of a nested column by its dotted path, for example ``client.ipAddress``; a dot in a name is ``\.``."""
    names = [part.replace("\0", ".") for part in path.replace("\\.", "\0").split(".")]
    column = table.column(names[0])
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    for name in names[1:]:
        values = pc.struct_field(values, name)
    return values


def select(values: Any, rows: Any) -> pa.Array:
    """The values at some rows (indices or mask)."""
    picked = np.asarray(rows)
    return values.filter(pa.array(picked)) if picked.dtype == np.bool_ else values.take(pa.array(picked))


def each(function: Callable[[str], Any], values: pa.Array, kind: pa.DataType | None = None) -> pa.Array:
    """A function of a text applied to each different text once; no value stays no value."""
    coded = pc.dictionary_encode(values)
    made = pa.array(
        [None if value is None else function(value) for value in coded.dictionary.to_pylist()], kind or pa.string()
    )
    return made.take(coded.indices)


def first_of(*choices: pa.Array) -> pa.Array:
    """The first choice that has a value, row by row; blank text has none."""
    return pc.coalesce(*(filled(choice) if pa.types.is_string(choice.type) else choice for choice in choices))


def filled(values: pa.Array) -> pa.Array:
    """Texts without surrounding space; blank ones, and a lone ``-``, have no value."""
    trimmed = pc.utf8_trim_whitespace(values)
    blank = pc.is_in(trimmed, pa.array(["", "-"]))
    return pc.if_else(blank, pa.scalar(None, pa.string()), trimmed)


def lowered(values: pa.Array) -> pa.Array:
    """Texts in lower case without surrounding space, blank ones without value."""
    return pc.utf8_lower(filled(values))


def times(values: pa.Array) -> pa.Array:
    """Times from ISO 8601 texts, or from numbers of (milli-, micro-, nano-)seconds since 1970, also as text."""
    if pa.types.is_timestamp(values.type):
        return values.cast(_TIME, safe=False)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        number = pc.cast(values, pa.float64(), safe=False)
        for edge in _SECONDS[::-1]:
            number = pc.if_else(pc.greater(number, edge), pc.divide(number, 1000.0), number)
        sound = pc.and_(pc.is_finite(number), pc.less(pc.abs(number), 1e11))
        micro = pc.round(pc.multiply(pc.if_else(sound, number, None), 1e6))
        return micro.cast(pa.int64()).cast(_TIME)
    texts = filled(values)
    if not len(texts) or texts.null_count == len(texts):
        return pa.nulls(len(texts), _TIME)
    try:
        return texts.cast(pa.timestamp("ns", tz="UTC")).cast(_TIME, safe=False)
    except pa.ArrowInvalid:
        pass
    try:
        return times(texts.cast(pa.float64()))
    except pa.ArrowInvalid:
        return each(_time, texts, _TIME)


def _time(text: str) -> datetime | None:
    try:
        return parse_time(text, "")
    except Misfit:
        return None


def whole(values: pa.Array) -> pa.Array:
    """Whole numbers from decimal texts or numbers."""
    if pa.types.is_integer(values.type):
        return values.cast(pa.int64())
    if pa.types.is_floating(values.type):
        sound = pc.and_(pc.is_finite(values), pc.less(pc.abs(values), 9e18))
        return pc.trunc(pc.if_else(sound, values, None)).cast(pa.int64())
    texts = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.match_substring_regex(texts, r"^[+-]?[0-9]{1,18}$"), texts, pa.scalar(None, pa.string())).cast(
        pa.int64()
    )


def reals(values: pa.Array) -> pa.Array:
    """Finite numbers from texts or numbers."""
    if pa.types.is_string(values.type):
        texts = pc.utf8_trim_whitespace(values)
        good = pc.match_substring_regex(texts, r"^[+-]?([0-9]{1,300}(\.[0-9]*)?|\.[0-9]{1,300})([eE][+-]?[0-9]{1,3})?$")
        values = pc.if_else(good, texts, pa.scalar(None, pa.string()))
    numbers = values.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def hexadecimal(values: pa.Array) -> pa.Array:
    """Whole numbers from texts in hexadecimal, with or without 0x."""
    return each(_from_hex, values, pa.int64())


def _from_hex(text: str) -> int | None:
    digits = text.strip().lower().removeprefix("0x")
    return int(digits, 16) if re.fullmatch(r"[0-9a-f]{1,15}", digits) else None


def truths(values: pa.Array) -> pa.Array:
    """True and false from the usual words, 0 and 1."""
    if pa.types.is_boolean(values.type):
        return values
    if not pa.types.is_string(values.type):
        return pc.not_equal(values, 0)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    yes = pc.is_in(words, pa.array(["true", "1", "yes", "on", "t", "y", "enabled"]))
    no = pc.is_in(words, pa.array(["false", "0", "no", "off", "f", "n", "disabled"]))
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))


def file_names(paths: pa.Array) -> pa.Array:
    """The last part of each path, lower case."""
    return each(_file_name, paths)


def _file_name(path: str) -> str | None:
    return re.split(r"[\\/]", path.strip().strip('"').rstrip("\\/"))[-1].lower() or None


def masked_paths(paths: pa.Array) -> pa.Array:
    """Paths with the user's folder as ``*``: whose it is does not matter."""
    return each(lambda path: masked_path(path.strip().strip('"'))[:1024] or None, paths)


def masked_path(path: str) -> str:
    """A path with the user's folder as ``*``."""
    return _USER_FOLDER.sub(r"\1*", path)


def options_of(commands: pa.Array) -> pa.Array:
    """What a command line asks for without what it says: option names and link schemes, in order, space separated."""
    return each(_options, commands)


def _options(command: str) -> str | None:
    text = command[:_LONGEST_COMMAND].strip()
    if _CLEAN.fullmatch(text[:1024]):
        return text[:1024]
    found = [(match.start(), match.group(1)) for match in _OPTION.finditer(text)]
    found += [(match.start(), f"{match.group(1).lower()}:") for match in _SCHEME.finditer(text)]
    return " ".join(dict.fromkeys(word for _, word in sorted(found)))[:1024] or None


def hardware_addresses(values: pa.Array) -> pa.Array:
    """Link-layer addresses as six lower-case pairs with colons; anything else has no value."""
    return each(_mac, values)


def _mac(text: str) -> str | None:
    digits = _MAC.sub("", text.strip().lower()) if not re.search(r"[g-z]", text.lower()) else ""
    if len(digits) != 12 or digits in ("0" * 12, "f" * 12):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def addresses(values: pa.Array) -> pa.Array:
    """IP addresses in their usual spelling; anything else has no value. A zone (``%eth0``) is left off."""
    return each(_address, values)


def _address(text: str) -> str | None:
    from ipaddress import ip_address

    plain = text.strip().strip("[]").split("%")[0]
    try:
        at = ip_address(plain)
    except ValueError:
        return None
    mapped = getattr(at, "ipv4_mapped", None)
    return str(mapped or at)
