"""What framing hands to decoding: a run of packets as columns over one byte buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bytes", "Damage", "Ints", "PacketChunk"]

Bytes: TypeAlias = NDArray[np.uint8]
Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of the capture that could not be read."""

    offset: int  #: byte offset in the (decompressed) file where the damage starts
    length: int  #: bytes skipped; 0 where reading went on at once
    packet: int  #: number of the last good packet before it, 0 if none
    reason: str  #: what was wrong, in words


@dataclass(frozen=True, slots=True)
class PacketChunk:
    """Up to about a million packets. Valid only until the next chunk is asked for: the buffer is reused.

    Columns have ``count`` entries: ``offset`` into ``buffer``; ``caplen`` bytes present there (never past the buffer's
    end); ``wirelen`` bytes the packet had on the wire; ``ts_ns`` nanoseconds since 1970 UTC; ``link`` the LINKTYPE of
    the packet's interface (https://www.tcpdump.org/linktypes.html).
    """

    buffer: Bytes
    first_packet: int  #: number of the first packet, counting from 1 through the whole capture
    count: int
    offset: Ints
    caplen: Ints
    wirelen: Ints
    ts_ns: Ints
    link: Ints
