r"""NoMachine: version lines on TCP, framing on UDP.

Fact rows (NoMachine payload): ``NXSH-x.y.z\n`` from the controller, then ``NXD-x.y.z\n`` from the controlled end,
then TLS, high, nDPI and capture; UDP with LE16 at 2 = 1, LE16 at 4 = datagram length, bytes 8-9 = 0, medium.

Sample::

    4e 58 53 48 2d 38 2e 31 30 2e 31 0a    "NXSH-8.10.1\n"
    4e 58 44 2d 38 2e 31 30 2e 31 0a       "NXD-8.10.1\n"
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["NoMachineSession", "decode_nomachine", "decode_nomachine_udp"]

_LINE = re.compile(rb"(NXSH|NXD)-(\d{1,3}(?:\.\d{1,3}){1,3})\r?\n")


@dataclass(frozen=True, slots=True)
class NoMachineSession:
    """A NoMachine connection."""

    controlled_side: int | None  #: None on UDP, which does not tell
    controller_version: str | None
    controlled_version: str | None
    tls_offset: tuple[int, int]  #: where the inner stream starts on each side; 0 on UDP


def decode_nomachine(orig: bytes, resp: bytes) -> NoMachineSession:
    """Read a TCP connection from the first bytes of both directions.

    Raises:
        DecodeError: neither end starts with its version line, or both claim the same part.
    """
    matches = (_LINE.match(orig), _LINE.match(resp))
    versions: dict[bytes, str] = {}
    controlled: int | None = None
    for side, match in enumerate(matches):
        if match is None:
            continue
        if match[1] in versions:
            raise DecodeError("both ends send the same NoMachine version line")
        versions[match[1]] = match[2].decode("ascii")
        controlled = side if match[1] == b"NXD" else 1 - side
    if controlled is None:
        raise DecodeError("neither end starts with an NXSH or NXD version line")
    if any(data and match is None for data, match in zip((orig, resp), matches, strict=True)):
        raise DecodeError("one end sends a NoMachine version line, the other something else")
    offsets = tuple(match.end() if match else 0 for match in matches)
    return NoMachineSession(controlled, versions.get(b"NXSH"), versions.get(b"NXD"), (offsets[0], offsets[1]))


def decode_nomachine_udp(orig: Sequence[bytes], resp: Sequence[bytes]) -> NoMachineSession:
    """Read a UDP flow: two or more datagrams, all but a quarter with NoMachine's length field.

    Raises:
        DecodeError: too few fit.
    """
    datagrams = [data for data in (*orig, *resp) if len(data) >= 12]
    fitting = sum(
        data[2:4] == b"\x01\x00" and int.from_bytes(data[4:6], "little") == len(data) and data[8:10] == b"\0\0"
        for data in datagrams
    )
    if fitting < 2 or fitting * 4 < len(datagrams) * 3:
        raise DecodeError(f"only {fitting} of {len(datagrams)} datagrams carry NoMachine's length field")
    return NoMachineSession(None, None, None, (0, 0))
