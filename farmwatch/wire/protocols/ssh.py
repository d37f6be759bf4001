r"""SSH: identification strings, key exchange offers, and which end acts as the server.

Sources: RFC 4253 sections 4.2 (identification string), 6 (binary packet), 7.1 (KEXINIT) and 12 (message numbers); RFC
8308 section 2.1 (``ext-info-c`` / ``ext-info-s``); OpenSSH PROTOCOL section 1.9 (``kex-strict-*-v00@openssh.com``);
RFC 4419 and RFC 4432 (who sends which key exchange number); SSH 1.5 for the old packet form. HASSH: the method
Salesforce published under BSD, md5 over ``kex;encryption;mac;compression`` of the sender's direction.

Why the server is found by content: with reverse SSH the machine that dials answers the key exchange as the server, so
the TCP initiator is the one being driven. Only messages tell: a client sends ext-info-c and message 30, a server 31.

Sample, one end's first bytes::

    53 53 48 2d 32 2e 30 2d 4f 70 65 6e 53 53 48 5f 39 2e 36 0d 0a   "SSH-2.0-OpenSSH_9.6\r\n"
    00 00 05 dc 06 14 ...                                            packet length, padding length, 20 = KEXINIT
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable

__all__ = ["SshBanner", "SshEnd", "SshKexInit", "SshSession", "decode_kexinit", "decode_ssh", "decode_ssh_banner"]

_BANNER = re.compile(rb"SSH-(\d{1,2}\.\d{1,3})-([^\r\n ]{0,240})(?: [^\r\n]{0,240})?\r?\n")
_OPENSSH = re.compile(r"^OpenSSH_(?:for_Windows_)?(\d{1,3})\.(\d{1,3})")
_SUN_LINES = 4096  # RFC 4253 4.2 lets a server send lines before its version; more than this is no SSH server
_MAX_PACKET = 35_000  # RFC 4253 6.1: the size every implementation must accept
_MAX_MESSAGES = 16  # a clear key exchange has about four messages a side
_KEXINIT, _NEWKEYS = 20, 21
_MARKS = ({"ext-info-c", "kex-strict-c-v00@openssh.com"}, {"ext-info-s", "kex-strict-s-v00@openssh.com"})


@dataclass(frozen=True, slots=True)
class SshBanner:
    """One end's identification string."""

    protocol: str  #: protocol version, ``2.0``, ``1.99``, ``1.5``
    software: str  #: software version without the comment, for example ``OpenSSH_9.6p1``
    end: int  #: offset of the byte after the line


@dataclass(frozen=True, slots=True)
class SshKexInit:
    """The name lists one end offers, in order of preference; the random cookie and the languages are dropped."""

    kex: tuple[str, ...]
    host_key: tuple[str, ...]
    encryption_c2s: tuple[str, ...]
    encryption_s2c: tuple[str, ...]
    mac_c2s: tuple[str, ...]
    mac_s2c: tuple[str, ...]
    compression_c2s: tuple[str, ...]
    compression_s2c: tuple[str, ...]
    first_kex_follows: bool

    def hassh(self) -> str:
        """HASSH: how this offer looks if its sender is the client."""
        return _digest(self.kex, self.encryption_c2s, self.mac_c2s, self.compression_c2s)

    def hassh_server(self) -> str:
        """HASSHserver: how this offer looks if its sender is the server."""
        return _digest(self.kex, self.encryption_s2c, self.mac_s2c, self.compression_s2c)


@dataclass(frozen=True, slots=True)
class SshEnd:
    """What one end of the connection showed in the clear."""

    banner: SshBanner | None
    kexinit: SshKexInit | None
    messages: tuple[int, ...]  #: message numbers seen before encryption, in order


