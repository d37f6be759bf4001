"""Opening what may be a capture, and saying what it is where it is none."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

from farmwatch.errors import SourceError
from farmwatch.wire.source_bytes import GZIP_MAGIC, ZSTD_MAGICS

__all__ = ["open_again", "open_source", "stored_size", "what_starts_like"]

# What people hand over by mistake, and what to do about it.
_OTHER_FORMATS: Final = (
    (b"snoop\0\0\0", "a Solaris snoop file; convert it: editcap -F pcapng IN OUT"),
    (b"GMBU", "a Microsoft Network Monitor file; convert it: editcap -F pcapng IN OUT"),
    (b"RTSS", "a Microsoft Network Monitor 1 file; convert it: editcap -F pcapng IN OUT"),
    (b"TRSNIFF data", "a Sniffer file; convert it: editcap -F pcapng IN OUT"),
    (b"XCP\0", "a NetXRay file; convert it: editcap -F pcapng IN OUT"),
    (b"ElfFile\0", "a Windows event log, not a packet capture"),
    (b"BZh", "bzip2; decompress it first"),
    (b"\xfd7zXZ\0", "xz; decompress it first"),
    (b"\x04\x22\x4d\x18", "lz4; decompress it first"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (GZIP_MAGIC, "compressed a second time; decompress it once first"),
    (ZSTD_MAGICS[0], "compressed a second time; decompress it once first"),
)


def open_source(source: str | os.PathLike[str] | BinaryIO) -> tuple[Any, str, bool]:
    """The binary file, what to call it, and whether it is ours to close.

    Raises:
        SourceError: It cannot be opened.
    """
    if not isinstance(source, str | os.PathLike):
        return source, str(getattr(source, "name", "<stream>")), False
    if os.fspath(source) == "-":
        # Unbuffered: a thread waiting inside the buffer would hold its lock, which aborts an interrupted interpreter.
        return getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), "-", False
    try:
        return Path(source).open("rb", buffering=0), os.fspath(source), True
    except OSError as error:
        raise SourceError(os.fspath(source), 0, f"cannot be opened: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise SourceError(os.fspath(source), 0, f"cannot be opened: {error}") from error


def open_again(file: Any, name: str) -> BinaryIO | None:
    """The same file opened once more; None where the name now means another one."""
    try:
        again = Path(name).open("rb", buffering=0)  # noqa: SIM115 - the hashing thread closes it
    except OSError:
        return None
    if os.path.sameopenfile(again.fileno(), file.fileno()):
        return again
    again.close()
    return None


def stored_size(file: Any) -> int | None:
    """Bytes of a regular file; None for pipes and file objects without a descriptor."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def what_starts_like(head: bytes) -> str:
    """Say what the first bytes are, for a person who handed over the wrong file."""
    for magic, what in _OTHER_FORMATS:
        if head.startswith(magic):
            return f"this is {what}"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head[:16]):
        shown = repr(head[:16].decode("ascii"))
    else:
        shown = head[:8].hex(" ")
    return f"starts with {shown}; farmwatch reads pcap, pcapng, and those inside gzip or zstd"
