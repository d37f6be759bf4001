"""Files of an object store as pyarrow sees them, through the Delta library's own connection to it.

Why through that: one set of options and credentials reaches logs and data files alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from deltalake.fs import DeltaStorageHandler

__all__ = ["ObjectFiles"]


class _Bytes:
    """A stream that hands bytes on: pyarrow writes buffers, the library takes nothing else."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        """Write all of it."""
        piece = bytes(data)
        self._stream.write(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Finish the upload; before this the object is not there."""
        if not self._stream.closed:
            self._stream.close()

    @property
    def closed(self) -> bool:
        """Whether it is finished."""
        return bool(self._stream.closed)


class ObjectFiles(DeltaStorageHandler):
    """Files below one URL, by paths relative to it."""

    def open_output_stream(self, path: str, metadata: Mapping[str, str] | None = None) -> pa.PythonFile:
        """A new object, complete when it is closed."""
        return pa.PythonFile(_Bytes(self._handler.open_output_stream(path, dict(metadata) if metadata else None)), "w")
