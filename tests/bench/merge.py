"""Merge captures into one benchmark file: ``python -m tests.bench.merge OUT CAPTURE... --packets 3000000``.

Takes the classic pcap captures of Ethernet among its arguments (folders are searched) and repeats them all, round by
round, until there are enough packets. Each round moves unicast addresses (the middle of IPv4, the third group of IPv6)
so that its flows are new ones, corrects the checksums by RFC 1624, and stands ten minutes after the one before. Within
a round captures start a second apart and are interleaved by time.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# Kernels take what Numba infers.
from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numba import njit

EPOCH_MICROS = 1_767_600_000_000_000
ROUND_MICROS = 600_000_000
_MAGICS = {0xA1B2C3D4: 1, 0xA1B23C4D: 1000}
"""Parts of a microsecond in the second word of a record, by magic number."""


def read_pcap(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return (frame offsets, frame lengths, microseconds since the first packet) of a classic Ethernet pcap.

    None for any other file, and for one that ends in the middle of a record or names a frame above 64 KiB.
    """
    data = path.read_bytes()
    if len(data) < 40:
        return None
    order = "<" if struct.unpack_from("<I", data)[0] in _MAGICS else ">"
    magic, link = struct.unpack_from(order + "I", data)[0], struct.unpack_from(order + "I", data, 20)[0]
    if magic not in _MAGICS or link != 1:
        return None
    rows, at = [], 24
    while at + 16 <= len(data):
        seconds, part, size, _ = struct.unpack_from(order + "IIII", data, at)
        if size > 65535 or at + 16 + size > len(data):
            return None
        rows.append((at + 16, size, seconds * 1_000_000 + part // _MAGICS[magic]))
        at += 16 + size
    table = np.array(rows, np.int64)
    first = table[:, 2].min()
    return table[:, 0], table[:, 1], np.clip(table[:, 2] - first, 0, ROUND_MICROS)


def gather(paths: list[Path], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate captures; returns all frame bytes and a table (offset, length, microseconds) in order of time.

    Args:
        paths: files and folders.
        most: stop after so many packets.
    """
    files = [one for path in paths for one in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    blobs: list[np.ndarray] = []
    tables: list[np.ndarray] = []
    base, count = 0, 0
    for file in files:
        if not file.is_file() or (found := read_pcap(file)) is None:
            continue
        offsets, sizes, micros = found
        blobs.append(np.frombuffer(file.read_bytes(), np.uint8))
        tables.append(
            np.stack([offsets + base, sizes, np.clip(micros + len(tables) % 500 * 1_000_000, 0, ROUND_MICROS)], axis=1)
        )
        base += len(blobs[-1])
        count += len(offsets)
        if count >= most:
            break
    if not tables:
        raise SystemExit("no classic Ethernet pcap among the arguments")
    table = np.concatenate(tables)
    return np.concatenate(blobs), table[np.argsort(table[:, 2], kind="stable")]


@njit(cache=True)
def _replace16(buf, at, value, check):
    """Write a 16-bit word and return the checksum corrected for it (RFC 1624 equation 3)."""
    old = (np.int64(buf[at]) << 8) | buf[at + 1]
    buf[at] = value >> 8
    buf[at + 1] = value & 0xFF
    total = (~check & 0xFFFF) + (~old & 0xFFFF) + value
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@njit(cache=True)
def _word(buf, at):
    return (np.int64(buf[at]) << 8) | buf[at + 1]


@njit(cache=True)
def _set(buf, at, value):
    buf[at] = value >> 8
    buf[at + 1] = value & 0xFF


@njit(cache=True)
def _move(buf, a, end, shift):
    """Move the addresses of the IP packet at a, and correct its checksums."""
    if end - a >= 20 and buf[a] >> 4 == 4:
        header, protocol = (buf[a] & 15) * 4, buf[a + 9]
        at, step = np.array((a + 13, a + 17)), 4
        check_at = a + 10
        first = np.array((buf[a + 12], buf[a + 16]))
        whole = (_word(buf, a + 6) & 0x1FFF) == 0
        unicast = (first > 0) & (first < 224) & (first != 127)
    elif end - a >= 40 and buf[a] >> 4 == 6:
        header, protocol = 40, buf[a + 6]
        at, step = np.array((a + 12, a + 28)), 6
        check_at = -1
        first = np.array((buf[a + 8], buf[a + 24]))
        whole = True
        unicast = (first != 255) & (first > 0)
    else:
        return
    where = a + header
    at_sum = where + 16 if protocol == 6 and whole else (where + 6 if protocol == 17 and whole else -1)
    if at_sum + 2 > end or header < 20:
        at_sum = -1
    check = _word(buf, check_at) if check_at >= 0 else 0
    transport = _word(buf, at_sum) if at_sum >= 0 else 0
    for i in range(2):
        if not unicast[i]:
            continue
        # An odd offset (IPv4's second and third octet) is rewritten as the two aligned words that hold it.
        base = at[i] - 1 if step == 4 else at[i]
        if step == 4:
            middle = (_word(buf, at[i]) + shift) & 0xFFFF
            words = (np.int64(buf[base]) << 8 | middle >> 8, (middle & 0xFF) << 8 | np.int64(buf[base + 3]))
        else:
            words = ((_word(buf, base) + shift) & 0xFFFF, _word(buf, base + 2))
        for j in range(2):
            before = transport
            old = check
            if check_at >= 0:
                keep = _word(buf, base + 2 * j)
                check = _replace16(buf, base + 2 * j, words[j], old)
                _set(buf, base + 2 * j, keep)
            transport = _replace16(buf, base + 2 * j, words[j], before)
    if check_at >= 0:
        _set(buf, check_at, check)
    if at_sum >= 0 and not (protocol == 17 and _word(buf, at_sum) == 0):
        _set(buf, at_sum, transport)


@njit(cache=True)
def _round(blob, table, buf, shift, start):
    o = 0
    for k in range(table.shape[0]):
        at, size, micros = table[k, 0], table[k, 1], table[k, 2] + start
        for i, value in enumerate((micros // 1000000, micros % 1000000, size, size)):
            for j in range(4):
                buf[o + 4 * i + j] = (value >> (8 * j)) & 0xFF
        frame = o + 16
        buf[frame : frame + size] = blob[at : at + size]
        a = frame + 14
        if size >= 34:
            kind = _word(buf, frame + 12)
            while kind == 0x8100 and a + 24 < frame + size:
                kind = _word(buf, a + 2)
                a += 4
            if shift and (kind == 0x0800 or kind == 0x86DD):
                _move(buf, a, frame + size, shift)
        o = frame + size
    return o


def merge(target: BinaryIO, paths: list[Path], packets: int) -> dict[str, int]:
    """Write a capture of exactly ``packets`` packets out of others; returns packets, rounds, packets of a round."""
    blob, table = gather(paths, packets)
    target.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    written, rounds = 0, 0
    buffer = np.empty(5000 * (65535 + 16), np.uint8)
    while written < packets:
        left = table[: packets - written]
        for at in range(0, len(left), 5000):
            part = left[at : at + 5000]
            end = _round(blob, part, buffer, rounds, EPOCH_MICROS + rounds * ROUND_MICROS)
            target.write(buffer[:end].data)
        written += len(left)
        rounds += 1
    return {"packets": written, "rounds": rounds, "packets_a_round": len(table)}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("captures", type=Path, nargs="+")
    parser.add_argument("--packets", type=int, default=3_000_000)
    asked = parser.parse_args(arguments)
    with asked.target.open("wb") as target:
        print(merge(target, asked.captures, asked.packets), file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
