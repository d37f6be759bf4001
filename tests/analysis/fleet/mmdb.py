"""Writes small MaxMind DB files, so that no database of anybody's is needed in tests.

Format: https://maxmind.github.io/MaxMind-DB, version 2.0: a binary tree over the bits of IPv6 addresses (those of IPv4
below ``::/96``), records of 32 bits, then the data, then the metadata.
"""

from __future__ import annotations

import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"
EMPTY = None


class Short(int):
    """An unsigned integer of 16 bits: readers insist on the types of the metadata."""


class Long(int):
    """An unsigned integer of 64 bits."""


def write_mmdb(path, networks, *, built=1_772_000_000, kind="Test-City"):
    """Write a database.

    Args:
        path: of the file.
        networks: network as text -> record (dicts, texts, numbers, truth values).
        built: build_epoch of the metadata, Unix seconds.
        kind: database_type of the metadata.

    Returns:
        The path.
    """
    data, offsets = bytearray(), {}
    nodes = [[EMPTY, EMPTY]]
    for text, record in networks.items():
        if id(record) not in offsets:
            offsets[id(record)] = len(data)
            data += _encoded(record)
        network = ipaddress.ip_network(text)
        length = network.prefixlen + (96 if network.version == 4 else 0)
        bits = f"{int(network.network_address):0128b}"[:length]
        at = 0
        for bit in bits[:-1]:
            following = nodes[at][int(bit)]
            if not isinstance(following, int):
                nodes.append([following, following])
                nodes[at][int(bit)] = following = len(nodes) - 1
            at = following
        nodes[at][int(bits[-1])] = ("data", offsets[id(record)])
    count = len(nodes)
    tree = b"".join(struct.pack(">II", *(_pointer(side, count) for side in node)) for node in nodes)
    metadata = {
        "node_count": count, "record_size": Short(32), "ip_version": Short(6), "database_type": kind,
        "languages": ["en"], "binary_format_major_version": Short(2), "binary_format_minor_version": Short(0),
        "build_epoch": Long(built),
        "description": {"en": "made by a test"},
    }  # fmt: skip
    path.write_bytes(tree + bytes(16) + bytes(data) + MARKER + _encoded(metadata))
    return path


def _pointer(side, count):
    if side is EMPTY:
        return count
    return side if isinstance(side, int) else count + 16 + side[1]


def _encoded(value):
    if isinstance(value, dict):
        return _head(7, len(value)) + b"".join(_encoded(key) + _encoded(inner) for key, inner in value.items())
    if isinstance(value, list):
        return _head(11, len(value)) + b"".join(map(_encoded, value))
    if isinstance(value, bool):
        return _head(14, int(value))
    if isinstance(value, int):
        raw = value.to_bytes(8, "big").lstrip(b"\0")
        kind = 5 if isinstance(value, Short) else 9 if isinstance(value, Long) or len(raw) > 4 else 6
        return _head(kind, len(raw)) + raw
    if isinstance(value, float):
        return _head(3, 8) + struct.pack(">d", value)
    raw = value.encode()
    return _head(2, len(raw)) + raw


def _head(kind, size):
    """A control byte; kinds above 7 stand in a second one; sizes of 29 and more in one more byte."""
    low, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([(kind << 5 if kind <= 7 else 0) | low]) + (b"" if kind <= 7 else bytes([kind - 7])) + more
