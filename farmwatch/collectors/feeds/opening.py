"""Inputs of feeds opened: files, folders, archives and standard input, decompressed, with their kind told by content.

Compressed inputs are streamed and never held whole, so a file that unpacks to terabytes costs time, not memory.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import io
import json
import lzma
import os
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.errors import SourceError

__all__ = ["Input", "inputs", "opened", "sample_of"]

_HEAD_BYTES = 256 << 10
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_PACKED = (".gz", ".zst", ".zstd", ".gzip")
_ZSTD_PIECE = 2 << 10  # the densest zstd is 4 bytes for 128 KiB: at most 64 MiB at once
_BROKEN = (EOFError, OSError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_DOCUMENTS = 20


@dataclass(slots=True)
class Input:
    """One thing to read: a file, a member of a zip archive, standard input or a stream."""

    name: str  #: shown; a member as ``archive.zip!folder/file``
    path: Path | None = None
    member: str | None = None
    stream: BinaryIO | None = None
    archive: zipfile.ZipFile | None = None  #: open while members of it are gone through: its list is read once
    entry: zipfile.ZipInfo | None = None  #: of two members with one name, which
    raw: Any = None  #: its stored bytes while it is open

    def position(self) -> int:
        """How many of its stored bytes were read; 0 where not known."""
        try:
            return int(self.raw.tell()) if self.member is None else 0
        except (OSError, ValueError, AttributeError):
            return 0

    @property
    def size(self) -> int:
        """Stored bytes, 0 where not known."""
        if self.path is None or self.member is not None:
            return 0
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


def inputs(sources: Any) -> Iterator[Input]:
    """What some sources stand for: files, folders at any depth in order of name, members of zip archives, ``-``.

    What cannot be opened is given as it is: reading it says what is wrong.
    """
    for source in sources:
        if not isinstance(source, str | os.PathLike):
            yield Input(str(getattr(source, "name", "stream")), stream=source)
        elif os.fspath(source) == "-":
            yield Input("-", stream=sys.stdin.buffer)
        else:
            yield from _of_path(Path(source))


def _of_path(path: Path) -> Iterator[Input]:
    if path.is_dir():
        yield from _of_folder(path)
        return
    if not path.exists() and any(sign in str(path) for sign in "*?["):
        found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 - also in its folders
        if found:
            for match in found:
                yield from _of_path(match)
            return
    archive = _archive(path)
    if archive is None:
        yield Input(str(path), path)
        return
    with archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield Input(f"{path}!{entry.filename}", path, entry.filename, archive=archive, entry=entry)


def _of_folder(folder: Path) -> Iterator[Input]:
    """Files at any depth but hidden ones; a folder that cannot be listed is given, so that it is not passed over."""
    unread: list[OSError] = []
    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(place, name) for name in names if not name.startswith(".")]
    for file in sorted(files):
        if file.is_file():
            yield from _of_path(file)
    for error in unread:
        yield Input(str(error.filename), Path(error.filename))


def _archive(path: Path) -> zipfile.ZipFile | None:
    """A zip archive; None where it is none that can be read. What is no regular file can be read only once."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if file.read(4) != _ZIP:
                return None
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return None


class opened:  # noqa: N801 - used as a function: with opened(source) as stream
    """An input as a stream of decompressed bytes, text in UTF-8; closed at the end.

    Raises:
        SourceError: it cannot be opened.
    """

    def __init__(self, source: Input) -> None:
        self._source = source
        self._close: list[Any] = []

    def __enter__(self) -> Any:
        source = self._source
        try:
            if source.member is not None and source.path is not None:
                archive = source.archive
                if archive is None or archive.fp is None:
                    archive = zipfile.ZipFile(source.path)
                    self._close.append(archive)
                source.raw = archive.open(source.entry or source.member)
            elif source.stream is not None:
                source.raw = source.stream
            else:
                source.raw = cast("Path", source.path).open("rb")
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, KeyError) as error:
            raise SourceError(
                source.name, 0, f"cannot be opened: {getattr(error, 'strerror', None) or error}"
            ) from error
        if source.stream is None:
            self._close.append(source.raw)
        return _Named(_as_text(_unpacked(_Peekable(source.raw))), source.name)

    def __exit__(self, *error: object) -> None:
        for stream in reversed(self._close):
            stream.close()


class _Peekable(io.RawIOBase):
    """A stream whose first bytes can be looked at."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._head = stream, b""
        self._fault: Exception | None = None

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read; what there is where the stream breaks off."""
        try:
            while self._fault is None and len(self._head) < size:
                more = self._stream.read(size - len(self._head))
                if not more:
                    break
                self._head += more
        except _BROKEN as error:  # reading says it, in its place
            self._fault = error
        return self._head[:size]

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        if self._fault is not None:
            raise self._fault
        return cast("bytes", self._stream.read(size))

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Gradual:
    """A gzip file that gives what it has before it says that it breaks off; its own ``read`` would lose that."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Some of the next bytes, at least one unless it is the end."""
        return self._file.read1(size) if size >= 0 else self._file.read()


