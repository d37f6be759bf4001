"""Packets to pcap files: cut to a length, closed at a size, the oldest dropped when there are too many.

The format is classic pcap, microseconds, little endian (draft-ietf-opsawg-pcap-04), one file per ``max_bytes``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["Recorder"]

_FILE_HEADER = struct.Struct("<IHHiIII")  # magic, major, minor, thiszone, sigfigs, snaplen, linktype
_RECORD_HEADER = struct.Struct("<IIII")  # seconds, microseconds, captured, original length
_MAGIC = 0xA1B2C3D4


class Recorder:
    """A set of pcap files that packets are written to in turn.

    Args:
        path: Where to write. With ``rotate`` a number is put before the suffix: ``out-0001.pcap``, ``out-0002.pcap``.
        linktype: Link type of the packets, as in https://www.tcpdump.org/linktypes.html.
        snaplen: Most bytes kept of a packet.
        max_bytes: Size at which a file is full; None for no limit.
        rotate: How many files to keep when they fill up; 0 to stop at the first full one.
    """

    def __init__(
        self, path: Path, *, linktype: int, snaplen: int = 262_144, max_bytes: int | None = None, rotate: int = 0
    ) -> None:
        self._path = path
        self._linktype = linktype
        self._snaplen = snaplen
        self._max_bytes = max_bytes
        self._rotate = rotate
        self._number = 0
        self._size = 0
        self._file: BinaryIO | None = None
        self.packets = 0  #: packets written, those in dropped files included
        self.files: list[Path] = []  #: files that exist, oldest first
        self._open()

    def _open(self) -> None:
        """Begin a file; drop the oldest where there would be too many."""
        self._number += 1
        path = self._path
        if self._rotate:
            path = path.with_name(f"{path.stem}-{self._number:04}{path.suffix}")
        self._file = path.open("wb")
        header = _FILE_HEADER.pack(_MAGIC, 2, 4, 0, 0, self._snaplen, self._linktype)
        self._file.write(header)
        self._size = len(header)
        self.files.append(path)
        while self._rotate and len(self.files) > self._rotate:
            self.files.pop(0).unlink(missing_ok=True)

    def write(self, data: bytes, seconds: float) -> bool:
        """Write one packet.

        Args:
            data: The packet from its link-layer header on.
            seconds: Time since 1970.

        Returns:
            False where the file is full and no further one may be begun; the packet is not written then.
        """
        assert self._file is not None
        kept = data[: self._snaplen]
        needed = _RECORD_HEADER.size + len(kept)
        if self._max_bytes is not None and self._size + needed > self._max_bytes and self._size > _FILE_HEADER.size:
            if not self._rotate:
                return False
            self._file.close()
            self._open()
        whole = int(seconds)
        self._file.write(_RECORD_HEADER.pack(whole, int((seconds - whole) * 1_000_000), len(kept), len(data)) + kept)
        self._size += needed
        self.packets += 1
        return True

    def close(self) -> None:
        """Finish the last file."""
        if self._file is not None:
            self._file.close()
            self._file = None
