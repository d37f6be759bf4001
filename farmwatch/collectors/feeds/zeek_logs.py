r"""Zeek's log files as columns: tab-separated with a header, or JSON lines, one log or several in one stream.

The tab-separated form says in its header what it is (``scripts/base/frameworks/logging/writers/ascii.zeek``)::

    #separator \x09
    #set_separator	,
    #empty_field	(empty)
    #unset_field	-
    #path	conn
    #fields	ts	uid	id.orig_h	…
    #types	time	string	addr	…

A header may come again anywhere, as it does in logs laid end to end. JSON has no header: which log a line is of stands
in ``_path``, else in the file's name, else its fields tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import each, reals, times, truths, whole
from farmwatch.collectors.feeds.contract import ByteStream, Fault, Parsed
from farmwatch.collectors.feeds.documents import json_documents
from farmwatch.collectors.feeds.lines import LONGEST_LINE, Rejoined, blocks

__all__ = ["LOGS", "Piece", "log_of_fields", "log_of_name", "zeek_json", "zeek_tsv"]

_T, _R, _W, _B, _L = pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.list_(pa.string())
_ENDS: dict[str, pa.DataType] = {
    "ts": _R, "uid": _T, "id.orig_h": _T, "id.orig_p": _W, "id.resp_h": _T, "id.resp_p": _W,
}  # fmt: skip
#: Fields used of each log, and those that must not be kept, to be counted
LOGS: dict[str, dict[str, pa.DataType]] = {
    "conn": _ENDS | {
        "proto": _T, "service": _T, "duration": _R, "orig_bytes": _W, "resp_bytes": _W, "conn_state": _T,
        "missed_bytes": _W, "history": _T, "orig_pkts": _W, "orig_ip_bytes": _W, "resp_pkts": _W, "resp_ip_bytes": _W,
        "tunnel_parents": _L, "orig_l2_addr": _T, "resp_l2_addr": _T, "vlan": _W, "inner_vlan": _W,
    },
    "ssl": _ENDS | {
        "version": _T, "server_name": _T, "next_protocol": _T, "ja4": _T, "cert_chain_fuids": _L, "cert_chain_fps": _L,
        "subject": _T, "issuer": _T, "client_subject": _T,
    },
    "x509": {
        "ts": _R, "id": _T, "fingerprint": _T, "certificate.subject": _T, "certificate.issuer": _T, "san.dns": _L,
        "san.email": _L,
    },
    "quic": _ENDS | {"server_name": _T, "client_protocol": _T},
    "dns": _ENDS | {"query": _T, "qtype_name": _T, "qtype": _W, "answers": _L},
    "dhcp": {
        "ts": _R, "uids": _L, "client_addr": _T, "server_addr": _T, "mac": _T, "host_name": _T, "client_fqdn": _T,
        "domain": _T, "requested_addr": _T, "assigned_addr": _T, "msg_types": _L,
    },
    "rdp": _ENDS | {
        "cookie": _T, "result": _T, "security_protocol": _T, "keyboard_layout": _T, "client_build": _T,
        "client_name": _T, "client_dig_product_id": _T, "desktop_width": _W, "desktop_height": _W,
        "encryption_level": _T,
    },
    "rfb": _ENDS | {
        "server_major_version": _T, "server_minor_version": _T, "authentication_method": _T, "auth": _B,
        "desktop_name": _T, "width": _W, "height": _W,
    },
    "ssh": _ENDS | {"client": _T, "server": _T, "hassh": _T, "hasshServer": _T},
    "http": _ENDS | {
        "trans_depth": _W, "method": _T, "host": _T, "uri": _T, "status_code": _W, "username": _T, "password": _T,
    },
}  # fmt: skip
#: Fields that only one log has, in the order they are looked for, to tell a JSON line's log
_TELLING = {
    "conn": ("conn_state", "orig_ip_bytes"),
    "x509": ("certificate.subject", "certificate.issuer"),
    "quic": ("client_initial_dcid",),
    "dhcp": ("msg_types", "uids"),
    "rdp": ("security_protocol", "keyboard_layout"),
    "rfb": ("server_major_version", "authentication_method"),
    "ssh": ("auth_attempts", "hassh", "kex_alg"),
    "http": ("trans_depth",),
    "ssl": ("cipher", "cert_chain_fps", "cert_chain_fuids", "ssl_history", "resumed", "last_alert"),
    "dns": ("qtype_name", "rcode_name", "trans_id"),
}
#: Fields of JSON lines that are read only to tell the log
_EXTRA = {
    "_path": _T, "client_initial_dcid": _T, "auth_attempts": _W, "kex_alg": _T, "cipher": _T, "ssl_history": _T,
    "resumed": _B, "last_alert": _T, "rcode_name": _T, "trans_id": _W,
}  # fmt: skip
_JSON = {name: kind for log in LOGS.values() for name, kind in log.items()} | _EXTRA
_DIRECTIVE = re.compile(rb"(?m)^#[^\n]*(?:\n|\Z)")
_NAMED = re.compile(r"(?:^|[^a-z0-9])(" + "|".join(LOGS) + r")(?:[^a-z0-9]|$)")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\\\")
_HEAD = 64 << 10
_MOST_COLUMNS = 2000
_MOST_OTHERS = 50  # names of logs that are not needed, told apart in a stretch
_SMALL = 32  # lines: a stretch this short between headers is split in Python


@dataclass(slots=True)
class Piece:
    """Rows of one log with the fields used of it, and what was no row."""

    path: str  #: name of the log; '' where it could not be told
    table: pa.Table
    numbers: NDArray[np.int64]  #: line of each row
    faults: Parsed = field(default_factory=Parsed)


def log_of_name(name: str) -> str:
    """The log a file is called after, as ``conn.log`` or ``conn.00:00:00-01:00:00.log.gz``; '' where none."""
    base = re.split(r"[\\/!]", name)[-1].lower()
    found = _NAMED.search(base)
    return found[1] if found else ""


def log_of_fields(names: Any) -> str:
    """The log a JSON line is of, by the fields it has; '' where they do not tell."""
    return next((log for log, telling in _TELLING.items() if any(name in names for name in telling)), "")


# --- JSON -------------------------------------------------------------------------------------------------------------


def zeek_json(stream: ByteStream, name: str, *, threads: bool = False) -> Iterator[Piece]:
    """JSON lines, one piece per stretch and log.

    Raises:
        SourceError: the stream breaks off.
    """
    whole_stream = Rejoined(stream)
    head = whole_stream.peek(_HEAD)
    iso = re.search(rb'"ts"\s*:\s*"', head) is not None
    by_name = log_of_name(name)
    alone = bool(by_name) and b'"_path"' not in head  # of one log only: fewer fields to look for
    fields = (LOGS[by_name] if alone else _JSON) | ({"ts": _T} if iso else {})
    schema = pa.schema(list(fields.items()))

    def repaired(document: dict[str, Any]) -> dict[str, Any]:
        return _repaired(document, iso)

    for documents in json_documents(whole_stream, schema, threads=threads, repair=repaired):
        faults: Parsed | None = documents.faults
        for path, rows in _by_log(documents.table, by_name):
            table = documents.table if len(rows) == documents.table.num_rows else documents.table.take(pa.array(rows))
            wanted = LOGS.get(path, {})
            table = table.select(list(wanted) if wanted else ["ts"])
            if "ts" in table.column_names:
                table = table.set_column(0, "ts", times(table.column(0).combine_chunks()))
            yield Piece(path, table, documents.numbers[rows], faults or Parsed())
            faults = None
        if faults is not None:
            yield Piece("", pa.table({}), np.empty(0, np.int64), faults)


def _repaired(document: dict[str, Any], iso: bool) -> dict[str, Any]:
    """A line with its ends nested, or its times the other way than the first one's, as the others are."""
    ends = document.get("id")
    if isinstance(ends, dict):
        document = {**document, **{f"id.{name}": value for name, value in ends.items()}, "id": None}
    ts = document.get("ts")
    if isinstance(ts, str) and not iso:
        try:
            seconds = pc.cast(times(pa.array([ts], pa.string())), pa.int64())[0].as_py()
        except (pa.ArrowInvalid, UnicodeEncodeError):
            return document
        return {**document, "ts": None if seconds is None else seconds / 1e6}
    return document


