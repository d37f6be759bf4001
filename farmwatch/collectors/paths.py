"""What stands for captures: files, folders, patterns and ``-`` as a list of files."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TypeAlias

from farmwatch.errors import SourceError

__all__ = ["SUFFIXES", "Source", "captures_of", "expand"]

Source: TypeAlias = str | Path | BinaryIO

SUFFIXES = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")  #: what captures are called
_PACKED = (".gz", ".zst")
_MAGICS = (
    b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\xcd\x34", b"\x34\xcd\xb2\xa1", b"\x0a\x0d\x0d\x0a",
)  # fmt: skip  # pcap in both byte orders, us, ns and modified; pcapng


def expand(sources: Iterable[Source]) -> list[Source]:
    """What to read, each file once, in the order given; folders and patterns in the order of their names.

    What stands for nothing (a missing file, an empty folder) is left as it is: reading it says what is wrong.
    """
    found: list[Source] = []
    seen: set[str] = set()
    for source in sources:
        if isinstance(source, str | Path):
            for path in _captures_or_itself(str(source)):
                if path not in seen:
                    seen.add(path)
                    found.append(path)
        else:
            found.append(source)
    return found


def _captures_or_itself(argument: str) -> list[str]:
    try:
        return captures_of(argument)
    except SourceError:
        return [argument]


def captures_of(argument: str) -> list[str]:
    """The files one argument stands for: itself, the captures in a folder, or what matches a pattern.

    A folder gives, at any depth, the files that are called like a capture or begin like one. A pattern that the shell
    left alone (quoted, or on Windows) is expanded here.

    Raises:
        SourceError: it does not exist, or the folder or pattern holds no capture.
    """
    path = Path(argument)
    if argument == "-" or (path.exists() and not path.is_dir()):
        return [argument]
    if path.is_dir():
        captures = _in_folder(path)
        if not captures:
            raise SourceError(argument, 0, f"no captures in folder {argument} (looked for {', '.join(SUFFIXES)})")
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
    """Captures in a folder and the folders below it, by name."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and _is_capture(path)]


def _is_capture(path: Path) -> bool:
    """Whether a file is called like a capture or begins like one."""
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    if name.endswith(SUFFIXES):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in _MAGICS
    except OSError:
        return False


def _suggestion(path: Path) -> str:
    """The nearest name in the same folder, as a question; as it stands, for the caller to make visible."""
    folder = path.parent
    if not folder.is_dir():
        return f" (there is no folder {folder})"
    near = difflib.get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=1)
    return f"; did you mean {folder / near[0]}?" if near else ""
