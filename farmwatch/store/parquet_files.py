"""Data files: written whole and durable before any commit names them, read back by column."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from farmwatch.store.place import Place
from farmwatch.store.row_keys import Words, from_binary

__all__ = ["load_keys", "remove", "sync_folder", "sync_log", "write"]

_ROW_GROUP = 128 * 1024
_DICTIONARY_BYTES = 4 * 1024 * 1024  # file hashes and paths of a large file still fit
_RISING = {
    "ts": "DELTA_BINARY_PACKED",
    "record_id": "DELTA_BYTE_ARRAY",
}  # a third smaller than as a dictionary, and faster
_LEVEL = 1  # zstd: higher levels cost twice the time for a tenth of the size


def write(place: Place, uri: str, files: fs.FileSystem, day: str, rows: pa.Table) -> tuple[str, int]:
    """Write rows of one day to a new file of a table; where the store is a folder, they are on the disk afterwards.

    Returns:
        The file's path within the table, and its size.

    Raises:
        OSError: there is no room, or no way to write; nothing is left behind.
    """
    path = f"day={day}/{uuid.uuid4()}.parquet"
    names = [column.name for column in rows.schema if column.name != "row_key"]
    rising = {name: encoding for name, encoding in _RISING.items() if name in names}
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": _LEVEL,
        "row_group_size": _ROW_GROUP,
        "use_dictionary": [name for name in names if name not in rising],
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
        "column_encoding": rising,
        "write_statistics": names,
        "store_schema": False,
        "write_page_checksum": True,  # so that a check finds bits that turned
    }
    if place.folder is None:
        with files.open_output_stream(path) as stream:
            pq.write_table(rows, stream, **options)
        return path, int(files.get_file_info(path).size)
    target = Path(uri, path)
    fresh = not target.parent.exists()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as file:
            pq.write_table(rows, file, **options)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    if fresh:
        sync_folder(Path(uri))
    return path, size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name != "posix":
        return  # folders cannot be opened there; the file system journals names by itself
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_log(uri: str, first: int, last: int) -> None:
    """Make the commits of a table in a folder durable, from one version to another, both included."""
    log = Path(uri, "_delta_log")
    for version in range(first, last + 1):
        with contextlib.suppress(FileNotFoundError), (log / f"{version:020d}.json").open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(log)


def remove(place: Place, uri: str, paths: list[str]) -> None:
    """Delete files no commit names; what cannot be deleted is left to the next vacuum."""
    if place.folder is None:
        return
    for path in paths:
        with contextlib.suppress(OSError):
            Path(uri, path).unlink(missing_ok=True)


def load_keys(files: fs.FileSystem, paths: list[str]) -> Words:
    """Row keys of some files, in order."""
    tables = [pq.read_table(path, columns=["row_key"], filesystem=files, partitioning=None) for path in paths]
    return from_binary(pa.concat_tables(tables).column("row_key"))
