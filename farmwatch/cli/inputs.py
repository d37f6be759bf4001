"""What to read: files, folders, globs and ``-`` from the command line as a list of captures."""

from __future__ import annotations

import difflib
import glob
from pathlib import Path

import typer

from farmwatch.reports.escape import visible

__all__ = ["expand"]

_SUFFIXES = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")  # what captures are called
_HINT = "FILE"  # the argument that messages name
_PACKED = (".gz", ".zst")
_MAGICS = (
    b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\xcd\x34", b"\x34\xcd\xb2\xa1", b"\x0a\x0d\x0d\x0a",
)  # fmt: skip  # pcap in both byte orders, us, ns and modified; pcapng


def expand(arguments: list[str]) -> list[str]:
    """Paths to read, each once, in the order given; folders and globs in the order of their names.

    A folder gives, at any depth, the files that are called like a capture or begin like one. A pattern that the shell
    left alone (quoted, or on Windows) is expanded here.

    Raises:
        typer.BadParameter: something named does not exist, or a folder or pattern holds no capture.
    """
    found: dict[str, None] = {}
    for argument in arguments:
        for path in _one(argument):
            found.setdefault(path)
    return list(found)


def _one(argument: str) -> list[str]:
    """What one argument stands for."""
    path = Path(argument)
    if argument == "-" or (path.exists() and not path.is_dir()):
        return [argument]
    if path.is_dir():
        captures = _captures(path)
        if not captures:
            raise typer.BadParameter(
                f"no captures in folder {argument} (looked for {', '.join(_SUFFIXES)})", param_hint=_HINT
            )
        return captures
    if glob.has_magic(argument):
        matched = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 (absolute and ** patterns alike)
        if matched:
            return [
                entry for match in matched for entry in (_captures(Path(match)) if Path(match).is_dir() else [match])
            ]
        raise typer.BadParameter(f"nothing matches {argument}", param_hint=_HINT)
    raise typer.BadParameter(f"no such file or folder: {argument}{_suggestion(path)}", param_hint=_HINT)


def _captures(folder: Path) -> list[str]:
    """Captures in a folder and the folders below it, by name."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and _is_capture(path)]


def _is_capture(path: Path) -> bool:
    """Whether a file is called like a capture or begins like one."""
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    if name.endswith(_SUFFIXES):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in _MAGICS
    except OSError:
        return False


def _suggestion(path: Path) -> str:
    """The nearest name in the same folder, as a question."""
    folder = path.parent
    if not folder.is_dir():
        return f" (there is no folder {folder})"
    near = difflib.get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=1)
    return f"; did you mean {visible(str(folder / near[0]))}?" if near else ""