def _by_log(table: pa.Table, by_name: str) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Rows by the log they are of."""
    count = table.num_rows
    if not count:
        return
    given = table.column("_path").combine_chunks() if "_path" in table.column_names else pa.nulls(count)
    if given.null_count == count and by_name:
        yield by_name, np.arange(count)
        return
    logs = np.full(count, "", dtype=object)
    left = np.ones(count, np.bool_)
    for log, telling in _TELLING.items():
        mine = np.zeros(count, np.bool_)
        for name in telling:
            mine |= table.column(name).is_valid().to_numpy()
        logs[left & mine] = log
        left &= ~mine
    if given.null_count < count:
        named = given.is_valid().to_numpy(zero_copy_only=False)
        logs[named] = np.array(given.to_pylist(), dtype=object)[named]
    names = set(logs.tolist())  # certificates go before the handshakes that name them
    for log in sorted(names & {"", *LOGS}, key=lambda name: (name != "x509", name)):
        yield log, np.flatnonzero(logs == log)
    other = sorted(names - LOGS.keys() - {""})
    if len(other) > _MOST_OTHERS:
        yield "*", np.flatnonzero(~np.isin(logs, ["", *LOGS]))
        return
    for log in other:
        yield log, np.flatnonzero(logs == log)


# --- tab-separated ----------------------------------------------------------------------------------------------------


@dataclass(slots=True, unsafe_hash=True)
class _Header:
    """What the lines with a number sign said last."""

    separator: str = "\t"
    set_separator: str = ","
    empty: str = "(empty)"
    unset: str = "-"
    path: str = ""
    fields: tuple[str, ...] = ()

    def read(self, line: str) -> None:
        """Take in one line of a header."""
        word, _, rest = line.partition(" ") if line.startswith("#separator") else line.partition(self.separator)
        value = rest.split(self.separator)[0] if word != "#separator" else _unescaped(rest.strip())
        match word:
            case "#separator":
                self.separator = value or "\t"
            case "#set_separator":
                self.set_separator = _unescaped(value) or ","
            case "#empty_field":
                self.empty = value
            case "#unset_field":
                self.unset = value
            case "#path":
                self.path, self.fields = value.strip().lower(), ()
            case "#fields":
                self.fields = _distinct(rest.split(self.separator)[:_MOST_COLUMNS])


def _distinct(names: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        plain, again = name.strip(), 2
        while plain in found:
            plain, again = f"{name.strip()} {again}", again + 1
        found[plain] = None
    return tuple(found)


def zeek_tsv(stream: ByteStream) -> Iterator[Piece]:
    """Tab-separated logs, one piece per stretch and log.

    Raises:
        SourceError: the stream breaks off.
    """
    header = _Header()
    for block in blocks(stream):
        faults = Parsed()
        for line in block.too_long:
            _reject(faults, f"line longer than {LONGEST_LINE >> 20} MiB", line)
        pieces: dict[str, list[tuple[pa.Table, NDArray[np.int64]]]] = {}
        for own, data, lines in _by_header(_plain(block.data), block.first_line, header):
            for table, numbers in _rows(data, lines, own, faults):
                pieces.setdefault(own.path, []).append((table, numbers))
        for path, listed in pieces.items():
            table = pa.concat_tables([table for table, _ in listed])
            yield Piece(path, table.combine_chunks(), np.concatenate([numbers for _, numbers in listed]), faults)
            faults = Parsed()
        if faults.records:
            yield Piece("", pa.table({}), np.empty(0, np.int64), faults)


def _reject(faults: Parsed, reason: str, line: int, count: int = 1) -> None:
    faults.records += count
    faults.rejects.append(Fault(reason, line, count))


def _plain(data: bytes) -> bytes:
    """Text in UTF-8 whose lines end in line feeds alone."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\\x0d")
    return data if data.isascii() else data.decode("utf-8", "replace").encode()