@dataclass(frozen=True, slots=True)
class SshSession:
    """Both ends of an SSH connection; index 0 is the TCP originator."""

    ends: tuple[SshEnd, SshEnd]
    server_side: int | None  #: end that acts as SSH server, by content; None where nothing shown tells
    server_evidence: (
        str  #: what told it: ``key exchange``, ``extension marker``, ``ssh1 key``, ``pre-banner``, or ``none``
    )
    hassh: str | None  #: of the client end
    hassh_server: str | None  #: of the server end
    keystroke_obfuscation: bool  #: both ends are OpenSSH 9.5 or newer, which hides keystroke timing by default

    @property
    def reversed(self) -> bool:
        """The end that dialled is the one that serves: a reverse connection."""
        return self.server_side == 0


def _digest(*lists: tuple[str, ...]) -> str:
    text = ";".join(",".join(names) for names in lists)
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def decode_ssh_banner(data: bytes) -> SshBanner:
    """Read an identification string, after other lines if the server sent any (RFC 4253 section 4.2).

    Raises:
        DecodeError: no complete ``SSH-`` line in the first 4 KiB.
    """
    if data.startswith(b"SSH-"):
        start = 0
    else:
        start = data.find(b"\nSSH-", 0, _SUN_LINES) + 1
        if start == 0:
            raise DecodeError("no SSH identification string in the first 4096 bytes")
    match = _BANNER.match(data, start)
    if match is None:
        raise DecodeError(f"SSH identification string at byte {start} is incomplete or longer than 255 bytes")
    return SshBanner(match[1].decode("ascii"), printable(match[2]), match.end())


def decode_kexinit(payload: bytes) -> SshKexInit:
    """Read the payload of a KEXINIT message, starting at its message number 20 (RFC 4253 section 7.1).

    Raises:
        DecodeError: another message, or a list that runs past the end.
    """
    if len(payload) < 17 or payload[0] != _KEXINIT:
        raise DecodeError("not a KEXINIT message: expected number 20 and a 16-byte cookie")
    lists: list[tuple[str, ...]] = []
    at = 17
    for _ in range(10):
        end = at + 4 + int.from_bytes(payload[at : at + 4], "big")
        if at + 4 > len(payload) or end > len(payload):
            raise DecodeError(f"KEXINIT name list at byte {at} runs past the message of {len(payload)} bytes")
        raw = payload[at + 4 : end]
        if raw and (not raw.isascii() or not raw.decode("ascii").isprintable()):
            raise DecodeError(f"KEXINIT name list at byte {at} is not printable ASCII (RFC 4251 section 6)")
        text = raw.decode("ascii")
        lists.append(tuple(text.split(",")) if text else ())
        at = end
    if at >= len(payload):
        raise DecodeError("KEXINIT ends before first_kex_packet_follows")
    kex, host_key, enc_cs, enc_sc, mac_cs, mac_sc, comp_cs, comp_sc = lists[:8]
    return SshKexInit(kex, host_key, enc_cs, enc_sc, mac_cs, mac_sc, comp_cs, comp_sc, payload[at] != 0)


def _clear_messages(data: bytes, start: int) -> tuple[tuple[int, ...], SshKexInit | None]:
    """Message numbers up to NEWKEYS and the first KEXINIT; stops quietly where the head ends."""
    numbers: list[int] = []
    offer: SshKexInit | None = None
    at = start
    while at + 6 <= len(data) and len(numbers) < _MAX_MESSAGES:
        length, padding = int.from_bytes(data[at : at + 4], "big"), data[at + 4]
        if not 2 <= length <= _MAX_PACKET or padding >= length:
            break
        number = data[at + 5]
        numbers.append(number)
        if number == _KEXINIT and offer is None:
            try:
                offer = decode_kexinit(data[at + 5 : at + 4 + length - padding])
            except DecodeError:
                break
        at += 4 + length
        if number == _NEWKEYS:
            break
    return tuple(numbers), offer


