"""Zoom's own UDP encapsulation: session hellos, media kinds, peer-to-peer hello.

Fact rows (Zoom payload): server hello ``01 00 02|03`` answered ``02 00 02|03``, type 05 media with the kind in byte 8
(13 screen share, 15 audio, 16 video, 33 to 35 RTCP), high; P2P hello ``1f 02 01`` with four zero bytes at the end and
screen share kind 30, medium. Offsets of RTP behind the kind (audio 19, RTCP 16 bytes) read off the corpus capture
zoom2.pcap. Zoom's address test (message 0001 with attribute 0101, answer 0002 with 0103) read off zoom.pcap.

Remote control inside a meeting has no known wire mark (fact row, low): an end that keeps sending screen share is the
sharing, and so the controllable, end; that is all these records say.

Sample, a media datagram: type 5, sequence 3, connection, toward the server (00), kind 15, ... RTP from byte 27::

    05 00 03 00 4f 83 79 00 0f 01 00 fb 90 14 11 04 ff 00 00 00 6f 65 7d 00 01 00 3d 90 62 2b 4a
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["ZoomFlow", "decode_zoom"]

_KINDS = {13: "screen", 15: "audio", 16: "video", 30: "screen-p2p", 33: "rtcp", 34: "rtcp", 35: "rtcp"}
_HELLO = (b"\x01\x00\x02", b"\x01\x00\x03")
_ANSWER = (b"\x02\x00\x02", b"\x02\x00\x03")


@dataclass(frozen=True, slots=True)
class ZoomFlow:
    """A Zoom media flow; index 0 is the end that sent the first datagram."""

    peer_to_peer: bool
    address_test: bool  #: Zoom's STUN-like test on 3478/3479 only, no media
    media: tuple[tuple[str, ...], tuple[str, ...]]  #: kinds each end sent, sorted
    screen_datagrams: tuple[int, int]  #: screen-share datagrams each end sent, among the first few


def _is_test(data: bytes, answer: bool) -> bool:
    if answer:
        return len(data) == 32 and data[:4] == b"\x00\x02\x00\x0c" and data[20:24] == b"\x01\x03\x00\x08"
    return len(data) == 44 and data[:4] == b"\x00\x01\x00\x18" and data[20:24] == b"\x01\x01\x00\x14"


def _is_p2p_hello(data: bytes) -> bool:
    return 20 <= len(data) <= 256 and data.startswith(b"\x1f\x02\x01") and data.endswith(b"\0\0\0\0")


def _media(datagrams: Sequence[bytes], peer_to_peer: bool) -> list[str]:
    kinds: list[str] = []
    for data in datagrams:
        if peer_to_peer:
            name = _KINDS.get(data[0]) if data else None
        else:
            name = _KINDS.get(data[8]) if len(data) > 16 and data[0] == 5 and data[7] in (0, 1, 4) else None
        if name:
            kinds.append(name)
    return kinds


def _server_flow(orig: Sequence[bytes], resp: Sequence[bytes]) -> bool:
    """Hello and answer that repeat the same 16 bytes, or a steady connection number in typed datagrams."""
    hellos = {data[3:19] for data in orig if data.startswith(_HELLO) and len(data) > 40}
    if hellos and any(data.startswith(_ANSWER) and data[3:19] in hellos for data in resp):
        return True
    if hellos and not resp:
        return any(data[0] == 5 for data in orig if len(data) > 16)
    typed = [
        data
        for data in (*orig, *resp)
        if len(data) > 16 and data[0] == 5 and data[7] in (0, 1, 4) and data[8] in _KINDS
    ]
    numbers = {data[3:7] for data in typed}
    return len(typed) >= 4 and len(numbers) == 1 and _carries_rtp(typed)


def _carries_rtp(typed: Sequence[bytes]) -> bool:
    """Audio and RTCP datagrams show version 2 where Zoom puts the inner header."""
    checked = [data for data in typed if data[8] in (15, 33, 34, 35) and len(data) > 40]
    return bool(checked) and all(data[27 if data[8] == 15 else 24] & 0xC0 == 0x80 for data in checked)


def decode_zoom(orig: Sequence[bytes], resp: Sequence[bytes]) -> ZoomFlow:
    """Read a UDP flow from the first datagrams of both directions.

    Raises:
        DecodeError: neither a Zoom hello pair, a peer-to-peer hello, an address test, nor typed media.
    """
    if not orig and not resp:
        raise DecodeError("no datagram")
    peer = sum(_is_p2p_hello(data) for data in (*orig[:4], *resp[:4]))
    test = any(_is_test(data, answer=False) for data in (*orig[:4], *resp[:4])) and (
        not (orig and resp) or any(_is_test(data, answer=True) for data in (*orig, *resp))
    )
    if not test and peer < 2 and not _server_flow(orig, resp) and not _server_flow(resp, orig):
        raise DecodeError("no Zoom hello, address test or typed media")
    kinds = (_media(orig, peer > 1), _media(resp, peer > 1))
    return ZoomFlow(
        peer_to_peer=peer > 1,
        address_test=test,
        media=(tuple(sorted(set(kinds[0]))), tuple(sorted(set(kinds[1])))),
        screen_datagrams=(
            sum(kind.startswith("screen") for kind in kinds[0]),
            sum(kind.startswith("screen") for kind in kinds[1]),
        ),
    )
