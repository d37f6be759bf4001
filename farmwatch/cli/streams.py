"""Where results and talk go: the result to standard output or a file, everything else to standard error."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TextIO

import typer

__all__ = [
    "Color", "can_show", "check_writable", "is_write_error", "open_missing", "talk", "use_color", "width",
    "write_bytes", "write_result",
]  # fmt: skip

_PROBE = "\u00b7\u2022\u2013\u2026\u00d7"  # what our own text holds beyond ASCII
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)  # reading never ends in these: it reports damage
_MIN_COLUMNS = 80  # what output that is not a terminal is wrapped to


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def open_missing() -> None:
    """Give the process the standard streams it was started without (``>&-``), leading nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  (open until the process ends)
            setattr(sys, name, stream)


def is_write_error(error: OSError) -> bool:
    """Whether an error means that there was no room, or no working device, for the output."""
    return error.errno in _NO_ROOM


def use_color(choice: Color, stream: TextIO) -> bool:
    """Whether to colour: the flag first, then NO_COLOR, FORCE_COLOR and TERM, then whether it is a terminal."""
    if choice is not Color.AUTO:
        return choice is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def can_show(stream: TextIO) -> bool:
    """Whether the stream's encoding has the few marks beyond ASCII that the text report uses."""
    try:
        _PROBE.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def width(stream: TextIO) -> int:
    """Columns of the terminal (COLUMNS overrides); 80 where it is none."""
    return shutil.get_terminal_size((_MIN_COLUMNS, 24)).columns if stream.isatty() or "COLUMNS" in os.environ else 80


def talk(message: str, *, quiet: bool = False) -> None:
    """A line to standard error, escaped: paths and names in it may be hostile. Where nobody listens it is lost."""
    from farmwatch.reports.escape import terminal

    if quiet:
        return
    with contextlib.suppress(OSError):
        for line in message.splitlines():
            sys.stderr.write(terminal(line, ascii_only=not can_show(sys.stderr)) + "\n")
        sys.stderr.flush()


def check_writable(path: Path | None, inputs: list[str], option: str) -> None:
    """Refuse an output before the work is done: its folder is missing, or it is one of the inputs.

    Raises:
        typer.BadParameter: with the reason; evidence is never written over.
    """
    if path is None or str(path) == "-":
        return
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file in it", param_hint=option)
    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"no folder {path.absolute().parent}; create it first", param_hint=option)
    if path.exists() and any(_same(path, given) for given in inputs):
        raise typer.BadParameter(f"{path} is an input; farmwatch does not write over evidence", param_hint=option)


def _same(path: Path, given: str) -> bool:
    """Whether an input names the same file."""
    other = Path(given)
    return other.exists() and path.samefile(other)


def write_result(text: str, path: Path | None, *, encoding: str = "utf-8") -> None:
    r"""The result to a file, whole or not at all, or to standard output.

    A reader that stops early (``| head``) is no error. Characters the encoding lacks are written out as ``\uhhhh``.

    Raises:
        typer.BadParameter: the file cannot be written.
    """
    if path is None or str(path) == "-":
        _to_stdout(text.encode(encoding, "backslashreplace"))
        return
    try:
        _to_file(text.encode(encoding, "backslashreplace"), path)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {path}: {error.strerror or error}") from error


def write_bytes(data: bytes, path: Path) -> None:
    """A result that is no text to a file, whole or not at all; ``-`` is standard output.

    Raises:
        typer.BadParameter: the file cannot be written.
    """
    if str(path) == "-":
        _to_stdout(data)
        return
    try:
        _to_file(data, path)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {path}: {error.strerror or error}") from error


def _to_stdout(data: bytes) -> None:
    """Bytes to standard output; a closed pipe ends quietly."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes standard output once more on exit; give it a place that takes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _to_file(data: bytes, path: Path) -> None:
    """Bytes to a file by way of a neighbour, so that a half-written report is never mistaken for a whole one."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # a pipe or device: nothing to replace
        return
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
