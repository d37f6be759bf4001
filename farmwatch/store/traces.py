"""Every byte of a store, searched for a text: how forgetting proves that nothing is left."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from farmwatch.errors import StoreError
from farmwatch.store.lake import Store

__all__ = ["traces"]

_PIECE = 1 << 20


def traces(store: Store, text: str) -> list[str]:
    """Files of the lake and the state in which a text is found.

    Files are searched as they are, which shows names, footers and logs, and Parquet files decoded as well, because
    their pages are compressed.

    Raises:
        StoreError: a file cannot be read, so that nothing can be said of it.
    """
    place = store.place
    found = _in_files(place.files(place.url), text, "")
    if place.folder is None and place.state_folder.is_dir():
        found += _in_files(fs.SubTreeFileSystem(str(place.state_folder), fs.LocalFileSystem()), text, "state: ")
    state = store.state.file.path
    if state.exists() and any(text in value for value in _values(state)):
        found.append(f"{state}: a row")
    return sorted(set(found))


def _in_files(files: fs.FileSystem, text: str, label: str) -> list[str]:
    """Paths of files that hold a text, names included."""
    needle, found = text.encode(), []
    for info in files.get_file_info(fs.FileSelector("", allow_not_found=True, recursive=True)):
        if info.type is not fs.FileType.File:
            continue
        try:
            if text in info.path or _raw(files, info.path, needle) or (
                info.path.endswith(".parquet") and _decoded(files, info.path, text)
            ):  # fmt: skip
                found.append(label + info.path)
        except FileNotFoundError:
            continue  # cleared away meanwhile
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{label}{info.path}: cannot be searched: {error}; run 'farmwatch store check'") from error
    return found


def _raw(files: fs.FileSystem, path: str, needle: bytes) -> bool:
    """Whether a file's bytes hold others."""
    with files.open_input_stream(path) as stream:
        tail = b""
        while piece := stream.read(_PIECE):
            if needle in tail + piece:
                return True
            tail = piece[-len(needle) :]
    return False


def _decoded(files: fs.FileSystem, path: str, text: str) -> bool:
    """Whether any value of a Parquet file holds a text."""
    with files.open_input_file(path) as source:
        parquet = pq.ParquetFile(source)
        return any(
            _holds(column, text)
            for batch in parquet.iter_batches()
            for column in batch.columns
        )  # fmt: skip


def _holds(column: Any, text: str) -> bool:
    """Whether a value of a column, however nested, holds a text."""
    kind = column.type
    if pa.types.is_map(kind):
        return _holds(column.keys, text) or _holds(column.items, text)
    if pa.types.is_struct(kind):
        return any(_holds(column.field(number), text) for number in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds(column.flatten(), text)
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        return bool(pc.any(pc.match_substring(column.cast(pa.binary()), text.encode())).as_py())
    return False


def _values(path: Path) -> Iterator[str]:
    """Every text in an SQLite file: a long one may be cut into pages in the file itself."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 (from the file's own schema)
                yield from (value for value in row if isinstance(value, str))
