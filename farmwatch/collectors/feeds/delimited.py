"""Delimited text (CSV, TSV) as columns of text, read by pyarrow; quoted values may hold line ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from farmwatch.collectors.feeds.contract import ByteStream, Fault, Parsed
from farmwatch.collectors.feeds.documents import Documents
from farmwatch.collectors.feeds.lines import LONGEST_LINE, Block, blocks

__all__ = ["delimited_documents", "header_of"]

_LONGEST_VALUE = 1 << 20  # bytes of a quoted value; nothing that is kept is near as long
_MOST_COLUMNS = 2000


def header_of(line: str, delimiter: str = ",") -> list[str]:
    """Column names of a header line, trimmed; a name that comes again gets a number."""
    import csv

    names: dict[str, int] = {}  # each with the number that its next namesake tries first
    plain_line = line.lstrip("\ufeff").replace("\r", " ")
    try:
        found = next(csv.reader([plain_line], delimiter=delimiter), [])
    except csv.Error:  # a name longer than any column's
        found = plain_line.split(delimiter)
    for name in found[:_MOST_COLUMNS]:
        bare = plain = name.strip()
        while plain in names:
            again = names[bare]
            plain, names[bare] = f"{bare} {again}", again + 1
        names[plain] = 2
    return list(names)


def delimited_documents(
    stream: ByteStream, *, names: Sequence[str] | None = None, delimiter: str = ",", quoted: bool = True,
    comment: bytes = b"",
) -> Iterator[Documents]:  # fmt: skip
    """Rows of delimited text, all columns as text; rows with more or fewer values than names are faults.

    Args:
        stream: the text; UTF-8, bytes that are not become the replacement character.
        names: column names; from the first line where left out.
        delimiter: one character.
        quoted: values may stand in double quotes.
        comment: lines that start so are left out and count as nothing.

    Raises:
        SourceError: the stream breaks off.
    """
    number, carried, known = 0, b"", list(names) if names is not None else None
    for block in _and_end(blocks(stream)):
        data = carried + (block.data if block else b"")
        carried = b""
        account = Parsed()
        for line in block.too_long if block else ():
            account.records += 1
            account.rejects.append(Fault(f"line longer than {LONGEST_LINE >> 20} MiB", line))
        if block is not None and quoted and data.count(b'"') % 2 and len(data) < LONGEST_LINE:
            carried = data  # a quoted value goes on in the next block
            data = b""
        if comment and comment in data:
            data = b"\n".join(line for line in data.split(b"\n") if not line.startswith(comment))
        if known is None and data.strip():
            start = data.lstrip()
            end = (start + b"\n").index(b"\n")
            known, data = header_of(start[:end].decode("utf-8", "replace"), delimiter), start[end + 1 :]
        if known and data.strip():
            documents = _rows(data, known, delimiter, quoted, number, account)
            number += documents.table.num_rows + sum(fault.count for fault in documents.faults.rejects)
            yield documents
        elif account.records:
            yield Documents(pa.table({}), np.empty(0, np.int64), account, Counter())


def _and_end(cut: Iterator[Block]) -> Iterator[Block | None]:
    yield from cut
    yield None


def _rows(data: bytes, names: list[str], delimiter: str, quoted: bool, before: int, account: Parsed) -> Documents:
    if not data.isascii():
        data = data.decode("utf-8", "replace").encode()
    misshapen: list[int] = []

    def handle(row: pcsv.InvalidRow) -> str:
        misshapen.append(row.number or 0)
        account.records += 1
        account.rejects.append(
            Fault(f"{row.actual_columns} values where there are {len(names)} columns", before + (row.number or 1))
        )
        return "skip"

    try:
        table = pcsv.read_csv(
            pa.BufferReader(data),
            read_options=pcsv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(data) + 1, 1024)),
            parse_options=pcsv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted,
                invalid_row_handler=handle,
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )  # fmt: skip
    except pa.ArrowInvalid:  # no line of it can be told apart; what pyarrow says of it quotes it
        count = max(1, data.count(b"\n"))
        account.records += count - len(misshapen)
        account.rejects.append(
            Fault(
                f"not {'CSV' if delimiter == ',' else 'delimited text'}: values cannot be told apart",
                before + 1,
                count - len(misshapen),
            )
        )
        return Documents(pa.table({}), np.empty(0, np.int64), account, Counter())
    total = table.num_rows + len(misshapen)
    numbers = np.setdiff1d(np.arange(1, total + 1, dtype=np.int64), np.array(misshapen, np.int64)) + before
    if len(numbers) != table.num_rows:  # pyarrow could not number the rows it left out
        numbers = np.arange(before + 1, before + 1 + table.num_rows, dtype=np.int64)
    whole = _without_swallowed(table, numbers, account) if quoted and len(data) > _LONGEST_VALUE else None
    table, numbers = whole or (table, numbers)
    return Documents(table.combine_chunks(), numbers, account, Counter())


def _without_swallowed(
    table: pa.Table, numbers: NDArray[np.int64], account: Parsed
) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows without those in which a quote that was never closed took in what follows; these are faults."""
    swallowed = np.zeros(table.num_rows, np.bool_)
    for column in table.columns:
        swallowed |= pc.greater(pc.binary_length(column), _LONGEST_VALUE).to_numpy(zero_copy_only=False)
    for number in numbers[swallowed].tolist():
        account.records += 1
        account.rejects.append(Fault("a quoted value of over 1 MiB: a closing quote is missing", number))
    return table.filter(pa.array(~swallowed)), numbers[~swallowed]
