"""Two captures of one packet each, read in compiled mode, so that later scans find the kernels compiled."""

from __future__ import annotations

import io
import struct
import time

__all__ = ["compile_kernels"]

# Ethernet, IPv4, UDP from 192.0.2.1:40000 to 192.0.2.2:9 with one byte of payload (addresses of RFC 5737).
_PACKET = bytes.fromhex("02000000000202000000000108004500001d0001000040110000c0000201c00002029c4000090009000000")


def compile_kernels() -> float:
    """Compile every kernel a scan starts with, for pcap and pcapng; gives the seconds it took."""
    from farmwatch.collectors.captures import collect_capture
    from farmwatch.wire.series import compile_series

    start = time.monotonic()
    for number, capture in enumerate((_pcap(), _pcapng())):
        collect_capture(io.BytesIO(capture), number, mode="compiled")
    compile_series()
    return time.monotonic() - start


def _pcap() -> bytes:
    """A classic pcap, microseconds, little endian."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return header + struct.pack("<IIII", 1, 0, len(_PACKET), len(_PACKET)) + _PACKET


def _pcapng() -> bytes:
    """A pcapng of a section header, an interface and an enhanced packet."""
    section = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = _block(1, struct.pack("<HHI", 1, 0, 65535))
    padded = _PACKET + bytes(-len(_PACKET) % 4)
    return section + interface + _block(6, struct.pack("<IIIII", 0, 0, 1, len(_PACKET), len(_PACKET)) + padded)


def _block(kind: int, body: bytes) -> bytes:
    """A pcapng block: type, length, body, length again."""
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