def _unpacked(stream: _Peekable) -> _Peekable:
    head = stream.peek(4)
    if head.startswith(_GZIP):
        return _Peekable(_Gradual(gzip.GzipFile(fileobj=cast("Any", io.BufferedReader(stream, 1 << 20)))))
    if head == _ZSTD:
        return _Peekable(_Unzstd(stream))
    return stream


class _Unzstd:
    """Frames of a zstd stream one after the other (RFC 8878).

    Why not the package's own reader: it takes a cut stream for a whole one.
    """

    def __init__(self, stream: _Peekable) -> None:
        import zstandard

        self._stream, self._package = stream, zstandard
        self._decoder = zstandard.ZstdDecompressor().decompressobj()
        self._packed, self._plain = b"", b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at least one unless it is the end.

        Raises:
            EOFError: a frame is damaged or cut.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while not self._plain and self._more():
            pass
        data, self._plain = self._plain[:size], self._plain[size:]
        return data

    def _more(self) -> bool:
        """Undo one more piece; False at the end."""
        if not self._packed:
            self._packed = self._stream.read(1 << 16)
        if not self._packed:
            if not self._decoder.eof:
                raise EOFError("it ends inside a zstd frame")
            return False
        if self._decoder.eof:
            self._decoder = self._package.ZstdDecompressor().decompressobj()
        piece, self._packed = self._packed[:_ZSTD_PIECE], self._packed[_ZSTD_PIECE:]
        try:
            self._plain = self._decoder.decompress(piece)
        except self._package.ZstdError as error:
            raise EOFError(str(error)) from error
        if self._decoder.eof:
            self._packed = self._decoder.unused_data + self._packed
        return True


def _as_text(stream: _Peekable) -> Any:
    """UTF-16 with a byte-order mark, as Windows programs write it, as UTF-8."""
    if stream.peek(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        reader = codecs.getreader("utf-16")(cast("Any", stream), "replace")
        return _Encoded(reader)
    return stream


class _Encoded:
    """Text read as UTF-8 bytes."""

    def __init__(self, reader: codecs.StreamReader) -> None:
        self._reader = reader
        self._head = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at least one unless it is the end."""
        if size is None or size < 0:
            head, self._head = self._head, b""
            return head + self._reader.read().encode("utf-8", "replace")
        if not self._head:
            self._head = self._reader.read(size, max(1, size // 4)).encode("utf-8", "replace")
        data, self._head = self._head[:size], self._head[size:]
        return data

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read."""
        while len(self._head) < size and (more := self._reader.read(size, max(1, size // 4))):
            self._head += more.encode("utf-8", "replace")
        return self._head[:size]


class _Named:
    """A stream with the name of its input, whose reads fail only with :class:`SourceError`."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self.name, self._at = stream, name, 0
        self._broken: EOFError | None = None

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer only at the end, or where the stream breaks off: then the next call says so.

        Raises:
            EOFError: the stream breaks off.
        """
        if self._broken is not None:
            raise self._broken
        parts: list[bytes] = []
        left = size
        while left != 0:
            try:
                part = self._stream.read(left if left > 0 else -1)
            except _BROKEN as error:
                self._broken = EOFError(str(error) or type(error).__name__)
                if parts:
                    break
                raise self._broken from error
            if not part:
                break
            parts.append(part)
            self._at += len(part)
            left = left - len(part) if size > 0 else 0
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read; what there is where the stream breaks off."""
        try:
            return cast("bytes", self._stream.peek(size))
        except Exception:  # noqa: BLE001 - reading says it again, in its place
            return b""

    @property
    def offset(self) -> int:
        """Bytes read, decompressed."""
        return self._at


def sample_of(stream: Any, name: str) -> Sample:
    """The beginning of an opened input, which stays to be read."""
    head = stream.peek(_HEAD_BYTES)
    base = name.replace("\\", "/").rsplit("!", 1)[-1].rsplit("/", 1)[-1].lower()
    while base.endswith(_PACKED):
        base = base.rsplit(".", 1)[0]
    start = head.lstrip(b" \t\r\n\xef\xbb\xbf")
    documents = _documents(start) if start[:1] in (b"{", b"[") else ()
    binary = b"\0" in head[:4096]
    lines = () if binary else tuple(head.decode("utf-8", "replace").lstrip("\ufeff").splitlines()[:50])
    return Sample(base, head, documents, lines)


def _documents(start: bytes) -> tuple[dict[str, Any], ...]:
    text = start.decode("utf-8", "replace")
    decoder, at, found = json.JSONDecoder(), 0, list[dict[str, Any]]()
    while len(found) < _DOCUMENTS:
        while at < len(text) and text[at] in " \t\r\n,[":
            at += 1
        try:
            document, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        if isinstance(document, dict):
            found.append(document)
    return tuple(found)
