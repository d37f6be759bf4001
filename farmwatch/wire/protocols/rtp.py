"""RTP and RTCP by shape: several datagrams that agree with each other, since one alone proves nothing.

Sources: RFC 3550 sections 5.1 (RTP header), 5.3.1 (extension), 6.4 (RTCP) and A.1 (validity); RFC 3551 section 6
(static payload types); RFC 5761 section 4 (RTP and RTCP on one port); RFC 7983 (first byte 128 to 191).

Sample, the 12-byte header (version 2, payload type 120, sequence 45497, timestamp, SSRC)::

    80 78 b1 b9 05 0a d1 6c 47 d6 6f de
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import unpack_from

from farmwatch.errors import DecodeError

__all__ = ["RtpHeader", "RtpShape", "decode_rtp", "is_rtcp", "rtp_shape"]

_AUDIO = frozenset({0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
_VIDEO = frozenset({25, 26, 28, 31, 32, 33, 34})
_RTCP_TYPES = range(192, 224)  # RFC 5761: never used as RTP payload types with the marker bit
_AUDIO_STEPS = frozenset({160, 240, 320, 480, 640, 882, 960, 1024, 1920, 2880})  # timestamp units of 10 to 60 ms frames
_MIN_PACKETS = 4
_MAX_STEP = 64  # sequence numbers between neighbours; more is no one stream, or a heavily sampled capture


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """One RTP header."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    header_bytes: int  #: fixed header, contributing sources and extension
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class RtpShape:
    """What a run of datagrams of one direction looks like."""

    packets: int  #: RTP packets of the main stream
    ssrc: int  #: of the main stream
    streams: int  #: distinct SSRCs seen
    payload_types: tuple[int, ...]  #: of the main stream, ascending
    rtcp_packets: int
    media: str  #: ``audio``, ``video`` or ``unknown``; a guess by payload type, sizes and timestamp steps


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram is one compound of RTCP packets whose lengths add up (RFC 3550 A.2, RFC 5761)."""
    if len(data) < 8 or data[0] & 0xC0 != 0x80 or data[1] not in _RTCP_TYPES:
        return False
    at = 0
    for _ in range(16):
        if at + 4 > len(data) or data[at] & 0xC0 != 0x80 or data[at + 1] not in _RTCP_TYPES:
            break
        at += 4 * (int.from_bytes(data[at + 2 : at + 4], "big") + 1)
        if at == len(data):
            return True
    # SRTCP appends an index and a tag, so a first packet that fits is enough when something short follows.
    return 0 < len(data) - at <= 24 and at >= 8


def decode_rtp(data: bytes) -> RtpHeader:
    """Read one RTP header.

    Raises:
        DecodeError: version, lengths, or a payload type that RTCP uses.
    """
    if len(data) < 12 or data[0] & 0xC0 != 0x80:
        raise DecodeError("RTP needs 12 bytes and version 2")
    if data[1] in _RTCP_TYPES:
        raise DecodeError(f"payload type byte {data[1]} belongs to RTCP")
    size = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:
        size += 4 + 4 * int.from_bytes(data[size + 2 : size + 4], "big") if len(data) >= size + 4 else 4
    padding = data[-1] if data[0] & 0x20 else 0
    if size + padding > len(data):
        # SRTP encrypts the padding count, so only the header must fit.
        padding = 0
        if size > len(data):
            raise DecodeError(f"RTP header of {size} bytes in a datagram of {len(data)}")
    sequence, timestamp, ssrc = unpack_from(">HII", data, 2)
    return RtpHeader(data[1] & 0x7F, data[1] >= 128, sequence, timestamp, ssrc, size, len(data) - size - padding)


def _media(stream: Sequence[RtpHeader]) -> str:
    types = {header.payload_type for header in stream}
    if types <= _AUDIO:
        return "audio"
    if types <= _VIDEO:
        return "video"
    steps = [(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(stream)]
    largest = max(header.payload_bytes for header in stream)
    if (0 in steps and largest > 400) or largest > 700:
        return "video"
    regular = [step for step in steps if step in _AUDIO_STEPS]
    return "audio" if steps and len(regular) * 2 > len(steps) and largest <= 400 else "unknown"


def _steady(stream: Sequence[RtpHeader]) -> bool:
    """Most sequence numbers step on by a little and the timestamps do not jump about."""
    good = 0
    for before, after in pairwise(stream):
        step = (after.sequence - before.sequence) & 0xFFFF
        ticks = (after.timestamp - before.timestamp + 0x8000_0000) & 0xFFFFFFFF
        good += 1 <= step <= _MAX_STEP and abs(ticks - 0x8000_0000) < 90_000 * 30
    return good * 4 >= (len(stream) - 1) * 3


def rtp_shape(datagrams: Sequence[bytes]) -> RtpShape:
    """Decide whether datagrams of one direction are RTP.

    Wants at least four packets of one SSRC whose sequence numbers step on, and these to be the greater part of all
    datagrams that are neither STUN, DTLS, TURN nor RTCP.

    Raises:
        DecodeError: too few, or they do not agree.
    """
    if sum(data[:1] >= b"\x80" for data in datagrams) < _MIN_PACKETS:
        raise DecodeError("fewer than four datagrams start with version 2")
    streams: dict[int, list[RtpHeader]] = {}
    other = rtcp = 0
    for data in datagrams:
        if not data or not 128 <= data[0] <= 191:
            other += bool(data) and not (data[0] < 4 or 20 <= data[0] <= 79)
            continue
        if is_rtcp(data):
            rtcp += 1
            continue
        try:
            header = decode_rtp(data)
        except DecodeError:
            other += 1
            continue
        streams.setdefault(header.ssrc, []).append(header)
    if not streams:
        raise DecodeError("no RTP packet among the datagrams")
    ssrc, main = max(streams.items(), key=lambda item: len(item[1]))
    lone = sum(1 for stream in streams.values() if len(stream) == 1)
    if len(main) < _MIN_PACKETS or lone + other > len(main) or not _steady(main):
        raise DecodeError(f"{len(main)} RTP-like packets of one source: four that follow each other are needed")
    types = tuple(sorted({header.payload_type for header in main}))
    if len(types) > 4 or (len({header.timestamp for header in main}) == 1 and len(main) > 8):
        raise DecodeError("RTP-like packets of one source with many payload types or a frozen clock")
    return RtpShape(len(main), ssrc, len(streams), types, rtcp, _media(main))