def _by_header(
    data: bytes, line: int, header: _Header
) -> Iterator[tuple[_Header, bytes, NDArray[np.int64]]]:  # fmt: skip
    """Rows that stand under equal headers together, with the line of each: headers may come again at every line."""
    found: dict[_Header, tuple[list[bytes], list[NDArray[np.int64]]]] = {}
    for body, first in _bodies(data, line, header):
        plain, numbers = _without_blanks(body, first)
        if len(numbers):
            texts, lines = found.setdefault(replace(header), ([], []))
            texts.append(plain if plain.endswith(b"\n") else plain + b"\n")
            lines.append(numbers)
    for own, (texts, lines) in found.items():
        yield own, b"".join(texts), np.concatenate(lines)


def _bodies(data: bytes, line: int, header: _Header) -> Iterator[tuple[bytes, int]]:
    """Stretches of rows with the number of their first line; the header is read as it comes by."""
    data = data.removeprefix(b"\xef\xbb\xbf") if line == 1 else data
    if b"\n#" not in data and not data.startswith(b"#"):
        yield data, line
        return
    at = 0
    for found in _DIRECTIVE.finditer(data):
        if found.start() > at:
            body = data[at : found.start()]
            yield body, line
            line += body.count(b"\n")
        header.read(found.group().decode("utf-8", "replace").rstrip("\n"))
        line, at = line + 1, found.end()
    if at < len(data):
        yield data[at:], line


