"""What stands for inputs: files, folders, patterns and ``-`` as a list of captures and of the logs of sensors.

A sensor writes one log per protocol and starts new ones every hour or day. All logs of one sensor that lie in one
folder, or below it in folders called after dates, are one input.
"""

from __future__ import annotations

import difflib
import glob
import io
import re
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from farmwatch.errors import SourceError

__all__ = ["CAPTURE_MAGICS", "SUFFIXES", "SensorLogs", "Source", "captures_of", "expand"]


@dataclass(frozen=True, slots=True)
class SensorLogs:
    """Logs of one sensor, which are one input."""

    name: str  #: shown: the folder, or the one file
    kind: str  #: zeek or suricata
    files: tuple[str | Path | BinaryIO, ...]

    def __str__(self) -> str:
        return self.name


Source: TypeAlias = str | Path | BinaryIO | SensorLogs

SUFFIXES = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")  #: what captures are called
_PACKED = (".gz", ".zst")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_HEAD = 16 << 10
_ROTATED = re.compile(r"(?i)\d{4}-?\d{2}-?\d{2}.*|current")  # a day's folder
_ZEEK_FIELD = re.compile(rb'"(?:uid|uids|_path|id\.orig_h|certificate\.subject)"')
CAPTURE_MAGICS = (
    b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\xcd\x34", b"\x34\xcd\xb2\xa1", b"\x0a\x0d\x0d\x0a",
)  # fmt: skip  # pcap in both byte orders, us, ns and modified; pcapng


def expand(sources: Iterable[Source]) -> list[Source]:
    """What to read, each file once, in the order given; folders and patterns in the order of their names.

    Logs of one sensor stand together where the first of them stood. What stands for nothing (a missing file, an empty
    folder) is left as it is: reading it says what is wrong.
    """
    found: list[Source] = []
    seen: set[str] = set()
    groups: dict[tuple[str, str], int] = {}  # folder and kind of logs -> where they stand
    for source in sources:
        if isinstance(source, SensorLogs):
            found.append(source)
        elif not isinstance(source, str | Path):
            kind = _kind_of_stream(source)
            found.append(SensorLogs(str(getattr(source, "name", "stream")), kind, (source,)) if kind else source)
        else:
            for path in _captures_or_itself(str(source)):
                if path not in seen:
                    seen.add(path)
                    _place(path, found, groups)
    return found


def _place(path: str, found: list[Source], groups: dict[tuple[str, str], int]) -> None:
    """Add a file: a capture by itself, a log to those of its sensor."""
    kind = (
        _kind_of_stream(getattr(getattr(sys.stdin, "buffer", None), "raw", None))
        if path == "-"
        else _kind_of_log(Path(path))
    )
    if not kind:
        found.append(path)
        return
    folder = path if path == "-" else _sensor_folder(path)
    at = groups.setdefault((folder, kind), len(found))
    if at == len(found):
        found.append(SensorLogs(path, kind, (path,)))
    else:
        found[at] = SensorLogs(folder, kind, (*cast("SensorLogs", found[at]).files, path))


def _sensor_folder(path: str) -> str:
    """The folder of a log, without the folders that rotation makes."""
    folder = Path(path).parent
    while _ROTATED.fullmatch(folder.name):
        folder = folder.parent
    return str(folder)


def _kind_of_stream(stream: Any) -> str:
    """The kind of logs a stream begins like; '' where it is none, or is a pipe: what was read of it would be gone."""
    try:
        if stream.seekable():
            at = stream.tell()
            head = stream.read(_HEAD)
            stream.seek(at)
            return "" if head[:4] in CAPTURE_MAGICS else _kind_of_text(_unpacked(head))
    except (OSError, ValueError, AttributeError):
        pass
    return ""


def _kind_of_log(path: Path) -> str:
    """Zeek or suricata by the beginning of a file, '' for anything else; captures are not looked into."""
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    if name.endswith(SUFFIXES):
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    if head[:4] in CAPTURE_MAGICS:
        return ""
    return _kind_of_text(_unpacked(head))


def _unpacked(head: bytes) -> bytes:
    """The beginning of a compressed file, as far as these bytes tell it."""
    if head.startswith(_GZIP):
        try:
            return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, _HEAD)
        except zlib.error:
            return b""
    if head.startswith(_ZSTD):
        import zstandard

        try:
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(head)).read(_HEAD)
        except zstandard.ZstdError:
            return b""
    return head


def _kind_of_text(head: bytes) -> str:
    """Zeek or suricata by the first lines of a log."""
    start = head.lstrip(b" \t\r\n\xef\xbb\xbf")
    if any(line.startswith(b"#separator") for line in start.split(b"\n", 5)[:5]):
        return "zeek"
    line = start.split(b"\n", 1)[0]
    if not line.startswith(b"{"):
        return ""
    if b'"event_type"' in line and b'"timestamp"' in line:
        return "suricata"
    return "zeek" if b'"ts"' in line and _ZEEK_FIELD.search(line) else ""


def _captures_or_itself(argument: str) -> list[str]:
    try:
        return captures_of(argument)
    except SourceError:
        return [argument]


def captures_of(argument: str) -> list[str]:
    """The files one argument stands for: itself, the captures in a folder, or what matches a pattern.

    A folder gives, at any depth, the files that are called like a capture or begin like one or like a sensor's log. A
    pattern that the shell left alone (quoted, or on Windows) is expanded here.

    Raises:
        SourceError: it does not exist, or the folder or pattern holds no capture.
    """
    path = Path(argument)
    if argument == "-" or (path.exists() and not path.is_dir()):
        return [argument]
    if path.is_dir():
        captures = _in_folder(path)
        if not captures:
            looked = f"looked for {', '.join(SUFFIXES)} and for Zeek or Suricata logs"
            raise SourceError(argument, 0, f"no captures in folder {argument} ({looked})")
        return captures
    if glob.has_magic(argument):
        matched = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 (absolute and ** patterns alike)
        if matched:
            return [
                entry for match in matched for entry in (_in_folder(Path(match)) if Path(match).is_dir() else [match])
            ]
        raise SourceError(argument, 0, f"nothing matches {argument}")
    raise SourceError(argument, 0, f"no such file or folder: {argument}{_suggestion(path)}")


def _in_folder(folder: Path) -> list[str]:
    """Captures and logs in a folder and the folders below it, by name."""
    every = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [str(path) for path in every if _is_capture(path) or _kind_of_log(path)]


def _is_capture(path: Path) -> bool:
    """Whether a file is called like a capture or begins like one."""
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    if name.endswith(SUFFIXES):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in CAPTURE_MAGICS
    except OSError:
        return False


def _suggestion(path: Path) -> str:
    """The nearest name in the same folder, as a question; as it stands, for the caller to make visible."""
    folder = path.parent
    if not folder.is_dir():
        return f" (there is no folder {folder})"
    near = difflib.get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=1)
    return f"; did you mean {folder / near[0]}?" if near else ""
