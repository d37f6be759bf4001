"""QUIC Initial packets, decrypted: the vectors of the RFCs, and hellos cut in every way clients cut them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.quic import parse_quic_initials
from farmwatch.wire.protocols.quic_keys import derive, suite_of

V1, V2, DRAFT_29 = 0x00000001, 0x6B3343CF, 0xFF00001D
DCID = bytes.fromhex("8394c8f03e515708")

# The CRYPTO frame of RFC 9001 appendix A.2, the same in RFC 9369 appendix A.2.
FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff"
)
HELLO = FRAME[4:]


def varint(value: int) -> bytes:
    for size, top in ((1, 0), (2, 1), (4, 2), (8, 3)):
        if value < 1 << (8 * size - 2):
            return (value | top << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(value)


def crypto(data: bytes, offset: int) -> bytes:
    return b"\x06" + varint(offset) + varint(len(data)) + data


def initial(
    payload: bytes,
    version: int = V1,
    number: int = 2,
    dcid: bytes = DCID,
    key_id: bytes = DCID,
    token: bytes = b"",
    pad: int = 1162,
    sender: str = "client",
) -> bytes:
    """Protect an Initial packet, as RFC 9001 section 5 has the sender do it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    suite = suite_of(version)
    assert suite is not None
    keys = derive(suite, key_id, sender)
    payload = payload.ljust(pad, b"\0")
    first = 0xC0 | suite.initial_type << 4 | 3
    header = (
        bytes([first]) + version.to_bytes(4, "big") + bytes([len(dcid)]) + dcid + b"\x00" + varint(len(token)) + token
    )
    header += (0x4000 | len(payload) + 20).to_bytes(2, "big") + number.to_bytes(4, "big")
    nonce = (int.from_bytes(keys.iv, "big") ^ number).to_bytes(12, "big")
    sealed = AESGCM(keys.key).encrypt(nonce, payload, header)
    mask = keys.mask(sealed[:16])
    hidden = bytes(octet ^ mask[1 + at] for at, octet in enumerate(header[-4:]))
    return bytes([first ^ (mask[0] & 15)]) + header[1:-4] + hidden + sealed


@pytest.mark.parametrize(
    ("version", "client", "server"),
    [
        (V1, ("1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c"), "cf3a5331653c364c88f0f379b6067e37"),
        (V2, ("8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f"), "82db637861d55e1d011f19ea71d5d2a7"),
    ],
)
def test_keys_of_the_rfcs(version: int, client: tuple[str, str], server: str) -> None:
    """Keys equal RFC 9001 appendix A.1 and RFC 9369 appendix A.1."""
    suite = suite_of(version)
    assert suite is not None
    keys = derive(suite, DCID)
    assert (keys.key.hex(), keys.iv.hex()) == client
    assert derive(suite, DCID, "server").key.hex() == server