def _rows(
    data: bytes, numbers: NDArray[np.int64], header: _Header, faults: Parsed
) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:  # fmt: skip
    """A stretch of rows as columns: those used of this log; of other logs the rows are only counted."""
    if not header.fields:
        _reject(faults, "no #fields line before it", int(numbers[0]), len(numbers))
        return
    wanted = LOGS.get(header.path)
    if wanted is None:
        yield pa.table({"ts": pa.nulls(len(numbers))}), numbers
        return
    if len(header.separator) != 1 or not header.separator.isascii():
        _reject(faults, "separator of more than one character", int(numbers[0]), len(numbers))
        return
    if len(numbers) <= _SMALL:
        texts, numbers = _split(data, numbers, header, faults)
    else:
        texts, numbers = _parsed(data, numbers, header, wanted, faults)
    if texts is not None:
        yield _typed(texts, wanted, header), numbers


def _without_blanks(data: bytes, first: int) -> tuple[bytes, NDArray[np.int64]]:
    """Rows without blank lines between them, and the line of each."""
    if not data.startswith(b"\n") and b"\n\n" not in data:
        count = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
        return data, np.arange(first, first + count, dtype=np.int64)
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), first) if line]
    return b"\n".join(line for _, line in lines), np.array([number for number, _ in lines], np.int64)


def _misshapen(given: int, wanted: int) -> str:
    return f"{given} values where the header has {wanted}"


def _split(
    data: bytes, numbers: NDArray[np.int64], header: _Header, faults: Parsed
) -> tuple[pa.Table | None, NDArray[np.int64]]:
    """A few rows as text."""
    kept, rows = [], []
    for number, line in zip(numbers.tolist(), data.decode().rstrip("\n").split("\n"), strict=True):
        values = line.split(header.separator)
        if len(values) != len(header.fields):
            _reject(faults, _misshapen(len(values), len(header.fields)), number)
            continue
        kept.append(number)
        rows.append([None if value == header.unset else value for value in values])
    if not rows:
        return None, numbers[:0]
    columns = zip(*rows, strict=True)
    table = pa.table({name: pa.array(values, _T) for name, values in zip(header.fields, columns, strict=True)})
    return table, np.array(kept, np.int64)


