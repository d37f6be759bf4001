"""Reading a capture twice, whatever it comes from.

A file is opened again by its name, and what can be wound back is wound back. A pipe can be read only once, so that its
bytes are kept on the way in a temporary file without a name, which nobody else can open and which is gone when the
process ends; up to a limit, beyond which there is no second reading.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, cast

from farmwatch.wire.source_bytes import words

__all__ = ["MOST_SPOOLED", "Readings"]

MOST_SPOOLED: Final = 4 << 30  #: bytes of a stream kept for the second reading
_KEPT_BYTES: Final = 1 << 20  # written at a time


class Readings:
    """A source that can be read a second time, if at all possible.

    Hand ``first`` to :func:`farmwatch.wire.source.open_capture`; once that is exhausted, hand it what :meth:`again`
    gives. Close it in the end.
    """

    def __init__(self, source: str | os.PathLike[str] | BinaryIO, most_spooled: int = MOST_SPOOLED) -> None:
        self.fault = ""  #: why there is no second reading, in words; known once :meth:`again` was asked
        self._spool: _Spool | None = None
        self._start = -1
        self.first: Any = source
        self._opened: BinaryIO | None = None
        file: Any
        if isinstance(source, str | os.PathLike):
            if os.fspath(source) != "-":
                file = self._opened = _opened_pipe(source)
                if file is None:
                    return
                name = os.fspath(source)
            else:
                # Unbuffered, as open_source has it.
                file, name = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), "-"
        else:
            file, name = source, str(getattr(source, "name", "<stream>"))
        self._file = file
        with suppress(OSError, ValueError, AttributeError):
            if file.seekable():
                self._start = file.tell()
        if self._start < 0:
            self.first = self._spool = _Spool(file, name, most_spooled)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def again(self) -> Any:
        """What to open for the second reading; None where there is none, and then ``fault`` says why."""
        if self._spool is not None:
            kept = self._spool.kept()
            self.fault = self._spool.fault
            return kept
        if self._start >= 0:
            try:
                self._file.seek(self._start)
            except (OSError, ValueError) as error:
                self.fault = words(error)
                return None
        return self.first

    def close(self) -> None:
        """Give back the temporary file."""
        if self._spool is not None:
            self._spool.close()
        if self._opened is not None:
            self._opened.close()


def _opened_pipe(path: str | os.PathLike[str]) -> BinaryIO | None:
    """A named pipe or another special file, which opens only once; None for a regular file, or where it fails."""
    try:
        if Path(path).is_file():
            return None
        return cast("BinaryIO", Path(path).open("rb", buffering=0))
    except (OSError, ValueError):  # whoever opens it again says what is wrong
        return None


class _Spool:
    """A stream whose bytes are also written to a temporary file while they are read."""

    def __init__(self, file: Any, name: str, most: int) -> None:
        self.name = name
        self.fault = ""
        self._source = file
        self._read_into = getattr(file, "readinto", None)
        self._left = most
        self._kept: Any = None

    def readinto(self, view: memoryview) -> int | None:
        """Read as the stream itself does, and keep what came."""
        if self._read_into is not None:
            size: int | None = self._read_into(view)
        else:
            data = self._source.read(len(view))
            size = None if data is None else len(data)
            if data:
                view[: len(data)] = data
        if size and not self.fault:
            self._keep(view[:size])
        return size

    def kept(self) -> Any:
        """The temporary file, at its start; None where not everything is in it."""
        if self.fault or self._kept is None:
            return None
        try:
            self._kept.seek(0)
        except OSError as error:
            self._stop(words(error))
        return self._kept

    def close(self) -> None:
        """Drop what was kept; a thread that still reads keeps nothing more."""
        self.fault = self.fault or "it was closed"
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(OSError):
                kept.close()

    def _keep(self, data: memoryview) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._stop("it is too long to be kept for a second reading; save it to a file and read that")
            return
        try:
            if self._kept is None:
                self._kept = tempfile.TemporaryFile(buffering=_KEPT_BYTES, prefix="farmwatch-")  # noqa: SIM115 - see close
            self._kept.write(data)
        except OSError as error:
            self._stop(f"no room to keep it for a second reading: {words(error)}")

    def _stop(self, fault: str) -> None:
        self.fault = fault
        self.close()
