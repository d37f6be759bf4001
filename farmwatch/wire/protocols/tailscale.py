"""Tailscale: disco datagrams, and DERP relays where they are not inside TLS.

Sources: Tailscale's public source, disco package (magic, 32-byte sender key, 24-byte nonce, sealed box) and derp
package (stream magic, frame header); fact rows Tailscale payload, high: ``54 53 f0 9f 92 ac`` and ``44 45 52 50 f0 9f
94 91``. DERP is an HTTP upgrade inside TLS, so its magic shows only on plain HTTP or in decrypted captures.

Sample, a disco datagram's first bytes: "TS" and a speech balloon, then the sender's public key::

    54 53 f0 9f 92 ac b6 84 7d d2 12 ae 77 7b fa e2 ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["DerpStream", "TailscaleDisco", "decode_derp", "decode_disco", "decode_tailscale"]

_MAGIC = b"TS\xf0\x9f\x92\xac"
_DERP_MAGIC = b"DERP\xf0\x9f\x94\x91"
_SERVER_KEY_FRAME = 1  # frame type 1, length 40: magic and the relay's 32-byte key


@dataclass(frozen=True, slots=True)
class TailscaleDisco:
    """A disco datagram; what it says is sealed."""

    sender_key: str  #: hex, an ephemeral key of the sending node
    sealed_bytes: int


@dataclass(frozen=True, slots=True)
class DerpStream:
    """A DERP relay connection seen in the clear; sides count from the TCP originator."""

    client_side: int
    server_key_shown: bool


def decode_disco(data: bytes) -> TailscaleDisco:
    """Read one disco datagram.

    Raises:
        DecodeError: no magic, or shorter than key, nonce, tag and a two-byte message.
    """
    if not data.startswith(_MAGIC) or len(data) < 6 + 32 + 24 + 16 + 2:
        raise DecodeError("no Tailscale disco magic, or too short for key, nonce and box")
    return TailscaleDisco(data[6:38].hex(), len(data) - 62)


def decode_tailscale(orig: Sequence[bytes], resp: Sequence[bytes]) -> TailscaleDisco:
    """The first disco datagram among the first ones of a flow; WireGuard messages may stand beside it.

    Raises:
        DecodeError: there is none.
    """
    for data in (*orig, *resp):
        if data.startswith(_MAGIC):
            return decode_disco(data)
    raise DecodeError("no Tailscale disco datagram")


def decode_derp(orig: bytes, resp: bytes) -> DerpStream:
    """Read a DERP connection from the first bytes of both directions.

    Raises:
        DecodeError: neither the HTTP upgrade to DERP nor the relay's first frame.
    """
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        head = mine[:2048].lower() if mine.startswith(b"GET ") else b""
        frame = theirs[theirs.find(b"\r\n\r\n") + 4 :] if theirs.startswith(b"HTTP/1.") else theirs
        keyed = frame[:1] == bytes((_SERVER_KEY_FRAME,)) and frame[5:13] == _DERP_MAGIC
        if keyed or b"\r\nupgrade: derp\r\n" in head:
            return DerpStream(side, keyed)
    raise DecodeError("no upgrade to DERP and no DERP magic")