def _parsed(
    data: bytes, numbers: NDArray[np.int64], header: _Header, wanted: dict[str, pa.DataType], faults: Parsed
) -> tuple[pa.Table | None, NDArray[np.int64]]:
    """Many rows, in the types wanted where all of them have them, else as text."""
    used = {name: _T if kind is _L else kind for name, kind in wanted.items() if name in header.fields}
    odd: list[tuple[int, int]] = []

    def handle(row: pcsv.InvalidRow) -> str:
        odd.append((row.number or 0, row.actual_columns))
        return "skip"

    def read(kinds: dict[str, pa.DataType]) -> pa.Table:
        odd.clear()
        return pcsv.read_csv(
            pa.BufferReader(data),
            read_options=pcsv.ReadOptions(
                column_names=header.fields, use_threads=False, block_size=max(len(data) + 1, 1024)
            ),
            parse_options=pcsv.ParseOptions(
                delimiter=header.separator, quote_char=False, newlines_in_values=False, invalid_row_handler=handle,
                ignore_empty_lines=False,
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), null_values=[header.unset], strings_can_be_null=True,
                true_values=["T"], false_values=["F"], check_utf8=False,
            ),
        )  # fmt: skip

    if not used:
        used = {header.fields[0]: _T}
    try:
        try:
            table = read(used)
        except pa.ArrowInvalid:
            table = read(dict.fromkeys(used, _T))
    except pa.ArrowInvalid:  # whose words quote the lines
        _reject(faults, "not tab-separated text", int(numbers[0]), len(numbers))
        return None, numbers[:0]
    if odd:
        bad = np.array(sorted(row - 1 for row, _ in odd if 0 < row <= len(numbers)), np.int64)
        for row, count in odd:
            at = int(numbers[row - 1]) if 0 < row <= len(numbers) else int(numbers[0])
            _reject(faults, _misshapen(count, len(header.fields)), at)
        numbers = np.delete(numbers, bad)
    numbers = numbers[: table.num_rows] if len(numbers) >= table.num_rows else np.resize(numbers, table.num_rows)
    return (table if table.num_rows else None), numbers


def _typed(table: pa.Table, wanted: dict[str, pa.DataType], header: _Header) -> pa.Table:
    """The columns wanted, each in its type; without value where the log has none."""
    columns = {}
    for name, kind in wanted.items():
        if name in table.column_names:
            values = table.column(name).combine_chunks()
            columns[name] = times(reals(values)) if name == "ts" else _as(values, kind, header)
        else:
            columns[name] = pa.nulls(table.num_rows, pa.timestamp("us", tz="UTC") if name == "ts" else kind)
    return pa.table(columns)


def _as(values: pa.Array, kind: pa.DataType, header: _Header) -> pa.Array:
    if kind is _R:
        return reals(values)
    if kind is _W:
        return whole(values)
    if kind is _B:
        return truths(values)
    if kind is _L:
        full = pc.if_else(pc.equal(values, header.empty), pa.scalar(None, _T), values)
        return _each_of(pc.split_pattern(full, header.set_separator))
    return _clean(pc.if_else(pc.equal(values, header.empty), pa.scalar(None, _T), values))


def _each_of(lists: pa.Array) -> pa.Array:
    """Lists with what their values have escaped."""
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.combine_chunks()
    if lists.null_count == len(lists):
        return lists
    return pa.ListArray.from_arrays(lists.offsets, _clean(lists.values), mask=lists.is_null())


def _clean(values: pa.Array) -> pa.Array:
    r"""Texts with ``\xHH`` and ``\\`` as what they stand for."""
    if not pc.any(pc.match_substring(values, "\\")).as_py():
        return values
    return each(_unescaped, values)


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    raw = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "\\", text)
    try:
        return raw.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return raw
