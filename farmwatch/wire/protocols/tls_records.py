"""The TLS record layer: record headers, and handshake messages put together from records.

RFC 5246 section 6.2, RFC 8446 section 5.1. A message may span records and a record may hold several messages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from farmwatch.wire.protocols.tls_hello import MAX_MESSAGE

__all__ = ["ALERT", "CHANGE_CIPHER_SPEC", "HANDSHAKE", "Message", "find_tls", "first_records", "messages"]

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE = 20, 21, 22

_MAX_RECORD = (1 << 14) + 2048  # RFC 5246 section 6.2.3: the longest encrypted record
_MAX_RECORDS = 2048  # more than fit into a head of 8 KiB
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_record_header = struct.Struct(">BHH").unpack_from


@dataclass(frozen=True, slots=True)
class Message:
    """One message in the clear."""

    content_type: int  #: 22 handshake, 20 change cipher spec, 21 alert
    kind: int  #: handshake type; -1 for the other content types
    body: bytes
    complete: bool  #: False where the bytes end inside the message


def first_records(head: bytes, limit: int = 32) -> list[tuple[int, int, int]]:
    """Content type, version and length of each record whose five-byte header is in the head.

    RFC 8446 section 5.1. Stops at the first header that is none. Sample: ``16 0301 0200 …`` is ``(22, 0x0301, 512)``.
    """
    found: list[tuple[int, int, int]] = []
    at = 0
    while at + 5 <= len(head) and len(found) < limit:
        kind, version, size = _record_header(head, at)
        if not _plausible(kind, version, size):
            break
        found.append((kind, version, size))
        at += 5 + size
    return found


def find_tls(head: bytes, start: int = 0) -> int | None:
    r"""Offset at or after ``start`` where a TLS handshake begins, None where none does.

    For protocols that say something in the clear and then wrap themselves in TLS: RDP after its X.224 exchange,
    NoMachine after its banner line, a proxy's CONNECT. The record must hold the start of a ClientHello or ServerHello
    whose lengths agree; directly at ``start`` a tiny first record will do. Sample: ``find_tls(b"NXSH-7.0\n" + hello)``
    is 9.
    """
    start = max(start, 0)
    at = head.find(b"\x16\x03", start)
    while at >= 0:
        if _opens_handshake(head, at, first=at == start):
            return at
        at = head.find(b"\x16\x03", at + 1)
    return None


def _opens_handshake(head: bytes, at: int, *, first: bool) -> bool:
    """Whether a record at ``at`` starts a hello; tiny records, which some send to hide, only where TLS is expected."""
    if at + 6 > len(head) or head[at + 5] not in (_CLIENT_HELLO, _SERVER_HELLO):
        return False
    kind, version, size = _record_header(head, at)
    if not _plausible(kind, version, size):
        return False
    if first and 0 < size < 9:
        return True
    length = int.from_bytes(head[at + 6 : at + 9], "big")
    return head[at + 9 : at + 10] == b"\x03" and 38 <= length <= MAX_MESSAGE and size >= min(length + 4, 64)


def messages(head: bytes) -> Iterator[Message]:
    """The clear messages at the start of one direction, in order; the last may be incomplete.

    Handshake messages are put together over records (RFC 8446 section 5.1). After a change cipher spec the rest may be
    ciphertext: the caller decides whether to read on. Ends at the first record that is neither handshake, alert nor
    change cipher spec, at one that is no record, and after 2,048 records.
    """
    pending = bytearray()
    at = 0
    for _ in range(_MAX_RECORDS):
        if at + 5 > len(head):
            break
        kind, version, size = _record_header(head, at)
        if not _plausible(kind, version, size) or kind not in (CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE):
            break
        data = head[at + 5 : at + 5 + size]
        at += 5 + size
        if kind != HANDSHAKE:
            yield Message(kind, -1, data, len(data) == size)
            continue
        pending += data
        used = 0
        while len(pending) - used >= 4:
            length = int.from_bytes(pending[used + 1 : used + 4], "big")
            if len(pending) - used < 4 + length:
                break
            yield Message(HANDSHAKE, pending[used], bytes(pending[used + 4 : used + 4 + length]), complete=True)
            used += 4 + length
        del pending[:used]
    if len(pending) >= 4:
        yield Message(HANDSHAKE, pending[0], bytes(pending[4:]), complete=False)


def _plausible(kind: int, version: int, size: int) -> bool:
    return 20 <= kind <= 24 and 0x0300 <= version <= 0x0304 and size <= _MAX_RECORD
