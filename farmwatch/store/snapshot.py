"""A table of the lake as one version of it says: its files, its columns, its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
from deltalake import DeltaTable

from farmwatch.errors import StoreError
from farmwatch.store.place import Place

__all__ = ["DESCRIPTION", "DataFile", "Snapshot"]

DESCRIPTION = "farmwatch table; key of its row keys: "
"""What the log says of a table of ours, before the secret of its row keys: the log takes no settings of our own."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a snapshot."""

    path: str
    day: str
    size: int  #: bytes
    rows: int


class Snapshot:
    """A table as one version of it says; later commits do not show."""

    def __init__(self, place: Place, uri: str, delta: DeltaTable) -> None:
        self.delta = delta
        self.version = delta.version()
        self._place, self._uri = place, uri
        actions = pa.table(delta.get_add_actions(flatten=True))
        self.files = [
            DataFile(path, day, size, rows or 0)
            for path, day, size, rows in zip(
                *(
                    actions.column(name).to_pylist() if name in actions.column_names else [None] * actions.num_rows
                    for name in ("path", "partition.day", "size_bytes", "num_records")
                ),
                strict=True,
            )
        ]

    @cached_property
    def schema(self) -> pa.Schema:
        """All columns of the table, ``day`` included."""
        return pa.schema(self.delta.schema().to_arrow())

    @property
    def secret(self) -> bytes:
        """The key of its row keys.

        Raises:
            StoreError: farmwatch did not make this table.
        """
        text = self.delta.metadata().description or ""
        if not text.startswith(DESCRIPTION):
            raise StoreError(f"{self._uri}: a Delta table that farmwatch did not make; move it elsewhere")
        return bytes.fromhex(text.removeprefix(DESCRIPTION))

    @cached_property
    def filesystem(self) -> Any:
        """Its files, by their paths."""
        return self._place.files(self._uri)

    def days(self) -> list[str]:
        """Its days, sorted."""
        return sorted({file.day for file in self.files})

    def dataset(self, schema: pa.Schema, files: Sequence[DataFile] | None = None) -> pads.Dataset:
        """Files (all without any named) as a dataset; columns that a file lacks are null in it."""
        shape = pads.ParquetFileFormat(default_fragment_scan_options=pads.ParquetFragmentScanOptions(pre_buffer=True))
        fragments = [
            shape.make_fragment(
                file.path, filesystem=self.filesystem, partition_expression=pads.field("day") == file.day
            )
            for file in (self.files if files is None else files)
        ]
        return pads.FileSystemDataset(fragments, schema, shape, self.filesystem)