@pytest.mark.parametrize(
    ("version", "start", "end"),
    [
        (V1, "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11", "e221af44860018ab0856972e194cd934"),
        (V2, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485", "a18b2faa745b6fe189cf772a9f84cbfc"),
    ],
)
def test_client_initial_of_the_rfcs(version: int, start: str, end: str) -> None:
    """The protected packet of appendix A.2 (its published start and tag) opens to the published hello."""
    packet = initial(FRAME, version)
    assert (packet[:32].hex(), packet[-16:].hex(), len(packet)) == (start, end, 1200)
    found = parse_quic_initials([packet])
    assert (found.version, found.dcid, found.scid) == (version, DCID, b"")
    assert (found.sni, found.alpn) == ("example.com", ("alpn",))
    assert found.version_name == {V1: "QUIC v1", V2: "QUIC v2"}[version]
    assert found.hello is not None
    assert found.hello.version == "TLS 1.3"
    assert found.decrypted
    assert not found.retry
    assert str(found.ja4).startswith("q13d0211an_")


def test_server_initial_of_rfc_9001_is_not_the_clients() -> None:
    """A server's Initial (appendix A.3) among the datagrams opens nothing and does no harm."""
    packet = bytes.fromhex(
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf7"
        "3c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f"
        "58891850abbdca3d20398c276456cbc42158407dd074ee"
    )
    alone = parse_quic_initials([packet])
    assert (alone.hello, alone.decrypted) == (None, False)
    assert parse_quic_initials([initial(FRAME), packet]) == parse_quic_initials([initial(FRAME)])


def test_retry_of_rfc_9001_is_recognised() -> None:
    """The Retry packet of appendix A.4 is seen as one."""
    packet = bytes.fromhex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba")
    found = parse_quic_initials([initial(FRAME), packet])
    assert found.retry
    assert found.sni == "example.com"


def test_keys_change_after_retry() -> None:
    """After a Retry the client starts over with a token, under an id and keys of the server's choice."""
    server_id = bytes.fromhex("f067a5502a4262b5")
    again = initial(FRAME, dcid=server_id, key_id=server_id, token=b"token")
    alone = parse_quic_initials([again])
    assert alone.sni == "example.com"
    found = parse_quic_initials([initial(crypto(HELLO[:50], 0)), again])
    assert found.retry
    assert (found.sni, found.dcid) == ("example.com", DCID)


def test_connection_id_change_without_retry() -> None:
    """A client that goes on under the server's id keeps its first keys; its frames join the same stream."""
    server_id = bytes.fromhex("f067a5502a4262b5")
    datagrams = [initial(crypto(HELLO[:100], 0)), initial(crypto(HELLO[100:], 100), number=3, dcid=server_id)]
    found = parse_quic_initials(datagrams)
    assert found.sni == "example.com"
    assert not found.retry


@pytest.mark.parametrize("seed", range(5))
def test_hello_in_pieces_and_any_order(seed: int) -> None:
    """CRYPTO frames shuffled over frames, packets and datagrams, with PING, ACK and PADDING between, read the same."""
    shuffle = random.Random(seed)
    cuts = sorted(shuffle.sample(range(1, len(HELLO)), 9))
    pieces = [crypto(HELLO[start:end], start) for start, end in zip([0, *cuts], [*cuts, len(HELLO)], strict=True)]
    pieces += [b"\x01", b"\x00" * 40, b"\x02\x05\x00\x01\x02\x00\x01", b"\x03\x05\x00\x00\x02\x01\x01\x01", pieces[4]]
    shuffle.shuffle(pieces)
    packets = [initial(b"".join(pieces[at : at + 3]), number=at, pad=200) for at in range(0, len(pieces), 3)]
    datagrams = [b"".join(packets[:2]), *packets[2:]]
    assert parse_quic_initials(datagrams).hello == parse_quic_initials([initial(FRAME)]).hello


def test_coalesced_with_other_packets() -> None:
    """A 0-RTT packet before and padding after the Initial in one datagram are passed over."""
    zero_rtt = bytes([0xD0]) + V1.to_bytes(4, "big") + bytes([8]) + DCID + b"\x00" + varint(40) + bytes(40)
    found = parse_quic_initials([zero_rtt + initial(FRAME, pad=400) + bytes(300)])
    assert found.sni == "example.com"


def test_missing_start_gives_no_hello() -> None:
    """Where the first bytes of the hello are missing, the packet counts as decrypted and names nothing."""
    found = parse_quic_initials([initial(crypto(HELLO[50:], 50))])
    assert (found.hello, found.sni, found.ja4, found.decrypted) == (None, None, None, True)


def test_missing_end_is_truncated() -> None:
    """Where the end is missing, the complete part is there without a fingerprint."""
    found = parse_quic_initials([initial(crypto(HELLO[:120], 0))])
    assert found.hello is not None
    assert found.hello.truncated
    assert (found.sni, found.ja4) == ("example.com", None)


def test_draft_29() -> None:
    """Drafts have other salts and are named."""
    found = parse_quic_initials([initial(FRAME, DRAFT_29)])
    assert (found.version_name, found.sni) == ("QUIC draft 29", "example.com")


def test_version_negotiation_is_recognised() -> None:
    """A server's list of versions is seen; the client's packets still count."""
    answer = b"\xaa" + bytes(4) + b"\x00\x08" + DCID + V1.to_bytes(4, "big")
    greased = bytes([0xC5]) + bytes.fromhex("1a2a3a4a") + bytes([8]) + DCID + b"\x00" + bytes(200)
    found = parse_quic_initials([greased, answer, initial(FRAME)])
    assert found.version_negotiation
    assert found.version_name == "QUIC 0x1a2a3a4a"
    assert found.sni == "example.com"


def test_google_versions_are_named() -> None:
    """Older Google versions with a long header are recognised and not decrypted."""
    packet = bytes([0xC3]) + b"Q046" + b"\x50" + bytes(40)
    with pytest.raises(DecodeError):
        parse_quic_initials([packet])
    found = parse_quic_initials([bytes([0xC3]) + b"Q050" + bytes([8]) + DCID + b"\x00" + bytes(300)])
    assert (found.version_name, found.hello) == ("gQUIC Q050", None)


@pytest.mark.parametrize(
    "datagrams",
    [
        [],
        [b""],
        [b"\x40" + bytes(30)],
        [b"\xc0\x12\x34\x56\x78\x08" + bytes(50)],
        [b"\xc0\x00\x00\x00\x01\xff" + bytes(50)],
    ],
    ids=["none", "empty", "short header", "unknown version", "long id"],
)
def test_what_is_no_quic_is_an_error(datagrams: list[bytes]) -> None:
    """Datagrams without a long header of a known version raise DecodeError."""
    with pytest.raises(DecodeError):
        parse_quic_initials(datagrams)


def test_damaged_tag_opens_nothing() -> None:
    """A packet whose tag does not fit is not decrypted and names nothing."""
    packet = initial(FRAME)
    found = parse_quic_initials([packet[:-1] + bytes([packet[-1] ^ 1])])
    assert (found.hello, found.decrypted) == (None, False)


def test_chrome_hello_of_a_capture(flows_of: Callable[[str], list[Any]]) -> None:
    """A browser's hello, cut into many shuffled frames, reads whole with name, protocol and fingerprint."""
    found = [
        parse_quic_initials(flow.datagrams[0])
        for flow in flows_of("negative/FoxIO-LLC+ja4/pcap/quic-with-several-tls-frames.pcapng")
    ]
    assert [(quic.sni is not None, quic.alpn, quic.version_name) for quic in found] == [(True, ("h3",), "QUIC v1")]
    assert all(quic.hello and not quic.hello.truncated for quic in found)
