"""RDP over UDP: the SYN and SYN+ACK of the transport, versions 1 to 3.

Source: MS-RDPEUDP 2.2.2.1 (RDPUDP_FEC_HEADER), 2.2.2.5 (SYNDATA), 2.2.2.8 (correlation id), 2.2.2.9 (SYNDATAEX). All
fields big-endian. Fact rows: RDP payload controller and controlled (RDP-UDP), high: the end that sends SYN is the
controller.

Sample, the first 16 bytes of a SYN padded to 1232 and of its SYN+ACK::

    ff ff ff ff 00 40 18 01 a7 eb 5d a4 04 d0 04 d0
    a7 eb 5d a4 00 40 10 05 05 47 d7 2b 04 d0 04 d0 00 01 01 01
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import unpack_from

from farmwatch.errors import DecodeError

__all__ = ["RdpUdpSession", "RdpUdpSyn", "decode_rdpudp", "decode_rdpudp_syn"]

_SYN, _FIN, _ACK, _DATA = 0x0001, 0x0002, 0x0004, 0x0008
_LOSSY, _CORRELATION, _SYNEX = 0x0200, 0x0800, 0x1000
_ALLOWED = _SYN | _ACK | _LOSSY | _CORRELATION | _SYNEX | 0x0400  # 0x0400 ACKDELAYED
_VERSIONS = {0x0001: 1, 0x0002: 2, 0x0101: 3}


@dataclass(frozen=True, slots=True)
class RdpUdpSyn:
    """A connection-opening datagram."""

    ack: bool  #: SYN+ACK from the controlled end; False for the controller's SYN
    lossy: bool  #: best-effort transport (DTLS follows) instead of reliable (TLS follows)
    sequence: int  #: initial sequence number of the sender
    acknowledges: int | None  #: the peer's initial sequence number, None in a SYN
    mtu_up: int  #: bytes
    mtu_down: int  #: bytes
    version: int | None  #: 1, 2 or 3 (RDPEUDP2, sent as 0x0101); None where the extension is absent


@dataclass(frozen=True, slots=True)
class RdpUdpSession:
    """One RDP-UDP flow; index and sides count from the end that sent the first datagram."""

    syn: RdpUdpSyn | None
    answer: RdpUdpSyn | None
    controlled_side: int
    confirmed: bool  #: the controlled end answered, or data of both ends was seen


def decode_rdpudp_syn(data: bytes) -> RdpUdpSyn:
    """Read a SYN or SYN+ACK datagram.

    Raises:
        DecodeError: flags, lengths or MTU fields outside what MS-RDPEUDP allows.
    """
    if len(data) < 16:
        raise DecodeError(f"RDP-UDP SYN needs 16 bytes, got {len(data)}")
    source, window, flags, sequence, up, down = unpack_from(">IHHIHH", data)
    ack = bool(flags & _ACK)
    if (
        not flags & _SYN
        or flags & ~_ALLOWED
        or (not ack and source != 0xFFFFFFFF)
        or (ack and source == 0xFFFFFFFF)
        or not window
    ):
        raise DecodeError(f"not an RDP-UDP SYN: first word {source:#x}, flags {flags:#06x}")
    # 3.1.5.1.1 pads the SYN to the MTU it probes, so a real one is over 1,000 bytes and both MTUs lie in 1132..1232.
    if not (1132 <= up <= 1600 and 1132 <= down <= 1600) or len(data) < 1000:
        raise DecodeError(f"RDP-UDP SYN with MTUs {up}/{down} in a datagram of {len(data)} bytes")
    version: int | None = None
    at = 16 + (32 if flags & _CORRELATION and not ack else 0)
    if flags & _SYNEX and at + 4 <= len(data):
        ex_flags, number = unpack_from(">HH", data, at)
        if ex_flags & 1:
            version = _VERSIONS.get(number, number)
    return RdpUdpSyn(ack, bool(flags & _LOSSY), sequence, source if ack else None, up, down, version)


def _opens_tls(data: bytes) -> str | None:
    """Who sent it, if a data datagram of version 1 carries a TLS or DTLS handshake (2.2.2.1, 2.2.2.4, 2.2.2.7)."""
    if len(data) < 30 or int.from_bytes(data[6:8], "big") & ~0x00F0 != _ACK | _DATA:
        return None
    vector = int.from_bytes(data[8:10], "big")
    at = 8 + (2 + vector + 3) // 4 * 4 + 8  # ACK vector padded to four bytes, then two sequence numbers
    if vector > 64 or at + 14 > len(data) or data[at] != 0x16:
        return None
    kind = data[at + 5] if data[at + 1] == 3 else data[at + 13] if data[at + 1] == 0xFE else 0
    return {1: "client", 16: "client", 2: "server"}.get(kind)  # hello or ClientKeyExchange; ServerHello


def decode_rdpudp(orig: Sequence[bytes], resp: Sequence[bytes]) -> RdpUdpSession:
    """Read an RDP-UDP flow from the first datagrams of both directions.

    A flow whose opening was missed is accepted if both ends' data frames carry a TLS handshake in RDP-UDP framing.

    Raises:
        DecodeError: no SYN, SYN+ACK or framed hello among them.
    """
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        syn = next(iter(_syns(mine[:4], ack=False)), None)
        answer = next(iter(_syns(theirs[:4], ack=True)), None)
        if syn and answer and answer.acknowledges != syn.sequence:
            answer = None
        if syn or answer:
            return RdpUdpSession(syn, answer, 1 - side, answer is not None)
        if any(_opens_tls(data) == "client" for data in mine[:2]) and theirs and _acknowledges(mine[0], theirs):
            return RdpUdpSession(None, None, 1 - side, True)
    raise DecodeError("no RDP-UDP SYN, SYN+ACK or framed TLS hello")


def _syns(datagrams: Sequence[bytes], ack: bool) -> list[RdpUdpSyn]:
    found: list[RdpUdpSyn] = []
    for data in datagrams:
        if len(data) < 1000 or not data[7] & _SYN:
            continue
        try:
            syn = decode_rdpudp_syn(data)
        except DecodeError:
            continue
        if syn.ack == ack:
            found.append(syn)
    return found


def _acknowledges(first: bytes, theirs: Sequence[bytes]) -> bool:
    """The peer's acknowledgement numbers lie just above the sender's coded sequence number."""
    vector = int.from_bytes(first[8:10], "big")
    at = 8 + (2 + vector + 3) // 4 * 4
    coded = int.from_bytes(first[at : at + 4], "big")
    return any(len(data) >= 8 and 0 <= int.from_bytes(data[:4], "big") - coded <= 4096 for data in theirs)