def _old_message(data: bytes, start: int) -> int | None:
    """Number of the first SSH 1.5 packet: length, 1 to 8 bytes of padding, type."""
    if start + 4 >= len(data):
        return None
    length = int.from_bytes(data[start : start + 4], "big")
    at = start + 4 + 8 - length % 8
    return data[at] if 5 <= length <= 262_144 and at < len(data) else None


def _end(data: bytes) -> tuple[SshEnd, int | None]:
    """One end, and the number of its first SSH 1.5 packet where it speaks that."""
    try:
        banner = decode_ssh_banner(data)
    except DecodeError:
        return SshEnd(None, None, ()), None
    if banner.protocol.startswith("1.") and banner.protocol != "1.99":
        return SshEnd(banner, None, ()), _old_message(data, banner.end)
    numbers, offer = _clear_messages(data, banner.end)
    return SshEnd(banner, offer, numbers), None


def _agreed_kex(ends: tuple[SshEnd, SshEnd], client: int) -> str:
    """The first key exchange of the supposed client that the other end offers too (RFC 4253 section 7.1)."""
    ours, theirs = ends[client].kexinit, ends[1 - client].kexinit
    if ours is None or theirs is None:
        return ""
    offered = set(theirs.kex)
    return next((name for name in ours.kex if name in offered), "")


def _server(
    ends: tuple[SshEnd, SshEnd], old: tuple[int | None, int | None], first: tuple[bool, bool]
) -> tuple[int | None, str]:
    for side in (0, 1):
        names = set(ends[side].kexinit.kex) if ends[side].kexinit else set()  # type: ignore[union-attr]  # tested just before
        for role, marks in enumerate(_MARKS):
            if names & marks:
                return (side if role == 1 else 1 - side), "extension marker"
    for side in (0, 1):
        numbers = [number for number in ends[side].messages if number >= 30]
        if numbers:
            # RFC 4432: with RSA key exchange the server sends the first message, number 30; everywhere else the client
            # does.
            even = numbers[0] % 2 == 0
            rsa = _agreed_kex(ends, side).startswith("rsa")
            return (side if even == rsa else 1 - side), "key exchange"
    for side in (0, 1):
        if old[side] in (2, 3):  # SMSG_PUBLIC_KEY comes from the server, CMSG_SESSION_KEY from the client
            return (side if old[side] == 2 else 1 - side), "ssh1 key"
        if first[side]:
            return side, "pre-banner"
    return None, "none"


def _obscures(banner: SshBanner | None) -> bool:
    match = _OPENSSH.match(banner.software) if banner else None
    return bool(match) and (int(match[1]), int(match[2])) >= (9, 5)  # type: ignore[index]  # match is tested by bool()


def decode_ssh(orig: bytes, resp: bytes) -> SshSession:
    """Read an SSH connection from the first bytes of both directions.

    Args:
        orig: first bytes from the TCP originator; may be empty.
        resp: first bytes from the TCP responder; may be empty.

    Raises:
        DecodeError: neither end starts with a whole SSH identification string.
    """
    if not (orig.startswith(b"SSH-") or resp.startswith(b"SSH-")):
        raise DecodeError("neither end starts with SSH-")
    (first, old_first), (second, old_second) = _end(orig), _end(resp)
    if first.banner is None and second.banner is None:
        raise DecodeError("neither end completes its SSH identification string")
    ends = (first, second)
    early = tuple(
        bool(data) and end.banner is not None and not data.startswith(b"SSH-")
        for data, end in zip((orig, resp), ends, strict=True)
    )
    server, evidence = _server(ends, (old_first, old_second), (early[0], early[1]))
    client_offer = ends[1 - server].kexinit if server is not None else None
    server_offer = ends[server].kexinit if server is not None else None
    return SshSession(
        ends=ends,
        server_side=server,
        server_evidence=evidence,
        hassh=client_offer.hassh() if client_offer else None,
        hassh_server=server_offer.hassh_server() if server_offer else None,
        keystroke_obfuscation=_obscures(first.banner) and _obscures(second.banner),
    )
